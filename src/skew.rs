//! How far this machine's clock is from the database's (S66).
//!
//! Deadlines and leases are instants of whichever process writes them, judged by whichever process reads them; the
//! database is the one clock that all of them can be compared with. A process that is off by more than [`ALARM`] says so
//! in its log, in `/readyz` and in a metric; it goes on, because a clock that is stepped back mends itself.

use std::time::Duration;

use chrono::TimeDelta;
use sqlx::MySqlPool;
use tokio_util::sync::CancellationToken;

use crate::clock::{Instant, machine_now};

/// More than this is somebody's to repair.
pub const ALARM: TimeDelta = TimeDelta::milliseconds(500);
/// How often each process looks.
const EVERY: Duration = Duration::from_secs(30);

/// What one look came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skew {
    /// Positive: the database is ahead.
    pub ahead: TimeDelta,
    /// The database read its clock at some moment of the round trip: it may be off by half of that.
    pub doubt: TimeDelta,
}

impl Skew {
    /// From the instants around the question, by our clock, and the database's in between.
    pub fn between(before: Instant, theirs: Instant, after: Instant) -> Self {
        let doubt = (after - before) / 2;
        Self { ahead: theirs - (before + doubt), doubt }
    }

    /// Whether the clocks differ by more than [`ALARM`], whatever the round trip hides.
    pub fn is_alarming(self) -> bool {
        self.ahead.abs() - self.doubt > ALARM
    }
}

/// Compares the clocks once.
pub async fn measure(pool: &MySqlPool) -> sqlx::Result<Skew> {
    // The connection is there before the clock is read: opening one is no part of the round trip.
    let mut connection = pool.acquire().await?;
    let before = machine_now();
    let theirs: Instant = sqlx::query_scalar("SELECT NOW(6)").fetch_one(&mut *connection).await?;
    let skew = Skew::between(before, theirs, machine_now());
    metrics::gauge!("konnect_clock_skew_seconds").set(skew.ahead.as_seconds_f64());
    Ok(skew)
}

/// Compares the clocks again and again until `stop` is cancelled.
pub async fn watch(pool: MySqlPool, stop: CancellationToken) {
    let mut timer = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = timer.tick() => {}
        }
        match measure(&pool).await {
            Ok(skew) if skew.is_alarming() => {
                let ahead_ms = skew.ahead.num_milliseconds();
                tracing::warn!(ahead_ms, "the database's clock and this machine's differ: check NTP");
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "the clocks cannot be compared"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Instant {
        Instant::from_timestamp_millis(1_772_409_600_000 + ms).expect("an instant")
    }

    #[test]
    fn the_middle_of_the_round_trip_is_compared() {
        let skew = Skew::between(at(0), at(10), at(20));
        assert_eq!((skew.ahead, skew.doubt), (TimeDelta::zero(), TimeDelta::milliseconds(10)));
        assert_eq!(Skew::between(at(0), at(-990), at(20)).ahead, TimeDelta::milliseconds(-1_000));
    }

    #[test]
    fn a_slow_answer_alarms_nobody() {
        assert!(!Skew::between(at(0), at(500), at(0)).is_alarming());
        assert!(Skew::between(at(0), at(501), at(0)).is_alarming());
        assert!(Skew::between(at(0), at(-501), at(0)).is_alarming());
        assert!(
            !Skew::between(at(0), at(1_200), at(1_500)).is_alarming(),
            "it may have been read at the end"
        );
        assert!(Skew::between(at(0), at(2_100), at(1_500)).is_alarming());
    }
}
