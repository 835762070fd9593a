//! Mail over SMTP. What is sent is text that others partly wrote: no address and no header can be added by it.

mod compose;
pub mod report;
mod tls;
mod verdict;

use std::time::Duration;

use lettre::address::Envelope;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::PoolConfig;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use tracing::Span;
use tracing::field::Empty;

use super::ConfigError;
use crate::trace;
pub use verdict::about_mailbox_by_status;

const SETTING: &str = "mail server";
/// For each step of the dialogue.
const TIMEOUT: Duration = Duration::from_secs(20);
/// A server may take its time over the body; it must stay below the time a job is given.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(50);
/// A mail waits for its server most of the time, 40 ms of it where the last line is held back until the body before it is
/// acknowledged (Nagle). Postfix takes 50 of one client by default.
const MAX_CONNECTIONS: u32 = 32;

/// Cheap to clone; keeps a few connections open.
#[derive(Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    /// The envelope's sender, where it is not that of the mail.
    bounces: Option<Address>,
    host: String,
}

/// One mail to one person.
#[derive(Clone)]
pub struct Mail {
    /// A bare address, such as `mina@example.com`.
    pub to: String,
    pub subject: String,
    pub text: String,
    pub html: Option<String>,
    /// What the recipient's calendar is to do.
    pub calendar: Option<Calendar>,
    /// Where a press of the mail program's own button unsubscribes (RFC 8058).
    pub unsubscribe: Option<String>,
    /// The same on every retry, so that a mail that was sent twice is recognised as one: the id of the notice,
    /// in ASCII letters, digits, `-`, `_` and `.`.
    pub message_id: String,
}

/// An iCalendar object (RFC 5545) and what it asks for (RFC 5546).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// `REQUEST` or `CANCEL`, as the object itself says.
    pub method: &'static str,
    pub body: String,
}

#[derive(Clone, Debug)]
pub struct Sent {
    /// The whole `Message-ID`, with its angle brackets.
    pub message_id: String,
    /// What the server said, for its operator: usually its queue id.
    pub reply: String,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum MailError {
    /// The server refused the mailbox for good, whatever the mail. `gone`: there is none of this name.
    #[error("mailbox refused for good: {why}")]
    Mailbox { why: String, gone: bool },
    /// This mail will never be accepted: the address is none, or the server refused it for good.
    #[error("refused for good: {0}")]
    Permanent(String),
    /// Worth another try. The mail may have been sent: the connection can break after the server took it.
    #[error("not sent: {0}")]
    Transient(String),
}

impl MailError {
    /// Whether another try is in vain.
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::Transient(_))
    }
}

impl Mailer {
    /// `smtp_url`: `smtps://user:password@host` or `smtp://host:port?tls=required`. Must be called inside a
    /// Tokio runtime. `from`: such as `Konnect <no-reply@konnect.example>`.
    ///
    /// # Errors
    /// When either is malformed, or a password would travel in plain text to another machine.
    pub fn new(smtp_url: &SecretString, from: &str) -> Result<Self, ConfigError> {
        Self::trusting(smtp_url, from, &[])
    }

    /// The same, believing also servers whose certificates these (PEM) signed, beside those of the public authorities.
    ///
    /// # Errors
    /// As above, and when there is no certificate in the text.
    pub fn trusting(smtp_url: &SecretString, from: &str, roots: &[u8]) -> Result<Self, ConfigError> {
        let url = smtp_url.expose_secret();
        refuse_open_password(url)?;
        let from = from.parse().map_err(|_| ConfigError::new(SETTING, "the sender is not an address"))?;
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .map_err(|_| ConfigError::new(SETTING, "not smtps://…, smtp://…?tls=required or smtp://…"))?;
        if !roots.is_empty() {
            transport = transport.tls(tls::trusting(url, roots)?);
        }
        let transport = transport
            .timeout(Some(TIMEOUT))
            .pool_config(PoolConfig::new().max_size(MAX_CONNECTIONS).idle_timeout(Duration::from_secs(30)))
            .build();
        let host =
            url.parse::<Url>().ok().and_then(|url| url.host_str().map(ToOwned::to_owned)).unwrap_or_default();
        Ok(Self { transport, from, bounces: None, host })
    }

    /// The same, with another envelope sender (`MAIL FROM`, `Return-Path`): mails that cannot be delivered come back to
    /// that bare address.
    ///
    /// # Errors
    /// When it is no address.
    pub fn returning_to(self, address: &str) -> Result<Self, ConfigError> {
        let address =
            address.parse().map_err(|_| ConfigError::new("SMTP_BOUNCE_ADDRESS", "not a bare address"))?;
        Ok(Self { bounces: Some(address), ..self })
    }

    /// The bare address mails come from.
    pub fn address(&self) -> String {
        self.from.email.to_string()
    }

    /// Hands one mail over.
    ///
    /// # Errors
    /// [`MailError`]; after a transient one the mail may have been sent all the same.
    pub async fn send(&self, mail: Mail) -> Result<Sent, MailError> {
        let (message, message_id) = compose::compose(&self.from, mail)?;
        let span = match trace::is_in_span() {
            true => tracing::info_span!(
                "mail",
                otel.name = "SMTP send",
                otel.kind = "client",
                otel.status_code = Empty,
                network.protocol.name = "smtp",
                server.address = self.host,
            ),
            false => Span::none(),
        };
        let (envelope, message) = (self.envelope(&message), message.formatted());
        let sending = tokio::time::timeout(TOTAL_TIMEOUT, self.transport.send_raw(&envelope, &message));
        let sent = trace::within(span.clone(), sending).await;
        if !matches!(sent, Ok(Ok(_))) {
            span.record("otel.status_code", "error");
        }
        let reply = sent
            .map_err(|_| MailError::Transient(format!("no answer within {} s", TOTAL_TIMEOUT.as_secs())))?
            .map_err(|error| verdict::judge(&error))?;
        Ok(Sent { message_id, reply: reply.first_line().unwrap_or_default().to_owned() })
    }

    fn envelope(&self, message: &Message) -> Envelope {
        let plain = message.envelope();
        let back = self.bounces.clone().map(|from| Envelope::new(Some(from), plain.to().to_vec()));
        // An envelope is refused without a recipient alone, and a mail has one.
        back.and_then(Result::ok).unwrap_or_else(|| plain.clone())
    }
}

fn refuse_open_password(url: &str) -> Result<(), ConfigError> {
    let url: Url = url.parse().map_err(|_| ConfigError::new(SETTING, "not a URL"))?;
    let encrypted = url.scheme() == "smtps" || url.query_pairs().any(|(k, v)| k == "tls" && v == "required");
    let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if url.password().is_some() && !encrypted && !local {
        return Err(ConfigError::new(SETTING, "a password needs smtps:// or ?tls=required"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
