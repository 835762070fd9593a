//! Encrypted bodies: JWE in its compact form (RFC 7516) with `alg: dir` and `enc: A256GCM` (RFC 7518 4.5, 5.3), the
//! one form that the provider's payout API takes. Nothing else is read, so there is nothing to negotiate down.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono_tz::Asia::Seoul;
use serde_json::{Value, json};

use super::key::SecurityKey;
use crate::clock::Instant;
use crate::id;

const IV_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// Why a token cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JweError {
    #[error("malformed token: {0}")]
    Malformed(&'static str),
    /// A header that asks for what we do not do.
    #[error("unsupported token: {0}")]
    Unsupported(&'static str),
    /// The tag does not fit: another key, or changed on the way.
    #[error("the token does not open with this key")]
    Unauthentic,
}

/// `plaintext` for the provider. `iat` is written in Korean time and whole seconds, as its header wants it; `nonce` is
/// new for every token.
pub fn encrypt(key: &SecurityKey, plaintext: &[u8], iat: Instant, nonce: &str) -> String {
    let iat = iat.with_timezone(&Seoul).format("%Y-%m-%dT%H:%M:%S%:z").to_string();
    let header = json!({"alg": "dir", "enc": "A256GCM", "iat": iat, "nonce": nonce}).to_string();
    let header = URL_SAFE_NO_PAD.encode(header);
    let iv = id::random_bytes();
    let (ciphertext, tag) = seal(&key.bytes(), iv, header.as_bytes(), plaintext);
    let [iv, ciphertext, tag] = [&iv[..], &ciphertext, &tag].map(|part| URL_SAFE_NO_PAD.encode(part));
    // There is no encrypted key: both sides have it.
    format!("{header}..{iv}.{ciphertext}.{tag}")
}

/// The plaintext of a token that was made with `key`.
///
/// # Errors
/// When it is not such a token. What is in it must not be looked at then.
pub fn decrypt(key: &SecurityKey, token: &str) -> Result<Vec<u8>, JweError> {
    let parts: Vec<&str> = token.trim().split('.').collect();
    let [header, encrypted_key, iv, ciphertext, tag] = parts[..] else {
        return Err(JweError::Malformed("a token has five parts"));
    };
    check_header(&decode(header)?)?;
    if !encrypted_key.is_empty() {
        return Err(JweError::Malformed("there is an encrypted key"));
    }
    let iv = decode(iv)?.try_into().map_err(|_| JweError::Malformed("the IV has not 96 bits"))?;
    let tag = decode(tag)?;
    if tag.len() != TAG_BYTES {
        return Err(JweError::Malformed("the tag has not 128 bits"));
    }
    let mut sealed = decode(ciphertext)?;
    sealed.extend(tag);
    open(&key.bytes(), iv, header.as_bytes(), sealed)
}

fn decode(part: &str) -> Result<Vec<u8>, JweError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| JweError::Malformed("a part is not base64url"))
}

/// Refuses by name what would change the meaning of the rest. Other fields are the sender's business.
fn check_header(header: &[u8]) -> Result<(), JweError> {
    let header: Value =
        serde_json::from_slice(header).map_err(|_| JweError::Malformed("the header is not JSON"))?;
    let header = header.as_object().ok_or(JweError::Malformed("the header is no object"))?;
    let is = |field: &str, word: &str| header.get(field).and_then(Value::as_str) == Some(word);
    if !is("alg", "dir") {
        return Err(JweError::Unsupported("alg is not dir"));
    }
    if !is("enc", "A256GCM") {
        return Err(JweError::Unsupported("enc is not A256GCM"));
    }
    if header.contains_key("zip") {
        return Err(JweError::Unsupported("zip"));
    }
    if header.contains_key("crit") {
        return Err(JweError::Unsupported("crit"));
    }
    Ok(())
}

/// AES-256-GCM: ciphertext and tag.
fn seal(key: &[u8; 32], iv: [u8; IV_BYTES], aad: &[u8], plaintext: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut text = plaintext.to_vec();
    let tag = cipher(key)
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(iv), Aad::from(aad), &mut text)
        .expect("a body is far below the 64 GiB of one AES-GCM message");
    (text, tag.as_ref().to_vec())
}

/// `sealed` is the ciphertext with its tag behind it.
fn open(key: &[u8; 32], iv: [u8; IV_BYTES], aad: &[u8], mut sealed: Vec<u8>) -> Result<Vec<u8>, JweError> {
    let plaintext = cipher(key)
        .open_in_place(Nonce::assume_unique_for_key(iv), Aad::from(aad), &mut sealed)
        .map_err(|_| JweError::Unauthentic)?;
    let length = plaintext.len();
    sealed.truncate(length);
    Ok(sealed)
}

fn cipher(key: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("a key of 256 bits"))
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    // RFC 7516, Appendix A.1: its content encryption is A256GCM too.
    const RFC_PLAINTEXT: &str = "The true sign of intelligence is not knowledge but imagination.";
    const RFC_KEY: [u8; 32] = [
        177, 161, 244, 128, 84, 143, 225, 115, 63, 180, 3, 255, 107, 154, 212, 246, 138, 7, 110, 91, 112, 46,
        34, 105, 47, 130, 203, 46, 122, 234, 64, 252,
    ];
    const RFC_IV: [u8; 12] = [227, 197, 117, 252, 2, 219, 233, 68, 180, 225, 77, 219];
    const RFC_HEADER: &str = "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ";
    const RFC_CIPHERTEXT: [u8; 63] = [
        229, 236, 166, 241, 53, 191, 115, 196, 174, 43, 73, 109, 39, 122, 233, 96, 140, 206, 120, 52, 51,
        237, 48, 11, 190, 219, 186, 80, 111, 104, 50, 142, 47, 167, 59, 61, 181, 127, 196, 21, 40, 82, 242,
        32, 123, 143, 168, 226, 73, 216, 176, 144, 138, 247, 106, 60, 16, 205, 160, 109, 64, 63, 192,
    ];
    const RFC_TAG: [u8; 16] = [92, 80, 104, 49, 133, 25, 161, 215, 173, 101, 219, 211, 136, 91, 210, 145];

    fn key() -> SecurityKey {
        SecurityKey::parse(&SecretString::from("0123456789abcdef".repeat(4))).unwrap()
    }

    fn now() -> Instant {
        "2026-03-02T00:00:05.987654Z".parse().unwrap()
    }

    fn token() -> String {
        encrypt(&key(), "정산 요청".as_bytes(), now(), "5e7e7b0e-3f0c-4c3a-9b1d-0f3b8f8d7a11")
    }

    /// A token of our key with a header of the test's own.
    fn with_header(header: &str) -> String {
        let header = URL_SAFE_NO_PAD.encode(header);
        let (ciphertext, tag) = seal(&key().bytes(), [7; 12], header.as_bytes(), b"text");
        let [iv, ciphertext, tag] =
            [&[7; 12][..], &ciphertext, &tag].map(|part| URL_SAFE_NO_PAD.encode(part));
        format!("{header}..{iv}.{ciphertext}.{tag}")
    }

    #[test]
    fn the_content_encryption_is_that_of_rfc_7516_a_1() {
        let (ciphertext, tag) = seal(&RFC_KEY, RFC_IV, RFC_HEADER.as_bytes(), RFC_PLAINTEXT.as_bytes());
        assert_eq!(ciphertext, RFC_CIPHERTEXT);
        assert_eq!(tag, RFC_TAG);
        assert_eq!(URL_SAFE_NO_PAD.encode(RFC_IV), "48V1_ALb6US04U3b");
        assert_eq!(URL_SAFE_NO_PAD.encode(&tag), "XFBoMYUZodetZdvTiFvSkQ");
        let sealed = [&RFC_CIPHERTEXT[..], &RFC_TAG].concat();
        let opened = open(&RFC_KEY, RFC_IV, RFC_HEADER.as_bytes(), sealed).unwrap();
        assert_eq!(opened, RFC_PLAINTEXT.as_bytes());
    }

    #[test]
    fn a_token_is_read_back_and_its_header_is_the_providers() {
        let token = token();
        assert_eq!(decrypt(&key(), &token).unwrap(), "정산 요청".as_bytes());
        assert_eq!(decrypt(&key(), &format!("{token}\n")).unwrap(), "정산 요청".as_bytes());
        let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
        assert_eq!(
            serde_json::from_slice::<Value>(&header).unwrap(),
            json!({
                "alg": "dir", "enc": "A256GCM", "iat": "2026-03-02T09:00:05+09:00",
                "nonce": "5e7e7b0e-3f0c-4c3a-9b1d-0f3b8f8d7a11"
            })
        );
        // No IV is used twice, even for the same text at the same time.
        assert_ne!(token, self::token());
        let nothing = encrypt(&key(), b"", now(), "n");
        assert_eq!(decrypt(&key(), &nothing).unwrap(), b"");
    }

    #[test]
    fn a_changed_token_does_not_open() {
        let token = token();
        let parts: Vec<&str> = token.split('.').collect();
        for at in [0, 2, 3, 4] {
            let mut bytes = URL_SAFE_NO_PAD.decode(parts[at]).unwrap();
            // In the header: a letter of the nonce, so that it stays JSON.
            let place = if at == 0 { bytes.len() - 5 } else { 0 };
            bytes[place] ^= 1;
            let changed = URL_SAFE_NO_PAD.encode(bytes);
            let mut parts = parts.clone();
            parts[at] = &changed;
            assert_eq!(decrypt(&key(), &parts.join(".")), Err(JweError::Unauthentic), "part {at}");
        }
        let other = SecurityKey::parse(&SecretString::from("f".repeat(64))).unwrap();
        assert_eq!(decrypt(&other, &token), Err(JweError::Unauthentic));
    }

    #[test]
    fn a_token_of_another_shape_is_refused() {
        let token = token();
        let parts: Vec<&str> = token.split('.').collect();
        let with = |at: usize, part: &str| {
            let mut parts = parts.clone();
            parts[at] = part;
            decrypt(&key(), &parts.join("."))
        };
        for bad in ["", "a.b.c", &format!("{token}."), &parts[..4].join("."), "{\"error\":{}}"] {
            assert!(matches!(decrypt(&key(), bad), Err(JweError::Malformed(_))), "{bad}");
        }
        // An encrypted key, a short and a long IV, a cut tag, padding, and an alphabet that is not base64url.
        for (at, part) in [
            (1, "AAAA"),
            (2, "AAAAAAAAAAA"),
            (2, "AAAAAAAAAAAAAAAAAAAAAA"),
            (4, "AAAAAAAAAAAAAAAA"),
            (4, ""),
            (4, "XFBoMYUZodetZdvTiFvSkQ=="),
            (3, "a+b/"),
            (0, "bm8ganNvbg"),
            (0, "W10"),
        ] {
            assert!(matches!(with(at, part), Err(JweError::Malformed(_))), "part {at}: {part}");
        }
    }

    #[test]
    fn a_header_that_asks_for_more_is_refused() {
        let opened =
            with_header(r#"{"alg":"dir","enc":"A256GCM","iat":"2024-01-01T00:00:00.123456789+09:00"}"#);
        assert_eq!(decrypt(&key(), &opened).unwrap(), b"text");
        for bad in [
            r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#,
            r#"{"alg":"none","enc":"A256GCM"}"#,
            r#"{"enc":"A256GCM"}"#,
            r#"{"alg":"dir","enc":"A128GCM"}"#,
            r#"{"alg":"dir","enc":"A256CBC-HS512"}"#,
            r#"{"alg":"dir"}"#,
            r#"{"alg":["dir"],"enc":"A256GCM"}"#,
            r#"{"alg":"dir","enc":"A256GCM","zip":"DEF"}"#,
            r#"{"alg":"dir","enc":"A256GCM","crit":["iat"],"iat":"x"}"#,
        ] {
            let verdict = decrypt(&key(), &with_header(bad));
            assert!(matches!(verdict, Err(JweError::Unsupported(_))), "{bad}: {verdict:?}");
        }
    }
}
