//! The transport: apalis over Redis. The only file that knows apalis.
//!
//! apalis runs the workers and carries `{job id, delivery id}`; it keeps no truth. Retries, attempts, delays,
//! deduplication and dead letters are rows of the outbox, so a handler answers `Ok` to apalis unless the
//! database is away. Hence the settings: batches of one (a fetched batch is neither acknowledged nor kept alive
//! while it waits), no task locks (they cost O(backlog)), none of the retry, time-out and panic layers (they
//! drop jobs), a worker name of its own for every start, and pause, drain, stop at the end.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::LazyLock;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use apalis::prelude::*;
use apalis_redis::{Config, RedisStorage};
use futures_util::{FutureExt, StreamExt};
use redis::Script;
use redis::aio::ConnectionManager;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::core::Core;
use crate::id::secret;
use crate::job::Queue;
use crate::outbox::Delivery;
use crate::signal::Keys;
use crate::trace::Trace;

/// Looking again without having been woken: the safety net below pub/sub.
const POLL: Duration = Duration::from_millis(500);

/// Stores tasks in apalis-redis' own format, but straight into the active list (its own push puts everything
/// into the schedule, which jams at about 8,000 due entries) and announces them.
static PUSH: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"for i = 1, #ARGV, 2 do
            if redis.call('hsetnx', KEYS[1], ARGV[i], ARGV[i + 1]) == 1 then
                redis.call('hset', KEYS[2] .. ':' .. ARGV[i], 'attempts', 0, 'max_attempts', 25,
                           'status', 'Pending', 'idempotency_key', '')
                redis.call('rpush', KEYS[3], ARGV[i])
            end
        end
        redis.call('publish', KEYS[4], '')
        return redis.call('llen', KEYS[3])",
    )
});

/// Forgets finished tasks: nothing of apalis expires by itself.
static PURGE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"local purged = 0
        for _, set in ipairs({KEYS[1], KEYS[2]}) do
            for _, id in ipairs(redis.call('srandmember', set, tonumber(ARGV[1]))) do
                redis.call('srem', set, id)
                redis.call('hdel', KEYS[3], id)
                redis.call('del', KEYS[4] .. ':' .. id)
                purged = purged + 1
            end
        end
        return purged",
    )
});

/// The producing side; cheap to clone.
#[derive(Clone)]
pub struct Transport {
    redis: ConnectionManager,
    keys: Keys,
}

impl Transport {
    pub fn new(core: &Core) -> Self {
        Self { redis: core.redis.clone(), keys: core.keys.clone() }
    }

    /// Hands deliveries to the workers of a queue; returns how many wait there now. A delivery that is pushed
    /// twice is stored once.
    pub async fn push(&self, queue: Queue, parcels: &[Parcel]) -> redis::RedisResult<u64> {
        let config = config(&self.keys, queue);
        let mut call = PUSH.key(config.job_data_hash());
        call.key(config.job_meta_hash()).key(config.active_jobs_list()).key(wake_channel(&self.keys, queue));
        for parcel in parcels {
            let Delivery { job_id, delivery_id } = parcel.delivery;
            call.arg(format!("job:{job_id}:{delivery_id}"));
            call.arg(serde_json::to_vec(parcel).expect("a delivery is plain data"));
        }
        call.invoke_async(&mut self.redis.clone()).await
    }

    /// How many deliveries wait for a worker.
    pub async fn waiting(&self, queue: Queue) -> redis::RedisResult<u64> {
        let list = config(&self.keys, queue).active_jobs_list();
        redis::cmd("LLEN").arg(list).query_async(&mut self.redis.clone()).await
    }

    /// Forgets up to `limit` finished tasks of a queue.
    pub async fn purge(&self, queue: Queue, limit: u32) -> redis::RedisResult<u64> {
        let config = config(&self.keys, queue);
        PURGE
            .key(config.done_jobs_set())
            .key(config.dead_jobs_set())
            .key(config.job_data_hash())
            .key(config.job_meta_hash())
            .arg(limit)
            .invoke_async(&mut self.redis.clone())
            .await
    }

    /// Whether Redis still holds what was pushed: false after a flush or an empty restart. Says so once.
    pub async fn survived(&self) -> redis::RedisResult<bool> {
        let key = self.keys.transport_alive();
        let fresh: bool = redis::cmd("SETNX").arg(key).arg(1).query_async(&mut self.redis.clone()).await?;
        Ok(!fresh)
    }
}

/// A delivery on its way.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Parcel {
    #[serde(flatten)]
    pub delivery: Delivery,
    /// The publication's place in the job's trace. The row has the trace as well: it is lost with nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Trace>,
}

/// What a worker does with a delivery. An error means that the database could not be reached: apalis will
/// deliver again, and so will the relay.
pub trait Deliver: Send + Sync + 'static {
    fn deliver(&self, parcel: Parcel) -> Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send + '_>>;
}

/// Runs deliveries of a queue until `stop` is cancelled, then finishes what runs. Survives every error of Redis
/// and of apalis by building the worker anew.
pub async fn consume(
    core: &Core,
    queue: Queue,
    concurrency: usize,
    deliver: Arc<dyn Deliver>,
    stop: CancellationToken,
) {
    while !stop.is_cancelled() {
        match run_worker(core, queue, concurrency, deliver.clone(), stop.clone()).await {
            Ok(()) => return,
            Err(error) => {
                metrics::counter!("konnect_worker_restarts_total", "queue" => queue.name()).increment(1);
                tracing::warn!(queue = queue.name(), %error, "worker loop ended; starting a new one");
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(POLL) => {}
                }
            }
        }
    }
}

async fn run_worker(
    core: &Core,
    queue: Queue,
    concurrency: usize,
    deliver: Arc<dyn Deliver>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let (wake, woken) = mpsc::channel(1);
    let listener = tokio::spawn(listen(core.redis_client.clone(), wake_channel(&core.keys, queue), wake));
    let _listener = AbortOnDrop(listener.abort_handle());
    let strategy = WakeOrPoll { timer: Box::pin(tokio::time::sleep(POLL)), woken };
    let storage = RedisStorage::<Value>::new(core.redis.clone())
        .with_config(config(&core.keys, queue))
        .poll_with_strategy(strategy);
    let name = format!("{}-{}-{}", queue.name(), std::process::id(), &secret()[..8]);
    let worker = WorkerBuilder::new(name.as_str())
        .backend(storage)
        .concurrency(concurrency)
        .data(deliver)
        .build(handle);
    // A plain stop deadlocks when more than four tasks run: pause, wait until nothing runs and the
    // acknowledgements are out, then stop.
    worker
        .run_with_ctx(move |context| {
            let stop = stop.clone();
            async move {
                stop.cancelled().await;
                let _ = context.pause();
                while context.task_count() > 0 {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                tokio::time::sleep(Duration::from_millis(250)).await;
                context.stop()
            }
        })
        .await?;
    Ok(())
}

/// The run is a task of its own: when apalis drops this future (Redis hiccup), the work goes on to its end.
async fn handle(envelope: Value, deliver: Data<Arc<dyn Deliver>>) -> Result<(), BoxDynError> {
    let Ok(parcel) = serde_json::from_value::<Parcel>(envelope) else {
        metrics::counter!("konnect_malformed_deliveries_total").increment(1);
        return Ok(());
    };
    let deliver = (*deliver).clone();
    let run = tokio::spawn(async move { deliver.deliver(parcel).await });
    Ok(run.await??)
}

fn config(keys: &Keys, queue: Queue) -> Config {
    Config::default()
        .queue(keys.queue(queue))
        .batch_size(1)
        .lock_tasks(false)
        .emit_events(false)
        .heartbeat_interval(Duration::from_secs(3))
        .missed_heartbeats(5)
}

fn wake_channel(keys: &Keys, queue: Queue) -> String {
    format!("{}:wake", keys.queue(queue))
}

struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Hears of pushes for as long as the worker lives.
async fn listen(client: redis::Client, channel: String, wake: mpsc::Sender<()>) {
    loop {
        if let Ok(mut pubsub) = client.get_async_pubsub().await
            && pubsub.subscribe(&channel).await.is_ok()
        {
            let mut messages = pubsub.on_message();
            while messages.next().await.is_some() {
                let _ = wake.try_send(());
            }
        }
        metrics::counter!("konnect_pubsub_reconnects_total", "listener" => "worker").increment(1);
        tokio::time::sleep(POLL).await;
    }
}

/// Fetches when woken, and every [`POLL`] in any case. Both sources are polled until they are pending, so that
/// no wake-up is lost (apalis' own interval strategy loses them).
struct WakeOrPoll {
    timer: Pin<Box<tokio::time::Sleep>>,
    woken: mpsc::Receiver<()>,
}

impl PollStrategy for WakeOrPoll {
    fn poll_drive(&mut self, cx: &mut TaskContext<'_>, _: &PollSnapshot) -> Poll<Option<()>> {
        let mut fetch = false;
        while self.timer.poll_unpin(cx).is_ready() {
            fetch = true;
            self.timer.as_mut().reset(tokio::time::Instant::now() + POLL);
        }
        while let Poll::Ready(Some(())) = self.woken.poll_recv(cx) {
            fetch = true;
        }
        if fetch { Poll::Ready(Some(())) } else { Poll::Pending }
    }
}
