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

/// The number of a virtual account; real test accounts begin with an X too.
pub(crate) fn account_number() -> String {
    format!("X{:013}", rand::rng().random_range(0..10_000_000_000_000_u64))
}

/// What a deposit callback is recognised by.
pub(crate) fn payment_secret() -> String {
    format!("ps_{}", letters(20))
}

/// At most 35 characters.
pub(crate) fn seller_id() -> String {
    format!("seller_{}", letters(20))
}

pub(crate) fn payout_id() -> String {
    format!("FPA_{}", letters(20))
}

/// Of a v2 webhook; the same in all its deliveries.
pub(crate) fn event_id() -> String {
    uuid().to_string()
}

/// The `nonce` of a JWE header.
pub(crate) fn nonce() -> String {
    uuid().to_string()
}

/// The 96-bit initialisation vector of AES-GCM.
pub(crate) fn initialisation_vector() -> [u8; 12] {
    rand::rng().random()
}

fn letters(count: usize) -> String {
    let mut rng = rand::rng();
    (0..count).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())])).collect()
}

#[expect(clippy::disallowed_methods, reason = "this is the room where the stand-in makes ids")]
fn uuid() -> Uuid {
    Uuid::new_v4()
}
