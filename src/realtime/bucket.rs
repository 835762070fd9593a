//! How many frames a client may send.

use std::time::Duration;

use tokio::time::Instant;

/// A token bucket: `BURST` frames at once, `PER_SECOND` in the long run.
#[derive(Debug)]
pub struct Bucket {
    tokens: f64,
    filled_at: Instant,
}

const PER_SECOND: f64 = 20.0;
const BURST: f64 = 40.0;

impl Bucket {
    pub fn new(now: Instant) -> Self {
        Self { tokens: BURST, filled_at: now }
    }

    /// Whether one more frame is within the limit.
    pub fn take(&mut self, now: Instant) -> bool {
        let passed: Duration = now.saturating_duration_since(self.filled_at);
        self.filled_at = now;
        self.tokens = (self.tokens + passed.as_secs_f64() * PER_SECOND).min(BURST);
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_a_steady_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(start);
        assert_eq!((0..100).filter(|_| bucket.take(start)).count(), 40);
        let later = start + Duration::from_secs(1);
        assert_eq!((0..100).filter(|_| bucket.take(later)).count(), 20);
        let much_later = start + Duration::from_secs(3600);
        assert_eq!(
            (0..100).filter(|_| bucket.take(much_later)).count(),
            40,
            "it never holds more than a burst"
        );
    }
}
