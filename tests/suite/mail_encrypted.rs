//! Mails to servers that encrypt: after STARTTLS or from the first byte, and only if they are whom they should be.

use konnect::client::mail::{Mail, MailError, Mailer, Sent};
use konnect_tests::TestApp;

async fn send(url: &str, roots: &str) -> Result<Sent, MailError> {
    let from = "Konnect <no-reply@konnect.test>";
    let mailer = Mailer::trusting(&url.into(), from, roots.as_bytes()).expect("an address");
    let mail = Mail {
        to: "mina@example.com".into(),
        subject: "In confidence".into(),
        text: "For your eyes.".into(),
        html: None,
        calendar: None,
        unsubscribe: None,
        message_id: "0190-confidence".into(),
    };
    mailer.send(mail).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_goes_through_encrypted_to_whom_it_should() {
    let app = TestApp::start().await;
    let server = app.sandbox.secure_mail("127.0.0.1").await.expect("a mail server");
    for url in [&server.starttls_url, &server.smtps_url] {
        send(url, &server.roots).await.unwrap_or_else(|error| panic!("{url}: {error}"));
    }
    assert_eq!(app.sandbox.mails().len(), 2);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_said_to_a_mail_server_that_is_not_known_or_does_not_encrypt() {
    let app = TestApp::start().await;
    let known = app.sandbox.secure_mail("127.0.0.1").await.expect("a mail server");
    let other = app.sandbox.secure_mail("mail.example").await.expect("a mail server");
    let plain = format!("{}?tls=required", app.sandbox.smtp_url());
    for (url, roots) in [
        // Signed by nobody whom we know.
        (&known.starttls_url, ""),
        (&known.smtps_url, ""),
        (&known.smtps_url, &*other.roots),
        // Signed well, but it is called otherwise.
        (&other.starttls_url, &*other.roots),
        (&other.smtps_url, &*other.roots),
        // Does not offer it.
        (&plain, &*known.roots),
        (&plain, ""),
    ] {
        let refused = send(url, roots).await.expect_err("not encrypted well");
        // The server may be mended: the mail waits.
        assert!(!refused.is_final(), "{url}: {refused}");
    }
    assert!(app.sandbox.mails().is_empty());
    app.finish().await;
}

#[tokio::test]
async fn certificates_are_read_at_the_start() {
    let from = "Konnect <no-reply@konnect.test>";
    for (url, roots) in
        [("smtps://mail.example", "no certificate"), ("smtp://127.0.0.1:25", "no certificate")]
    {
        assert!(Mailer::trusting(&url.into(), from, roots.as_bytes()).is_err(), "{url}");
    }
}
