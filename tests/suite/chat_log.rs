//! The log of a room: one row for each message, numbers without gaps, and nothing lost between two steps.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use futures_util::future::join_all;
use konnect::chat::{self, Access, Draft, Entry, Error, Said, Span, Stored, What, Wish};
use konnect::core::Core;
use konnect_tests::{TestApp, say};
use mongodb::bson::{Document, doc};

fn draft(client_id: &str, wish: Wish) -> Draft {
    Draft { client_id: client_id.to_owned(), wish }
}

async fn append(core: &Core, access: &Access, client_id: &str, wish: Wish) -> Result<Stored, Error> {
    chat::append(core, access, draft(client_id, wish)).await
}

fn edit(target: i64, text: &str) -> Wish {
    Wish::Edit { target, text: text.to_owned() }
}

fn react(target: i64, emoji: &str, on: bool) -> Wish {
    Wish::React { target, emoji: emoji.to_owned(), on }
}

/// What went wrong, by its code on the sockets.
fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    result.expect_err("it is refused").refusal()
}

fn said(entry: &Entry) -> &Said {
    match &entry.what {
        What::Message(said) => said,
        other => panic!("a message, not {other:?}"),
    }
}

async fn messages(core: &Core, access: &Access) -> Vec<Entry> {
    chat::history(core, access, Span { limit: 100, ..Span::default() }).await.expect("history").messages
}

async fn rows(app: &TestApp, filter: Document) -> u64 {
    let entries = app.core.mongo.collection::<Document>("chat_entries");
    entries.count_documents(filter).await.expect("MongoDB")
}

#[tokio::test(flavor = "multi_thread")]
async fn s49_a_resend_after_a_lost_ack_is_the_same_message() {
    let app = TestApp::start().await;
    let booking = app.chat().await;
    let access = app.access(&booking, &booking.mentee).await;
    let other = app.deaf_core().await;
    let cores = [&app.core, &other];
    for round in 0..5 {
        let client_id = format!("c-{round}");
        let sends = (0..8).map(|n| say(cores[n % 2], &access, &client_id, "hello"));
        let sent: Vec<_> = join_all(sends).await.into_iter().map(|s| s.expect("it is stored")).collect();
        assert_eq!(sent.iter().filter(|s| !s.duplicate).count(), 1, "one of them wrote it");
        let seqs: BTreeSet<_> = sent.iter().map(|s| s.entry.seq).collect();
        assert_eq!(seqs, BTreeSet::from([round + 1]), "all were told the same place");
        assert!(sent.iter().all(|s| s.entry.frame_data() == sent[0].entry.frame_data()));
    }
    assert_eq!(rows(&app, doc! { "room": booking.id.to_string() }).await, 5);

    // The same name for something else is refused, whichever kind; another person's name is another name.
    assert_eq!(refusal(say(&app.core, &access, "c-0", "other").await), "CLIENT_ID_REUSED");
    assert_eq!(refusal(append(&app.core, &access, "c-0", edit(1, "hello")).await), "CLIENT_ID_REUSED");
    let peer = app.access(&booking, &booking.mentor).await;
    assert!(!app.say(&peer, "c-0", "other").await.duplicate);

    // For ever: also when it could not be sent any more, after an edit, and after its deletion.
    append(&app.core, &access, "e-0", edit(1, "changed")).await.expect("an edit");
    let again = app.say(&access, "c-0", "hello").await;
    assert_eq!((again.duplicate, again.entry.seq), (true, 1));
    append(&app.core, &access, "d-0", Wish::Delete { target: 1 }).await.expect("a deletion");
    app.advance(TimeDelta::days(30));
    let again = app.say(&access, "c-0", "hello").await;
    assert_eq!((again.duplicate, again.entry.seq), (true, 1));
    let again = append(&app.core, &access, "d-0", Wish::Delete { target: 1 }).await.expect("the same");
    assert!(again.duplicate && again.entry.applied);
    assert_eq!(refusal(say(&app.core, &access, "c-new", "hello").await), "CHAT_CLOSED");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_have_no_gaps_under_eight_senders() {
    const EACH: usize = 12;
    let app = TestApp::start().await;
    let booking = app.chat().await;
    let members = [app.access(&booking, &booking.mentee).await, app.access(&booking, &booking.mentor).await];
    let other = app.deaf_core().await;
    let cores = [&app.core, &other];
    let senders = (0..8).map(|sender| {
        let (core, access) = (cores[sender / 4], members[sender % 2]);
        async move {
            let mut places = Vec::new();
            for n in 0..EACH {
                let id = format!("{sender}-{n}");
                // Whoever is told that the room is crowded sends again, as a client would.
                let stored = loop {
                    match say(core, &access, &id, &id).await {
                        Ok(stored) => break stored,
                        Err(error) => assert_eq!(error.refusal(), "UNAVAILABLE", "{error}"),
                    }
                };
                places.push(stored.entry.seq);
            }
            places
        }
    });
    let places = join_all(senders).await;
    for own in &places {
        assert!(own.is_sorted(), "each sender's own messages are in order: {own:?}");
    }
    let all: BTreeSet<i64> = places.concat().into_iter().collect();
    let total = i64::try_from(8 * EACH).expect("few");
    assert_eq!(all, (1..=total).collect::<BTreeSet<_>>());
    let log = chat::entries_after(&app.core, &members[0], 0, 1000).await.expect("the log");
    assert_eq!(log.iter().map(|e| e.seq).collect::<Vec<_>>(), (1..=total).collect::<Vec<_>>());
    let part = chat::entries_after(&app.core, &members[0], 90, 4).await.expect("the log");
    assert_eq!(part.iter().map(|e| e.seq).collect::<Vec<_>>(), [91, 92, 93, 94]);
    assert_eq!(chat::heads(&app.core, &[booking.id]).await.expect("heads")[&booking.id], total);
    app.finish().await;
}

/// A process that dies after the insertion and before anything else: the entry as it left it, and the head as well.
async fn die_before_applying(app: &TestApp, access: &Access, entry: Document) {
    let entries = app.core.mongo.collection::<Document>("chat_entries");
    let mut whole = doc! {
        "room": access.room.to_string(), "sender": access.user.to_string(), "digest": "", "applied": false,
        "at": mongodb::bson::DateTime::from_millis(app.now().timestamp_millis()),
    };
    whole.extend(entry);
    entries.insert_one(whole).await.expect("MongoDB");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_the_steps_loses_nothing() {
    let app = TestApp::start().await;
    let booking = app.chat().await;
    let access = app.access(&booking, &booking.mentee).await;
    app.say(&access, "m-1", "one").await;

    // Read first by history: the edit is there, once, with the text it replaced.
    let left = doc! { "seq": 2_i64, "kind": "edit", "clientId": "e-2", "target": 1_i64, "text": "two" };
    die_before_applying(&app, &access, left).await;
    let found = join_all((0..4).map(|_| messages(&app.core, &access))).await;
    for page in found {
        let said = said(&page[0]);
        assert_eq!(said.text.as_deref(), Some("two"));
        assert_eq!(
            said.edits.iter().map(|e| (e.seq, e.was.as_deref())).collect::<Vec<_>>(),
            [(2, Some("one"))]
        );
    }
    let unapplied = doc! { "room": booking.id.to_string(), "applied": false };
    assert_eq!(rows(&app, unapplied.clone()).await, 0);

    // Read first by replay.
    let left = doc! {
        "seq": 3_i64, "kind": "reaction", "clientId": "r-3", "target": 1_i64, "emoji": "👍", "on": true,
    };
    die_before_applying(&app, &access, left).await;
    let replay = chat::entries_after(&app.core, &access, 0, 100).await.expect("the log");
    assert_eq!(
        replay.iter().map(Entry::frame_kind).collect::<Vec<_>>(),
        ["chat.message", "chat.edited", "chat.reacted"]
    );
    assert_eq!(said(&replay[0]).reactions.len(), 1, "the message that stands before it shows it already");
    assert!(replay.iter().all(|entry| entry.applied));

    // Found first by whoever appends next.
    let left = doc! { "seq": 4_i64, "kind": "delete", "clientId": "d-4", "target": 1_i64 };
    die_before_applying(&app, &access, left).await;
    assert_eq!(app.say(&access, "m-5", "five").await.entry.seq, 5);
    assert_eq!(rows(&app, unapplied.clone()).await, 0);
    assert!(said(&messages(&app.core, &access).await[0]).is_deleted());
    // The head of the room was raised by that as well.
    assert_eq!(chat::heads(&app.core, &[booking.id]).await.expect("heads")[&booking.id], 5);

    // An edit that came right after a deletion changes nothing and shows nothing.
    let left =
        doc! { "seq": 6_i64, "kind": "edit", "clientId": "e-6", "target": 1_i64, "text": "late secret" };
    die_before_applying(&app, &access, left).await;
    let replay = chat::entries_after(&app.core, &access, 0, 100).await.expect("the log");
    let shown: Vec<_> = replay.iter().map(|entry| entry.frame_data().to_string()).collect();
    assert!(shown.iter().all(|data| !data.contains("two") && !data.contains("secret")), "{shown:?}");
    assert_eq!(replay.len(), 6);
    assert_eq!(rows(&app, unapplied).await, 0);

    // Its author, whose answer was lost, sends it again.
    let own = append(&app.core, &access, "r-7", react(5, "🎉", true)).await.expect("a reaction");
    let entries = app.core.mongo.collection::<Document>("chat_entries");
    let back = doc! { "$set": { "applied": false } };
    entries.update_one(doc! { "seq": own.entry.seq }, back).await.expect("MongoDB");
    let again = append(&app.core, &access, "r-7", react(5, "🎉", true)).await.expect("the same");
    assert!(again.duplicate && again.entry.applied && again.entry.seq == 7);
    let page = messages(&app.core, &access).await;
    assert_eq!(said(&page[1]).reactions.len(), 1, "once");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_deletions_and_reactions_keep_their_rules() {
    let app = TestApp::start().await;
    let booking = app.chat().await;
    let (mentee, mentor) =
        (app.access(&booking, &booking.mentee).await, app.access(&booking, &booking.mentor).await);
    app.say(&mentee, "m-1", "a secret").await;
    let core = &app.core;
    assert_eq!(refusal(append(core, &mentor, "e", edit(1, "not mine")).await), "NOT_AUTHOR");
    assert_eq!(refusal(append(core, &mentor, "d", Wish::Delete { target: 1 }).await), "NOT_AUTHOR");
    for missing in [0, 2, -1, i64::MAX] {
        assert_eq!(refusal(append(core, &mentee, "e", edit(missing, "x")).await), "MESSAGE_NOT_FOUND");
    }
    assert_eq!(refusal(append(core, &mentee, "e", edit(1, " ")).await), "frame.invalid");
    assert_eq!(refusal(append(core, &mentee, "e", edit(1, &"x".repeat(4001))).await), "TEXT_TOO_LONG");
    assert_eq!(refusal(append(core, &mentee, "r", react(1, "ok", true)).await), "frame.invalid");
    assert_eq!(rows(&app, doc! { "room": booking.id.to_string() }).await, 1, "nothing was stored");

    // A set: twice is once, and taken away it is gone.
    for (id, access, on) in [("r1", &mentor, true), ("r2", &mentor, true), ("r3", &mentee, true)] {
        append(core, access, id, react(1, "👍", on)).await.expect("a reaction");
    }
    append(core, &mentor, "r4", react(1, "👍", false)).await.expect("a reaction");
    let page = messages(core, &mentee).await;
    assert_eq!(said(&page[0]).reactions_by_kind(), [("👍", vec![booking.mentee.id])]);
    // Twenty kinds at most; another one of a kind that is there is no new kind.
    for (n, emoji) in ('\u{1f600}'..'\u{1f613}').enumerate() {
        append(core, &mentor, &format!("k-{n}"), react(1, &emoji.to_string(), true)).await.expect("a kind");
    }
    assert_eq!(refusal(append(core, &mentor, "k", react(1, "🎉", true)).await), "frame.invalid");
    append(core, &mentor, "k", react(1, "👍", true)).await.expect("a known kind");

    // Fifteen minutes, by the server's clock.
    app.advance(TimeDelta::minutes(15) - TimeDelta::milliseconds(1));
    let edited = append(core, &mentee, "e-1", edit(1, "still a secret")).await.expect("in time");
    let (frame, data) = (edited.entry.frame_kind(), edited.entry.frame_data());
    assert_eq!((frame, &data["target"], &data["text"]), ("chat.edited", &1.into(), &"still a secret".into()));
    app.advance(TimeDelta::milliseconds(1));
    assert_eq!(refusal(append(core, &mentee, "e-2", edit(1, "x")).await), "EDIT_WINDOW_OVER");
    assert_eq!(refusal(append(core, &mentee, "d-2", Wish::Delete { target: 1 }).await), "EDIT_WINDOW_OVER");

    // A tombstone: its text stays for disputes, and nobody is shown it.
    let second = app.say(&mentee, "m-2", "another secret").await.entry.seq;
    append(core, &mentee, "e-3", edit(second, "a better secret")).await.expect("an edit");
    append(core, &mentee, "d-3", Wish::Delete { target: second }).await.expect("a deletion");
    let gone = messages(core, &mentor).await.pop().expect("a message");
    assert_eq!(said(&gone).text.as_deref(), Some("a better secret"));
    let replay = chat::entries_after(core, &mentor, second - 1, 100).await.expect("the log");
    for entry in replay.iter().chain([&gone]) {
        assert!(!entry.frame_data().to_string().contains("secret"), "{}", entry.frame_data());
    }
    let kept = gone.record_data();
    assert_eq!(
        (&kept["deleted"]["text"], &kept["edits"][0]["was"]),
        (&"a better secret".into(), &"another secret".into())
    );
    for wish in [edit(second, "x"), Wish::Delete { target: second }, react(second, "👍", true)] {
        assert_eq!(refusal(append(core, &mentee, "late", wish).await), "MESSAGE_NOT_FOUND");
    }
    let answer = Wish::Send { text: Some("re".into()), file: None, reply_to: Some(second) };
    assert_eq!(refusal(append(core, &mentee, "late", answer).await), "MESSAGE_NOT_FOUND");
    let answer = Wish::Send { text: Some("re".into()), file: None, reply_to: Some(1) };
    let answered = append(core, &mentor, "re", answer).await.expect("an answer");
    assert_eq!(answered.entry.frame_data()["replyTo"], 1);
    app.finish().await;
}
