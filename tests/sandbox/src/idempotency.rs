//! `Idempotency-Key` as the provider has it: key, URL and method are the scope, the body is not.
//!
//! The first answer, errors included, is stored and given again byte for byte for 15 days. While the first call
//! is still running, a second one is refused.

use std::collections::HashMap;

use chrono::TimeDelta;

use crate::clock::Instant;

/// The longest key, in characters.
pub(crate) const MAX_KEY: usize = 300;
const VALID: TimeDelta = TimeDelta::days(15);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Scope {
    pub(crate) key: String,
    pub(crate) method: String,
    pub(crate) url: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Saved {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
}

impl Saved {
    pub(crate) fn json(status: u16, body: Vec<u8>) -> Self {
        Self { status, content_type: "application/json", body }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// First use: work, then [`Idempotency::save`].
    Fresh,
    Running,
    Replay(Saved),
}

#[derive(Debug)]
struct Entry {
    first_used: Instant,
    answer: Option<Saved>,
}

#[derive(Debug, Default)]
pub(crate) struct Idempotency {
    entries: HashMap<Scope, Entry>,
}

impl Idempotency {
    /// What a claim would give, without taking it.
    pub(crate) fn is_used(&self, scope: &Scope, now: Instant) -> bool {
        self.entries.get(scope).is_some_and(|e| now - e.first_used < VALID)
    }

    pub(crate) fn claim(&mut self, scope: &Scope, now: Instant) -> Claim {
        if self.is_used(scope, now) {
            return match self.entries.get(scope).and_then(|e| e.answer.clone()) {
                Some(saved) => Claim::Replay(saved),
                None => Claim::Running,
            };
        }
        self.entries.insert(scope.clone(), Entry { first_used: now, answer: None });
        Claim::Fresh
    }

    pub(crate) fn save(&mut self, scope: &Scope, saved: Saved) {
        if let Some(entry) = self.entries.get_mut(scope) {
            entry.answer = Some(saved);
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn a_key_runs_replays_and_ends_after_fifteen_days() {
        let mut store = Idempotency::default();
        let now = DateTime::from_timestamp(1_700_000_000, 0).expect("valid");
        let scope = |url: &str| Scope { key: "k".into(), method: "POST".into(), url: url.into() };
        assert_eq!(store.claim(&scope("/a"), now), Claim::Fresh);
        assert_eq!(store.claim(&scope("/a"), now), Claim::Running);
        assert_eq!(store.claim(&scope("/b"), now), Claim::Fresh);
        let saved = Saved::json(403, b"{}".to_vec());
        store.save(&scope("/a"), saved.clone());
        assert_eq!(store.claim(&scope("/a"), now + TimeDelta::days(14)), Claim::Replay(saved));
        assert_eq!(store.claim(&scope("/a"), now + TimeDelta::days(15)), Claim::Fresh);
    }
}
