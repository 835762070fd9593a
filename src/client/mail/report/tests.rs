//! Reports as servers write them, what is none, and what was written to do harm.

use proptest::prelude::*;

use super::samples::{EXCHANGE, GMAIL, NAVER, POSTFIX};
use super::*;

const ID: &str = "<01997c1e-6f5a-7d3c-8a51-3b9f0c1d2e4f@konnect.example>";

fn one(message: &str) -> Failure {
    let read = read(message.as_bytes()).unwrap_or_else(|silence| panic!("{silence}: {message}"));
    assert_eq!(read.message_id, ID);
    let [failure] = &read.failures[..] else { panic!("{read:?}") };
    failure.clone()
}

fn silence(message: &str) -> Silence {
    read(message.as_bytes()).expect_err("it says nothing")
}

fn failure(recipient: &str, status: &str, diagnostic: &str) -> Failure {
    let [recipient, status, diagnostic] = [recipient, status, diagnostic].map(str::to_owned);
    Failure { recipient, status, diagnostic }
}

#[test]
fn reports_of_many_servers_are_read() {
    for (message, expected) in [
        (
            POSTFIX,
            failure(
                "mina@example.com",
                "5.1.1",
                "smtp; 550 5.1.1 <<address>>: Recipient address rejected: User unknown in virtual mailbox table",
            ),
        ),
        (
            EXCHANGE,
            failure(
                "Mina@Corp.example",
                "5.1.10",
                "smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient <address> not found by SMTP address lookup",
            ),
        ),
        (
            GMAIL,
            failure(
                "mina@gmail.com",
                "5.2.1",
                "smtp; 550-5.2.1 The email account that you tried to reach is inactive. For more 550-5.2.1 \
                 information, go to 550 5.2.1 https://support.google.com/mail/?p=DisabledUser \
                 98e67ed59e1d1-2fe8284f4aesi1234a91.42 - gsmtp",
            ),
        ),
        (NAVER, failure("mina@naver.example", "5.1.1", "smtp;550 5.1.1 없는 사용자")),
    ] {
        // As a pipe hands it over, and as it came over the network.
        assert_eq!(one(message), expected);
        assert_eq!(one(&message.replace('\n', "\r\n")), expected);
    }
}

#[test]
fn what_is_not_lost_for_good_says_nothing() {
    for action in ["delayed", "delivered", "relayed", "expanded", "failing", ""] {
        let message = POSTFIX.replace("Action: failed", &format!("Action: {action}"));
        assert_eq!(silence(&message), Silence::NoFailure, "{action}");
    }
    for status in ["4.4.7", "2.0.0", "5", "5.1", "5.1.1.1", "5.1.", "5.x.1", "5.1.1000", "x5.1.1", ""] {
        let message = POSTFIX.replace("Status: 5.1.1", &format!("Status: {status}"));
        assert_eq!(silence(&message), Silence::NoFailure, "{status}");
    }
    for kind in ["x400", "unknown", ""] {
        let message = POSTFIX.replace("rfc822;", &format!("{kind};"));
        assert_eq!(silence(&message), Silence::NoFailure, "{kind}");
    }
    assert_eq!(silence(&POSTFIX.replace("Status: 5.1.1\n", "")), Silence::NoFailure);
}

#[test]
fn of_many_recipients_those_that_failed_are_told() {
    let others = "\nFinal-Recipient: rfc822; late@example.com\nAction: delayed\nStatus: 4.2.2\n\
                  \nFinal-Recipient: rfc822; gone@example.com\nAction: failed\nStatus: 5.2.2\n";
    let last = "    User unknown in virtual mailbox table\n";
    let message = POSTFIX.replace(last, &format!("{last}{others}"));
    let read = read(message.as_bytes()).expect("a report");
    let told: Vec<_> = read.failures.iter().map(|f| (f.recipient.as_str(), f.status.as_str())).collect();
    assert_eq!(told, [("mina@example.com", "5.1.1"), ("gone@example.com", "5.2.2")]);
}

#[test]
fn where_a_mail_was_passed_on_to_is_not_where_it_went() {
    let original = "Original-Recipient: rfc822;mina@example.com\n";
    let forwarded = POSTFIX
        .replace("Final-Recipient: rfc822; mina@example.com", "Final-Recipient: rfc822; m@elsewhere.example");
    assert_eq!(one(&forwarded).recipient, "mina@example.com");
    assert_eq!(one(&forwarded.replace(original, "")).recipient, "m@elsewhere.example");
}

#[test]
fn other_mails_are_no_reports() {
    let away = "From: mina@example.com\nAuto-Submitted: auto-replied\nIn-Reply-To: <01997c1e-6f5a-7d3c-8a51-\
                3b9f0c1d2e4f@konnect.example>\nSubject: Out of office\n\nStatus: 5.1.1\nAction: failed\n";
    let receipt = POSTFIX.replace("report-type=delivery-status", "report-type=disposition-notification");
    let complaint = POSTFIX.replace("report-type=delivery-status", "report-type=feedback-report");
    let attached = POSTFIX.replace("multipart/report; report-type=delivery-status", "multipart/mixed");
    let without = POSTFIX.replace("Content-Type: message/delivery-status", "Content-Type: text/plain");
    for message in ["", "\n", "\r\n\r\n", "no mail at all", away, &receipt, &complaint, &attached, &without] {
        assert_eq!(silence(message), Silence::NoReport, "{message}");
    }
    // The parameter is left out by some.
    one(&POSTFIX.replace(" report-type=delivery-status;", ""));
}

#[test]
fn a_report_without_the_mail_says_nothing() {
    let without_id = POSTFIX.replace("Message-ID: <01997c1e", "X-Message-ID: <01997c1e");
    let without_mail = POSTFIX.replace("Content-Type: message/rfc822", "Content-Type: text/plain");
    let long = POSTFIX.replace("Message-ID: <01997c1e", &format!("Message-ID: <{}", "a".repeat(2_000)));
    for message in [without_id, without_mail, long] {
        assert_eq!(silence(&message), Silence::NoOriginal);
    }
}

#[test]
fn words_of_a_server_are_short_and_on_one_line() {
    let said =
        |words: &str| one(&POSTFIX.replace("smtp; 550 5.1.1 <mina", &format!("{words} <mina"))).diagnostic;
    assert!(said(&"long ".repeat(2_000)).chars().count() <= DIAGNOSTIC_MAX);
    assert!(!said("a\tb\r\n c\n\td").contains(['\r', '\n', '\t']));
    assert_eq!(one(&POSTFIX.replace("Diagnostic-Code:", "X-Code:")).diagnostic, "");
}

#[test]
fn boundaries_that_lie_do_no_harm() {
    let line = "--4dXq2L0Fm7z2.1772409603/mx.konnect.example";
    let (head, _) = POSTFIX.split_once("\n\n").expect("headers");
    let nested = format!("Content-Type: message/rfc822\n\n{POSTFIX}");
    let deep = "Content-Type: multipart/report; boundary=a\n\n--a\n".repeat(20_000);
    let inward = "Content-Type: message/rfc822\n\n".repeat(30_000);
    for message in [
        head.to_owned(),
        format!("{head}\n\n{line}"),
        format!("{head}\n\n{line}--"),
        format!("{head}\n\n{}", format!("{line}\n").repeat(20_000)),
        POSTFIX.replace(line, "--other"),
        POSTFIX.replace("boundary=\"4dXq2L0Fm7z2.1772409603/mx.konnect.example\"", "boundary=\"\""),
        POSTFIX.replace("boundary=\"4dXq2L0Fm7z2.1772409603/mx.konnect.example\"", "x=y"),
        nested,
        deep,
        inward,
        format!("X: {}\n{POSTFIX}", "a".repeat(900_000)),
        "a:b\n".repeat(200_000),
    ] {
        assert!(read(message.as_bytes()).is_err(), "{}", &message[..message.len().min(200)]);
    }
}

proptest! {
    #[test]
    fn nothing_that_comes_is_too_much(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let _ = read(&bytes);
    }

    /// A report with some bytes changed, cut somewhere.
    #[test]
    fn no_damage_is_too_much(
        which in 0_usize..4,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..40),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = [POSTFIX, EXCHANGE, GMAIL, NAVER][which].as_bytes().to_vec();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        if let Ok(report) = read(&bytes) {
            prop_assert!(!report.failures.is_empty());
            for failure in report.failures {
                prop_assert!(failure.status.starts_with("5.") && failure.recipient.len() <= ADDRESS_MAX);
            }
        }
    }

    /// Fields of a report in any order and number, between any lines.
    #[test]
    fn any_lines_are_read_or_not(lines in prop::collection::vec(
        prop_oneof![
            Just("--b".to_owned()), Just("--b--".to_owned()), Just(String::new()),
            Just("Content-Type: message/delivery-status".to_owned()),
            Just("Content-Type: message/rfc822".to_owned()),
            Just("Content-Type: multipart/report; boundary=b".to_owned()),
            Just("Content-Transfer-Encoding: base64".to_owned()),
            Just("Content-Transfer-Encoding: quoted-printable".to_owned()),
            Just("Action: failed".to_owned()), Just("Status: 5.1.1".to_owned()),
            Just("Final-Recipient: rfc822; a@b.example".to_owned()),
            Just("Message-ID: <a@b>".to_owned()), Just(" folded".to_owned()),
            "[ -~]{0,40}",
        ],
        0..60,
    )) {
        let head = "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n";
        let _ = read(format!("{head}{}", lines.join("\n")).as_bytes());
    }
}
