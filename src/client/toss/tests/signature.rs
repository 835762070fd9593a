use chrono::TimeDelta;

use super::*;
use crate::clock::Instant;

const KEY: &str = "00112233445566778899aabbccddeeff102132435465768798a9bacbdcedfe0f";
const BODY: &str = r#"{"eventType":"payout.changed","createdAt":"2026-03-02T09:00:00+09:00","note":"정산"}"#;
const TIME: &str = "2026-03-02T09:00:05.000000+09:00";

// Made with another implementation (Python's hmac): HMAC-SHA256(key, BODY + ":" + TIME) in base64, with the bytes
// of KEY, with its digits as ASCII, and with the bytes of another key, f0 thirty-two times.
const OF_BYTES: &str = "GrjF5CKfKAGM9gNoR2ZYK7h4Di3yzIZ9NalW43DE5gE=";
const OF_DIGITS: &str = "MftAXK/jCrKfv2TZUh+nx1h3B+bxRen3Gh92YMoirzA=";
const OF_OLD: &str = "2QbmnPw222Oq5hDRYU2fk79DWnoY6zA1YZ1Rp8CVs9I=";

fn security_key(text: &str) -> SecurityKey {
    SecurityKey::parse(&SecretString::from(text)).unwrap()
}

fn keys(form: KeyForm) -> WebhookKeys {
    WebhookKeys::new(&[security_key(KEY)], form)
}

fn now() -> Instant {
    parse_time("2026-03-02T09:01:00+09:00").unwrap()
}

fn check(keys: &WebhookKeys, header: &str) -> Result<(), SignatureError> {
    keys.verify(BODY.as_bytes(), TIME, header, now(), TimeDelta::days(5))
}

#[test]
fn a_signature_is_verified_with_either_form_of_the_key() {
    let (bytes, digits) = (format!("v1:{OF_BYTES}"), format!("v1:{OF_DIGITS}"));
    assert_eq!(check(&keys(KeyForm::Hex), &bytes), Ok(()));
    assert_eq!(check(&keys(KeyForm::Ascii), &digits), Ok(()));
    assert_eq!(check(&keys(KeyForm::Hex), &digits), Err(SignatureError::Mismatch));
    assert_eq!(check(&keys(KeyForm::Ascii), &bytes), Err(SignatureError::Mismatch));
    let upper = WebhookKeys::new(&[security_key(&KEY.to_uppercase())], KeyForm::Hex);
    assert_eq!(check(&upper, &bytes), Ok(()));
}

#[test]
fn keys_rotate_on_both_sides() {
    let (new, old) = (security_key(KEY), security_key(&"f0".repeat(32)));
    let both = WebhookKeys::new(&[new.clone(), old.clone()], KeyForm::Hex);
    for header in [
        format!("v1:{OF_BYTES},v1:{OF_OLD}"),
        format!("v1:{OF_OLD}, v1:{OF_BYTES}"),
        format!("v1:{OF_BYTES}"),
        format!("v1:{OF_OLD}"),
        format!("v2:{OF_DIGITS},v1:not base64,v1:{OF_OLD}"),
    ] {
        assert_eq!(check(&both, &header), Ok(()), "{header}");
    }
    // Each side knows one key of the pair.
    let pair = format!("v1:{OF_BYTES},v1:{OF_OLD}");
    for known in [new, old] {
        assert_eq!(check(&WebhookKeys::new(&[known], KeyForm::Hex), &pair), Ok(()));
    }
    assert_eq!(check(&WebhookKeys::new(&[], KeyForm::Hex), &pair), Err(SignatureError::Mismatch));
}

#[test]
fn what_was_changed_is_not_believed() {
    let header = format!("v1:{OF_BYTES}");
    let keys = keys(KeyForm::Hex);
    let verify = |body: &str, time: &str, header: &str| {
        keys.verify(body.as_bytes(), time, header, now(), TimeDelta::days(5))
    };
    assert_eq!(verify(BODY, TIME, &header), Ok(()));
    // The same JSON in other bytes is another body; the same instant in other words is another time.
    let spaced = BODY.replace(",\"", ", \"");
    assert_eq!(verify(&spaced, TIME, &header), Err(SignatureError::Mismatch));
    assert_eq!(verify(BODY, "2026-03-02T00:00:05.000000+00:00", &header), Err(SignatureError::Mismatch));
    assert_eq!(verify(&format!("{BODY}:"), TIME, &header), Err(SignatureError::Mismatch));
    assert_eq!(verify("", TIME, &header), Err(SignatureError::Mismatch));
}

#[test]
fn a_header_that_cannot_be_a_signature_is_refused() {
    let keys = keys(KeyForm::Hex);
    for empty in ["", "  "] {
        assert_eq!(check(&keys, empty), Err(SignatureError::Missing));
    }
    let five = vec![format!("v1:{OF_BYTES}"); 5].join(",");
    let long = format!("v1:{OF_BYTES},{}", "x".repeat(500));
    let bare = OF_BYTES.to_owned();
    let other = format!("v2:{OF_BYTES}");
    for bad in [five, long, bare, other, "v1:".to_owned(), "v1:AAAA".to_owned(), ",,,".to_owned()] {
        assert_eq!(check(&keys, &bad), Err(SignatureError::Malformed), "{bad}");
    }
    let header = format!("v1:{OF_BYTES}");
    let without_time = keys.verify(BODY.as_bytes(), "now", &header, now(), TimeDelta::days(5));
    assert_eq!(without_time, Err(SignatureError::Malformed));
}

#[test]
fn a_signature_is_believed_for_a_time() {
    let sent = parse_time(TIME).unwrap();
    let header = format!("v1:{OF_BYTES}");
    let keys = keys(KeyForm::Hex);
    let at = |now| keys.verify(BODY.as_bytes(), TIME, &header, now, TimeDelta::days(5));
    assert_eq!(at(sent), Ok(()));
    assert_eq!(at(sent + TimeDelta::days(5)), Ok(()));
    assert_eq!(at(sent + TimeDelta::days(5) + TimeDelta::seconds(1)), Err(SignatureError::TooOld));
    assert_eq!(at(sent - TimeDelta::minutes(10)), Ok(()));
    assert_eq!(at(sent - TimeDelta::minutes(11)), Err(SignatureError::TooNew));
    // A forged one is forged, whatever time it claims.
    let forged = format!("v1:{OF_OLD}");
    let late = sent + TimeDelta::days(99);
    let verdict = keys.verify(BODY.as_bytes(), TIME, &forged, late, TimeDelta::days(5));
    assert_eq!(verdict, Err(SignatureError::Mismatch));
}

#[test]
fn security_keys_are_64_hex_digits_and_hidden() {
    let key = security_key(KEY);
    assert_eq!(key.bytes()[..4], [0x00, 0x11, 0x22, 0x33]);
    assert_eq!(security_key(&KEY.to_uppercase()).bytes(), key.bytes());
    let shown = format!("{key:?} {:?}", keys(KeyForm::Hex));
    assert!(!shown.contains("0011") && !shown.contains("17"), "{shown}");
    for bad in ["", &KEY[1..], &format!("{KEY}0"), &format!("{}g", &KEY[1..]), &"é".repeat(32)] {
        let error = SecurityKey::parse(&SecretString::from(bad)).unwrap_err().to_string();
        assert!(error.ends_with("64 hex digits"), "{error}");
    }
    assert_eq!("hex".parse::<KeyForm>().unwrap(), KeyForm::Hex);
    assert_eq!("ascii".parse::<KeyForm>().unwrap(), KeyForm::Ascii);
    assert!("base64".parse::<KeyForm>().is_err());
}

#[test]
fn a_deposit_proves_itself_by_its_secret() {
    let secret = SecretString::from("ps_secret_value");
    assert!(secret_matches(&secret, "ps_secret_value"));
    for bad in ["", "ps_secret_valu", "ps_secret_value ", "ps_secret_valuf"] {
        assert!(!secret_matches(&secret, bad), "{bad}");
    }
    assert!(!secret_matches(&SecretString::from(""), ""));
}
