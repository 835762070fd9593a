//! Many dead jobs at once: what failed of one cause is run again, or discarded, when the cause is gone.

use sqlx::{MySqlPool, QueryBuilder};

use super::admin::{Filter, cancel, narrow, replay};
use crate::db::Tx;
use crate::id::JobId;

/// How many jobs were touched, and whether there are others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touched {
    pub count: usize,
    pub more: bool,
}

/// Dead jobs that failed alike.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Failure {
    pub kind: String,
    /// How the error begins.
    pub error: String,
    pub count: i64,
}

/// The dead jobs by kind and by how their error begins, most first.
pub async fn failures(pool: &MySqlPool, limit: u32) -> sqlx::Result<Vec<Failure>> {
    sqlx::query_as(
        "SELECT kind, SUBSTRING(COALESCE(last_error, ''), 1, 80) AS error, COUNT(*) AS count FROM outbox
         WHERE state = 'dead' GROUP BY kind, error ORDER BY count DESC, kind LIMIT ?",
    )
    .bind(limit)
    .fetch_all(pool)
    .await
}

/// Puts dead jobs back to work, oldest first, each with a fresh count of attempts. One whose twin waits stays dead.
pub async fn retry_dead(tx: &mut Tx, filter: &Filter, limit: u32) -> sqlx::Result<Touched> {
    let (ids, more) = dead(tx, filter, limit, WITHOUT_TWIN).await?;
    let mut count = 0;
    for id in ids {
        if replay(tx, id).await? {
            count += 1;
        }
    }
    Ok(Touched { count, more })
}

/// Takes dead jobs out of the way, oldest first.
pub async fn discard_dead(tx: &mut Tx, filter: &Filter, limit: u32) -> sqlx::Result<Touched> {
    let (ids, more) = dead(tx, filter, limit, "").await?;
    let mut count = 0;
    for id in ids {
        if cancel(tx, id).await? {
            count += 1;
        }
    }
    Ok(Touched { count, more })
}

/// One whose twin waits is not run again, and must not stand in the way of those behind it.
const WITHOUT_TWIN: &str =
    " AND NOT EXISTS (SELECT 1 FROM outbox twin WHERE twin.live_key = outbox.dedup_key)";

async fn dead(
    tx: &mut Tx,
    filter: &Filter,
    limit: u32,
    which: &'static str,
) -> sqlx::Result<(Vec<JobId>, bool)> {
    let mut query = QueryBuilder::new("SELECT id FROM outbox WHERE state = 'dead'");
    let filter = Filter { state: None, before: None, ..filter.clone() };
    narrow(&mut query, &filter);
    query.push(which);
    query.push(" ORDER BY id LIMIT ").push_bind(limit.saturating_add(1)).push(" FOR UPDATE SKIP LOCKED");
    let mut ids: Vec<JobId> = query.build_query_scalar().fetch_all(tx.conn()).await?;
    let more = ids.len() > limit as usize;
    ids.truncate(limit as usize);
    Ok((ids, more))
}
