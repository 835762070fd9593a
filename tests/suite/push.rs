//! Pushes, and what the push service says about them.

use chrono::TimeDelta;
use konnect::job::{DeliverNotice, Job};
use konnect_sandbox::{Effect, Endpoint, Fault};
use konnect_tests::{Person, TestApp, happening};

const KIND: &str = "session.waiting";

async fn start() -> (TestApp, Person) {
    let mut app = TestApp::start().await;
    app.enable_push();
    let mentee = app.mentee("mentee").await;
    for device in ["fcm:phone", "fcm:tablet"] {
        app.add_device(&mentee, device).await;
    }
    (app, mentee)
}

async fn devices(app: &TestApp, person: &Person) -> Vec<String> {
    let found = konnect::user::device_tokens(app.core.db.pool(), &[person.id]).await.expect("the database");
    let mut tokens: Vec<_> = found.into_iter().map(|device| device.token).collect();
    tokens.sort_unstable();
    tokens
}

/// The devices that got a push, in order.
fn reached(app: &TestApp) -> Vec<String> {
    let mut tokens: Vec<_> = app.sandbox.pushes().into_iter().filter_map(|push| push.token).collect();
    tokens.sort_unstable();
    tokens
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_reaches_every_device_once_under_the_key_of_its_notice() {
    let (app, mentee) = start().await;
    app.enqueue(&happening("waiting", KIND, &[&mentee])).await;
    app.run_jobs_twice().await;
    assert_eq!(reached(&app), ["fcm:phone", "fcm:tablet"]);
    let notices = app.all_notices_of(&mentee).await;
    let notice = notices.iter().find(|n| n.channel.name() == "push").expect("the push");
    for push in app.sandbox.pushes() {
        assert_eq!(push.message["apns"]["headers"]["apns-collapse-id"], notice.id.to_string());
        assert_eq!((&push.data["noticeId"], &push.data["kind"]), (&notice.id.to_string(), &KIND.to_owned()));
    }
    assert_eq!(app.sandbox.calls_to(Endpoint::Token).len(), 1, "one access token for all");
    let page = reqwest::get(app.sandbox.url()).await.expect("a page").text().await.expect("text");
    assert!(page.contains("fcm:phone") && page.contains("fcm:tablet"), "the stand-in shows what it got");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n3_only_what_blames_the_token_costs_somebody_their_device() {
    let both = ["fcm:phone", "fcm:tablet"];
    for (effect, left) in [
        (Effect::decline("UNREGISTERED"), &both[1..]),
        (Effect::decline("INVALID_TOKEN"), &both[1..]),
        (Effect::decline("INVALID_ARGUMENT"), &both[..]),
        (Effect::decline("SENDER_ID_MISMATCH"), &both[..]),
        (Effect::decline("THIRD_PARTY_AUTH_ERROR"), &both[..]),
        (Effect::Status(404), &both[..]),
        (Effect::Status(502), &both[..]),
    ] {
        let (app, mentee) = start().await;
        app.sandbox.fault(Fault::once(Endpoint::Fcm, effect.clone()).for_recipient("fcm:phone"));
        app.enqueue(&happening("waiting", KIND, &[&mentee])).await;
        app.run_jobs().await;
        assert_eq!(devices(&app, &mentee).await, left, "{effect:?}");
        // A page in HTML from something in front of the service is asked again; the tablet is left alone.
        app.advance(TimeDelta::seconds(30));
        app.run_jobs().await;
        let again = effect == Effect::Status(502);
        assert_eq!(reached(&app).len(), if again { 2 } else { 1 }, "{effect:?}");
        assert!(app.told(&mentee, KIND).await.contains(&("push", "sent")), "{effect:?}");
        app.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_service_is_left_alone_for_as_long_as_it_asks() {
    let (app, mentee) = start().await;
    app.sandbox.fault(Fault::once(Endpoint::Fcm, Effect::Status(429)).for_recipient("fcm:phone"));
    app.enqueue(&happening("waiting", KIND, &[&mentee])).await;
    app.run_jobs().await;
    assert_eq!(reached(&app), ["fcm:tablet"]);
    assert!(app.told(&mentee, KIND).await.contains(&("push", "queued")));
    let job = app.jobs_of(DeliverNotice::KIND).await.into_iter().find(|job| job.state == "pending");
    let job = job.expect("the push waits");
    assert_eq!((job.run_at, job.attempts), (app.now() + TimeDelta::seconds(60), 0), "waiting is no failure");
    app.advance(TimeDelta::seconds(60));
    app.run_jobs().await;
    assert_eq!(reached(&app), ["fcm:phone", "fcm:tablet"], "each once");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_access_token_is_renewed_once() {
    let (app, mentee) = start().await;
    app.enqueue(&happening("one", KIND, &[&mentee])).await;
    app.run_jobs().await;
    app.sandbox.revoke_access_tokens();
    app.enqueue(&happening("two", KIND, &[&mentee])).await;
    app.run_jobs().await;
    assert_eq!(reached(&app).len(), 4);
    assert_eq!(app.sandbox.calls_to(Endpoint::Token).len(), 2, "both devices share the new one");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_whose_answer_got_lost_comes_again_to_that_device_alone() {
    let (app, mentee) = start().await;
    app.sandbox.fault(Fault::once(Endpoint::Fcm, Effect::DropAfterCommit).for_recipient("fcm:phone"));
    app.enqueue(&happening("waiting", KIND, &[&mentee])).await;
    app.run_jobs().await;
    app.advance(TimeDelta::seconds(30));
    app.run_jobs().await;
    assert_eq!(reached(&app), ["fcm:phone", "fcm:phone", "fcm:tablet"]);
    let keys: std::collections::BTreeSet<_> = app
        .sandbox
        .pushes()
        .iter()
        .map(|p| p.message["android"]["notification"]["tag"].to_string())
        .collect();
    assert_eq!(keys.len(), 1, "the second takes the place of the first on the screen");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_changed_hands_shows_the_new_owners_pushes_alone() {
    let (app, mentee) = start().await;
    let other = app.mentee("other").await;
    app.add_device(&other, "fcm:phone").await;
    app.enqueue(&happening("waiting", KIND, &[&mentee])).await;
    app.run_jobs().await;
    assert_eq!(reached(&app), ["fcm:tablet"]);
    app.enqueue(&happening("other", KIND, &[&other])).await;
    app.run_jobs().await;
    assert_eq!(reached(&app), ["fcm:phone", "fcm:tablet"]);
    app.finish().await;
}
