//! Codes that follow from a secret and the time (RFC 6238 over RFC 4226): SHA-1, six digits, steps of 30 seconds, as every
//! authenticator app knows them. Pure.

use aws_lc_rs::hmac::{self, HMAC_SHA1_FOR_LEGACY_USE_ONLY};
use subtle::ConstantTimeEq;

const STEP_SECONDS: i64 = 30;
/// Steps that a phone's clock may be off, either way.
const LEEWAY: i64 = 1;
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The code of one step of time.
fn code(secret: &[u8], step: i64) -> String {
    let key = hmac::Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let mac = hmac::sign(&key, &step.to_be_bytes());
    let mac = mac.as_ref();
    let at = usize::from(mac[mac.len() - 1] & 0x0f);
    let number = u32::from_be_bytes([mac[at] & 0x7f, mac[at + 1], mac[at + 2], mac[at + 3]]);
    format!("{:06}", number % 1_000_000)
}

/// The step of time that a code belongs to, when it is a good one now (seconds of Unix time) and later than `after`.
pub(super) fn step_of(secret: &[u8], given: &str, now: i64, after: i64) -> Option<i64> {
    let current = now.div_euclid(STEP_SECONDS);
    let mut found = None;
    // All are computed, whichever fits.
    for step in current - LEEWAY..=current + LEEWAY {
        if bool::from(code(secret, step).as_bytes().ct_eq(given.as_bytes())) && step > after {
            found = Some(step);
        }
    }
    found
}

/// Base 32 without padding (RFC 4648), as apps take secrets.
pub(super) fn base32(bytes: &[u8]) -> String {
    let mut text = String::new();
    let (mut held, mut bits) = (0_u32, 0);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(ALPHABET[(held >> bits & 31) as usize]));
        }
    }
    if bits > 0 {
        text.push(char::from(ALPHABET[(held << (5 - bits) & 31) as usize]));
    }
    text
}

/// The bytes of such a text; `None` when it is none.
pub(super) fn unbase32(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    for character in text.bytes() {
        let value = ALPHABET.iter().position(|known| *known == character)?;
        held = held << 5 | u32::try_from(value).ok()?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits & 0xff) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    /// RFC 6238, appendix B; the last six of its eight digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        for (seconds, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code(SECRET, seconds / STEP_SECONDS), expected);
        }
    }

    #[test]
    fn a_code_is_good_one_step_early_and_late_and_once() {
        let now = 1_111_111_111;
        let step = now / 30;
        for (given, good) in
            [(step - 2, false), (step - 1, true), (step, true), (step + 1, true), (step + 2, false)]
        {
            let found = step_of(SECRET, &code(SECRET, given), now, 0);
            assert_eq!(found, good.then_some(given));
        }
        assert_eq!(step_of(SECRET, &code(SECRET, step), now, step), None, "it was used");
        assert_eq!(step_of(SECRET, &code(SECRET, step - 1), now, step), None, "a later one was used");
        for wrong in ["", "05047", "0504711", "05047a", "١٢٣٤٥٦"] {
            assert_eq!(step_of(SECRET, wrong, now, 0), None, "{wrong}");
        }
    }

    /// RFC 4648, 10.
    #[test]
    fn secrets_are_written_in_base_32() {
        for (bytes, text) in
            [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foob", "MZXW6YQ"), ("foobar", "MZXW6YTBOI")]
        {
            assert_eq!(base32(bytes.as_bytes()), text);
            assert_eq!(unbase32(text).as_deref(), Some(bytes.as_bytes()));
        }
        assert_eq!(unbase32("MZXW1"), None);
    }
}
