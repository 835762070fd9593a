//! The facts of a text, each in the form the reader sees. What is missing or malformed is left out.

use chrono::{DateTime, Datelike};
use chrono_tz::Tz;
use serde_json::Value;

use super::Text;
use crate::user::Locale;

/// Long enough for every title and reason we accept, short enough for a push.
const LONGEST: usize = 300;

pub(super) struct Facts<'a> {
    pub data: &'a Value,
    pub locale: Locale,
    pub zone: Tz,
}

impl Facts<'_> {
    /// Which session: its title and when it begins.
    pub fn session(&self) -> Option<String> {
        match (self.text("title"), self.time("startsAt")) {
            (Some(title), Some(at)) => Some(format!("{title} · {at}")),
            (title, at) => title.or(at),
        }
    }

    /// Until when the slot is held for payment.
    pub fn hold_until(&self) -> Option<String> {
        self.time("holdUntil")
    }

    /// What somebody wrote, or a code.
    pub fn reason(&self) -> Option<String> {
        self.text("reason")
    }

    pub fn is_mentor(&self) -> bool {
        self.data["role"] == "mentor"
    }

    pub fn state(&self) -> &str {
        self.data["state"].as_str().unwrap_or_default()
    }

    /// A word of ours that picks a text; empty where it is missing.
    pub fn word(&self, key: &str) -> &str {
        self.data[key].as_str().unwrap_or_default()
    }

    pub fn lead(&self) -> &str {
        self.data["lead"].as_str().unwrap_or_default()
    }

    /// An amount of won as `₩50,000`.
    pub fn won(&self, key: &str) -> Option<String> {
        self.data[key].as_i64().map(won)
    }

    /// An amount that is more than nothing.
    pub fn some_won(&self, key: &str) -> Option<String> {
        self.data[key].as_i64().filter(|amount| *amount > 0).map(won)
    }

    /// What stands under a key, harmless and on one line.
    pub fn text(&self, key: &str) -> Option<String> {
        self.data[key].as_str().map(one_line).filter(|text| !text.is_empty())
    }

    /// Such as `2026-11-24 (화) 14:00 KST`.
    pub fn time(&self, key: &str) -> Option<String> {
        let at = DateTime::parse_from_rfc3339(self.data[key].as_str()?).ok()?.with_timezone(&self.zone);
        let day = at.weekday().num_days_from_monday() as usize;
        let day = match self.locale {
            Locale::Ko => ["월", "화", "수", "목", "금", "토", "일"][day],
            Locale::En => ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"][day],
        };
        Some(format!("{} ({day}) {}", at.format("%Y-%m-%d"), at.format("%H:%M %Z")))
    }
}

/// A text of the lines that are there.
pub(super) fn says<const N: usize>(title: &str, lines: [Option<String>; N]) -> Text {
    let body = lines.into_iter().flatten().collect::<Vec<_>>().join("\n");
    Text { title: title.to_owned(), body }
}

/// A line that is always there.
pub(super) fn line(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn won(amount: i64) -> String {
    let digits = amount.unsigned_abs().to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if amount < 0 { format!("-₩{text}") } else { format!("₩{text}") }
}

/// What people wrote, harmless: on one line, and without the marks that turn the direction of the text that
/// follows (U+202A to U+202E, U+2066 to U+2069).
pub(super) fn one_line(text: &str) -> String {
    let visible = |c: &char| !matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let spaced = |c: char| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c };
    let text: String = text.chars().filter(visible).map(spaced).collect();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= LONGEST {
        return text;
    }
    let mut short: String = text.chars().take(LONGEST - 1).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn won_is_grouped_by_thousands() {
        for (amount, text) in
            [(0, "₩0"), (900, "₩900"), (50_000, "₩50,000"), (1_234_567, "₩1,234,567"), (-1_000, "-₩1,000")]
        {
            assert_eq!(won(amount), text);
        }
        assert_eq!(won(i64::MIN), "-₩9,223,372,036,854,775,808");
    }

    #[test]
    fn what_people_wrote_stays_on_one_line() {
        assert_eq!(one_line("a\r\nBcc: x@y.z\u{2028}b"), "a Bcc: x@y.z b");
        assert_eq!(one_line("x\u{202e}gpj.exe\u{2066}\u{61c}"), "xgpj.exe");
        assert_eq!(one_line(" \u{0} "), "");
        assert_eq!(one_line(&"가".repeat(400)).chars().count(), LONGEST);
    }
}
