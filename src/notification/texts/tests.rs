use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::reservation::Move;

const HANGUL: std::ops::RangeInclusive<char> = '가'..='힣';

fn zone(name: &str) -> TimeZone {
    name.parse().unwrap()
}

fn facts(role: &str) -> Value {
    json!({
        "role": role, "title": "Mock interview", "startsAt": "2026-11-24T05:00:00Z",
        "holdUntil": "2026-11-23T05:30:00Z", "reason": "sick", "refund": 50_000, "amount": 50_000,
        "gross": 50_000, "fee": 7_500, "net": 42_500, "lead": "10m", "state": "requested",
        "accountNumber": "X6505636518308", "bank": "20", "payBy": "2026-11-23T05:30:00Z",
    })
}

#[test]
fn every_kind_has_both_languages_for_both_sides() {
    let seoul = zone("Asia/Seoul");
    for kind in KINDS {
        for role in ["mentor", "mentee"] {
            let (ko, en) = (
                render(kind, &facts(role), Locale::Ko, seoul),
                render(kind, &facts(role), Locale::En, seoul),
            );
            for text in [&ko, &en] {
                assert!(!text.title.is_empty() && !text.title.contains('\n'), "{kind}");
                assert!(text.body.contains("Mock interview · 2026-11-24 ("), "{kind}: {}", text.body);
                assert!(!text.body.contains("{"), "{kind}: {}", text.body);
            }
            assert!(ko.title.chars().any(|c| HANGUL.contains(&c)), "{kind}: {}", ko.title);
            let english = format!("{}{}", en.title, en.body);
            assert!(!english.chars().any(|c| HANGUL.contains(&c)), "{kind}: {english}");
            assert_ne!(en.title, render("no.such.kind", &facts(role), Locale::En, seoul).title, "{kind}");
            assert_ne!(ko.title, render("no.such.kind", &facts(role), Locale::Ko, seoul).title, "{kind}");
        }
    }
}

#[test]
fn every_kind_about_payouts_has_both_languages() {
    let data = json!({
        "accountNumber": "******6789", "amount": 50_000, "frozenUntil": "2026-11-24T05:00:00Z",
        "status": "approval_required", "code": "NOT_MATCH_PAYEE_NAME", "reason": "no_account",
    });
    for kind in payout::KINDS {
        let (ko, en) = (
            render(kind, &data, Locale::Ko, zone("Asia/Seoul")),
            render(kind, &data, Locale::En, zone("Asia/Seoul")),
        );
        assert!(!ko.body.is_empty() && !en.body.is_empty(), "{kind}");
        assert!(ko.title.chars().any(|c| HANGUL.contains(&c)), "{kind}: {}", ko.title);
        assert!(!format!("{}{}", en.title, en.body).chars().any(|c| HANGUL.contains(&c)), "{kind}");
        assert_ne!(en.title, render("no.such.kind", &data, Locale::En, zone("UTC")).title, "{kind}");
        for text in [ko, en] {
            assert!(!text.body.contains("NOT_MATCH") && !text.body.contains("no_account"), "{}", text.body);
        }
    }
    let text = render("payout.account_changed", &data, Locale::Ko, zone("Asia/Seoul"));
    assert!(
        text.body.contains("******6789") && text.body.contains("2026-11-24 (화) 14:00 KST"),
        "{}",
        text.body
    );
}

#[test]
fn every_kind_about_the_account_has_both_languages() {
    let at = "2026-11-24T05:00:00Z";
    let data = json!({
        "device": "Firefox\n<b>", "at": at, "since": at, "until": at, "host": "a.example", "why": "gone",
        "code": "123456",
    });
    for kind in security::KINDS.iter().copied().chain(webhook::KINDS) {
        let (ko, en) = (
            render(kind, &data, Locale::Ko, zone("Asia/Seoul")),
            render(kind, &data, Locale::En, zone("Asia/Seoul")),
        );
        assert!(ko.title.chars().any(|c| HANGUL.contains(&c)), "{kind}: {}", ko.title);
        assert!(!format!("{}{}", en.title, en.body).chars().any(|c| HANGUL.contains(&c)), "{kind}");
        for text in [ko, en] {
            // A code is good for minutes: it has no moment.
            let fact = if kind == "security.email_code" { "123456" } else { "14:00 KST" };
            assert!(text.body.contains(fact), "{kind}: {}", text.body);
            assert_ne!(text.title, render("no.such.kind", &data, Locale::En, zone("UTC")).title, "{kind}");
        }
    }
    let text = render("security.new_login", &data, Locale::En, zone("UTC"));
    assert!(text.body.contains("Device: Firefox <b>\n"), "{}", text.body);
}

#[test]
fn every_step_of_a_reservation_that_people_hear_of_has_a_text() {
    // These pass in seconds and are shown on the screen.
    let silent = BTreeSet::from(["paying", "reclaimed", "started", "deposit_awaited"]);
    for step in Move::ALL {
        let kind = format!("reservation.{}", step.cause());
        assert_eq!(KINDS.contains(&kind.as_str()), !silent.contains(step.cause()), "{kind}");
    }
}

#[test]
fn times_are_the_readers_wall_clock() {
    let body = |locale, zone| render("reservation.confirmed", &facts("mentee"), locale, zone).body;
    assert!(body(Locale::Ko, zone("Asia/Seoul")).starts_with("Mock interview · 2026-11-24 (화) 14:00 KST\n"));
    assert!(
        body(Locale::En, zone("America/New_York"))
            .starts_with("Mock interview · 2026-11-24 (Tue) 00:00 EST\n")
    );
    assert!(body(Locale::En, zone("Asia/Kathmandu")).contains("10:45 +0545"));
}

#[test]
fn money_is_in_won() {
    let text = render("settlement.accrued", &facts("mentor"), Locale::Ko, zone("Asia/Seoul"));
    assert!(text.body.ends_with("결제 금액: ₩50,000\n수수료: ₩7,500\n정산 금액: ₩42,500"), "{}", text.body);
}

#[test]
fn an_account_is_named_with_its_bank() {
    let body = |locale| render("payment.deposit_awaited", &facts("mentee"), locale, zone("Asia/Seoul")).body;
    assert!(body(Locale::Ko).contains("입금 계좌: 우리은행 X6505636518308\n입금 금액: ₩50,000\n"));
    assert!(body(Locale::En).contains("Account: Woori X6505636518308\nAmount: ₩50,000\n"));
}

#[test]
fn a_code_of_the_payment_provider_is_shown_to_nobody() {
    let mut data = facts("mentor");
    data["reason"] = json!("REJECT_CARD_PAYMENT");
    for kind in ["reservation.payment_declined", "reservation.payment_failed"] {
        for role in ["mentor", "mentee"] {
            data["role"] = json!(role);
            assert!(!render(kind, &data, Locale::En, zone("UTC")).body.contains("REJECT"), "{kind}");
        }
    }
}

#[test]
fn facts_that_are_missing_or_odd_are_left_out() {
    for data in
        [json!(null), json!([]), json!({"title": 7, "startsAt": "soon", "amount": "many", "role": []})]
    {
        for kind in KINDS
            .iter()
            .chain(&payout::KINDS)
            .chain(security::KINDS)
            .chain(&webhook::KINDS)
            .chain(&["no.such.kind"])
        {
            let text = render(kind, &data, Locale::En, zone("UTC"));
            assert!(!text.title.is_empty(), "{kind}");
        }
        assert_eq!(
            render("payment.refunded", &data, Locale::En, zone("UTC")).body,
            "Your card company may take some days to show it."
        );
    }
}
