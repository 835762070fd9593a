//! A copy of the database that is some moments old, for lists that may be old themselves. Nothing is decided by it.
//!
//! How old it is shows a row that is written on the primary once a second and read on the replica. Whoever wrote something
//! says with their next read when that was, and reads the primary until the replica shows a later beat. A replica that
//! fails or lags is left alone.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use sqlx::mysql::{MySqlConnectOptions, MySqlPool, MySqlPoolOptions};
use tokio::sync::Mutex;

use crate::clock::{Clock, Instant};
use crate::db::{Db, DbError};

/// How often the replica is asked how old it is.
const BEAT: TimeDelta = TimeDelta::seconds(1);
/// How much the clocks of two processes may differ: a beat shows what was written by then less this.
const SKEW: TimeDelta = TimeDelta::seconds(1);
/// A replica that failed is not asked again for this long.
const REST: TimeDelta = TimeDelta::seconds(5);
/// A replica that takes longer to say how old it is counts as failed.
const PATIENCE: Duration = Duration::from_millis(500);

/// Cheap to clone.
#[derive(Clone)]
pub struct Replica {
    pool: MySqlPool,
    clock: Clock,
    max_lag: TimeDelta,
    known: Arc<Known>,
}

/// Instants in microseconds since 1970.
#[derive(Default)]
struct Known {
    /// The newest beat that the replica showed.
    beat: AtomicI64,
    /// When it was asked last.
    asked: AtomicI64,
    /// Until when it is left alone.
    rests_until: AtomicI64,
    asking: Mutex<()>,
}

impl Replica {
    /// Connects when it is first asked: a replica that is away stops no process from starting.
    ///
    /// # Errors
    /// A URL that is none.
    pub fn new(url: &str, max_connections: u32, max_lag: TimeDelta, clock: Clock) -> sqlx::Result<Self> {
        let options: MySqlConnectOptions = url.parse()?;
        let pool = MySqlPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(PATIENCE)
            .connect_lazy_with(options);
        Ok(Self { pool, clock, max_lag, known: Arc::default() })
    }

    /// Whether it shows everything that was written by `seen`, and is not too old.
    async fn is_fit(&self, primary: &MySqlPool, seen: Option<Instant>) -> bool {
        let now = self.clock.now();
        if now.timestamp_micros() < self.known.rests_until.load(Ordering::SeqCst) {
            return false;
        }
        let asked = instant(self.known.asked.load(Ordering::SeqCst));
        // Those who come while somebody asks go by what is known.
        if (now - asked).abs() >= BEAT
            && let Ok(_alone) = self.known.asking.try_lock()
        {
            self.ask(primary, now).await;
        }
        let beat = instant(self.known.beat.load(Ordering::SeqCst));
        // A beat of a clock that is far ahead says as little as an old one.
        let lag = (now - beat).abs();
        metrics::gauge!("konnect_replica_lag_seconds").set(lag.as_seconds_f64());
        lag <= self.max_lag && seen.is_none_or(|seen| beat - SKEW >= seen)
    }

    async fn ask(&self, primary: &MySqlPool, now: Instant) {
        self.known.asked.store(now.timestamp_micros(), Ordering::SeqCst);
        let beat = tokio::time::timeout(PATIENCE, async {
            beat(primary, now).await?;
            shown(&self.pool).await
        });
        match beat.await {
            Ok(Ok(at)) => self.known.beat.store(at.timestamp_micros(), Ordering::SeqCst),
            Ok(Err(error)) => self.rest(&error.to_string()),
            Err(_) => self.rest("it took too long"),
        }
    }

    fn rest(&self, why: &str) {
        let until = self.clock.now() + REST;
        self.known.rests_until.store(until.timestamp_micros(), Ordering::SeqCst);
        self.known.beat.store(0, Ordering::SeqCst);
        metrics::counter!("konnect_replica_failures_total").increment(1);
        tracing::warn!(why, "the replica is left alone for some seconds");
    }
}

/// Reads what may be some moments old: from the replica where there is one that is fit, else from the primary; also when the
/// replica fails while it reads. `seen`: when the caller last wrote something.
///
/// # Errors
/// Those of `read`.
pub async fn read<T, E, F>(db: &Db, seen: Option<Instant>, read: impl Fn(MySqlPool) -> F) -> Result<T, E>
where
    E: DbError,
    F: Future<Output = Result<T, E>>,
{
    if let Some(replica) = db.replica()
        && replica.is_fit(db.pool(), seen).await
    {
        let outcome = read(replica.pool.clone()).await;
        let failure = outcome.as_ref().err().and_then(E::database).map(ToString::to_string);
        match failure {
            None => {
                count("replica");
                return outcome;
            }
            Some(why) => replica.rest(&why),
        }
    }
    count("primary");
    read(db.pool().clone()).await
}

fn count(server: &'static str) {
    metrics::counter!("konnect_catalogue_reads_total", "server" => server).increment(1);
}

fn instant(micros: i64) -> Instant {
    Instant::from_timestamp_micros(micros).unwrap_or_default()
}

/// Writes that the primary is alive now, once for all processes that ask at the same time. A beat that lies ahead comes from
/// a clock that was wrong, and would stop all others until then.
async fn beat(primary: &MySqlPool, now: Instant) -> sqlx::Result<()> {
    sqlx::query("UPDATE replica_beats SET at = ? WHERE id = 1 AND (at < ? OR at > ?)")
        .bind(now)
        .bind(now - BEAT / 2)
        .bind(now + SKEW)
        .execute(primary)
        .await?;
    Ok(())
}

async fn shown(replica: &MySqlPool) -> sqlx::Result<Instant> {
    sqlx::query_scalar("SELECT at FROM replica_beats WHERE id = 1").fetch_one(replica).await
}
