use serde_json::{Value, json};

use super::*;
use crate::id::UserId;
use crate::seal::Sealer;
use crate::user::Locale;

const MARKS: [char; 11] = [
    '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}', '\u{2068}',
    '\u{2069}', '\u{200e}', '\u{200f}',
];

fn letter(name: &str, kind: &str, data: Value) -> Letter {
    Letter {
        to: "mina@example.com".to_owned(),
        name: name.to_owned(),
        owner: UserId::generate(),
        locale: Locale::En,
        zone: "Asia/Seoul".parse().unwrap(),
        kind: kind.to_owned(),
        data,
        reservation_id: Some("0190b6f5-8a52-7c3e-9f1d-2b3c4d5e6f70".parse().unwrap()),
        invite: None,
    }
}

fn room() -> MailRoom {
    MailRoom {
        front_url: "https://konnect.example".to_owned(),
        public_url: "https://api.konnect.example".to_owned(),
        from: "no-reply@konnect.example".to_owned(),
        sealer: Sealer::new(&"a".repeat(64).into()).unwrap(),
    }
}

fn refund(title: &str) -> Value {
    json!({ "title": title, "startsAt": "2026-11-24T05:00:00Z", "amount": 50_000 })
}

#[test]
fn a_mail_has_its_facts_in_a_table_and_the_rest_as_paragraphs() {
    let page = Page::new(&letter("Mina", "payment.refunded", refund("Mock interview")), &room());
    let facts: Vec<_> = page.facts.iter().map(|f| (f.label.as_str(), f.value.as_str())).collect();
    let expected =
        [("Session", "Mock interview"), ("Time", "2026-11-24 (Tue) 14:00 KST"), ("Refunded", "₩50,000")];
    assert_eq!(facts, expected);
    assert_eq!(page.paragraphs, ["Your card company may take some days to show it."]);
    assert_eq!(page.link, "https://konnect.example/reservations/0190b6f5-8a52-7c3e-9f1d-2b3c4d5e6f70");
}

#[test]
fn text_and_html_say_the_same() {
    let written = letter("Mina", "payment.refunded", refund("Mock interview")).write(&room());
    for said in
        ["Hello Mina,", "Mock interview", "₩50,000", "14:00 KST", "/reservations/0190b6f5", "some days"]
    {
        assert!(written.text.contains(said), "{said}: {}", written.text);
        assert!(written.html.contains(said), "{said}: {}", written.html);
    }
}

#[test]
fn what_people_wrote_is_shown_and_does_nothing() {
    let marks: String = MARKS.iter().collect();
    for hostile in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "Mina\r\nBcc: eve@example.com",
        "</title></table><a href=\"https://evil.example\">",
        "{{ link }} {% if %}",
        "\u{0}\u{1b}[31m\u{7f}",
        &marks,
        &"가".repeat(5_000),
    ] {
        let data = json!({ "title": hostile, "reason": hostile, "startsAt": "2026-11-24T05:00:00Z" });
        let written = letter(hostile, "reservation.cancelled", data).write(&room());
        assert!(!written.subject.chars().any(char::is_control), "{hostile:?}");
        assert!(!written.html.contains("<script") && !written.html.contains("<img"), "{}", written.html);
        assert_eq!(written.html.matches("<a ").count(), 1, "one link: {}", written.html);
        for text in [&written.text, &written.html] {
            assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{hostile:?}");
            assert!(!text.contains(MARKS), "{hostile:?}");
            assert!(!text.lines().any(|line| line.starts_with("Bcc")), "{text}");
            assert!(text.len() < 12_000, "{} bytes", text.len());
        }
    }
}

#[test]
fn what_can_be_switched_off_says_where() {
    let critical = [
        "reservation.confirmed",
        "reservation.cancelled",
        "payment.refunded",
        "payout.failed",
        "dispute.opened",
    ];
    for kind in critical {
        let written = letter("Mina", kind, refund("Mock interview")).write(&room());
        assert!(written.unsubscribe.is_none() && !written.html.contains("unsubscribe"), "{kind}");
    }
    for kind in
        ["reservation.reserved", "reservation.reminder", "reservation.completed", "settlement.accrued"]
    {
        let written = letter("Mina", kind, refund("Mock interview")).write(&room());
        let link = written.unsubscribe.unwrap_or_else(|| panic!("{kind} has no link"));
        assert!(link.starts_with("https://api.konnect.example/v1/unsubscribe/"), "{link}");
        assert!(written.text.contains(&link) && written.html.contains(&link), "{kind}");
        assert!(!link.contains("mina"), "a link shows no address: {link}");
    }
}

#[test]
fn an_amount_is_won_alone() {
    assert!(is_amount("₩50,000") && is_amount("-₩1"));
    assert!(!is_amount("₩") && !is_amount("50,000") && !is_amount("₩5 or more"));
}
