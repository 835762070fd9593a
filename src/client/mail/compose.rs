//! A mail as a message of RFC 5322, in parts that every mail program finds its own in.

use lettre::Address;
use lettre::message::header::{
    ContentDisposition, ContentTransferEncoding, ContentType, HeaderName, HeaderValue,
};
use lettre::message::{Body, Mailbox, Message, MultiPart, SinglePart};

use super::{Calendar, Mail, MailError};

/// RFC 5322 3.3 wants a line below 998 characters; what stands in a header of ours is far below.
const LONGEST_LINK: usize = 900;

/// The message, and its whole `Message-ID`.
pub(super) fn compose(from: &Mailbox, mail: Mail) -> Result<(Message, String), MailError> {
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
    let mut message = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(one_line(&mail.subject))
        .message_id(Some(message_id.clone()))
        // Keeps out-of-office replies away (RFC 3834).
        .raw_header(raw("Auto-Submitted", "auto-generated".to_owned()));
    if let Some(link) = &mail.unsubscribe {
        if link.len() > LONGEST_LINK || !link.bytes().all(|b| b.is_ascii_graphic() && !b"<>,".contains(&b)) {
            return Err(refuse("the link to unsubscribe is malformed"));
        }
        message = message.raw_header(raw("List-Unsubscribe", format!("<{link}>")));
        // Only an HTTPS address may be pressed without a visit (RFC 8058 3.1).
        if link.starts_with("https://") {
            message =
                message.raw_header(raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
        }
    }
    let message = match mail.html {
        None => message.singlepart(plain(mail.text)),
        Some(html) => message.multipart(parts(mail.text, html, mail.calendar)?),
    };
    Ok((message.map_err(|error| MailError::Permanent(error.to_string()))?, message_id))
}

/// Text and HTML as alternatives. With a calendar object, it is the third of them, where mail programs look for an
/// invitation, and beside them a file, for those that do not.
fn parts(text: String, html: String, calendar: Option<Calendar>) -> Result<MultiPart, MailError> {
    let alternatives = MultiPart::alternative_plain_html(text, html);
    let Some(Calendar { method, body }) = calendar else { return Ok(alternatives) };
    let typed =
        |text: &str| ContentType::parse(text).map_err(|error| MailError::Permanent(error.to_string()));
    // As base64, so that nothing on the way touches its folds and line ends.
    let body = Body::new_with_encoding(body, ContentTransferEncoding::Base64)
        .map_err(|_| MailError::Permanent("the calendar object cannot be encoded".to_owned()))?;
    let inline = SinglePart::builder()
        .header(typed(&format!("text/calendar; method={method}; charset=utf-8"))?)
        .body(body.clone());
    let file = SinglePart::builder()
        .header(typed("application/ics; name=\"invite.ics\"")?)
        .header(ContentDisposition::attachment("invite.ics"))
        .body(body);
    Ok(MultiPart::mixed().multipart(alternatives.singlepart(inline)).singlepart(file))
}

fn plain(text: String) -> SinglePart {
    SinglePart::builder().header(ContentType::TEXT_PLAIN).body(text)
}

fn raw(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}

/// A subject is one line: a line end in it would begin another header.
pub(super) fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
