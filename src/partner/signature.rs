//! Signatures of the Standard Webhooks specification (standardwebhooks.com): HMAC-SHA256 over id, time and body.

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use super::model::Message;
use crate::id;

const PREFIX: &str = "whsec_";

/// A new secret: `whsec_` and 32 random bytes in base64.
pub(super) fn new_secret() -> SecretString {
    SecretString::from(format!("{PREFIX}{}", STANDARD.encode(id::random_bytes::<32>())))
}

/// The three headers of a message. Each good secret signs; a receiver takes any of the signatures.
pub fn headers(message: &Message) -> [(&'static str, String); 3] {
    let timestamp = message.at.timestamp().to_string();
    let signed = format!("{}.{timestamp}.{}", message.id, message.body);
    let signatures: Vec<_> = message.secrets.iter().map(|secret| sign(secret, &signed)).collect();
    [
        ("webhook-id", message.id.to_string()),
        ("webhook-timestamp", timestamp),
        ("webhook-signature", signatures.join(" ")),
    ]
}

fn sign(secret: &SecretString, signed: &str) -> String {
    let text = secret.expose_secret();
    let key = STANDARD.decode(text.strip_prefix(PREFIX).unwrap_or(text)).unwrap_or_default();
    let tag = hmac::sign(&hmac::Key::new(HMAC_SHA256, &key), signed.as_bytes());
    format!("v1,{}", STANDARD.encode(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with `openssl dgst -sha256 -mac HMAC -macopt hexkey:…` and base64.
    #[test]
    fn a_signature_is_that_of_the_specification() {
        let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signed = "msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}";
        assert_eq!(sign(&secret, signed), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn secrets_differ() {
        let (one, two) = (new_secret(), new_secret());
        let bytes = |s: &SecretString| STANDARD.decode(&s.expose_secret()[PREFIX.len()..]).expect("base64");
        assert_eq!(bytes(&one).len(), 32);
        assert_ne!(bytes(&one), bytes(&two));
    }
}
