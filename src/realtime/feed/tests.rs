use super::*;

/// Answers what the feed asks, as the database would, until it asks nothing more.
fn serve(feed: &mut Feed, rows: std::ops::RangeInclusive<i64>, sent: &mut Vec<i64>) -> Option<Resync> {
    let mut resync = None;
    while let Some(need) = feed.need(true) {
        let outcome = match need {
            Need::Head { generation } => feed.head(*rows.end(), generation),
            Need::Events { after, generation } => {
                let batch = rows.clone().filter(|seq| *seq > after).take(200);
                let before = sent.len();
                sent.extend(batch.filter(|seq| feed.row(*seq, generation)));
                feed.batch_end(sent.len() - before, generation)
            }
        };
        resync = resync.or(outcome);
    }
    resync
}

#[test]
fn a_gap_is_filled_from_the_database_before_anything_later() {
    let (mut feed, mut sent) = (Feed::new(3, 3), vec![]);
    assert!(feed.hint(4));
    assert!(!feed.hint(4), "doubled");
    assert!(!feed.hint(7), "5 and 6 are missing");
    assert!(!feed.hint(8), "not before the gap is filled");
    assert_eq!(serve(&mut feed, 1..=8, &mut sent), None);
    assert_eq!(sent, [5, 6, 7, 8]);
    assert!(!feed.hint(8));
    assert!(feed.hint(9));
}

#[test]
fn an_event_that_comes_while_the_database_is_read_is_not_lost() {
    let mut feed = Feed::new(0, 2);
    let Some(Need::Head { generation }) = feed.need(true) else { panic!("the head is read first") };
    assert_eq!(feed.need(true), None, "one question at a time");
    assert!(!feed.hint(3), "committed after the head was read");
    assert_eq!(feed.head(2, generation), None);
    let mut sent = vec![];
    assert_eq!(serve(&mut feed, 1..=3, &mut sent), None);
    assert_eq!(sent, [1, 2, 3]);
    assert!(feed.hint(4));
}

#[test]
fn a_replay_waits_for_room() {
    let mut feed = Feed::new(0, 2);
    let Some(Need::Head { generation }) = feed.need(false) else { panic!("the head needs no room") };
    feed.head(2, generation);
    assert_eq!(feed.need(false), None);
    assert_eq!(feed.need(true), Some(Need::Events { after: 0, generation }));
}

#[test]
fn whoever_missed_too_much_is_told_and_goes_on_live() {
    let (mut feed, mut sent) = (Feed::new(1, 1 + REPLAY), vec![]);
    assert_eq!(serve(&mut feed, 1..=1 + REPLAY, &mut sent), None);
    assert_eq!(sent.len(), REPLAY as usize);

    let (mut feed, mut sent) = (Feed::new(0, 1 + REPLAY), vec![]);
    let head = 1 + REPLAY;
    let expected = Some(Resync { reason: Reason::TooFarBehind, head });
    assert_eq!(serve(&mut feed, 1..=head, &mut sent), expected);
    assert!(sent.is_empty());
    assert!(feed.hint(head + 1));
}

#[test]
fn a_position_beyond_the_head_and_one_that_is_no_longer_kept() {
    let mut feed = Feed::new(50, 9);
    let expected = Some(Resync { reason: Reason::UnknownPosition, head: 9 });
    assert_eq!(serve(&mut feed, 1..=9, &mut vec![]), expected);
    assert!(feed.hint(10));

    let (mut feed, mut sent) = (Feed::new(2, 9), vec![]);
    let expected = Some(Resync { reason: Reason::Gone, head: 9 });
    assert_eq!(serve(&mut feed, 5..=9, &mut sent), expected);
    assert!(sent.is_empty());
    assert!(feed.hint(10));
}

#[test]
fn a_rewind_makes_answers_under_way_stale() {
    let (mut feed, mut sent) = (Feed::new(9, 9), vec![]);
    feed.catch_up();
    let Some(Need::Head { generation }) = feed.need(true) else { panic!("behind") };
    feed.rewind(6);
    assert_eq!(feed.head(9, generation), None);
    assert_eq!(serve(&mut feed, 1..=9, &mut sent), None);
    assert_eq!(sent, [7, 8, 9]);
}

#[test]
fn a_slow_client_is_told_to_resync_once_it_reads_again() {
    let (mut feed, mut sent) = (Feed::new(5, 5), vec![]);
    feed.stall();
    assert!(!feed.hint(6));
    feed.rewind(0);
    assert_eq!(feed.need(true), None, "nothing is read for it meanwhile");
    feed.drained();
    let expected = Some(Resync { reason: Reason::SlowConsumer, head: 7 });
    assert_eq!(serve(&mut feed, 1..=7, &mut sent), expected);
    assert!(sent.is_empty());
    assert!(feed.hint(8));
}

#[test]
fn a_failed_read_is_asked_again() {
    let mut feed = Feed::new(0, 1);
    assert!(feed.need(true).is_some());
    feed.unanswered();
    assert!(feed.need(true).is_some());
}
