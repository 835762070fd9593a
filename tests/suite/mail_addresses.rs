//! Addresses that refuse mail, and mails that come back.

use chrono::TimeDelta;
use konnect_sandbox::{Effect, Endpoint, Fault};
use konnect_tests::{Answer, Person, TestApp, happening};
use serde_json::{Value, json};

const NEWS: &str = "mail.undeliverable";

/// Somebody is told of something new, and their server says this about the mail, or takes it. Returns the notice's
/// state and what is said of it.
async fn tell(app: &TestApp, person: &Person, status: Option<&str>) -> (&'static str, Option<String>) {
    let before = app.mail_notices_of(person, "payment.refunded").await.len();
    if let Some(status) = status {
        app.sandbox.fault(Fault::once(Endpoint::Smtp, Effect::decline(status)).for_recipient(&person.email));
    }
    app.enqueue(&happening(&format!("news {before}"), "payment.refunded", &[person])).await;
    app.run_jobs_twice().await;
    let notices = app.mail_notices_of(person, "payment.refunded").await;
    assert_eq!(notices.len(), before + 1);
    let last = notices.last().expect("one");
    (last.state.name(), last.error.clone())
}

async fn mailbox(app: &TestApp, person: &Person) -> Value {
    app.log_in(person).await.client.get("/v1/me/mailbox").await.ok(200)
}

async fn is_off(app: &TestApp, person: &Person) -> bool {
    mailbox(app, person).await["offSince"].is_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_does_not_exist_is_left_alone_until_its_owner_says_so() {
    let app = TestApp::start().await;
    let (mentee, other) = (app.mentee("mentee").await, app.mentee("other").await);
    assert_eq!(mailbox(&app, &mentee).await, json!({ "address": mentee.email }));
    assert_eq!(tell(&app, &mentee, Some("5.1.1")).await.0, "failed");

    let shown = mailbox(&app, &mentee).await;
    assert!(shown["offSince"].is_string(), "{shown}");
    assert!(shown["reason"].as_str().is_some_and(|why| why.contains("5.1.1")), "{shown}");
    assert_eq!(app.told(&mentee, NEWS).await, [("in_app", "stored")], "told where they can read it");
    let notices = mentee.client.get("/v1/me/notices").await.ok(200);
    assert_eq!(notices["items"][0]["kind"], NEWS);
    assert!(
        !notices["items"][0].to_string().contains(&mentee.email),
        "it would outlive the account: {notices}"
    );

    let calls = app.sandbox.calls_to(Endpoint::Smtp).len();
    let skipped = tell(&app, &mentee, None).await;
    assert_eq!(skipped, ("skipped", Some("the address refuses mail".to_owned())));
    assert_eq!(app.sandbox.calls_to(Endpoint::Smtp).len(), calls, "its server is not asked");
    assert_eq!(tell(&app, &other, None).await.0, "sent", "others are not concerned");

    let resume = async || mentee.client.post("/v1/me/mailbox/resume", json!({})).await.ok(200);
    for _ in 0..2 {
        assert_eq!(resume().await, json!({ "address": mentee.email }));
    }
    assert_eq!(tell(&app, &mentee, None).await.0, "sent");
    // One more refusal of the same kind is one too many again.
    tell(&app, &mentee, Some("5.1.1")).await;
    assert!(is_off(&app, &mentee).await);
    assert_eq!(app.told(&mentee, NEWS).await.len(), 2);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_refusals_of_a_mailbox_are_too_many_unless_it_took_a_mail_between() {
    let app = TestApp::start().await;
    let mentee = app.mentee("mentee").await;
    for status in [Some("5.2.1"), Some("5.2.2"), None, Some("5.2.1"), Some("5.7.1"), Some("5.2.1")] {
        tell(&app, &mentee, status).await;
        assert!(!is_off(&app, &mentee).await, "{status:?}");
    }
    tell(&app, &mentee, Some("5.2.1")).await;
    assert!(is_off(&app, &mentee).await, "the third in a row, the one about the mail not counted");
    assert_eq!(app.told(&mentee, NEWS).await, [("in_app", "stored")]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_long_ago_do_not_count_and_are_forgotten() {
    let app = TestApp::start().await;
    let mentee = app.mentee("mentee").await;
    for _ in 0..2 {
        tell(&app, &mentee, Some("5.2.1")).await;
    }
    app.advance(TimeDelta::days(31));
    tell(&app, &mentee, Some("5.2.1")).await;
    assert!(!is_off(&app, &mentee).await);
    konnect::transact!(app.core.db, app.context(), sqlx::Error, tx => {
        konnect::retention::forget(tx, 1_000).await
    })
    .expect("the database");
    let left: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM mail_refusals")
        .fetch_one(app.core.db.pool())
        .await
        .expect("the database");
    assert_eq!(left, 1);
    tell(&app, &mentee, Some("5.2.1")).await;
    tell(&app, &mentee, Some("5.2.1")).await;
    assert!(is_off(&app, &mentee).await);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_came_back_later_counts_like_a_refusal() {
    let app = TestApp::start().await;
    let (mentee, admin) = (app.mentee("mentee").await, app.admin("admin").await);
    let report = async |message_id: &str, status: &str| -> Answer {
        let body = json!({ "messageId": message_id, "status": status, "diagnostic": "smtp; no such user" });
        admin.client.post("/v1/admin/mail-bounces", body).await
    };
    tell(&app, &mentee, None).await;
    let sent = app.sandbox.mails_to(&mentee.email).remove(0).message_id;
    report(&sent, "4.4.7").await.ok(204);
    assert_eq!(app.mail_outcome(&mentee, "payment.refunded").await.0, "sent", "late is not lost");
    for unknown in ["<nobody@konnect.test>", "nonsense", &sent.replace("konnect.test", "evil.test")] {
        report(unknown, "5.1.1").await.problem(404, "notice.not_found");
    }
    report(&sent, "gone").await.problem(400, "request.invalid");
    assert!(!is_off(&app, &mentee).await);

    for _ in 0..2 {
        report(&sent, "5.1.1").await.ok(204);
        app.run_jobs().await;
        let (state, why) = app.mail_outcome(&mentee, "payment.refunded").await;
        assert_eq!((state, why.as_deref()), ("failed", Some("5.1.1 smtp; no such user")));
        assert!(is_off(&app, &mentee).await);
        assert_eq!(app.told(&mentee, NEWS).await.len(), 1);
    }

    let other = app.mentee("other").await;
    tell(&app, &other, None).await;
    let sent = app.sandbox.mails_to(&other.email).remove(0).message_id;
    report(&sent, "5.7.1").await.ok(204);
    assert_eq!(app.mail_outcome(&other, "payment.refunded").await.0, "failed");
    assert!(!is_off(&app, &other).await, "it was about the mail");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_takes_everything_forgives_nothing_that_came_back() {
    let app = TestApp::start().await;
    let (mentee, admin) = (app.mentee("mentee").await, app.admin("admin").await);
    let come_back = async || {
        tell(&app, &mentee, None).await;
        let sent = app.sandbox.mails_to(&mentee.email).last().expect("a mail").message_id.clone();
        let body = json!({ "messageId": sent, "status": "5.2.2", "diagnostic": "smtp; mailbox full" });
        app.log_in(&admin).await.client.post("/v1/admin/mail-bounces", body).await.ok(204);
        is_off(&app, &mentee).await
    };
    for _ in 0..2 {
        assert!(!come_back().await);
        app.advance(TimeDelta::hours(20));
    }
    // One that arrives makes up for both.
    assert_eq!(tell(&app, &mentee, None).await.0, "sent");
    app.advance(TimeDelta::days(7));
    for _ in 0..2 {
        assert!(!come_back().await);
        app.advance(TimeDelta::hours(20));
    }
    assert!(come_back().await, "the third without one that arrived");
    app.run_jobs().await;
    assert_eq!(app.told(&mentee, NEWS).await, [("in_app", "stored")]);
    app.finish().await;
}
