//! Delivery reports by mail, read by the real `admin`, and the address that they go to.

use konnect::client::mail::{Mail, Mailer};
use konnect_tests::{Person, Stack, TestApp, free_address, happening};

const NEWS: &str = "mail.undeliverable";
/// No exit code but these two is known to the program (sysexits(3)).
const DONE: i32 = 0;
const TRY_AGAIN: i32 = 75;

/// A report as Postfix writes it.
struct Report<'a> {
    message_id: &'a str,
    original: Option<&'a str>,
    last: &'a str,
    action: &'a str,
    status: &'a str,
}

impl Report<'_> {
    fn text(&self) -> String {
        let Self { message_id, original, last, action, status } = self;
        let original = original.map_or(String::new(), |to| format!("Original-Recipient: rfc822;{to}\n"));
        format!(
            "From: MAILER-DAEMON@mx.konnect.test (Mail Delivery System)\n\
             To: bounces@konnect.test\n\
             Auto-Submitted: auto-replied\n\
             MIME-Version: 1.0\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=\"b/mx\"\n\
             \n\
             --b/mx\nContent-Type: text/plain\n\nIt did not work.\n\
             --b/mx\nContent-Type: message/delivery-status\n\
             \n\
             Reporting-MTA: dns; mx.konnect.test\n\
             \n\
             {original}Final-Recipient: rfc822; {last}\n\
             Action: {action}\n\
             Status: {status}\n\
             Diagnostic-Code: smtp; 550 {status} <{last}>: there is\n\
             \x20   nobody\x07 of this name\n\
             \n\
             --b/mx\nContent-Type: message/rfc822\n\
             \n\
             From: Konnect <no-reply@konnect.test>\n\
             Message-ID:\n\
             \x20{message_id}\n\
             \n\
             Hello.\n\
             --b/mx--\n"
        )
    }
}

/// Somebody is sent a mail; its `Message-ID`.
async fn mailed(app: &TestApp, person: &Person) -> String {
    app.enqueue(&happening("news", "payment.refunded", &[person])).await;
    app.run_jobs().await;
    assert_eq!(app.mail_outcome(person, "payment.refunded").await.0, "sent");
    app.sandbox.mails_to(&person.email).remove(0).message_id
}

/// Hands a message to the program; what it says, without anybody's address.
async fn hear(stack: &Stack, message: &str) -> String {
    let (code, told) = stack.fed("admin", &["mail-report"], message.as_bytes()).await;
    assert_eq!((code, told.lines().count()), (DONE, 1), "{told}");
    assert!(!told.contains('@'), "{told}");
    told
}

async fn is_off(app: &TestApp, person: &Person) -> bool {
    app.log_in(person).await.client.get("/v1/me/mailbox").await.ok(200)["offSince"].is_string()
}

async fn acts(app: &TestApp) -> i64 {
    sqlx::query_scalar("SELECT COUNT(*) FROM acts WHERE operation = 'admin mail-report'")
        .fetch_one(app.core.db.pool())
        .await
        .expect("the database")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_came_back_is_read_from_its_report() {
    let app = TestApp::start_live().await;
    let stack = Stack::new(&app);
    let mentee = app.mentee("mentee").await;
    let sent = mailed(&app, &mentee).await;
    let report = Report {
        message_id: &sent,
        original: Some(&mentee.email),
        last: "somebody@elsewhere.example",
        action: "failed",
        status: "5.1.1",
    };

    let delayed = Report { action: "delayed", status: "4.4.7", ..report };
    let foreign = Report { original: None, ..report };
    let unknown = [
        "<nobody@konnect.test>".to_owned(),
        sent.replace("konnect.test", "evil.test"),
        format!("<{}@konnect.test>", konnect::id::NoticeId::generate()),
    ];
    let away =
        format!("From: {}\nAuto-Submitted: auto-replied\nIn-Reply-To: {sent}\n\nAway.\n", mentee.email);
    let without = report.text().replace("message/rfc822", "text/plain");
    let mut idle = vec![
        (delayed.text(), "without a recipient that failed for good"),
        (foreign.text(), "another address than that of notice "),
        (away, "no delivery report"),
        (String::new(), "no delivery report"),
        (without, "without the mail that it is about"),
        (format!("{}{}", report.text(), " ".repeat(1024 * 1024)), "too long"),
    ];
    idle.extend(
        unknown.iter().map(|id| (Report { message_id: id, ..report }.text(), "about no mail of ours")),
    );
    for (message, expected) in idle {
        let told = hear(&stack, &message).await;
        assert!(told.contains(expected) && told.contains("nothing changes"), "{expected}: {told}");
    }
    assert_eq!(app.mail_outcome(&mentee, "payment.refunded").await.0, "sent");
    assert_eq!((is_off(&app, &mentee).await, acts(&app).await), (false, 0));

    // As the product compares addresses: whatever the case of their letters.
    let shouted = mentee.email.to_ascii_uppercase();
    for (message, expected) in [
        (Report { original: Some(&shouted), ..report }.text(), "came back"),
        (report.text(), "had ended before"),
    ] {
        let told = hear(&stack, &message).await;
        assert!(told.contains(expected), "{told}");
        app.run_jobs().await;
        let (state, why) = app.mail_outcome(&mentee, "payment.refunded").await;
        let words = "5.1.1 smtp; 550 5.1.1 <<address>>: there is nobody of this name";
        assert_eq!((state, why.as_deref()), ("failed", Some(words)));
        assert!(is_off(&app, &mentee).await);
        assert_eq!(app.told(&mentee, NEWS).await.len(), 1);
        assert_eq!(acts(&app).await, 1, "what changes nothing is no act");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_about_the_mail_leaves_the_address_alone() {
    let app = TestApp::start_live().await;
    let mentee = app.mentee("mentee").await;
    let sent = mailed(&app, &mentee).await;
    let report =
        Report { message_id: &sent, original: None, last: &mentee.email, action: "failed", status: "5.7.1" };
    // Over a network lines end with two bytes.
    let told = hear(&Stack::new(&app), &report.text().replace('\n', "\r\n")).await;
    assert!(told.contains("came back"), "{told}");
    assert_eq!(app.mail_outcome(&mentee, "payment.refunded").await.0, "failed");
    assert!(!is_off(&app, &mentee).await);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_waits_for_a_database_that_is_away_and_for_a_setting_that_is_wrong() {
    let app = TestApp::start_live().await;
    let mentee = app.mentee("mentee").await;
    let sent = mailed(&app, &mentee).await;
    let report =
        Report { message_id: &sent, original: None, last: &mentee.email, action: "failed", status: "5.1.1" };
    let nobody = format!("mysql://konnect:hush@{}/konnect", free_address());
    for (name, value) in [("DATABASE_URL", nobody.as_str()), ("KONNECT_DB_CONNECTIONS", "many")] {
        let stack = Stack::new(&app).with(name, value);
        let (code, told) = stack.fed("admin", &["mail-report"], report.text().as_bytes()).await;
        assert_eq!((code, told.as_str()), (TRY_AGAIN, ""), "{name}");
    }
    let (code, _) = Stack::new(&app).fed("admin", &["mail-report", "--help"], b"").await;
    assert_eq!(code, DONE);
    assert_eq!(app.mail_outcome(&mentee, "payment.refunded").await.0, "sent");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_come_back_to_the_address_that_is_set() {
    let app = TestApp::start().await;
    let plain =
        Mailer::new(&app.sandbox.smtp_url().into(), "Konnect <no-reply@konnect.test>").expect("an address");
    let mail = Mail {
        to: "mina@example.com".into(),
        subject: "News".into(),
        text: "There are some.".into(),
        html: None,
        calendar: None,
        unsubscribe: None,
        message_id: "0190-news".into(),
    };
    for address in ["", "nobody", "Bounces <bounces@konnect.test>", "a@b.example\r\nRCPT TO:<c@d.example>"] {
        assert!(plain.clone().returning_to(address).is_err(), "{address:?}");
    }
    let returning = plain.clone().returning_to("bounces@konnect.test").expect("an address");
    for mailer in [plain, returning] {
        mailer.send(mail.clone()).await.expect("the stand-in takes it");
    }
    let mails = app.sandbox.mails();
    let senders: Vec<_> = mails.iter().map(|mail| mail.from.as_str()).collect();
    assert_eq!(senders, ["no-reply@konnect.test", "bounces@konnect.test"]);
    for mail in mails {
        assert_eq!(mail.to, ["mina@example.com"]);
        assert!(mail.raw.contains("From: Konnect <no-reply@konnect.test>\r\n"), "{}", mail.raw);
        assert_eq!(mail.message_id, "<0190-news@konnect.test>");
    }
    app.finish().await;
}
