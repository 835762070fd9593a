//! An authenticator app, from the standards alone (RFC 4648, RFC 4226, RFC 6238).

use chrono::{DateTime, Utc};

/// The six digits that an app with this secret (base 32) shows at an instant.
pub fn totp(secret: &str, at: DateTime<Utc>) -> String {
    let mut bits = String::new();
    for character in secret.bytes() {
        let value = match character {
            b'A'..=b'Z' => character - b'A',
            b'2'..=b'7' => character - b'2' + 26,
            _ => panic!("no base 32"),
        };
        bits.push_str(&format!("{value:05b}"));
    }
    let bytes: Vec<u8> = bits
        .as_bytes()
        .chunks_exact(8)
        .map(|octet| u8::from_str_radix(std::str::from_utf8(octet).expect("digits"), 2).expect("bits"))
        .collect();
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes);
    let counter = u64::try_from(at.timestamp() / 30).expect("after 1970");
    let tag = aws_lc_rs::hmac::sign(&key, &counter.to_be_bytes());
    let offset = usize::from(tag.as_ref()[19] & 15);
    let word: [u8; 4] = tag.as_ref()[offset..offset + 4].try_into().expect("four bytes");
    format!("{:06}", (u32::from_be_bytes(word) & 0x7fff_ffff) % 1_000_000)
}
