//! Closed loops: each of some connections sends its next request when the last one is answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinSet;

use super::http::Connection;
use super::sample::Sample;

/// Where each request begins in the list and how long the list is gone through.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// Every request once.
    AllSent,
    /// Round and round for this long.
    Elapsed(Duration),
}

/// Sends requests over `connections` connections; each answer must have `status`.
pub async fn drive(
    address: SocketAddr,
    connections: usize,
    requests: Arc<Vec<Vec<u8>>>,
    status: u16,
    until: Until,
) -> Result<Sample> {
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(Connection::open(address).await?);
    }
    let next = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for mut connection in open {
        let (requests, next) = (requests.clone(), next.clone());
        tasks.spawn(async move {
            let mut times = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let over = match until {
                    Until::AllSent => index >= requests.len(),
                    Until::Elapsed(length) => started.elapsed() >= length,
                };
                if over {
                    return anyhow::Ok(times);
                }
                let sent = Instant::now();
                connection.send(&requests[index % requests.len()]).await?.expect(status)?;
                times.push(sent.elapsed());
            }
        });
    }
    gather(tasks, started).await
}

/// Does `count` things, `width` at a time: `act` is called with 0 to `count - 1`.
pub async fn repeat<F, A>(count: usize, width: usize, act: F) -> Result<Sample>
where
    F: Fn(usize) -> A + Clone + Send + 'static,
    A: Future<Output = Result<()>> + Send,
{
    let next = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..width {
        let (next, act) = (next.clone(), act.clone());
        tasks.spawn(async move {
            let mut times = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= count {
                    return anyhow::Ok(times);
                }
                let began = Instant::now();
                act(index).await?;
                times.push(began.elapsed());
            }
        });
    }
    gather(tasks, started).await
}

/// The times of all tasks as one sample.
pub(super) async fn gather(mut tasks: JoinSet<Result<Vec<Duration>>>, started: Instant) -> Result<Sample> {
    let mut times = Vec::new();
    while let Some(done) = tasks.join_next().await {
        times.extend(done??);
    }
    Ok(Sample::new(times, started.elapsed()))
}
