//! What a round of measuring gave, and what several rounds say together.

use std::time::Duration;

/// The times of many single things done within one stretch of time.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Ascending.
    times: Vec<Duration>,
    pub elapsed: Duration,
}

impl Sample {
    pub fn new(mut times: Vec<Duration>, elapsed: Duration) -> Self {
        times.sort_unstable();
        Self { times, elapsed }
    }

    /// Several rounds of the same thing as one.
    pub fn join(rounds: &[Self]) -> Self {
        let times = rounds.iter().flat_map(|round| round.times.iter().copied()).collect();
        Self::new(times, rounds.iter().map(|round| round.elapsed).sum())
    }

    pub fn count(&self) -> usize {
        self.times.len()
    }

    /// Things a second.
    pub fn rate(&self) -> f64 {
        self.count() as f64 / self.elapsed.as_secs_f64()
    }

    /// The time that a share of all things kept below, in milliseconds: `0.5` is the median.
    pub fn quantile(&self, share: f64) -> f64 {
        let last = self.times.len().saturating_sub(1);
        let index = (share * last as f64).round() as usize;
        self.times.get(index).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
    }

    pub fn p50(&self) -> f64 {
        self.quantile(0.5)
    }

    pub fn p99(&self) -> f64 {
        self.quantile(0.99)
    }
}

/// The middle one; of an even number the mean of the two in the middle.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_and_medians() {
        let times = (1..=101).rev().map(Duration::from_millis).collect();
        let sample = Sample::new(times, Duration::from_secs(2));
        assert_eq!((sample.p50(), sample.p99(), sample.quantile(1.0)), (51.0, 100.0, 101.0));
        assert_eq!(sample.rate(), 50.5);
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
