//! What was seen: violations, and how often what happened.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Violations that are shown; all are counted.
const SHOWN: usize = 40;

/// Cheap to clone.
#[derive(Clone, Default)]
pub struct Record {
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    wrong: Vec<String>,
    counts: BTreeMap<(&'static str, String), u64>,
}

impl Record {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A rule is broken.
    pub fn wrong(&self, why: String) {
        eprintln!("VIOLATION {why}");
        self.lock().wrong.push(why);
    }

    /// Counts something of a table.
    pub fn count(&self, table: &'static str, what: &str) {
        *self.lock().counts.entry((table, what.to_owned())).or_default() += 1;
    }

    /// Counts so many at once.
    pub fn count_many(&self, table: &'static str, what: &str, count: i64) {
        let count = u64::try_from(count).unwrap_or_default();
        *self.lock().counts.entry((table, what.to_owned())).or_default() += count;
    }

    /// The lines of a table, and their counts.
    pub fn table(&self, table: &str) -> Vec<(String, u64)> {
        let seen = self.lock();
        let rows = seen.counts.iter().filter(|((of, _), _)| *of == table);
        rows.map(|((_, what), count)| (what.clone(), *count)).collect()
    }

    pub fn violations(&self) -> usize {
        self.lock().wrong.len()
    }

    /// The first violations.
    pub fn shown(&self) -> Vec<String> {
        self.lock().wrong.iter().take(SHOWN).cloned().collect()
    }
}
