//! Clients of outside services: payments, mail, push, who somebody is, and where files lie. They know no domain and no SQL; who calls them decides
//! what an answer means for a booking. None of them is called inside a transaction.

mod call;
pub mod fcm;
pub mod files;
mod http;
pub mod identity;
pub mod mail;
#[cfg(test)]
mod stub;
pub mod toss;
pub mod webhook;

/// A setting that a client cannot work with; found when the process starts. Never holds a secret.
#[derive(Debug, thiserror::Error)]
#[error("{setting}: {reason}")]
pub struct ConfigError {
    /// What was being set, in words.
    pub setting: &'static str,
    pub reason: String,
}

impl ConfigError {
    fn new(setting: &'static str, reason: impl Into<String>) -> Self {
        Self { setting, reason: reason.into() }
    }
}
