//! What people chose to hear of.

use konnect::notification::{self, Channel, Error, Topic};
use konnect::transact;
use konnect_tests::{TestApp, happening};
use reqwest::Method;
use serde_json::{Value, json};

const PATH: &str = "/v1/me/notification-preferences";

fn line<'a>(shown: &'a Value, topic: &str, channel: &str) -> &'a Value {
    let lines = shown["preferences"].as_array().expect("lines");
    lines.iter().find(|l| l["type"] == topic && l["channel"] == channel).expect("a line")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_switched_off_is_not_told_and_everything_else_is() {
    let app = TestApp::start().await;
    let (mentee, other) = (app.mentee("mentee").await, app.mentee("other").await);
    let before = mentee.client.get(PATH).await.ok(200);
    assert_eq!(
        line(&before, "reminder", "email"),
        &json!({
            "type": "reminder", "channel": "email", "enabled": true, "locked": false, "digest": false,
            "mayDigest": false,
        })
    );
    assert_eq!(line(&before, "payment", "in_app")["locked"], true);
    assert_eq!(line(&before, "payment", "push")["locked"], false);

    let off = [("reminder", "email", false), ("session", "in_app", false), ("session", "email", false)];
    let after = app.prefer(&mentee, &off).await.ok(200);
    assert_eq!(after, mentee.client.get(PATH).await.ok(200), "the answer is what is shown from now on");
    assert_eq!(line(&after, "reminder", "email")["enabled"], false);
    assert_eq!(other.client.get(PATH).await.ok(200), before, "everybody chooses for themselves");

    for kind in ["reservation.reminder", "reservation.completed", "reservation.confirmed"] {
        app.enqueue(&happening(kind, kind, &[&mentee, &other])).await;
    }
    app.run_jobs_twice().await;
    assert_eq!(app.told(&mentee, "reservation.reminder").await, [("in_app", "stored")]);
    assert_eq!(app.told(&mentee, "reservation.completed").await, []);
    let both = [("email", "sent"), ("in_app", "stored")];
    assert_eq!(app.told(&mentee, "reservation.confirmed").await, both);
    for kind in ["reservation.reminder", "reservation.completed", "reservation.confirmed"] {
        assert_eq!(app.told(&other, kind).await, both, "{kind}");
    }
    assert_eq!((app.sandbox.mails_to(&mentee.email).len(), app.sandbox.mails_to(&other.email).len()), (1, 3));

    app.prefer(&mentee, &[("reminder", "email", true)]).await.ok(200);
    app.enqueue(&happening("again", "reservation.reminder", &[&mentee])).await;
    app.run_jobs().await;
    assert_eq!(app.sandbox.mails_to(&mentee.email).len(), 2, "switched on again");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_critical_cannot_be_switched_off() {
    let app = TestApp::start().await;
    let mentee = app.mentee("mentee").await;
    let before = mentee.client.get(PATH).await.ok(200);
    for topic in ["booking", "payment", "payout", "dispute", "security"] {
        for channel in ["email", "in_app"] {
            // One line that would be fine: nothing of it is taken.
            let lines = [("reminder", "email", false), (topic, channel, false)];
            let refused = app.prefer(&mentee, &lines).await.problem(422, "notice.preference_locked");
            assert_eq!(refused["field"], "preferences[1]");
            app.prefer(&mentee, &[(topic, channel, true)]).await.ok(200);
        }
    }
    assert_eq!(mentee.client.get(PATH).await.ok(200), before);
    for kind in ["reservation.payment_failed", "payment.refunded", "reservation.cancelled", "payout.paid"] {
        app.enqueue(&happening(kind, kind, &[&mentee])).await;
    }
    app.run_jobs().await;
    for kind in ["reservation.payment_failed", "payment.refunded", "reservation.cancelled", "payout.paid"] {
        assert_eq!(app.told(&mentee, kind).await, [("email", "sent"), ("in_app", "stored")], "{kind}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn choices_that_make_no_sense_are_refused() {
    let app = TestApp::start().await;
    let mentee = app.mentee("mentee").await;
    let put = async |body: Value| mentee.client.send(Method::PUT, PATH, Some(body), &[]).await;
    let one = |line: Value| json!({ "preferences": [line] });
    let digest = one(json!({ "type": "payment", "channel": "email", "enabled": true, "digest": true }));
    put(digest).await.problem(422, "notice.digest_unknown");
    let push = one(json!({ "type": "digest", "channel": "push", "enabled": true }));
    put(push).await.problem(422, "notice.preference_unknown");
    for body in [
        one(json!({ "type": "weather", "channel": "email", "enabled": true })),
        one(json!({ "type": "chat", "channel": "pigeon", "enabled": true })),
        one(json!({ "type": "chat", "channel": "email", "enabled": "no" })),
        one(json!({ "type": "chat", "channel": "email", "enabled": true, "extra": 1 })),
        json!({ "preferences": [] }),
        json!({ "preferences": vec![json!({ "type": "chat", "channel": "push", "enabled": true }); 65] }),
        json!({}),
    ] {
        put(body).await.problem(400, "request.invalid");
    }
    let chosen =
        put(one(json!({ "type": "review", "channel": "email", "enabled": true, "digest": true }))).await;
    assert_eq!(line(&chosen.ok(200), "review", "email")["digest"], true);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_switch_serves_links_in_mails() {
    let app = TestApp::start().await;
    let mentee = app.mentee("mentee").await;
    let switch = async |topic, channel, on| {
        transact!(app.core.db, app.context(), anyhow::Error, tx => {
            Ok(notification::set_preference(tx, mentee.id, topic, channel, on).await?)
        })
    };
    for _ in 0..2 {
        switch(Topic::Reminder, Channel::Email, false).await.expect("it may be switched off");
    }
    let refused = switch(Topic::Payment, Channel::Email, false).await.expect_err("it is locked");
    assert!(matches!(refused.downcast_ref(), Some(Error::PreferenceLocked)), "{refused}");
    let shown = mentee.client.get(PATH).await.ok(200);
    assert_eq!(line(&shown, "reminder", "email")["enabled"], false);
    assert_eq!(line(&shown, "reminder", "push")["enabled"], true);
    app.finish().await;
}
