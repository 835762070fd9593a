//! Texts of others may name people: a mail server's refusal repeats the address it refuses. What is logged or kept as a
//! reason goes through here.

use std::borrow::Cow;

/// What stands where an address stood.
const ADDRESS: &str = "<address>";

/// The text without e-mail addresses, also without passwords in front of a host (`user:password@host`).
pub fn addresses(text: &str) -> Cow<'_, str> {
    if !text.contains('@') {
        return Cow::Borrowed(text);
    }
    let (mut shown, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find('@') {
        let local = rest[..at].trim_end_matches(is_local);
        let domain = rest[at + 1..].trim_start_matches(is_domain);
        // Nothing before or nothing behind it: no address.
        if local.len() == at || domain.len() == rest.len() - at - 1 {
            shown.push_str(&rest[..=at]);
            rest = &rest[at + 1..];
        } else {
            shown.push_str(local);
            shown.push_str(ADDRESS);
            rest = domain;
        }
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

/// Letters of every script: mailboxes may have Korean names.
fn is_local(c: char) -> bool {
    c.is_alphanumeric() || "!#$%&'*+-_~.".contains(c)
}

fn is_domain(c: char) -> bool {
    c.is_alphanumeric() || ".-".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_left_out() {
        for (text, expected) in [
            ("550 5.1.1 <mina@example.com>: no such user", "550 5.1.1 <<address>>: no such user"),
            ("to 민아.kim+x@메일.kr, bcc a@b", "to <address>, bcc <address>"),
            ("Duplicate entry 'mina@example.com' for key", "Duplicate entry <address>' for key"),
            ("mysql://konnect:secret@db:3306/konnect", "mysql://konnect:<address>:3306/konnect"),
            ("at 3 @ home, @mention, mina@", "at 3 @ home, @mention, mina@"),
            ("error=mina@example.com why=x", "error=<address> why=x"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(addresses(text), expected);
        }
    }
}
