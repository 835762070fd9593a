//! Mail over SMTP. What is sent is text that others partly wrote: no address and no header can be added by it.

use std::time::Duration;

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::response::Code;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::ConfigError;

const SETTING: &str = "mail server";
/// For each step of the dialogue.
const TIMEOUT: Duration = Duration::from_secs(20);
/// A server may take its time over the body; it must stay below the time a job is given.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(50);
const MAX_CONNECTIONS: u32 = 4;

/// Cheap to clone; keeps a few connections open.
#[derive(Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// One mail to one person.
#[derive(Clone)]
pub struct Mail {
    /// A bare address, such as `mina@example.com`.
    pub to: String,
    pub subject: String,
    pub text: String,
    pub html: Option<String>,
    /// The same on every retry, so that a mail that was sent twice is recognised as one: the id of the notice,
    /// in ASCII letters, digits, `-`, `_` and `.`.
    pub message_id: String,
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
    /// This mail will never be accepted: the address is none, or the server refused it for good.
    #[error("refused for good: {0}")]
    Permanent(String),
    /// Worth another try. The mail may have been sent: the connection can break after the server took it.
    #[error("not sent: {0}")]
    Transient(String),
}

impl Mailer {
    /// `smtp_url`: `smtps://user:password@host` or `smtp://host:port?tls=required`. Must be called inside a
    /// Tokio runtime. `from`: such as `Konnect <no-reply@konnect.example>`.
    ///
    /// # Errors
    /// When either is malformed, or a password would travel in plain text to another machine.
    pub fn new(smtp_url: &SecretString, from: &str) -> Result<Self, ConfigError> {
        let url = smtp_url.expose_secret();
        refuse_open_password(url)?;
        let from = from.parse().map_err(|_| ConfigError::new(SETTING, "the sender is not an address"))?;
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .map_err(|_| ConfigError::new(SETTING, "not smtps://…, smtp://…?tls=required or smtp://…"))?
            .timeout(Some(TIMEOUT))
            .pool_config(PoolConfig::new().max_size(MAX_CONNECTIONS).idle_timeout(Duration::from_secs(30)))
            .build();
        Ok(Self { transport, from })
    }

    pub async fn send(&self, mail: Mail) -> Result<Sent, MailError> {
        let (message, message_id) = compose(&self.from, mail)?;
        let sending = tokio::time::timeout(TOTAL_TIMEOUT, self.transport.send(message));
        let reply = sending
            .await
            .map_err(|_| MailError::Transient(format!("no answer within {} s", TOTAL_TIMEOUT.as_secs())))?
            .map_err(|error| judge(&error))?;
        Ok(Sent { message_id, reply: reply.first_line().unwrap_or_default().to_owned() })
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

/// A 5yz answer is final for this mail, except one about our own login (RFC 4954: 530, 534, 535, 538): that
/// is for the operator to repair, and no mail must be lost over it.
fn judge(error: &lettre::transport::smtp::Error) -> MailError {
    let text = super::http::reason(error);
    match error.status() {
        Some(code) if error.is_permanent() && !is_about_login(code) => MailError::Permanent(text),
        _ => MailError::Transient(text),
    }
}

fn is_about_login(code: Code) -> bool {
    matches!(code.to_string().as_str(), "530" | "534" | "535" | "538")
}

fn compose(from: &Mailbox, mail: Mail) -> Result<(Message, String), MailError> {
    let refuse = |what: &str| MailError::Permanent(what.to_owned());
    if mail.to.chars().any(char::is_control) {
        return Err(refuse("the recipient's address holds a control character"));
    }
    let to: Address = mail.to.parse().map_err(|_| refuse("the recipient's address is malformed"))?;
    let id_is_plain = mail.message_id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if mail.message_id.is_empty() || mail.message_id.len() > 100 || !id_is_plain {
        return Err(refuse("the message id is malformed"));
    }
    let message_id = format!("<{}@{}>", mail.message_id, from.email.domain());
    let message = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(one_line(&mail.subject))
        .message_id(Some(message_id.clone()))
        // Keeps out-of-office replies away (RFC 3834).
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ));
    let message = match mail.html {
        Some(html) => message.multipart(MultiPart::alternative_plain_html(mail.text, html)),
        None => message.singlepart(SinglePart::builder().header(ContentType::TEXT_PLAIN).body(mail.text)),
    };
    Ok((message.map_err(|error| MailError::Permanent(error.to_string()))?, message_id))
}

/// A subject is one line: a line end in it would begin another header.
fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests;
