//! All SQL of batches.

use sqlx::mysql::MySqlExecutor;
use sqlx::{MySql, MySqlPool, QueryBuilder};

use crate::clock::Instant;
use crate::db::{Tx, push_list};
use crate::id::{PayoutBatchId, UserId};
use crate::money::Krw;
use crate::payout::model::{Batch, BatchState, Block, Debt, Skip, SkipRow, Tally};

macro_rules! batches {
    ($rest:literal) => {
        concat!(
            "SELECT id, due_at, cause, state, blocked, reached, created_at, finished_at FROM payout_batches ",
            $rest
        )
    };
}

pub async fn insert(tx: &mut Tx, batch: &Batch) -> sqlx::Result<()> {
    let (kind, actor) = (tx.cx.actor.kind(), tx.cx.actor.id());
    sqlx::query(
        "INSERT INTO payout_batches (id, due_at, cause, state, actor_kind, actor_id, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(batch.id)
    .bind(batch.due_at)
    .bind(batch.cause)
    .bind(batch.state)
    .bind(kind)
    .bind(actor)
    .bind(batch.created_at)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn due_at(tx: &mut Tx, due_at: Instant) -> sqlx::Result<Option<Batch>> {
    sqlx::query_as(batches!("WHERE due_at = ?")).bind(due_at).fetch_optional(tx.conn()).await
}

pub async fn find(executor: impl MySqlExecutor<'_>, id: PayoutBatchId) -> sqlx::Result<Option<Batch>> {
    sqlx::query_as(batches!("WHERE id = ?")).bind(id).fetch_optional(executor).await
}

/// Oldest first.
pub async fn open(pool: &MySqlPool) -> sqlx::Result<Vec<Batch>> {
    sqlx::query_as(batches!("WHERE state = 'open' ORDER BY due_at LIMIT 50")).fetch_all(pool).await
}

/// Newest first, from before `before`.
pub async fn list(pool: &MySqlPool, before: Option<PayoutBatchId>, limit: u32) -> sqlx::Result<Vec<Batch>> {
    sqlx::query_as(batches!("WHERE (? IS NULL OR id < ?) ORDER BY id DESC LIMIT ?"))
        .bind(before)
        .bind(before)
        .bind(limit)
        .fetch_all(pool)
        .await
}

pub async fn reach(tx: &mut Tx, id: PayoutBatchId, mentor: UserId) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE payout_batches SET reached = ? WHERE id = ? AND (reached IS NULL OR reached < ?) AND state = 'open'",
    )
    .bind(mentor)
    .bind(id)
    .bind(mentor)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn finish(tx: &mut Tx, id: PayoutBatchId) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "UPDATE payout_batches SET state = ?, blocked = NULL, finished_at = ? WHERE id = ? AND state = 'open'",
    )
    .bind(BatchState::Done)
    .bind(now)
    .bind(id)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Says of every open batch why it stands still.
pub async fn block(tx: &mut Tx, block: Option<Block>) -> sqlx::Result<()> {
    sqlx::query("UPDATE payout_batches SET blocked = ? WHERE state = 'open'")
        .bind(block)
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub async fn set_skip(
    tx: &mut Tx,
    batch: PayoutBatchId,
    mentor: UserId,
    reason: Skip,
    amount: Krw,
) -> sqlx::Result<bool> {
    let now = tx.now;
    let done = sqlx::query(
        "INSERT INTO payout_skips (batch_id, mentor_id, reason, amount_krw, at) VALUES (?, ?, ?, ?, ?)
         ON DUPLICATE KEY UPDATE reason = VALUES(reason), amount_krw = VALUES(amount_krw)",
    )
    .bind(batch)
    .bind(mentor)
    .bind(reason)
    .bind(amount)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// By mentor, from after the mentor `after`.
pub async fn skips(
    pool: &MySqlPool,
    batch: PayoutBatchId,
    after: Option<UserId>,
    limit: u32,
) -> sqlx::Result<Vec<SkipRow>> {
    sqlx::query_as(
        "SELECT mentor_id, reason, amount_krw FROM payout_skips
         WHERE batch_id = ? AND (? IS NULL OR mentor_id > ?) ORDER BY mentor_id LIMIT ?",
    )
    .bind(batch)
    .bind(after)
    .bind(after)
    .bind(limit)
    .fetch_all(pool)
    .await
}

/// Payouts of these batches by state, then skipped mentors by reason.
pub async fn tallies(pool: &MySqlPool, batches: &[PayoutBatchId]) -> sqlx::Result<(Vec<Tally>, Vec<Tally>)> {
    if batches.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let paid = QueryBuilder::new(
        "SELECT batch_id, state AS word, COUNT(*) AS count, CAST(SUM(amount_krw) AS SIGNED) AS amount_krw
         FROM payouts WHERE batch_id IN (",
    );
    let skipped = QueryBuilder::new(
        "SELECT batch_id, reason AS word, COUNT(*) AS count, CAST(SUM(amount_krw) AS SIGNED) AS amount_krw
         FROM payout_skips WHERE batch_id IN (",
    );
    Ok((tally(pool, paid, batches).await?, tally(pool, skipped, batches).await?))
}

async fn tally(
    pool: &MySqlPool,
    mut select: QueryBuilder<MySql>,
    batches: &[PayoutBatchId],
) -> sqlx::Result<Vec<Tally>> {
    push_list(&mut select, batches.iter().copied());
    select.push(") GROUP BY batch_id, word ORDER BY batch_id, word").build_query_as().fetch_all(pool).await
}

/// Mentors whose ready lines sum to less than nothing, after the mentor `after`.
pub async fn debts(pool: &MySqlPool, after: Option<UserId>, limit: u32) -> sqlx::Result<Vec<Debt>> {
    sqlx::query_as(
        "SELECT mentor_id, CAST(SUM(net_krw) AS SIGNED) AS amount_krw, MIN(created_at) AS since
         FROM settlement_lines WHERE state = 'ready' AND (? IS NULL OR mentor_id > ?)
         GROUP BY mentor_id HAVING SUM(net_krw) < 0 ORDER BY mentor_id LIMIT ?",
    )
    .bind(after)
    .bind(after)
    .bind(limit)
    .fetch_all(pool)
    .await
}
