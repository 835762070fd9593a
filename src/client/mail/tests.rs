use super::compose::{compose, one_line};
use super::*;
use crate::client::stub;

fn mail() -> Mail {
    Mail {
        to: "mina@example.com".to_owned(),
        subject: "예약이 확정되었습니다".to_owned(),
        text: "안녕하세요".to_owned(),
        html: None,
        calendar: None,
        unsubscribe: None,
        message_id: "0190-notice".to_owned(),
    }
}

fn from() -> Mailbox {
    "Konnect <no-reply@konnect.example>".parse().unwrap()
}

fn written(mail: Mail) -> String {
    String::from_utf8(compose(&from(), mail).unwrap().0.formatted()).unwrap()
}

#[test]
fn the_message_id_is_the_notices() {
    let (message, id) = compose(&from(), mail()).unwrap();
    assert_eq!(id, "<0190-notice@konnect.example>");
    let text = String::from_utf8(message.formatted()).unwrap();
    assert!(text.contains("Message-ID: <0190-notice@konnect.example>\r\n"), "{text}");
    assert!(text.contains("Auto-Submitted: auto-generated\r\n") && text.contains("\r\nDate: "), "{text}");
}

#[test]
fn text_and_html_are_alternatives() {
    let text = written(Mail { html: Some("<p>안녕</p>".to_owned()), ..mail() });
    assert!(text.contains("multipart/alternative") && text.contains("text/html"), "{text}");
}

#[test]
fn an_invitation_is_an_alternative_and_a_file() {
    let calendar = Some(Calendar { method: "REQUEST", body: "BEGIN:VCALENDAR\r\n".to_owned() });
    let text = written(Mail { html: Some("<p>x</p>".to_owned()), calendar, ..mail() });
    let place = |what: &str| text.find(what).unwrap_or_else(|| panic!("no {what} in {text}"));
    let order = [
        place("multipart/mixed"),
        place("multipart/alternative"),
        place("text/plain"),
        place("text/html"),
        place("text/calendar; method=REQUEST; charset=utf-8"),
        place("application/ics"),
    ];
    assert!(order.is_sorted(), "{order:?}");
    assert!(text.contains("Content-Disposition: attachment; filename=\"invite.ics\""), "{text}");
}

#[test]
fn only_a_secure_link_is_pressed_without_a_visit() {
    let with = |link: &str| Mail { unsubscribe: Some(link.to_owned()), ..mail() };
    let text = written(with("https://api.konnect.example/v1/unsubscribe/abc"));
    assert!(
        text.contains("List-Unsubscribe: <https://api.konnect.example/v1/unsubscribe/abc>\r\n"),
        "{text}"
    );
    assert!(text.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"), "{text}");
    let text = written(with("http://127.0.0.1:3000/v1/unsubscribe/abc"));
    assert!(text.contains("List-Unsubscribe: <http://127") && !text.contains("One-Click"), "{text}");
    for link in ["https://a.example/\r\nBcc: eve@example.com", "https://a.example/>, <b", "https://예.kr/"] {
        assert!(compose(&from(), with(link)).is_err(), "{link}");
    }
}

#[test]
fn a_subject_adds_no_header() {
    for subject in ["Hi\r\nBcc: eve@example.com", "Hi\nBcc: eve@example.com", "안녕\r\nBcc: eve@example.com"]
    {
        let text = written(Mail { subject: subject.to_owned(), ..mail() });
        let head = text.split("\r\n\r\n").next().unwrap();
        assert!(head.lines().all(|line| !line.starts_with("Bcc")), "{head}");
    }
    assert_eq!(one_line("a\r\nb\tc"), "a b c");
}

#[test]
fn an_address_is_one_address() {
    for to in [
        "",
        "mina",
        "a@example.com, eve@example.com",
        "a@example.com\r\nBcc: eve@example.com",
        "\"a\r\nb\"@example.com",
        "Mina <mina@example.com>",
        "<mina@example.com>",
        "a b@example.com",
    ] {
        let refused = compose(&from(), Mail { to: to.to_owned(), ..mail() });
        assert!(matches!(refused, Err(MailError::Permanent(_))), "{to:?}");
    }
    for id in ["", "a>b", "a\r\nb", "한"] {
        assert!(compose(&from(), Mail { message_id: id.to_owned(), ..mail() }).is_err(), "{id:?}");
    }
}

#[tokio::test]
async fn a_password_does_not_travel_in_the_open() {
    let mailer = |url: &str| Mailer::new(&SecretString::from(url), "Konnect <no-reply@konnect.example>");
    assert!(mailer("smtp://u:hush@mail.example:587").is_err());
    assert!(mailer("smtp://u:hush@mail.example:587?tls=opportunistic").is_err());
    assert!(mailer("smtp://u:hush@mail.example:587?tls=required").is_ok());
    assert!(mailer("smtps://u:hush@mail.example").is_ok());
    assert!(mailer("smtp://127.0.0.1:1025").is_ok() && mailer("smtp://mail:1025").is_ok());
    let error = mailer("http://u:hush@mail.example").err().unwrap().to_string();
    assert!(!error.contains("hush"), "{error}");
    assert!(Mailer::new(&SecretString::from("smtp://127.0.0.1:1025"), "nobody").is_err());
}

/// A mail server that gives `reply` to the named step.
fn server(step: &'static str, reply: &'static str) -> String {
    use std::io::{BufRead, BufReader, Write};
    stub::listen(move |stream| {
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
        let say = |text: &str| (&stream).write_all(format!("{text}\r\n").as_bytes());
        let _ = say("220 stub");
        while let Some(line) = lines.next() {
            let name = line.split([' ', ':']).next().unwrap_or_default();
            let _ = match name {
                _ if name == step => say(reply),
                "EHLO" => say("250-stub\r\n250 AUTH PLAIN"),
                "AUTH" => say("235 ok"),
                "DATA" => {
                    let _ = say("354 go on");
                    while lines.next().is_some_and(|line| line != ".") {}
                    say(if step == "." { reply } else { "250 queued as 42" })
                }
                _ => say("250 ok"),
            };
        }
    })
}

async fn send(url: &str) -> Result<Sent, MailError> {
    let mailer = Mailer::new(&SecretString::from(url), "Konnect <no-reply@konnect.example>").unwrap();
    mailer.send(mail()).await
}

#[tokio::test]
async fn a_refusal_is_for_good_or_not() {
    let through = |step, reply| format!("smtp://u:hush@{}", server(step, reply));
    let sent = send(&through("", "")).await.unwrap();
    assert_eq!(
        (sent.message_id.as_str(), sent.reply.as_str()),
        ("<0190-notice@konnect.example>", "queued as 42")
    );
    let permanent = |result| matches!(result, Err(MailError::Permanent(_)));
    let transient = |result| matches!(result, Err(MailError::Transient(_)));
    let refused = send(&through("RCPT", "550 5.1.1 no such user")).await;
    assert!(matches!(&refused, Err(MailError::Mailbox { why, gone: true }) if why.contains("no such user")));
    let refused = send(&through("RCPT", "550-5.2.1 disabled\r\n550 5.2.1 see our page")).await;
    assert!(matches!(refused, Err(MailError::Mailbox { gone: false, .. })));
    assert!(permanent(send(&through(".", "554 5.7.1 looks like spam")).await));
    assert!(transient(send(&through("RCPT", "451 4.7.1 greylisted")).await));
    assert!(transient(send("smtp://127.0.0.1:9").await));
    // A wrong password is the operator's: it must lose no mail.
    let refused = send(&through("AUTH", "535 5.7.8 bad credentials")).await;
    assert!(matches!(&refused, Err(MailError::Transient(text)) if !text.contains("hush")), "{refused:?}");
}
