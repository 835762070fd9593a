//! The one source of time. Every instant in Konnect is UTC with microseconds, as the database stores it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use tokio::sync::Notify;

/// An instant in UTC, never finer than a microsecond.
pub type Instant = DateTime<Utc>;

/// Real time plus an offset that can be moved (tests, demo) or a frozen instant (tests).
#[derive(Clone, Debug)]
pub struct Clock {
    offset_us: Arc<AtomicI64>,
    moved: Arc<Notify>,
    frozen: bool,
}

impl Clock {
    /// Real time.
    pub fn system() -> Self {
        Self { offset_us: Arc::default(), moved: Arc::default(), frozen: false }
    }

    /// A clock that stands at `at` until it is moved.
    pub fn frozen(at: Instant) -> Self {
        let offset_us = Arc::new(AtomicI64::new(at.timestamp_micros()));
        Self { offset_us, moved: Arc::default(), frozen: true }
    }

    pub fn now(&self) -> Instant {
        let moved = self.offset_us.load(Ordering::SeqCst);
        if self.frozen {
            return DateTime::from_timestamp_micros(moved).expect("a frozen clock holds a valid instant");
        }
        to_micros(real_now() + TimeDelta::microseconds(moved))
    }

    /// Moves the clock forward (or back) by `by`.
    pub fn advance(&self, by: TimeDelta) {
        let us = by.num_microseconds().expect("a clock is moved by less than 290,000 years");
        self.offset_us.fetch_add(us, Ordering::SeqCst);
    }

    /// Waits until the file that it follows moves it.
    pub async fn moved(&self) {
        self.moved.notified().await;
    }

    /// Follows an offset, in whole seconds, that stands in a file: the development clock that all processes
    /// of one machine share. A missing or unreadable file means no offset.
    pub fn follow_file(&self, path: PathBuf) {
        let (offset, moved) = (self.offset_us.clone(), self.moved.clone());
        let read = move || {
            let seconds: i64 =
                std::fs::read_to_string(&path).ok().and_then(|t| t.trim().parse().ok()).unwrap_or(0);
            let now = seconds * 1_000_000;
            if offset.swap(now, Ordering::SeqCst) != now {
                moved.notify_waiters();
            }
        };
        read();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(50)).await;
                read();
            }
        });
    }
}

/// Cuts an instant to the precision of the database, so that what was written equals what is read.
pub fn to_micros(at: Instant) -> Instant {
    at.duration_trunc(TimeDelta::microseconds(1)).expect("microseconds divide every instant")
}

/// What this machine's clock shows, however the process' own clock was moved.
pub fn machine_now() -> Instant {
    to_micros(real_now())
}

#[expect(clippy::disallowed_methods, reason = "this is the room where time is read")]
fn real_now() -> Instant {
    Utc::now()
}
