//! AWS Signature Version 4 of a request that carries its signature in a header, as the S3 protocol asks for it
//! (AWS, "Authenticating Requests: Using the Authorization Header").

use std::fmt::Write;

use aws_lc_rs::{digest, hmac};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

pub(super) struct Signer {
    pub region: String,
    pub access_key: String,
    pub secret_key: SecretString,
}

/// What is signed. The path is encoded already, and there is no query.
pub(super) struct Asked<'a> {
    pub method: &'a str,
    pub path: &'a str,
    /// Lower-case names, sorted, with trimmed values; `host` is among them.
    pub headers: &'a [(&'a str, &'a str)],
    /// Of the body, in hexadecimal digits.
    pub body_sha256: &'a str,
}

impl Signer {
    /// The value of `Authorization`. `at` must be the `x-amz-date` among the headers.
    pub fn authorization(&self, asked: &Asked, at: DateTime<Utc>) -> String {
        let (day, instant) = (at.format("%Y%m%d").to_string(), stamp(at));
        let scope = format!("{day}/{}/s3/aws4_request", self.region);
        let names = asked.headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let lines: String = asked.headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let canonical =
            format!("{}\n{}\n\n{lines}\n{names}\n{}", asked.method, asked.path, asked.body_sha256);
        let text = format!("{ALGORITHM}\n{instant}\n{scope}\n{}", sha256_hex(canonical.as_bytes()));
        let signature = hex(mac(&self.key(&day), text.as_bytes()).as_ref());
        let key = &self.access_key;
        format!("{ALGORITHM} Credential={key}/{scope},SignedHeaders={names},Signature={signature}")
    }

    /// The key of a day, a region and a service.
    fn key(&self, day: &str) -> Vec<u8> {
        let secret = format!("AWS4{}", self.secret_key.expose_secret());
        [day, &self.region, "s3", "aws4_request"]
            .iter()
            .fold(secret.into_bytes(), |key, part| mac(&key, part.as_bytes()).as_ref().to_vec())
    }
}

/// The form of `x-amz-date`.
pub(super) fn stamp(at: DateTime<Utc>) -> String {
    at.format("%Y%m%dT%H%M%SZ").to_string()
}

pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn mac(key: &[u8], text: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all");
        text
    })
}
