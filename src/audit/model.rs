//! Checks, what they find, and how far a pass looks. Pure.

use chrono::TimeDelta;
use serde_json::Value;
use uuid::Uuid;

use crate::clock::Instant;
use crate::id::FindingId;

/// The table whose rows a check goes through: each row is judged by itself, so that a pass takes them in chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Driver {
    Reservation,
    Entry,
    Line,
    Payout,
    Mentor,
}

impl Driver {
    pub const ALL: [Self; 5] = [Self::Reservation, Self::Entry, Self::Line, Self::Payout, Self::Mentor];
}

/// A rule about live data, as a query for the rows that break it.
///
/// In the text, `{scope}` is where the rows of the chunk are named (alias `d`), `{before}` an instant: what was
/// written later than the check's grace is not judged yet. `{text:x}` is the id `x` as it is written in posting keys.
/// Each answer is the row's id and a JSON object of what was compared.
pub struct Check {
    /// Stable: findings and the alarm's label carry it. `I7` and so on are the invariants of the design.
    pub name: &'static str,
    pub driver: Driver,
    /// Whether what it finds stops payouts.
    pub is_money: bool,
    /// How long a follow-up may take.
    pub grace: TimeDelta,
    pub en: &'static str,
    pub ko: &'static str,
    pub sql: &'static str,
}

/// Which rows a pass looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// All of them.
    Full,
    /// Those touched since an instant (UTC).
    Since(Instant),
}

impl Pace {
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Since(_) => "recent",
        }
    }
}

/// A row that breaks a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Offender {
    pub check: &'static str,
    /// An id as text, or the provider's transaction key.
    pub subject: String,
    /// What was compared.
    pub facts: Value,
}

/// Something that was found, and perhaps is gone since.
#[derive(Clone, Debug)]
pub struct Finding {
    pub id: FindingId,
    pub check: String,
    pub subject: String,
    pub is_money: bool,
    pub facts: Value,
    pub first_seen: Instant,
    pub last_seen: Instant,
    pub resolved_at: Option<Instant>,
}

/// What a check means, in words: `(Korean, English)`.
pub fn meaning(check: &str) -> (&'static str, &'static str) {
    if check == PROVIDER {
        return (
            "결제사의 거래 내역과 우리 장부가 다릅니다.",
            "The provider's transaction list and our books disagree.",
        );
    }
    super::checks::all().into_iter().find(|known| known.name == check).map_or(
        ("이 버전이 모르는 점검입니다.", "A check that this version does not know."),
        |known| (known.ko, known.en),
    )
}

/// The check of the provider's days, which is no query: see `provider`.
pub const PROVIDER: &str = "provider";

/// Facts as people read them: what SQL could only write as 32 hexadecimal digits is an id.
pub(super) fn readable(facts: Value) -> Value {
    match facts {
        Value::Object(fields) => Value::Object(fields.into_iter().map(|(k, v)| (k, readable(v))).collect()),
        Value::String(text) if text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit()) => {
            Uuid::parse_str(&text).map_or(Value::String(text), |id| Value::String(id.to_string()))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::super::checks;
    use super::*;

    #[test]
    fn every_check_is_whole() {
        let mut names = BTreeSet::new();
        for check in checks::all() {
            assert!(names.insert(check.name), "{} twice", check.name);
            assert_eq!(check.sql.matches("{scope}").count(), 1, "{}", check.name);
            assert!(check.name.len() <= 40 && !check.en.is_empty() && !check.ko.is_empty(), "{}", check.name);
            let left = check.sql.replace("{scope}", "").replace("{before}", "");
            let unknown = left.split('{').skip(1).filter(|rest| !rest.starts_with("text:")).count();
            assert_eq!(unknown, 0, "{} names something that is not filled in", check.name);
        }
        assert!(names.len() > 20);
    }

    #[test]
    fn ids_in_facts_are_readable() {
        let facts = json!({ "other": "0193A5F0000070008000000000000001", "won": 5, "state": "done" });
        let read = readable(facts);
        assert_eq!(read["other"], "0193a5f0-0000-7000-8000-000000000001");
        assert_eq!((&read["won"], &read["state"]), (&json!(5), &json!("done")));
    }
}
