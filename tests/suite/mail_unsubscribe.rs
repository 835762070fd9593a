//! Unsubscribing from mails, by a link and without a login (RFC 8058).

use konnect_tests::{Person, TestApp, happening};
use reqwest::{Client, Response};

const REMINDER: &str = "reservation.reminder";

/// The link of somebody's last mail, at this test's api.
fn link(app: &TestApp, person: &Person) -> String {
    let mail = app.sandbox.mails_to(&person.email).pop().expect("a mail");
    let head = mail.raw.split("\r\n\r\n").next().expect("a head");
    let value = head.lines().find_map(|line| line.strip_prefix("List-Unsubscribe: <"));
    let link = value.and_then(|v| v.strip_suffix('>')).expect("the header");
    assert!(head.lines().any(|line| line == "List-Unsubscribe-Post: List-Unsubscribe=One-Click"), "{head}");
    assert!(mail.text.contains(link) && mail.html.is_some_and(|html| html.contains(link)));
    let path = link.strip_prefix("https://api.konnect.test").expect("the public address");
    format!("{}{path}", app.base)
}

/// What a mail program sends when its own button is pressed: no login, no cookie.
async fn press(link: &str) -> Response {
    let form = [("List-Unsubscribe", "One-Click")];
    Client::builder()
        .no_proxy()
        .build()
        .expect("a client")
        .post(link)
        .form(&form)
        .send()
        .await
        .expect("an answer")
}

async fn open(link: &str, language: &str) -> Response {
    let client = Client::builder().no_proxy().build().expect("a client");
    client.get(link).header("accept-language", language).send().await.expect("an answer")
}

async fn tell(app: &TestApp, key: &str, kind: &str, people: &[&Person]) {
    app.enqueue(&happening(key, kind, people)).await;
    app.run_jobs().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_press_switches_off_the_mails_of_its_topic_and_nothing_else() {
    let app = TestApp::start().await;
    let (mentee, other) = (app.mentee("mentee").await, app.mentee("other").await);
    tell(&app, "first", REMINDER, &[&mentee, &other]).await;
    let (link, others) = (link(&app, &mentee), link(&app, &other));
    assert_ne!(link, others);

    for (language, word) in [("ko", "그만 받기"), ("en", "Unsubscribe")] {
        let page = open(&link, language).await;
        assert_eq!(page.status(), 200);
        let policy = page.headers()["content-security-policy"].to_str().expect("text");
        assert!(policy.contains("default-src 'none'") && policy.contains("form-action 'self'"), "{policy}");
        let html = page.text().await.expect("text");
        assert!(html.contains(word) && html.contains("<form method=\"post\">"), "{html}");
        assert!(!html.contains(&mentee.email), "the page tells nothing of its owner");
    }
    tell(&app, "second", REMINDER, &[&mentee]).await;
    assert_eq!(app.mails_about(&mentee, REMINDER).await.len(), 2, "looking into a link changes nothing");

    for _ in 0..2 {
        assert_eq!(press(&link).await.status(), 200);
    }
    for kind in [REMINDER, "reservation.completed", "payment.refunded"] {
        tell(&app, &format!("third {kind}"), kind, &[&mentee, &other]).await;
    }
    assert_eq!(app.mails_about(&mentee, REMINDER).await.len(), 2, "no more of these");
    assert_eq!(app.notices_of(&mentee, REMINDER).await, 3, "but in the app");
    assert_eq!(app.mails_about(&mentee, "reservation.completed").await.len(), 1, "another topic");
    assert_eq!(app.mails_about(&mentee, "payment.refunded").await.len(), 1);
    assert_eq!(app.mails_about(&other, REMINDER).await.len(), 2, "everybody for themselves");

    app.prefer(&mentee, &[("reminder", "email", true)]).await.ok(200);
    tell(&app, "fourth", REMINDER, &[&mentee]).await;
    assert_eq!(app.mails_about(&mentee, REMINDER).await.len(), 3, "switched on again");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_must_come_offers_no_link_and_a_forged_link_does_nothing() {
    let app = TestApp::start().await;
    let mentee = app.mentee("mentee").await;
    for kind in [
        "reservation.confirmed",
        "reservation.cancelled",
        "payment.refunded",
        "payout.failed",
        "dispute.opened",
    ] {
        tell(&app, kind, kind, &[&mentee]).await;
        let mail = app.mails_about(&mentee, kind).await.remove(0);
        assert!(!mail.raw.contains("List-Unsubscribe") && !mail.text.contains("/v1/unsubscribe/"), "{kind}");
    }
    tell(&app, "reminder", REMINDER, &[&mentee]).await;
    let link = link(&app, &mentee);
    let (said, signature) = link.rsplit_once('.').expect("a signature");
    let base = format!("{}/v1/unsubscribe/", app.base);
    for forged in [
        format!("{said}.AAAA"),
        format!("{said}x.{signature}"),
        format!("{base}x"),
        format!("{base}%00.%00"),
        format!("{base}{}", "a".repeat(3_000)),
    ] {
        assert_eq!(open(&forged, "en").await.status(), 404, "{forged}");
        assert_eq!(press(&forged).await.status(), 404, "{forged}");
    }
    tell(&app, "again", REMINDER, &[&mentee]).await;
    assert_eq!(app.mails_about(&mentee, REMINDER).await.len(), 2);

    // Somebody who is gone is answered like everybody else.
    sqlx::query("UPDATE users SET state = 'deleted' WHERE id = ?")
        .bind(mentee.id)
        .execute(app.core.db.pool())
        .await
        .expect("the database");
    assert_eq!(press(&link).await.status(), 200);
    app.finish().await;
}
