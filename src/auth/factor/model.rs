//! A second factor, and what is shown of it. Pure.

use secrecy::SecretString;

use crate::clock::Instant;
use crate::id::{UserId, random_bytes};

/// How many codes there are for whoever has lost the device.
pub(super) const RECOVERY_CODES: usize = 10;
const RECOVERY_LENGTH: usize = 10;
/// Letters and digits that nobody takes for one another.
const RECOVERY_ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const ISSUER: &str = "Konnect";

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    pub secret: Vec<u8>,
    pub last_step: i64,
    pub confirmed_at: Option<Instant>,
}

/// A secret on its way into an authenticator app: the only moment at which it is shown.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// In base 32.
    pub secret: SecretString,
    /// For a QR code.
    pub uri: SecretString,
}

impl Enrolment {
    pub(super) fn new(secret: &str, account: &str) -> Self {
        let account = encode(account);
        let uri = format!(
            "otpauth://totp/{ISSUER}:{account}?secret={secret}&issuer={ISSUER}&algorithm=SHA1&digits=6&period=30"
        );
        Self { secret: secret.to_owned().into(), uri: uri.into() }
    }
}

/// What is known of somebody's second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FactorStanding {
    /// Since when it guards the account (UTC); absent when there is none.
    pub since: Option<Instant>,
    pub recovery_codes_left: i64,
}

/// What somebody typed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// Six digits.
    Code(String),
    Recovery(String),
    Neither,
}

impl Typed {
    /// Spaces, hyphens and the case do not matter.
    pub fn parse(text: &str) -> Self {
        let plain: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        if plain.len() == 6 && plain.bytes().all(|b| b.is_ascii_digit()) {
            return Self::Code(plain);
        }
        let plain = plain.to_ascii_lowercase();
        let is_recovery =
            plain.len() == RECOVERY_LENGTH && plain.bytes().all(|b| RECOVERY_ALPHABET.contains(&b));
        if is_recovery { Self::Recovery(plain) } else { Self::Neither }
    }
}

/// A fresh recovery code, without its hyphen: 50 random bits.
pub(super) fn recovery_code() -> String {
    let bytes = random_bytes::<RECOVERY_LENGTH>();
    bytes.iter().map(|byte| char::from(RECOVERY_ALPHABET[usize::from(byte & 31)])).collect()
}

/// As it is shown.
pub(super) fn shown(code: &str) -> String {
    let (first, rest) = code.split_at(RECOVERY_LENGTH / 2);
    format!("{first}-{rest}")
}

/// What the MAC of a recovery code is made over.
pub(super) fn signed(user: UserId, code: &str) -> String {
    format!("recovery.v1 {user} {code}")
}

/// To what row a secret is sealed.
pub(super) fn row_name(user: UserId) -> Vec<u8> {
    [b"second-factor ".as_slice(), user.0.as_bytes()].concat()
}

fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'~' => {
                encoded.push(char::from(byte))
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn what_is_typed_is_a_code_or_a_recovery_code() {
        assert_eq!(Typed::parse(" 123 456 "), Typed::Code("123456".into()));
        assert_eq!(Typed::parse("ABCDE-01234"), Typed::Recovery("abcde01234".into()));
        for text in ["", "12345", "1234567", "abcde-0123u", "abcde-012345", "١٢٣٤٥٦"] {
            assert_eq!(Typed::parse(text), Typed::Neither, "{text}");
        }
        let fresh = recovery_code();
        assert_eq!(Typed::parse(&shown(&fresh).to_uppercase()), Typed::Recovery(fresh.clone()));
        assert_ne!(fresh, recovery_code());
    }

    #[test]
    fn an_address_cannot_leave_its_place_in_the_uri() {
        let enrolment = Enrolment::new("MZXQ", "a+b&secret=x@konnect.test");
        let uri = enrolment.uri.expose_secret();
        assert!(
            uri.starts_with("otpauth://totp/Konnect:a%2Bb%26secret%3Dx%40konnect.test?secret=MZXQ&"),
            "{uri}"
        );
    }
}
