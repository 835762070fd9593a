//! Everything that was seen, with its time.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde_json::{Value, json};

/// Offenders that are shown; the file has them all.
const SHOWN: usize = 20;

/// Something a device wants to be stored.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Draft {
    /// Unique among the drafts of its person in its room.
    pub client_id: String,
    pub kind: &'static str,
    pub fields: Value,
}

/// What became of one draft, sent by whichever devices of its person.
#[derive(Debug)]
pub struct Fate {
    pub draft: Draft,
    pub sent: u32,
    /// Sequence number, and whether it was called a duplicate.
    pub acks: Vec<(i64, bool)>,
    pub refusals: Vec<String>,
}

/// Person and client id.
pub type Key = (String, String);

pub struct Record {
    began: Instant,
    seen: Mutex<Seen>,
}

#[derive(Default)]
pub struct Seen {
    lines: Vec<String>,
    pub counts: BTreeMap<String, u64>,
    pub wrong: Vec<String>,
    pub fates: HashMap<Key, Fate>,
    pub acked: u64,
}

impl Record {
    pub fn new() -> Self {
        Self { began: Instant::now(), seen: Mutex::default() }
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down what happened to whom, and counts it.
    pub fn note(&self, who: &str, what: &str, more: Value) {
        let ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or_default();
        let line = json!({ "ms": ms, "who": who, "what": what, "more": more }).to_string();
        let mut seen = self.seen();
        seen.lines.push(line);
        *seen.counts.entry(what.to_owned()).or_default() += 1;
    }

    /// A rule is broken.
    pub fn wrong(&self, who: &str, why: String) {
        self.note(who, "wrong", json!(why));
        self.seen().wrong.push(format!("{who}: {why}"));
    }

    pub fn sent(&self, person: &str, draft: &Draft) {
        let key = (person.to_owned(), draft.client_id.clone());
        let mut seen = self.seen();
        let fate = seen.fates.entry(key).or_insert_with(|| Fate {
            draft: draft.clone(),
            sent: 0,
            acks: Vec::new(),
            refusals: Vec::new(),
        });
        fate.sent += 1;
    }

    pub fn acked(&self, person: &str, client_id: &str, seq: i64, duplicate: bool) {
        let mut seen = self.seen();
        if let Some(fate) = seen.fates.get_mut(&(person.to_owned(), client_id.to_owned())) {
            let first = fate.acks.is_empty();
            fate.acks.push((seq, duplicate));
            seen.acked += u64::from(first);
        }
    }

    pub fn refused(&self, person: &str, client_id: &str, code: &str) {
        let key = (person.to_owned(), client_id.to_owned());
        if let Some(fate) = self.seen().fates.get_mut(&key) {
            fate.refusals.push(code.to_owned());
        }
    }

    /// Entries that were acknowledged.
    pub fn progress(&self) -> u64 {
        self.seen().acked
    }

    /// Ends the test when a rule is broken, with everything that was seen in a file.
    pub fn judge(&self, seed: u64, found: Vec<String>) {
        let mut seen = self.seen();
        seen.wrong.extend(found);
        let again = seen.fates.values().map(|fate| u64::from(fate.sent.saturating_sub(1))).sum::<u64>();
        println!(
            "history: seed {seed}, {} drafts, {} acknowledged, {again} sent again, {:.1} s, {:#?}",
            seen.fates.len(),
            seen.acked,
            self.began.elapsed().as_secs_f64(),
            seen.counts
        );
        if seen.wrong.is_empty() {
            return;
        }
        let file = std::env::temp_dir().join(format!("konnect-history-{seed}-{}.jsonl", std::process::id()));
        let text = seen.lines.join("\n") + "\n\n" + &seen.wrong.join("\n") + "\n";
        std::fs::write(&file, text).expect("a folder for temporary files");
        let shown = seen.wrong.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("\n");
        panic!(
            "{} rules are broken by seed {seed}; all of it is in {}\n{shown}",
            seen.wrong.len(),
            file.display()
        );
    }
}
