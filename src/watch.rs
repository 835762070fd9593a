//! What each process measures of the stores it uses: its pool of connections, and whether Redis answers.

use std::time::Duration;

use redis::RedisResult;
use redis::aio::ConnectionManager;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::core::Core;

/// How often. A scrape is rarer.
const EVERY: Duration = Duration::from_secs(5);
/// A Redis that takes longer is away, for whoever waits for it.
const PATIENCE: Duration = Duration::from_secs(2);
/// Of our connection, in Redis' own list.
const NAME: &str = "konnect";

/// Measures until `stop` is cancelled.
pub async fn stores(core: Core, stop: CancellationToken) {
    let mut timer = tokio::time::interval(EVERY);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut was_named = false;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = timer.tick() => {}
        }
        pool(&core);
        ask_redis(&core, &mut was_named).await;
    }
}

fn pool(core: &Core) {
    let pool = core.db.pool();
    let idle = pool.num_idle();
    // Both are read at moments of their own.
    let used = (pool.size() as usize).saturating_sub(idle);
    metrics::gauge!("konnect_db_connections", "state" => "idle").set(idle as f64);
    metrics::gauge!("konnect_db_connections", "state" => "used").set(used as f64);
    metrics::gauge!("konnect_db_connections_max").set(f64::from(pool.options().get_max_connections()));
}

/// `was_named`: whether a connection of ours was there before.
async fn ask_redis(core: &Core, was_named: &mut bool) {
    let asked = Instant::now();
    let mut redis = core.redis.clone();
    let answer = tokio::time::timeout(PATIENCE, redis::cmd("PING").query_async::<()>(&mut redis)).await;
    let is_up = matches!(answer, Ok(Ok(())));
    metrics::gauge!("konnect_redis_up").set(f64::from(u8::from(is_up)));
    if !is_up {
        return;
    }
    metrics::histogram!("konnect_redis_seconds").record(asked.elapsed().as_secs_f64());
    let named = tokio::time::timeout(PATIENCE, name(&mut redis)).await;
    match named {
        Ok(Ok(true)) if *was_named => {
            metrics::counter!("konnect_redis_reconnects_total").increment(1);
            tracing::warn!("the connection to Redis was lost and is there again");
        }
        Ok(Ok(_)) => *was_named = true,
        // A server that gives no names: nothing is known of its connections.
        Ok(Err(_)) | Err(_) => {}
    }
}

/// Names our connection, unless it has its name already: then it is the one of before. It mends itself without a word,
/// so that it has to be asked.
async fn name(redis: &mut ConnectionManager) -> RedisResult<bool> {
    let known: Option<String> = redis::cmd("CLIENT").arg("GETNAME").query_async(redis).await?;
    if known.as_deref() == Some(NAME) {
        return Ok(false);
    }
    redis::cmd("CLIENT").arg("SETNAME").arg(NAME).query_async::<()>(redis).await?;
    Ok(true)
}
