//! Values that people type: checked once, then carried as types.

use std::fmt;
use std::str::FromStr;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::Error;

const EMAIL_MAX: usize = 254;
const LOCAL_MAX: usize = 64;
const LABEL_MAX: usize = 63;
const NAME_MAX: usize = 80;
const DEVICE_TOKEN_MAX: usize = 512;

/// An e-mail address, normalised: trimmed and in lower case.
///
/// ASCII alone (international domains in their `xn--` form), so that no two addresses merely look alike and the
/// database's collation cannot take one for another. No quoted local parts, no address literals.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// # Errors
    /// [`Error::InvalidEmail`]
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim().to_ascii_lowercase();
        let valid = text.len() <= EMAIL_MAX
            && text.split_once('@').is_some_and(|(local, domain)| is_local(local) && is_domain(domain));
        if valid { Ok(Self(text)) } else { Err(Error::InvalidEmail) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A dot-atom of RFC 5322.
fn is_local(text: &str) -> bool {
    text.len() <= LOCAL_MAX
        && text.split('.').all(|atom| {
            !atom.is_empty()
                && atom.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
        })
}

/// At least two labels of letters, digits and inner hyphens; the last is no number.
fn is_domain(text: &str) -> bool {
    let labels: Vec<_> = text.split('.').collect();
    labels.len() >= 2
        && labels.iter().all(|label| {
            (1..=LABEL_MAX).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
        && !labels[labels.len() - 1].bytes().all(|b| b.is_ascii_digit())
}

/// An IANA time zone such as `Asia/Seoul`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TimeZone(pub Tz);

impl FromStr for TimeZone {
    type Err = Error;

    /// # Errors
    /// [`Error::InvalidTimeZone`]
    fn from_str(text: &str) -> Result<Self, Error> {
        text.parse().map(Self).map_err(|_| Error::InvalidTimeZone)
    }
}

impl TryFrom<String> for TimeZone {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

/// Trims a name and checks it: 1 to 80 characters, no control characters.
///
/// # Errors
/// [`Error::InvalidName`]
pub fn check_name(text: &str) -> Result<String, Error> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
        return Err(Error::InvalidName);
    }
    Ok(name.to_owned())
}

/// 10 to 128 characters, and not the e-mail address.
///
/// # Errors
/// [`Error::PasswordWeak`]
pub fn check_password(password: &str, email: &Email) -> Result<(), Error> {
    let long_enough = (10..=128).contains(&password.chars().count());
    let is_email = password.trim().eq_ignore_ascii_case(email.as_str());
    if long_enough && !is_email { Ok(()) } else { Err(Error::PasswordWeak) }
}

pub(super) fn check_device_token(token: &str) -> Result<(), Error> {
    let good = (1..=DEVICE_TOKEN_MAX).contains(&token.len()) && token.bytes().all(|b| b.is_ascii_graphic());
    if good { Ok(()) } else { Err(Error::InvalidDeviceToken) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emails_are_normalised() {
        for (typed, stored) in [
            (" Kim.Min+Tag@Example.CO.KR\n", "kim.min+tag@example.co.kr"),
            ("a@b.io", "a@b.io"),
            ("o'neil@xn--9t4b11yi5a.com", "o'neil@xn--9t4b11yi5a.com"),
        ] {
            assert_eq!(Email::parse(typed).unwrap().as_str(), stored);
        }
    }

    #[test]
    fn what_is_no_email_is_refused() {
        let long_local = format!("{}@b.io", "a".repeat(65));
        let long =
            format!("{}@{}.io", "a".repeat(64), ["b".repeat(63), "c".repeat(63), "d".repeat(63)].join("."));
        for typed in [
            "",
            "@",
            "a",
            "a@",
            "@b.io",
            "a@b",
            "a@@b.io",
            "a@b@c.io",
            "a b@c.io",
            ".a@b.io",
            "a.@b.io",
            "a..b@c.io",
            "a@.b.io",
            "a@b.io.",
            "a@-b.io",
            "a@b-.io",
            "a@1.2.3.4",
            "a@[1.2.3.4]",
            "\"a b\"@c.io",
            "김@b.io",
            "a@김.kr",
            "a\u{0}@b.io",
            "a@b.io\u{200b}",
            "a@b\r\nbcc:x.io",
            &long_local,
            &long,
        ] {
            assert!(matches!(Email::parse(typed), Err(Error::InvalidEmail)), "{typed:?}");
        }
    }

    #[test]
    fn passwords_have_a_length_and_are_not_the_email() {
        let email = Email::parse("mentee@example.com").unwrap();
        let check = |password: &str| check_password(password, &email).is_ok();
        assert!(check("열글자짜리비밀번호네") && check(&"x".repeat(128)));
        assert!(!check("아홉글자비밀번호네") && !check(&"x".repeat(129)) && !check(""));
        assert!(!check("Mentee@Example.com") && !check(" mentee@example.com "));
    }

    #[test]
    fn time_zones_are_iana_names() {
        assert_eq!("Asia/Seoul".parse::<TimeZone>().unwrap().to_string(), "Asia/Seoul");
        for text in ["", "Seoul", "+09:00", "Asia/Seoul ", "asia/seoul/../x"] {
            assert!(matches!(text.parse::<TimeZone>(), Err(Error::InvalidTimeZone)), "{text:?}");
        }
    }

    #[test]
    fn names_are_trimmed_and_bounded() {
        assert_eq!(check_name("  김민지 ").unwrap(), "김민지");
        assert!(check_name(&"가".repeat(80)).is_ok());
        for text in ["", "   ", "a\nb", &"가".repeat(81)] {
            assert!(check_name(text).is_err(), "{text:?}");
        }
    }
}
