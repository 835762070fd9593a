//! Bodies of the payout service: JWE in compact form (RFC 7516), `alg` dir, `enc` A256GCM.
//!
//! The protected header must also hold `iat` (whole seconds with an offset) and `nonce` (a UUID). Replies carry
//! an `iat` with fractions of a second and name their fields in another order, as the real ones do.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;
use serde::Deserialize;

use crate::clock::{Instant, kst};
use crate::id;

/// The 32 bytes of a security key.
pub(crate) type Key = [u8; 32];

#[derive(Deserialize)]
struct Header {
    alg: String,
    enc: String,
    iat: String,
    nonce: String,
}

impl Header {
    fn is_valid(&self) -> bool {
        self.alg == "dir" && self.enc == "A256GCM" && is_whole_second(&self.iat) && is_uuid(&self.nonce)
    }
}

/// The plain text of a reply as a JWE.
pub(crate) fn reply(key: &Key, plain: &[u8], now: Instant) -> String {
    // The clock is cut to seconds; the digits behind it are what real replies look like.
    let iat = kst(now).format("%Y-%m-%dT%H:%M:%S.123456789%:z");
    let nonce = id::nonce();
    let header = format!(r#"{{"iat":"{iat}","nonce":"{nonce}","enc":"A256GCM","alg":"dir"}}"#);
    seal(key, &header, id::initialisation_vector(), plain)
}

/// The plain text of a request; `None` when it is no JWE, its header is not as it must be, or the key is wrong.
pub(crate) fn open(key: &Key, jwe: &str) -> Option<Vec<u8>> {
    let parts: Vec<&str> = jwe.trim().split('.').collect();
    // With `dir` there is no encrypted key between the header and the vector.
    let [protected, "", iv, text, tag] = parts.as_slice() else { return None };
    let header: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(protected).ok()?).ok()?;
    if !header.is_valid() {
        return None;
    }
    let iv: [u8; 12] = URL_SAFE_NO_PAD.decode(iv).ok()?.try_into().ok()?;
    let tag: [u8; MAX_TAG_LEN] = URL_SAFE_NO_PAD.decode(tag).ok()?.try_into().ok()?;
    let mut sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
    sealed.extend_from_slice(&tag);
    let aad = Aad::from(protected.as_bytes());
    let length = cipher(key).open_in_place(Nonce::assume_unique_for_key(iv), aad, &mut sealed).ok()?.len();
    sealed.truncate(length);
    Some(sealed)
}

/// A JWE over `plain` with exactly this header.
pub(crate) fn seal(key: &Key, header: &str, iv: [u8; 12], plain: &[u8]) -> String {
    let protected = URL_SAFE_NO_PAD.encode(header);
    let mut text = plain.to_vec();
    let aad = Aad::from(protected.as_bytes());
    let tag = cipher(key)
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(iv), aad, &mut text)
        .expect("a body of at most a megabyte can be sealed");
    let [iv, text, tag] = [&iv[..], &text, tag.as_ref()].map(|part| URL_SAFE_NO_PAD.encode(part));
    format!("{protected}..{iv}.{text}.{tag}")
}

fn cipher(key: &Key) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("32 bytes are a key of AES-256"))
}

/// `2026-11-23T16:00:00+09:00`: fractions of a second are said to be refused.
fn is_whole_second(text: &str) -> bool {
    DateTime::parse_from_rfc3339(text).is_ok() && text.len() == 25
}

fn is_uuid(text: &str) -> bool {
    uuid::Uuid::try_parse(text).is_ok()
}
