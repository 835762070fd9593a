//! What a server's refusal is about: this mail, its recipient's mailbox, or ourselves.

use lettre::transport::smtp::Error;

use super::MailError;
use crate::redact;

/// A 5yz answer is final for this mail, except one about our own login (RFC 4954: 530, 534, 535, 538): that is for the
/// operator to repair, and no mail must be lost over it.
pub(super) fn judge(error: &Error) -> MailError {
    // Its text has the server's words, and they the recipient's address.
    let why = redact::addresses(&error.to_string()).into_owned();
    let code = error.status().filter(|_| error.is_permanent()).map(|code| code.to_string());
    let Some(code) = code.filter(|code| !["530", "534", "535", "538"].contains(&code.as_str())) else {
        return MailError::Transient(why);
    };
    match about_mailbox(&code, &why) {
        Some(gone) => MailError::Mailbox { why, gone },
        None => MailError::Permanent(why),
    }
}

/// Whether a permanent refusal is about the mailbox, and then whether there is none of that name.
///
/// The enhanced status code (RFC 3463) decides: 5.1.1 (no such mailbox) and 5.1.10 (its domain takes no mail, RFC 7505)
/// say that it is gone; the others about addresses and mailboxes (5.1.x, 5.2.x) that it takes nothing now. The rest is
/// about the mail, the way or our reputation. Without one, the reply codes that RFC 5321 4.2.3 gives to mailboxes do.
fn about_mailbox(code: &str, why: &str) -> Option<bool> {
    match enhanced(why) {
        Some(status) => by_status(status),
        None => ["550", "551", "553"].contains(&code).then_some(false),
    }
}

fn by_status(status: (u16, u16)) -> Option<bool> {
    match status {
        (1, 1 | 10) => Some(true),
        // A sender's address that is refused is ours.
        (1, 7 | 8) => None,
        // A mail that is too long for the mailbox.
        (2, 3) => None,
        (1 | 2, _) => Some(false),
        _ => None,
    }
}

/// What the status of a mail that came back (RFC 3464) says of its mailbox: whether there is none of its name. `None`:
/// it is about something else, or says that the mail is merely late.
pub fn about_mailbox_by_status(status: &str) -> Option<bool> {
    by_status(enhanced(status)?)
}

/// Subject and detail of the first `5.x.y` of a text.
fn enhanced(text: &str) -> Option<(u16, u16)> {
    text.split(|c: char| !c.is_ascii_digit() && c != '.').find_map(|word| {
        let mut parts = word.trim_end_matches('.').split('.');
        let numbers = [parts.next()?, parts.next()?, parts.next()?];
        let [class, subject, detail] = numbers.map(|part| part.parse::<u16>().ok().filter(|n| *n < 1000));
        (class? == 5 && parts.next().is_none()).then_some((subject?, detail?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_whether_the_mailbox_is_gone() {
        for (status, expected) in
            [("5.1.1", Some(true)), ("5.2.2", Some(false)), ("5.7.1", None), ("4.2.2", None), ("x", None)]
        {
            assert_eq!(about_mailbox_by_status(status), expected, "{status}");
        }
    }

    #[test]
    fn a_refusal_is_about_a_mailbox_or_not() {
        for (code, text, expected) in [
            ("550", "permanent error (550): 5.1.1 no such user", Some(true)),
            ("556", "permanent error (556): 5.1.10 null MX", Some(true)),
            ("550", "permanent error (550): 5.2.1 disabled", Some(false)),
            ("552", "permanent error (552): 5.2.2 over quota", Some(false)),
            ("552", "permanent error (552): 5.2.3 too long", None),
            ("553", "permanent error (553): 5.1.8 bad sender", None),
            ("550", "permanent error (550): 5.7.1 looks like spam", None),
            ("554", "permanent error (554): 5.7.26 no DKIM for 10.5.1.1", None),
            ("550", "permanent error (550): mailbox unavailable", Some(false)),
            ("550", "permanent error (550): listed by 5.1.1.1", Some(false)),
            ("554", "permanent error (554): transaction failed", None),
        ] {
            assert_eq!(about_mailbox(code, text), expected, "{text}");
        }
    }
}
