//! How often somebody may do something.

use std::time::Duration;

use tokio::time::Instant;

/// So many at once, and so many in the long run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    pub per_second: f64,
    pub burst: f64,
}

/// A token bucket: full at first, one token for each time.
#[derive(Debug)]
pub struct Bucket {
    rate: Rate,
    tokens: f64,
    filled_at: Instant,
}

impl Bucket {
    pub fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, tokens: rate.burst, filled_at: now }
    }

    /// Whether once more is within the rate.
    pub fn take(&mut self, now: Instant) -> bool {
        let passed: Duration = now.saturating_duration_since(self.filled_at);
        self.filled_at = now;
        self.tokens = (self.tokens + passed.as_secs_f64() * self.rate.per_second).min(self.rate.burst);
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

    fn taken(bucket: &mut Bucket, at: Instant) -> usize {
        (0..1_000).filter(|_| bucket.take(at)).count()
    }

    #[test]
    fn a_burst_then_a_steady_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(Rate { per_second: 20.0, burst: 40.0 }, start);
        assert_eq!(taken(&mut bucket, start), 40);
        assert_eq!(taken(&mut bucket, start + Duration::from_secs(1)), 20);
        let much_later = start + Duration::from_secs(3600);
        assert_eq!(taken(&mut bucket, much_later), 40, "it never holds more than a burst");
        assert_eq!(taken(&mut bucket, start), 0, "time that goes back brings nothing");
    }

    #[test]
    fn a_rate_below_one_a_second() {
        let start = Instant::now();
        let mut bucket = Bucket::new(Rate { per_second: 0.25, burst: 1.0 }, start);
        assert_eq!(taken(&mut bucket, start), 1);
        assert_eq!(taken(&mut bucket, start + Duration::from_secs(3)), 0);
        assert_eq!(taken(&mut bucket, start + Duration::from_secs(4)), 1);
    }
}
