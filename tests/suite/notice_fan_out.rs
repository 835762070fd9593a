//! One happening and many people.

use konnect::id::UserId;
use konnect::job::{Job, NotifyEvent};
use konnect::notification::CHUNK;
use konnect::transact;
use konnect::user::{self, Locale, NewUser};
use konnect_jobs::Ended;
use konnect_tests::{TestApp, happening};

/// People who get no mail about sessions.
async fn crowd(app: &TestApp, count: usize) -> Vec<UserId> {
    let people = transact!(app.core.db, app.context(), anyhow::Error, tx => {
        let mut people = Vec::new();
        for number in 0..count {
            let email = format!("crowd-{number}@konnect.test");
            let new = NewUser::parse(&email, "Crowd", Locale::Ko, "Asia/Seoul")?;
            people.push(user::register(tx, &new, "no-password").await?.id);
        }
        Ok(people)
    })
    .expect("people");
    sqlx::query(
        "INSERT INTO notice_preferences (user_id, topic, channel, mode, updated_at)
         SELECT id, 'session', 'email', 'off', created_at FROM users",
    )
    .execute(app.core.db.pool())
    .await
    .expect("preferences");
    people
}

async fn count(app: &TestApp, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(app.core.db.pool()).await.expect("the database")
}

#[tokio::test(flavor = "multi_thread")]
async fn many_people_are_told_by_jobs_of_their_own_and_nobody_twice() {
    let app = TestApp::start().await;
    let people = crowd(&app, 2 * CHUNK + 1).await;
    let event = NotifyEvent { people: people.clone(), ..happening("all", "reservation.completed", &[]) };
    app.enqueue(&event).await;
    let whole = app.take_due().await.expect("the fan-out");
    assert_eq!(app.run_delivery(whole).await, Ended::Done);
    assert_eq!(
        count(&app, "SELECT COUNT(*) FROM notices").await,
        0,
        "nothing is told by the job that splits it"
    );

    // A worker dies after the first chunk: what it did stands, and comes again.
    let first = app.take_due().await.expect("a chunk");
    assert_eq!(app.run_delivery(first).await, Ended::Done);
    let told = count(&app, "SELECT COUNT(*) FROM notices").await;
    assert!(told > 0 && told <= i64::try_from(CHUNK).expect("small"), "{told}");
    let again = app.deliver_again(first.job_id).await.expect("no twin waits");
    assert_eq!(app.run_delivery(again).await, Ended::Done);
    assert_eq!(count(&app, "SELECT COUNT(*) FROM notices").await, told);
    app.run_jobs_twice().await;
    // And the whole of it comes again, from whoever made it.
    app.enqueue(&event).await;
    app.run_jobs().await;

    let all = i64::try_from(people.len()).expect("small");
    assert_eq!(count(&app, "SELECT COUNT(*) FROM notices").await, all);
    assert_eq!(count(&app, "SELECT COUNT(DISTINCT user_id) FROM notices WHERE unread = 1").await, all);
    assert_eq!(
        count(&app, "SELECT COUNT(*) FROM events WHERE type = 'notice.created' AND seq = 1").await,
        all,
        "one on each feed"
    );
    assert_eq!(count(&app, "SELECT COUNT(*) FROM events WHERE type = 'notice.created'").await, all);
    let chunks = app.jobs_of(NotifyEvent::KIND).await;
    assert_eq!(chunks.len(), 2 * (1 + 3), "each fan-out and its three chunks");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_told_of_several_things_at_once_has_a_feed_without_gaps() {
    let app = TestApp::start().await;
    let people = [app.mentee("one").await, app.mentee("two").await, app.mentee("three").await];
    let all: Vec<_> = people.iter().collect();
    let mut running = Vec::new();
    for number in 0..6 {
        app.enqueue(&happening(&format!("event:{number}"), "reservation.reserved", &all)).await;
        running.push(app.take_due().await.expect("the fan-out"));
    }
    let ended = futures_util::future::join_all(running.into_iter().map(|job| app.run_delivery(job))).await;
    assert!(ended.iter().all(|ended| *ended == Ended::Done), "{ended:?}");
    app.run_jobs().await;
    for person in &people {
        let topic = konnect::event::user_topic(person.id);
        let events = konnect::event::after(app.core.db.pool(), &topic, 0, 100).await.expect("the database");
        let seqs: Vec<i64> = events.iter().map(|event| event.seq).collect();
        let unread: Vec<_> = events.iter().map(|event| event.data["unread"].as_i64()).collect();
        assert_eq!(seqs, [1, 2, 3, 4, 5, 6]);
        assert_eq!(unread, [1, 2, 3, 4, 5, 6].map(Some), "the counts are in order");
    }
    app.finish().await;
}
