//! One pass over the live data: the drivers' rows in chunks, each chunk judged by every check of its driver, so that
//! a pass needs the memory of one chunk however much there is.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use serde_json::Value;
use sqlx::MySqlPool;
use uuid::Uuid;

use super::checks;
use super::model::{Check, Driver, Offender, Pace, readable};
use super::query::{self, Scope};
use crate::clock::Instant;
use crate::id::FindingId;

/// Rows of a driver that are judged at once.
const CHUNK: u32 = 2_000;
/// Ids in one list: those touched lately lie all over the table.
const LISTED: u32 = 500;
/// Findings of one check that a pass names; the rest is counted.
const NAMED: usize = 500;

/// How far a pass is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Rows of all drivers.
    pub done: u64,
    /// As counted at the start.
    pub total: u64,
}

/// What a pass found.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub pace: Pace,
    /// When it began (UTC).
    pub started_at: Instant,
    /// Rows that were looked at.
    pub subjects: u64,
    /// At most 500 of each check.
    pub offenders: Vec<Offender>,
    /// How many each check found, of those that found any.
    pub counts: BTreeMap<&'static str, u64>,
}

impl Outcome {
    pub fn is_sound(&self) -> bool {
        self.counts.is_empty()
    }

    /// Whether every offender of a check is named.
    pub(super) fn names_all(&self, check: &str) -> bool {
        self.counts.get(check).is_none_or(|count| *count <= NAMED as u64)
    }
}

/// Judges what the pace says as of `now` (UTC), and again what was found before; writes nothing.
pub async fn pass(
    pool: &MySqlPool,
    now: Instant,
    pace: Pace,
    mut progress: impl FnMut(Progress),
) -> sqlx::Result<Outcome> {
    let mut so_far = Progress { done: 0, total: 0 };
    for driver in Driver::ALL {
        so_far.total += query::count(pool, driver, pace).await?;
    }
    progress(so_far);
    let outcome =
        Outcome { pace, started_at: now, subjects: 0, offenders: Vec::new(), counts: BTreeMap::new() };
    let mut judge = Judge { pool, now, outcome, seen: BTreeSet::new() };
    for driver in Driver::ALL {
        let limit = if pace == Pace::Full { CHUNK } else { LISTED };
        let mut after = Uuid::nil();
        loop {
            let ids = query::chunk(pool, driver, pace, after, limit).await?;
            let Some(last) = ids.last() else { break };
            let scope = match pace {
                Pace::Full => Scope::Range(after, *last),
                Pace::Since(_) => Scope::These(&ids),
            };
            for check in checks::of(driver) {
                judge.look(check, &scope).await?;
            }
            after = *last;
            so_far.done += ids.len() as u64;
            progress(so_far);
            if ids.len() < limit as usize {
                break;
            }
        }
        judge.forget();
    }
    if pace != Pace::Full {
        judge.look_again().await?;
    }
    judge.outcome.subjects = so_far.done;
    Ok(judge.outcome)
}

struct Judge<'a> {
    pool: &'a MySqlPool,
    now: Instant,
    outcome: Outcome,
    /// What was named already: a row is judged once more when it was found before, or when a join shows it twice.
    seen: BTreeSet<(&'static str, Uuid)>,
}

impl Judge<'_> {
    async fn look(&mut self, check: &'static Check, scope: &Scope<'_>) -> sqlx::Result<()> {
        // The bound leaves out what is being written right now.
        let before = self.now - check.grace + TimeDelta::microseconds(1);
        for (id, facts) in query::offenders(self.pool, check, scope, before, CHUNK).await? {
            if !self.seen.insert((check.name, id)) {
                continue;
            }
            let count = self.outcome.counts.entry(check.name).or_default();
            *count += 1;
            if *count <= NAMED as u64 {
                let facts = readable(serde_json::from_str(&facts).unwrap_or(Value::String(facts)));
                self.outcome.offenders.push(Offender { check: check.name, subject: id.to_string(), facts });
            }
        }
        Ok(())
    }

    /// A full pass meets every row once, so there is nothing to remember from one driver to the next.
    fn forget(&mut self) {
        if self.outcome.pace == Pace::Full {
            self.seen.clear();
        }
    }

    /// Rows with an open finding, whether or not they were touched: what is in order again is seen to be.
    async fn look_again(&mut self) -> sqlx::Result<()> {
        for check in checks::all() {
            let mut after = FindingId(Uuid::nil());
            loop {
                let open = query::open_subjects(self.pool, check.name, after, LISTED).await?;
                let Some((last, _)) = open.last() else { break };
                after = *last;
                let ids: Vec<Uuid> = open.iter().filter_map(|(_, subject)| subject.parse().ok()).collect();
                if !ids.is_empty() {
                    self.look(check, &Scope::These(&ids)).await?;
                }
            }
        }
        Ok(())
    }
}
