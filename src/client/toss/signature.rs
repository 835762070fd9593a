//! Who sent a webhook. Events of payouts and payees are signed: HMAC-SHA256 with the security key over the raw body,
//! a colon and the transmission time. Deposits carry a secret of their payment. Events of payments carry nothing:
//! they are hints, and the payment is read at the provider.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};

use super::key::SecurityKey;
use super::parse::parse_time;
use crate::client::ConfigError;
use crate::clock::Instant;

/// The provider sends two signatures while one of its keys replaces another.
const MAX_SIGNATURES: usize = 4;
/// Four signatures have less than half of that.
const MAX_HEADER: usize = 512;
/// A body of the past may have waited for its retry; one of the future can only come from clocks that disagree.
const MAX_AHEAD: TimeDelta = TimeDelta::minutes(10);

/// How the security key becomes the key of the HMAC. The provider's documents do not say, and the implementations
/// that are known disagree; so it is a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyForm {
    /// The 32 bytes that the digits stand for.
    Hex,
    /// The 64 digits themselves, as ASCII.
    Ascii,
}

impl FromStr for KeyForm {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        match text {
            "hex" => Ok(Self::Hex),
            "ascii" => Ok(Self::Ascii),
            _ => Err(ConfigError::new("form of the signature key", "must be hex or ascii")),
        }
    }
}

/// The keys that a signature may be made with: the current one and, while they rotate, the one before.
#[derive(Clone)]
pub struct WebhookKeys {
    keys: Vec<hmac::Key>,
}

/// Why a signed webhook is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("no signature")]
    Missing,
    #[error("the signature or the transmission time cannot be read")]
    Malformed,
    /// None of the signatures is of one of our keys: forged, or signed with a key that we do not have.
    #[error("the signature is not the provider's")]
    Mismatch,
    /// Signed by the provider, but before the time that is still accepted.
    #[error("sent too long ago")]
    TooOld,
    /// Signed by the provider, but in our future: one of the clocks is wrong.
    #[error("sent in the future")]
    TooNew,
}

impl WebhookKeys {
    pub fn new(keys: &[SecurityKey], form: KeyForm) -> Self {
        let key = |key: &SecurityKey| match form {
            KeyForm::Hex => hmac::Key::new(HMAC_SHA256, &key.bytes()),
            KeyForm::Ascii => hmac::Key::new(HMAC_SHA256, key.digits()),
        };
        Self { keys: keys.iter().map(key).collect() }
    }

    /// Believes a webhook whose signature is made with one of our keys and whose transmission time is no older than
    /// `tolerance` at `now`.
    ///
    /// `raw_body`: the bytes as they came. `transmission_time` and `header`: the text of the provider's headers
    /// `tosspayments-webhook-transmission-time` and `tosspayments-webhook-signature`; the latter holds
    /// `v1:<base64>`, several of them separated by commas.
    ///
    /// # Errors
    /// See [`SignatureError`]. A time is only judged once it is proved to be the provider's.
    pub fn verify(
        &self,
        raw_body: &[u8],
        transmission_time: &str,
        header: &str,
        now: Instant,
        tolerance: TimeDelta,
    ) -> Result<(), SignatureError> {
        let signatures = signatures(header)?;
        let sent = parse_time(transmission_time.trim()).ok_or(SignatureError::Malformed)?;
        // Every pair is compared, so that the time taken tells nothing of which one fits.
        let mut fits = false;
        for key in &self.keys {
            let mut context = hmac::Context::with_key(key);
            for part in [raw_body, b":", transmission_time.as_bytes()] {
                context.update(part);
            }
            let expected = context.sign();
            for signature in &signatures {
                fits |= verify_slices_are_equal(expected.as_ref(), signature).is_ok();
            }
        }
        if !fits {
            return Err(SignatureError::Mismatch);
        }
        if now.signed_duration_since(sent) > tolerance {
            return Err(SignatureError::TooOld);
        }
        if sent.signed_duration_since(now) > MAX_AHEAD {
            return Err(SignatureError::TooNew);
        }
        Ok(())
    }
}

impl fmt::Debug for WebhookKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookKeys").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

/// The signatures of the one version that we know. Others may stand beside them, and so may one that is broken.
fn signatures(header: &str) -> Result<Vec<Vec<u8>>, SignatureError> {
    if header.trim().is_empty() {
        return Err(SignatureError::Missing);
    }
    if header.len() > MAX_HEADER || header.split(',').count() > MAX_SIGNATURES {
        return Err(SignatureError::Malformed);
    }
    let read = |part: &str| STANDARD.decode(part.trim().strip_prefix("v1:")?).ok();
    let found: Vec<_> = header.split(',').filter_map(read).filter(|bytes| bytes.len() == 32).collect();
    if found.is_empty() { Err(SignatureError::Malformed) } else { Ok(found) }
}

/// Whether a deposit webhook carries the secret of the payment it names, compared in constant time.
pub fn secret_matches(expected: &SecretString, received: &str) -> bool {
    let expected = expected.expose_secret();
    !expected.is_empty() && verify_slices_are_equal(expected.as_bytes(), received.as_bytes()).is_ok()
}
