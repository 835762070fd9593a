//! How often somebody does something, counted over all processes.
//!
//! Of each count Redis keeps one instant, the moment at which it would be empty again (the generic cell rate
//! algorithm of ATM networks, ITU-T I.371): a burst is let through at once, and then one for each share of the time.
//! The instants are those of our own clock.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use redis::aio::ConnectionManager;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::config::{Limit, Quota};
use crate::signal::Keys;

/// How long Redis may take over one count.
const PATIENCE: Duration = Duration::from_millis(200);
/// After a failure Redis is left alone for so long, so that not every request waits for it.
const PAUSE: Duration = Duration::from_secs(1);
/// Counts that a process keeps for itself at most, while Redis is away.
const MOST_HERE: usize = 20_000;

/// [`judge`], where all processes see the same instant. KEYS: the count. ARGV: now, step and span in microseconds.
/// Answers how long to wait; 0 is yes. (Lua's own way to write a number would cut it to 14 digits. Redis forgets a count a
/// minute after it is empty: its clock is not ours.)
const SCRIPT: &str = "local now, step, span = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
    local full = tonumber(redis.call('get', KEYS[1]) or now)
    local empty = math.min(math.max(full, now), now + span) + step
    local wait = empty - span - now
    if wait > 0 then return wait end
    redis.call('set', KEYS[1], string.format('%.0f', empty), 'PX', math.ceil((empty - now) / 1000) + 60000)
    return 0";

/// What holds while Redis is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Away {
    /// It is let through: it costs little.
    Pass,
    /// This process counts for itself: it must not be free.
    CountHere,
}

/// Too often. Holds how long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too often; again in {0:?}")]
pub struct TooOften(pub Duration);

/// Cheap to clone.
#[derive(Clone)]
pub struct Throttle {
    redis: ConnectionManager,
    keys: Keys,
    clock: Clock,
    here: Arc<Mutex<Here>>,
}

#[derive(Default)]
struct Here {
    /// Redis is not asked before.
    away_until: Option<Instant>,
    /// By key, in microseconds.
    counts: HashMap<String, i64>,
}

impl Throttle {
    pub fn new(redis: ConnectionManager, keys: Keys, clock: Clock) -> Self {
        Self { redis, keys, clock, here: Arc::default() }
    }

    /// Counts one more of `what` by `who`, which may be personal: Redis keeps its hash alone.
    ///
    /// # Errors
    /// It is one too many; it does not count then.
    pub async fn take(&self, what: &str, who: &str, limit: Limit, away: Away) -> Result<(), TooOften> {
        let Limit(Some(quota)) = limit else { return Ok(()) };
        let who = URL_SAFE_NO_PAD.encode(&Sha256::digest(who.as_bytes())[..18]);
        let key = self.keys.rate(what, &who);
        let now = self.clock.now().timestamp_micros();
        let wait = match self.ask(&key, quota, now).await {
            Some(wait) => wait,
            None if away == Away::Pass => 0,
            None => self.count_here(key, quota, now),
        };
        if wait <= 0 {
            return Ok(());
        }
        metrics::counter!("konnect_throttled_total", "what" => what.to_owned()).increment(1);
        Err(TooOften(Duration::from_micros(wait.unsigned_abs())))
    }

    /// `None`: Redis is away.
    async fn ask(&self, key: &str, quota: Quota, now: i64) -> Option<i64> {
        if self.lock().away_until.is_some_and(|until| Instant::now() < until) {
            return None;
        }
        let mut eval = redis::cmd("EVAL");
        eval.arg(SCRIPT).arg(1).arg(key).arg(now).arg(step(quota)).arg(span(quota));
        let mut redis = self.redis.clone();
        let answer = tokio::time::timeout(PATIENCE, eval.query_async::<i64>(&mut redis)).await;
        if let Ok(Ok(wait)) = answer {
            return Some(wait);
        }
        self.lock().away_until = Some(Instant::now() + PAUSE);
        metrics::counter!("konnect_throttle_away_total").increment(1);
        None
    }

    fn count_here(&self, key: String, quota: Quota, now: i64) -> i64 {
        let mut here = self.lock();
        if here.counts.len() >= MOST_HERE {
            here.counts.retain(|_, full| *full > now);
        }
        if here.counts.len() >= MOST_HERE {
            here.counts.clear();
        }
        match judge(here.counts.get(&key).copied(), now, quota) {
            Ok(empty) => {
                here.counts.insert(key, empty);
                0
            }
            Err(wait) => wait,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Here> {
        // Each change is one step: whoever panicked with it left whole values behind.
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The share of the time that one takes, in microseconds.
fn step(quota: Quota) -> i64 {
    (i64::from(quota.seconds) * 1_000_000 / i64::from(quota.most)).max(1)
}

/// The time that a burst takes, in microseconds.
fn span(quota: Quota) -> i64 {
    step(quota) * i64::from(quota.most)
}

/// One more at `now`, when the count would be empty at `full`: when it is empty then, or how long to wait. An instant
/// beyond a whole burst is one of a clock that was set back, and counts as a burst.
fn judge(full: Option<i64>, now: i64, quota: Quota) -> Result<i64, i64> {
    let span = span(quota);
    let empty = full.unwrap_or(now).max(now).min(now + span) + step(quota);
    let wait = empty - span - now;
    if wait > 0 { Err(wait) } else { Ok(empty) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Takes as often as it may at `now`: how often, and how long to wait then.
    fn drain(full: &mut Option<i64>, now: i64, quota: Quota) -> (u32, i64) {
        let mut times = 0;
        loop {
            match judge(*full, now, quota) {
                Ok(empty) => (*full, times) = (Some(empty), times + 1),
                Err(wait) => return (times, wait),
            }
        }
    }

    #[test]
    fn a_burst_and_then_a_share_of_the_time_each() {
        let (quota, second) = (Quota { most: 10, seconds: 300 }, 1_000_000);
        let mut full = None;
        assert_eq!(drain(&mut full, 0, quota), (10, 30 * second));
        assert_eq!(drain(&mut full, 29 * second, quota), (0, second));
        assert_eq!(drain(&mut full, 30 * second, quota), (1, 30 * second));
        assert_eq!(drain(&mut full, 100_000 * second, quota).0, 10, "never more than a burst");
        assert_eq!(drain(&mut full, 0, quota), (0, 30 * second), "a clock set back: a burst's wait at most");
    }

    proptest! {
        #[test]
        fn whoever_waits_as_told_gets_through_and_not_before(most in 1_u32..1_000, seconds in 1_u32..90_000) {
            let (quota, now) = (Quota { most, seconds }, 1_772_409_600_000_000);
            let mut full = None;
            let (times, wait) = drain(&mut full, now, quota);
            prop_assert_eq!(times, most);
            prop_assert!(wait > 0 && judge(full, now + wait - 1, quota).is_err());
            prop_assert!(judge(full, now + wait, quota).is_ok());
        }
    }
}
