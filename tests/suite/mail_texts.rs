//! What every mail says, in both languages and to both sides, and what it looks like.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use konnect::id::{ReservationId, UserId};
use konnect::notification::{self, Invite, Letter, MailRoom, Written};
use konnect::seal::Sealer;
use konnect::user::Locale;
use konnect_tests::run_script;
use serde_json::{Value, json};

const LANGUAGES: [(Locale, &str); 2] = [(Locale::Ko, "ko"), (Locale::En, "en")];
const ROLES: [&str; 2] = ["mentee", "mentor"];
/// Pictures of every mail: a minute on an idle machine.
const LIMIT: Duration = Duration::from_secs(300);

fn reservation() -> ReservationId {
    "01930000-0000-7000-8000-000000000001".parse().expect("an id")
}

fn reader() -> UserId {
    "01930000-0000-7000-8000-000000000002".parse().expect("an id")
}

/// Facts for every text.
fn facts(role: &str) -> Value {
    json!({
        "role": role, "title": "Rust 코드 리뷰 & <설계>", "startsAt": "2026-11-24T05:00:00Z",
        "holdUntil": "2026-11-23T05:30:00Z", "payBy": "2026-11-23T05:30:00Z", "deadline": "2026-11-30T05:00:00Z",
        "frozenUntil": "2026-11-25T05:00:00Z", "state": "requested", "reason": "감기 / a cold", "lead": "1h",
        "amount": 50_000, "refund": 25_000, "gross": 50_000, "fee": 7_500, "net": 42_500, "claim": 30_000,
        "offer": 20_000, "accountNumber": "X6505636518308", "bank": "20", "holder": "김민지",
        "by": "mentor", "fromStartsAt": "2026-11-25T05:00:00Z", "toStartsAt": "2026-11-26T06:00:00Z",
        "answerBy": "2026-11-23T04:00:00Z", "absent": "mentor", "openedBy": "mentee", "outcome": "partly", "side": "mentor",
        "address": "minji@example.com", "at": "2026-11-24T05:00:00Z", "device": "Chrome, Windows", "code": "482913", "purpose": "register",
        "provider": "kakao", "left": "7", "token": "the-token-of-the-old-mailbox", "until": "2026-12-08T05:00:00Z",
    })
}

/// The facts of a kind whose own words have other names.
fn facts_of(kind: &str, role: &str) -> Value {
    let mut facts = facts(role);
    if !is_about_session(kind) {
        facts["title"].take();
        facts["startsAt"].take();
    }
    if kind.starts_with("payout.") {
        for (key, value) in [
            ("accountNumber", "******6789"),
            ("status", "approval_required"),
            ("code", "NOT_MATCH_PAYEE_NAME"),
        ] {
            facts[key] = value.into();
        }
        facts["reason"] = "no_account".into();
    }
    if kind == "digest.daily" {
        let item = |kind: &str| json!({ "kind": kind, "data": self::facts(role) });
        facts["items"] = json!([item("settlement.accrued"), item("review.requested")]);
        facts["count"] = 5.into();
    }
    facts
}

fn is_about_session(kind: &str) -> bool {
    !["payout.", "mail.", "security.", "digest."].iter().any(|subject| kind.starts_with(subject))
}

fn letter(kind: &str, role: &str, locale: Locale) -> Letter {
    let invite = matches!(kind, "reservation.confirmed" | "reservation.cancelled").then(|| Invite {
        reservation_id: reservation(),
        cancelled: kind == "reservation.cancelled",
        sequence: 3,
        title: "Rust 코드 리뷰 & <설계>".to_owned(),
        starts_at: "2026-11-24T05:00:00Z".parse().expect("an instant"),
        ends_at: "2026-11-24T06:00:00Z".parse().expect("an instant"),
        stamp: "2026-11-20T00:00:00Z".parse().expect("an instant"),
    });
    Letter {
        to: "minji@example.com".to_owned(),
        name: if locale == Locale::Ko { "김민지" } else { "Minji Kim" }.to_owned(),
        owner: reader(),
        locale,
        zone: "Asia/Seoul".parse().expect("a zone"),
        kind: kind.to_owned(),
        data: facts_of(kind, role),
        reservation_id: is_about_session(kind).then(reservation),
        invite,
    }
}

fn write(kind: &str, role: &str, locale: Locale) -> Written {
    let room = MailRoom {
        front_url: "https://app.konnect.example".to_owned(),
        public_url: "https://api.konnect.example".to_owned(),
        from: "no-reply@konnect.example".to_owned(),
        sealer: Sealer::new(&"ab".repeat(32).into()).expect("a key"),
    };
    letter(kind, role, locale).write(&room)
}

#[test]
fn every_mail_says_what_it_said() {
    let mut kinds = 0;
    for kind in notification::kinds() {
        let mut said = String::new();
        for (locale, language) in LANGUAGES {
            let [mentee, mentor] = ROLES.map(|role| write(kind, role, locale));
            let mut show = |title: &str, text: &str| {
                let _infallible = writeln!(said, "== {language}: {title}\n{}\n", text.trim_end());
            };
            show("subject", &mentee.subject);
            show("text", &mentee.text);
            if mentor.text != mentee.text {
                show("to the mentor", &format!("{}\n\n{}", mentor.subject, mentor.text));
            }
            show("html", &mentee.html);
            if let Some((method, object)) = &mentee.calendar {
                show(&format!("calendar, {method}"), &object.replace("\r\n", "\n"));
            }
        }
        insta::assert_snapshot!(format!("mail_{kind}"), said);
        kinds += 1;
    }
    assert!(kinds >= 42, "{kinds} kinds");
}

/// A fresh folder beside the pictures of other tests.
fn folder() -> PathBuf {
    let shots = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(".dev").join("shots").join("mail");
    let _ = std::fs::remove_dir_all(&shots);
    std::fs::create_dir_all(&shots).expect("a folder for pictures");
    shots
}

#[tokio::test]
async fn every_mail_can_be_read_in_a_browser_in_light_and_dark_on_a_telephone() {
    let shots = folder();
    let names: Vec<String> = LANGUAGES
        .iter()
        .flat_map(|(_, language)| notification::kinds().map(move |kind| format!("{kind}.{language}")))
        .collect();
    for (locale, language) in LANGUAGES {
        for kind in notification::kinds() {
            let html = write(kind, "mentee", locale).html;
            std::fs::write(shots.join(format!("{kind}.{language}.html")), html).expect("a page is written");
        }
    }
    let nothing = async |what: &str| panic!("asked for {what}");
    let scenario = json!({ "shots": shots, "names": names });
    let checks = run_script("mails.mjs", &scenario, LIMIT, nothing).await;
    assert_eq!(checks, names.len() + 3, "each mail, and the whole of each language");
    for name in names.iter().map(String::as_str).chain(["all.ko", "all.en"]) {
        let picture = std::fs::read(shots.join(format!("{name}.png"))).expect("a picture is kept");
        assert!(picture.starts_with(b"\x89PNG"), "{name}");
    }
}
