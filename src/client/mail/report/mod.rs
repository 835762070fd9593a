//! Delivery reports (RFC 3464, in the frame of RFC 6522): what a mail server says of a mail that it had taken, or that
//! another one did, and could not deliver after all. Everything in one is a stranger's words.

mod mime;

use mail_parser::Header;

use crate::redact;
use mime::Part;

/// What a delivery report is, and the same for addresses beyond ASCII (RFC 6533).
const STATUSES: [&str; 2] = ["message/delivery-status", "message/global-delivery-status"];
/// The mail it is about, or its headers.
const ORIGINALS: [&str; 4] =
    ["message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"];
/// A mail of ours has one recipient, and a list behind it has others.
const RECIPIENTS_MAX: usize = 50;
/// RFC 5321 4.5.3.1: a path has 256 octets, and an address beyond ASCII may be longer.
const ADDRESS_MAX: usize = 320;
/// RFC 5322 has no longer line.
const MESSAGE_ID_MAX: usize = 998;
/// Characters of a server's words that are kept.
const DIAGNOSTIC_MAX: usize = 1_000;

/// A mail that came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The `Message-ID` of the mail, with its angle brackets.
    pub message_id: String,
    /// Whom it did not reach; never empty.
    pub failures: Vec<Failure>,
}

/// A recipient whom a mail did not reach, and will not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The address that the mail was sent to, as the report writes it.
    pub recipient: String,
    /// A `5.x.y` of RFC 3463.
    pub status: String,
    /// What the server said, on one line and without the addresses in it; may be empty.
    pub diagnostic: String,
}

/// Why a message says of no mail that it came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Silence {
    /// Also an answer of a person's mail program (RFC 3834), a receipt, a complaint, and plain spam.
    #[error("no delivery report")]
    NoReport,
    /// The mail is late, was delivered or passed on.
    #[error("a delivery report without a recipient that failed for good")]
    NoFailure,
    #[error("a delivery report without the mail that it is about")]
    NoOriginal,
}

/// Reads a whole message.
///
/// `Auto-Submitted` is not asked: reports themselves say `auto-replied`. The type of the message decides.
///
/// # Errors
/// [`Silence`]; that is no fault of anybody.
pub fn read(message: &[u8]) -> Result<Report, Silence> {
    let whole = Part::read(message);
    // The parameter is required, and some servers leave it out.
    let is_report = whole.kind() == "multipart/report"
        && whole.parameter("report-type").is_none_or(|kind| kind.eq_ignore_ascii_case("delivery-status"));
    let boundary = whole.parameter("boundary").filter(|boundary| is_report && !boundary.is_empty());
    let parts = whole.parts(boundary.ok_or(Silence::NoReport)?);
    let statuses = parts.iter().find(|part| STATUSES.contains(&part.kind().as_str()));
    let failures = failures(&statuses.ok_or(Silence::NoReport)?.content());
    if failures.is_empty() {
        return Err(Silence::NoFailure);
    }
    let mut originals = parts.iter().filter(|part| ORIGINALS.contains(&part.kind().as_str()));
    let message_id = originals.find_map(original_id).ok_or(Silence::NoOriginal)?;
    Ok(Report { message_id, failures })
}

fn original_id(original: &Part<'_>) -> Option<String> {
    let content = original.content();
    let (head, _) = mime::split(&content);
    mime::message_id(&mime::headers(head)).filter(|id| id.len() <= MESSAGE_ID_MAX)
}

/// The failed ones of a body of fields. Its blocks are divided by empty lines: the first is about the report, and each
/// of the others about a recipient.
fn failures(mut rest: &[u8]) -> Vec<Failure> {
    let (mut found, mut seen) = (Vec::new(), 0);
    while !rest.is_empty() && seen < RECIPIENTS_MAX {
        let (block, below) = mime::split(rest);
        rest = below;
        if !block.is_empty() {
            seen += 1;
            found.extend(failure(&mime::headers(block)));
        }
    }
    found
}

fn failure(fields: &[Header<'_>]) -> Option<Failure> {
    let field = |name: &str| mime::text(fields, name);
    let action = field("Action")?;
    if !first_word(&action).eq_ignore_ascii_case("failed") {
        return None;
    }
    let status = permanent(&field("Status")?)?;
    // What we sent to, not where it was passed on to (RFC 3464 2.3.1).
    let to = ["Original-Recipient", "Final-Recipient"];
    let recipient = to.into_iter().find_map(|name| address(&field(name)?))?;
    let said = field("Diagnostic-Code").unwrap_or_default();
    let diagnostic = redact::addresses(&said).chars().take(DIAGNOSTIC_MAX).collect();
    Some(Failure { recipient, status, diagnostic })
}

/// A value without the comment that may follow it.
fn first_word(value: &str) -> &str {
    value.split([' ', '(', ';']).next().unwrap_or_default()
}

/// A status (RFC 3463) that says that the mail will never be delivered.
fn permanent(value: &str) -> Option<String> {
    let status = first_word(value);
    let mut parts = status.split('.');
    let number = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    let is_permanent = parts.next()? == "5"
        && parts.next().is_some_and(number)
        && parts.next().is_some_and(number)
        && parts.next().is_none();
    is_permanent.then(|| status.to_owned())
}

/// The mail address of `rfc822; mina@example.com`. Other kinds of addresses are none of ours.
fn address(value: &str) -> Option<String> {
    let (kind, address) = value.split_once(';')?;
    let is_mail = ["rfc822", "utf-8"].iter().any(|known| kind.trim().eq_ignore_ascii_case(known));
    let address = address.split_whitespace().next()?.trim_start_matches('<').trim_end_matches('>');
    (is_mail && !address.is_empty() && address.len() <= ADDRESS_MAX).then(|| address.to_owned())
}

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
