//! The one source of time of the stand-in: real time plus an offset that can be moved, or a frozen instant.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use chrono::{DateTime, FixedOffset, SubsecRound, TimeDelta, Utc};

/// An instant in UTC.
pub type Instant = DateTime<Utc>;

/// Korea has had no daylight saving time since 1988.
const KST_SECONDS: i32 = 9 * 3600;

/// Moved by the handle, by `POST /sandbox/clock`, and by an offset file shared with other processes.
#[derive(Debug)]
pub(crate) struct Clock {
    /// Microseconds: an offset to real time, or (frozen) since the epoch.
    micros: AtomicI64,
    frozen: AtomicBool,
    file: Option<PathBuf>,
}

impl Clock {
    /// Real time, plus the whole seconds that stand in `file` (missing or unreadable: none).
    pub(crate) fn new(file: Option<PathBuf>) -> Self {
        Self { micros: AtomicI64::new(0), frozen: AtomicBool::new(false), file }
    }

    pub(crate) fn now(&self) -> Instant {
        let micros = self.micros.load(Ordering::SeqCst);
        if self.frozen.load(Ordering::SeqCst) {
            return DateTime::from_timestamp_micros(micros).unwrap_or_else(real_now);
        }
        let moved = TimeDelta::microseconds(micros) + TimeDelta::seconds(self.file_offset());
        real_now().checked_add_signed(moved).unwrap_or_else(real_now)
    }

    /// Moves the clock by `by`, frozen or not.
    pub(crate) fn advance(&self, by: TimeDelta) {
        self.micros.fetch_add(by.num_microseconds().unwrap_or(0), Ordering::SeqCst);
    }

    /// Sets the offset to real time; a frozen clock runs again.
    pub(crate) fn set_offset(&self, offset: TimeDelta) {
        self.micros.store(offset.num_microseconds().unwrap_or(0), Ordering::SeqCst);
        self.frozen.store(false, Ordering::SeqCst);
    }

    /// Lets the clock stand at `at` until it is moved.
    pub(crate) fn freeze(&self, at: Instant) {
        self.micros.store(at.timestamp_micros(), Ordering::SeqCst);
        self.frozen.store(true, Ordering::SeqCst);
    }

    /// Read on every call: a few dozen bytes, and no timer that a test would have to wait for. An offset of more
    /// than 100 years is taken as a broken file.
    fn file_offset(&self) -> i64 {
        let Some(path) = &self.file else { return 0 };
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let seconds: i64 = text.trim().parse().unwrap_or(0);
        if seconds.abs() > 100 * 366 * 86_400 { 0 } else { seconds }
    }
}

/// Korean wall-clock time in whole seconds, as the provider writes it (`2026-11-23T16:00:00+09:00`).
pub(crate) fn kst(at: Instant) -> DateTime<FixedOffset> {
    let zone = FixedOffset::east_opt(KST_SECONDS).expect("nine hours are a valid offset");
    at.trunc_subsecs(0).with_timezone(&zone)
}

#[expect(clippy::disallowed_methods, reason = "this is the room where the stand-in reads time")]
fn real_now() -> Instant {
    Utc::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_clock_moves_only_when_told() {
        let clock = Clock::new(None);
        let at = DateTime::from_timestamp(1_700_000_000, 0).expect("valid");
        clock.freeze(at);
        clock.advance(TimeDelta::minutes(10));
        assert_eq!(clock.now(), at + TimeDelta::minutes(10));
        assert_eq!(kst(at).to_rfc3339(), "2023-11-15T07:13:20+09:00");
    }
}
