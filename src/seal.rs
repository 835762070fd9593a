//! Secrets at rest: bank account numbers stand in rows sealed with AES-256-GCM (NIST SP 800-38D), so that a copy of
//! the database alone shows none.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};

const NONCE: usize = 12;

/// Why something cannot be sealed or opened. Never holds what was in it.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("the data key is not 64 hexadecimal digits")]
    Key,
    #[error("the sealed text was made with another key, for another row, or is damaged")]
    Broken,
}

/// Seals and opens. Cheap to clone; its `Debug` shows no key.
#[derive(Clone)]
pub struct Sealer {
    key: std::sync::Arc<RandomizedNonceKey>,
    /// Signs what leaves the house and comes back. Derived, so that no key serves two purposes.
    signing: hmac::Key,
}

impl Sealer {
    /// `key`: 64 hexadecimal digits, 32 bytes.
    pub fn new(key: &SecretString) -> Result<Self, SealError> {
        let bytes = unhex(key.expose_secret().trim()).ok_or(SealError::Key)?;
        let key = RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_| SealError::Key)?;
        let signing = hmac::sign(&hmac::Key::new(HMAC_SHA256, &bytes), b"konnect signing v1");
        let signing = hmac::Key::new(HMAC_SHA256, signing.as_ref());
        Ok(Self { key: std::sync::Arc::new(key), signing })
    }

    /// `bound_to` names the row: a sealed text that was copied to another row does not open there.
    pub fn seal(&self, text: &str, bound_to: &[u8]) -> Vec<u8> {
        let mut sealed = text.as_bytes().to_vec();
        let nonce = self
            .key
            .seal_in_place_append_tag(Aad::from(bound_to), &mut sealed)
            .expect("a short text can be sealed");
        [nonce.as_ref(), &sealed[..]].concat()
    }

    /// # Errors
    /// `Broken`
    pub fn open(&self, sealed: &[u8], bound_to: &[u8]) -> Result<SecretString, SealError> {
        let (nonce, rest) = sealed.split_at_checked(NONCE).ok_or(SealError::Broken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Broken)?;
        let mut text = rest.to_vec();
        let open =
            self.key.open_in_place(nonce, Aad::from(bound_to), &mut text).map_err(|_| SealError::Broken)?;
        let text = std::str::from_utf8(open).map_err(|_| SealError::Broken)?;
        Ok(SecretString::from(text))
    }

    /// Signs a text that others carry, such as a link, with HMAC-SHA256: base64url, 43 characters.
    pub fn sign(&self, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.signing, text.as_bytes()))
    }

    /// Whether a signature is ours, in constant time.
    pub fn is_signed(&self, text: &str, signature: &str) -> bool {
        let tag = URL_SAFE_NO_PAD.decode(signature);
        tag.is_ok_and(|tag| hmac::verify(&self.signing, text.as_bytes(), &tag).is_ok())
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

/// The bytes of an even number of hexadecimal digits.
fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(digit: &str) -> Sealer {
        Sealer::new(&SecretString::from(digit.repeat(64))).expect("a key")
    }

    #[test]
    fn what_is_sealed_opens_with_its_key_and_row_alone() {
        let sealed = sealer("a").seal("110-123-456789", b"row 1");
        assert_eq!(sealer("a").open(&sealed, b"row 1").expect("opens").expose_secret(), "110-123-456789");
        assert!(sealer("a").open(&sealed, b"row 2").is_err());
        assert!(sealer("b").open(&sealed, b"row 1").is_err());
        let mut damaged = sealed.clone();
        damaged[NONCE] ^= 1;
        assert!(sealer("a").open(&damaged, b"row 1").is_err());
        assert!(sealer("a").open(&sealed[..5], b"row 1").is_err());
        assert_ne!(sealed, sealer("a").seal("110-123-456789", b"row 1"), "a nonce is used once");
    }

    #[test]
    fn a_key_has_64_digits() {
        for bad in ["", "a", &"a".repeat(63), &"g".repeat(64), &"a".repeat(66)] {
            assert!(Sealer::new(&SecretString::from(bad)).is_err(), "{bad}");
        }
    }
}
