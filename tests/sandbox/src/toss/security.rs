//! The security key of the payout service: it opens and seals bodies, and signs webhooks.
//!
//! A key that was replaced stays valid for seven days beside the new one.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::jwe::{self, Key};
use crate::clock::Instant;

/// The security key a stand-in has when none is given: 64 hexadecimal digits of a test.
pub const TEST_SECURITY_KEY: &str = "5d1f0c8e7a934b26b8c4e1d2f3a6978805162738495a6b7c8d9eafb0c1d2e3f4";

const OLD_KEY_LIVES: TimeDelta = TimeDelta::days(7);

/// Which bytes of the security key sign webhooks: the official text does not say, and clients differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignatureKey {
    /// The 32 bytes that the 64 digits stand for.
    #[default]
    HexDecoded,
    /// The 64 characters themselves.
    Ascii,
}

/// The signature of a webhook that is sent at a test's command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signature {
    /// As the provider would sign this body now.
    Valid,
    /// No header at all.
    Missing,
    /// Well-formed, of another key.
    WrongKey,
    /// The provider's, but of another body.
    OtherBody,
    /// The provider's, but of another time than the header says.
    OtherTime,
    /// The provider's, and one day old: a delivery that was caught and is played again.
    OldTime,
    /// A header that is no signature.
    Malformed,
}

#[derive(Clone, Debug)]
struct SecurityKey {
    text: String,
    bytes: Key,
}

impl SecurityKey {
    fn parse(text: &str) -> anyhow::Result<Self> {
        let bytes = decode_hex(text)
            .ok_or_else(|| anyhow::anyhow!("the security key must have 64 hexadecimal digits"))?;
        Ok(Self { text: text.to_owned(), bytes })
    }

    fn sign(&self, form: SignatureKey, body: &[u8], time: &str) -> String {
        let key = match form {
            SignatureKey::HexDecoded => &self.bytes[..],
            SignatureKey::Ascii => self.text.as_bytes(),
        };
        format!("v1:{}", hmac_base64(key, body, time))
    }
}

/// The keys that are valid now.
#[derive(Debug)]
pub(crate) struct Security {
    current: SecurityKey,
    /// And when it ends.
    previous: Option<(SecurityKey, Instant)>,
    pub(crate) form: SignatureKey,
}

impl Default for Security {
    fn default() -> Self {
        Self::new(TEST_SECURITY_KEY).expect("the test key is well-formed")
    }
}

impl Security {
    pub(crate) fn new(text: &str) -> anyhow::Result<Self> {
        Ok(Self { current: SecurityKey::parse(text)?, previous: None, form: SignatureKey::default() })
    }

    /// Makes `text` the key; the one before lives on for seven days, the one before that ends now.
    pub(crate) fn rotate(&mut self, text: &str, now: Instant) -> anyhow::Result<()> {
        let old = std::mem::replace(&mut self.current, SecurityKey::parse(text)?);
        self.previous = Some((old, now + OLD_KEY_LIVES));
        Ok(())
    }

    pub(crate) fn current(&self) -> Key {
        self.current.bytes
    }

    /// The plain text, and the key that opened it: the reply is sealed with the same one.
    pub(crate) fn open(&self, jwe: &str, now: Instant) -> Option<(Vec<u8>, Key)> {
        self.valid(now).find_map(|key| Some((jwe::open(&key.bytes, jwe)?, key.bytes)))
    }

    /// The signature header; with two keys the old one's comes first.
    pub(crate) fn sign(&self, body: &[u8], time: &str, now: Instant) -> String {
        let signatures: Vec<String> = self.valid(now).map(|key| key.sign(self.form, body, time)).collect();
        signatures.join(",")
    }

    /// A signature of a key that nobody has.
    pub(crate) fn sign_wrongly(body: &[u8], time: &str) -> String {
        format!("v1:{}", hmac_base64(&[7; 32], body, time))
    }

    fn valid(&self, now: Instant) -> impl Iterator<Item = &SecurityKey> {
        let previous = self.previous.as_ref().filter(move |(_, ends)| now < *ends).map(|(key, _)| key);
        previous.into_iter().chain([&self.current])
    }
}

/// HMAC-SHA256 over `<raw body>:<transmission time>`.
fn hmac_base64(key: &[u8], body: &[u8], time: &str) -> String {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in [body, b":", time.as_bytes()] {
        context.update(part);
    }
    STANDARD.encode(context.sign())
}

fn decode_hex(text: &str) -> Option<Key> {
    if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}
