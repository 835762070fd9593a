//! Identities the stand-in hands out: its one source of randomness.

use rand::RngExt;
use uuid::Uuid;

use crate::clock::{Instant, kst};

const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Like the real ones: a prefix of the merchant, Korean time, random letters. An identifier, not a secret.
pub(crate) fn payment_key(now: Instant) -> String {
    format!("konne{}{}", kst(now).format("%Y%m%d%H%M%S"), letters(12))
}

/// One per approval and per cancel.
pub(crate) fn transaction_key() -> String {
    uuid().simple().to_string().to_uppercase()
}

pub(crate) fn trace_id() -> String {
    uuid().simple().to_string()
}

pub(crate) fn transmission_id() -> String {
    uuid().to_string()
}

/// The last part of the name FCM gives to a message.
pub(crate) fn message_id() -> String {
    format!("0:{}", letters(16))
}

/// An access token of the OAuth endpoint.
pub(crate) fn access_token() -> String {
    format!("ya29.{}", letters(48))
}

/// The eight digits a card company answers an approval with.
pub(crate) fn approve_no() -> String {
    format!("{:08}", rand::rng().random_range(0..100_000_000_u32))
}

fn letters(count: usize) -> String {
    let mut rng = rand::rng();
    (0..count).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())])).collect()
}

#[expect(clippy::disallowed_methods, reason = "this is the room where the stand-in makes ids")]
fn uuid() -> Uuid {
    Uuid::new_v4()
}
