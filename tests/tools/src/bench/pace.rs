//! Open loops: things are due at instants that are fixed beforehand, however slow the answers are.
//!
//! A time counts from the instant at which its request was due, not from the one at which a connection was free to send
//! it. So what waits behind a server that stalls is part of the figures; a closed loop ([`super::load`]) asks nothing
//! meanwhile and leaves it out.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::http::Connection;
use super::load::gather;
use super::sample::Sample;

/// When `count` things are due, `rate` a second and equally far apart, from the beginning of the run.
pub fn evenly(count: usize, rate: f64) -> Vec<Duration> {
    (0..count).map(|index| Duration::from_secs_f64(index as f64 / rate)).collect()
}

/// When `count` things are due that come of themselves, `rate` a second at the mean: a Poisson process. The same `seed`
/// gives the same instants.
pub fn at_random(count: usize, rate: f64, seed: u64) -> Vec<Duration> {
    let mut dice = StdRng::seed_from_u64(seed);
    let mut at = 0.0;
    let mut due = Vec::with_capacity(count);
    for _ in 0..count {
        at -= (1.0 - dice.random_range(0.0..1.0_f64)).ln() / rate;
        due.push(Duration::from_secs_f64(at));
    }
    due
}

/// Lets things go when they are due.
pub struct Pace {
    pub started: Instant,
    /// After `started`, ascending.
    due: Vec<Duration>,
    /// One permit for each thing that is due by now.
    gone: Semaphore,
    next: AtomicUsize,
}

impl Pace {
    /// Begins at once. `takers` tasks call [`Self::next`].
    ///
    /// A thread of its own looks at the clock, since timers of tokio are a millisecond coarse: as long as some of the
    /// answers take.
    pub fn start(due: Vec<Duration>, takers: usize) -> Arc<Self> {
        let (gone, next) = (Semaphore::new(0), AtomicUsize::new(0));
        let pace = Arc::new(Self { started: Instant::now(), due, gone, next });
        let clock = pace.clone();
        std::thread::spawn(move || clock.let_go(takers));
        pace
    }

    fn let_go(&self, takers: usize) {
        for due in &self.due {
            let at = self.started + *due;
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
            self.gone.add_permits(1);
        }
        // Everybody learns that nothing more comes.
        self.gone.add_permits(takers);
    }

    /// Waits until the next thing is due: its number and its instant. `None`: it was the last one.
    pub async fn next(&self) -> Option<(usize, Instant)> {
        self.gone.acquire().await.ok()?.forget();
        // Only now: whoever has a permit takes the oldest thing that nobody took.
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        Some((index, self.started + *self.due.get(index)?))
    }
}

/// Sends each request when it is due, as soon as one of `connections` connections is free; each answer must have
/// `status`. The times count from when the requests were due.
pub async fn offer(
    address: SocketAddr,
    connections: usize,
    requests: Vec<Vec<u8>>,
    status: u16,
    due: Vec<Duration>,
) -> Result<Sample> {
    ensure!(requests.len() == due.len(), "{} requests are due {} times", requests.len(), due.len());
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(Connection::open(address).await?);
    }
    let requests = Arc::new(requests);
    let pace = Pace::start(due, connections);
    let mut tasks = JoinSet::new();
    for mut connection in open {
        let (requests, pace) = (requests.clone(), pace.clone());
        tasks.spawn(async move {
            let mut times = Vec::new();
            while let Some((index, due)) = pace.next().await {
                connection.send(&requests[index]).await?.expect(status)?;
                times.push(due.elapsed());
            }
            anyhow::Ok(times)
        });
    }
    gather(tasks, pace.started).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_of_itself_keeps_its_rate_and_comes_again() {
        let due = at_random(20_000, 500.0, 7);
        assert!(due.is_sorted());
        // The deviation of the last instant is the square root of 20,000 gaps: 0.28 s.
        assert!((due[19_999].as_secs_f64() - 40.0).abs() < 1.5, "{:?}", due[19_999]);
        let gaps = due.windows(2).map(|two| (two[1] - two[0]).as_secs_f64());
        let long = gaps.filter(|gap| *gap > 1.0 / 500.0).count();
        // e^-1 of the gaps of a Poisson process are longer than their mean; of even ones none is.
        assert!((6_900..7_900).contains(&long), "{long}");
        assert_eq!(due, at_random(20_000, 500.0, 7));
        assert_ne!(due, at_random(20_000, 500.0, 8));
    }

    #[tokio::test]
    async fn nothing_goes_before_it_is_due_and_a_late_taker_counts_from_then() {
        let pace = Pace::start(evenly(5, 100.0), 1);
        // The taker comes when all five are due.
        tokio::time::sleep(Duration::from_millis(45)).await;
        let mut taken = Vec::new();
        while let Some((index, due)) = pace.next().await {
            assert_eq!(due - pace.started, Duration::from_millis(10 * index as u64));
            assert!(Instant::now() >= due);
            taken.push((index, due.elapsed()));
        }
        assert_eq!(taken.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        assert!(
            taken[0].1 >= Duration::from_millis(45),
            "the wait of the first one is not hidden: {taken:?}"
        );
    }
}
