//! Mails on their way: a server that is away, refuses, or is cut off at the worst moment.

use chrono::TimeDelta;
use konnect::id::ReservationId;
use konnect_sandbox::{Effect, Endpoint, Fault};
use konnect_tests::{Person, TestApp, happening};

const REFUND: &str = "payment.refunded";
const CONFIRMED: &str = "reservation.confirmed";
const REMINDER: &str = "reservation.reminder";

/// Lets time pass in steps, running what becomes due.
async fn pass(app: &TestApp, minutes: i64) {
    for _ in 0..minutes / 5 {
        app.advance(TimeDelta::minutes(5));
        app.run_jobs().await;
    }
}

/// Somebody is told of something; jobs run.
async fn tell(app: &TestApp, person: &Person, kind: &str) {
    app.enqueue(&happening(kind, kind, &[person])).await;
    app.run_jobs().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s59_a_mail_server_that_is_away_for_an_hour_loses_nothing_and_nobody_is_told_twice() {
    let app = TestApp::start().await;
    let people = [app.mentee("mentee").await, app.mentee("other").await];
    // A connection is open when it goes away.
    for person in &people {
        tell(&app, person, "reservation.completed").await;
    }
    app.sandbox.mail_server_down(true);
    let both = [&people[0], &people[1]];
    app.enqueue(&happening("receipt", REFUND, &both)).await;
    app.enqueue(&happening("booking", CONFIRMED, &both)).await;
    let mut soon = happening("soon", REMINDER, &both);
    soon.expires_at = Some(app.now() + TimeDelta::minutes(10));
    app.enqueue(&soon).await;
    app.run_jobs_twice().await;
    pass(&app, 60).await;
    for person in &people {
        assert_eq!(app.sandbox.mails_to(&person.email).len(), 1, "nothing comes through");
        assert_eq!(app.mail_outcome(person, REFUND).await.0, "queued");
    }

    app.sandbox.mail_server_down(false);
    pass(&app, 90).await;
    for person in &people {
        for kind in [REFUND, CONFIRMED] {
            assert_eq!(app.mail_outcome(person, kind).await, ("sent", None), "{kind}");
            assert_eq!(app.mails_about(person, kind).await.len(), 1, "{kind} comes once");
        }
        let late = app.mail_outcome(person, REMINDER).await;
        assert_eq!(late, ("skipped", Some("expired".to_owned())), "a session that began is not announced");
        assert!(app.mails_about(person, REMINDER).await.is_empty());
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_for_now_is_tried_again() {
    let app = TestApp::start().await;
    let mentee = app.mentee("mentee").await;
    app.sandbox.fault(Fault::times(Endpoint::Smtp, 2, Effect::decline("4.7.1")));
    tell(&app, &mentee, REFUND).await;
    let (state, why) = app.mail_outcome(&mentee, REFUND).await;
    assert_eq!(state, "queued");
    assert!(why.is_some_and(|why| why.contains("4.7.1")), "the operator sees why");
    pass(&app, 10).await;
    assert_eq!(app.mail_outcome(&mentee, REFUND).await, ("sent", None));
    assert_eq!(app.mails_about(&mentee, REFUND).await.len(), 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_the_mail_ends_its_notice_and_says_nothing_of_the_address() {
    let app = TestApp::start().await;
    let mentee = app.mentee("mentee").await;
    for kind in [REFUND, CONFIRMED, REMINDER, "reservation.cancelled"] {
        app.sandbox.fault(Fault::once(Endpoint::Smtp, Effect::decline("5.7.1")));
        tell(&app, &mentee, kind).await;
        let (state, why) = app.mail_outcome(&mentee, kind).await;
        assert_eq!(state, "failed", "{kind}");
        assert!(why.is_some_and(|why| why.contains("5.7.1")), "{kind}");
    }
    tell(&app, &mentee, "reservation.completed").await;
    assert_eq!(app.mail_outcome(&mentee, "reservation.completed").await, ("sent", None));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_drops_after_the_mail_was_taken_gives_the_same_mail_again() {
    let app = TestApp::start().await;
    let mentee = app.mentee("mentee").await;
    app.sandbox.fault(Fault::once(Endpoint::Smtp, Effect::DropAfterCommit));
    tell(&app, &mentee, REFUND).await;
    assert_eq!(app.mail_outcome(&mentee, REFUND).await.0, "queued", "nobody knows that it was taken");
    pass(&app, 5).await;
    let mails = app.mails_about(&mentee, REFUND).await;
    assert_eq!(mails.len(), 2);
    let same = |mail: &konnect_sandbox::Mail| {
        (mail.message_id.clone(), mail.subject.clone(), mail.text.clone(), mail.html.clone())
    };
    assert_eq!(same(&mails[0]), same(&mails[1]), "a mailbox can tell that they are one");
    let notice = &app.mail_notices_of(&mentee, REFUND).await[0];
    assert_eq!(notice.provider_id.as_deref(), Some(mails[0].message_id.as_str()));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_people_and_sessions_do_nothing_in_a_mail() {
    let app = TestApp::start().await;
    let mentee = app.mentee("mentee").await;
    let hostile = "<img src=x>\"'&\u{202e}gpj";
    sqlx::query("UPDATE users SET name = ? WHERE id = ?")
        .bind(hostile)
        .bind(mentee.id)
        .execute(app.core.db.pool())
        .await
        .expect("the database");
    let mut event = happening("hostile", CONFIRMED, &[&mentee]);
    event.data["title"] = format!("{hostile}\r\nBcc: eve@konnect.test\u{0}").into();
    event.reservation_id = Some(ReservationId::generate());
    app.enqueue(&event).await;
    app.run_jobs().await;
    let mail = app.mails_about(&mentee, CONFIRMED).await.remove(0);
    let html = mail.html.expect("every mail has HTML");
    assert!(html.contains("&#60;img src=x&#62;") && !html.contains("<img"), "{html}");
    for text in [&mail.text, &html] {
        assert!(!text.contains(['\u{202e}', '\u{0}', '\r']), "{text:?}");
    }
    let head = mail.raw.split("\r\n\r\n").next().expect("a head");
    assert!(!head.contains("Bcc"), "{head}");
    assert_eq!(mail.to, [mentee.email.as_str()], "nobody else gets it");
    assert!(app.sandbox.mails_to("eve@konnect.test").is_empty());
    app.finish().await;
}
