//! All SQL of payouts, their control and their resolutions.

use sqlx::mysql::MySqlExecutor;
use sqlx::{MySqlPool, QueryBuilder};

use super::model::{Control, Filter, Outcome, Payout, PayoutState, Resolution};
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::{PayoutId, UserId};
use crate::money::Krw;

macro_rules! payouts {
    ($rest:literal) => {
        concat!(
            "SELECT id, batch_id, mentor_id, account_id, destination, amount_krw, carried_krw, state, idempotency_key,
                provider_payout_id, sent_at, concluded_at, error_code, alert, created_at, updated_at
             FROM payouts ",
            $rest
        )
    };
}

pub async fn insert_payout(tx: &mut Tx, payout: &Payout) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO payouts (id, batch_id, mentor_id, account_id, destination, amount_krw, carried_krw, state,
            idempotency_key, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(payout.id)
    .bind(payout.batch_id)
    .bind(payout.mentor_id)
    .bind(payout.account_id)
    .bind(&payout.destination)
    .bind(payout.amount_krw)
    .bind(payout.carried_krw)
    .bind(payout.state)
    .bind(&payout.idempotency_key)
    .bind(payout.created_at)
    .bind(payout.updated_at)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn payout(executor: impl MySqlExecutor<'_>, id: PayoutId) -> sqlx::Result<Option<Payout>> {
    sqlx::query_as(payouts!("WHERE id = ?")).bind(id).fetch_optional(executor).await
}

pub async fn lock_payout(tx: &mut Tx, id: PayoutId) -> sqlx::Result<Option<Payout>> {
    sqlx::query_as(payouts!("WHERE id = ? FOR UPDATE")).bind(id).fetch_optional(tx.conn()).await
}

/// The payout that the provider has under this id, as far as we know.
pub async fn lock_payout_of_provider(tx: &mut Tx, provider_id: &str) -> sqlx::Result<Option<Payout>> {
    sqlx::query_as(payouts!("WHERE provider_payout_id = ? FOR UPDATE"))
        .bind(provider_id)
        .fetch_optional(tx.conn())
        .await
}

/// Compare and set of a state. What is absent stays as it is; the code does not.
pub async fn set_state(
    tx: &mut Tx,
    was: &Payout,
    state: PayoutState,
    error_code: Option<&str>,
    found: Option<(&str, &str)>,
) -> sqlx::Result<bool> {
    let now = tx.now;
    let (provider_id, evidence) = found.unzip();
    let sent_at = was.sent_at.or((state == PayoutState::Sent).then_some(now));
    let concluded_at = was.concluded_at.or(state.is_over().then_some(now));
    let code: Option<String> = error_code.map(|code| code.chars().take(80).collect());
    let done = sqlx::query(
        "UPDATE payouts SET state = ?, error_code = ?, provider_payout_id = COALESCE(?, provider_payout_id),
            evidence = COALESCE(?, evidence), sent_at = ?, concluded_at = ?, updated_at = ?
         WHERE id = ? AND state = ?",
    )
    .bind(state)
    .bind(code)
    .bind(provider_id)
    .bind(evidence)
    .bind(sent_at)
    .bind(concluded_at)
    .bind(now)
    .bind(was.id)
    .bind(was.state)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A fresh idempotency key, for a payout of which the provider has shown that it has none.
pub async fn renew_key(tx: &mut Tx, id: PayoutId, key: &str) -> sqlx::Result<()> {
    sqlx::query("UPDATE payouts SET idempotency_key = ? WHERE id = ?")
        .bind(key)
        .bind(id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub async fn set_alert(tx: &mut Tx, id: PayoutId, alert: &str, evidence: &str) -> sqlx::Result<()> {
    sqlx::query("UPDATE payouts SET alert = ?, evidence = COALESCE(evidence, ?) WHERE id = ?")
        .bind(alert)
        .bind(evidence)
        .bind(id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Whether the provider may be about to pay this mentor.
pub async fn has_payout_under_way(tx: &mut Tx, mentor: UserId) -> sqlx::Result<bool> {
    let found: Option<i8> = sqlx::query_scalar(
        "SELECT 1 FROM payouts WHERE mentor_id = ? AND state IN ('sent', 'unknown', 'in_progress') LIMIT 1",
    )
    .bind(mentor)
    .fetch_optional(tx.conn())
    .await?;
    Ok(found.is_some())
}

/// Won that were asked for since `since` for one payee, or will be; without what has failed. What waits, or may be asked
/// for again, counts however old it is.
pub async fn sum_since(tx: &mut Tx, destination: &str, since: Instant) -> sqlx::Result<Krw> {
    sqlx::query_scalar(
        "SELECT CAST(COALESCE(SUM(amount_krw), 0) AS SIGNED) FROM payouts
         WHERE destination = ? AND (state IN ('queued', 'sent', 'unknown')
                                    OR sent_at >= ? AND state NOT IN ('failed', 'cancelled'))",
    )
    .bind(destination)
    .bind(since)
    .fetch_one(tx.conn())
    .await
}

/// Newest first.
pub async fn list(pool: &MySqlPool, filter: &Filter, limit: u32) -> sqlx::Result<Vec<Payout>> {
    let mut select = QueryBuilder::new(payouts!("WHERE 1 = 1"));
    if let Some(state) = filter.state {
        select.push(" AND state = ").push_bind(state);
    }
    if let Some(batch) = filter.batch {
        select.push(" AND batch_id = ").push_bind(batch);
    }
    if let Some(mentor) = filter.mentor {
        select.push(" AND mentor_id = ").push_bind(mentor);
    }
    if let Some(before) = filter.before {
        select.push(" AND id < ").push_bind(before);
    }
    select.push(" ORDER BY id DESC LIMIT ").push_bind(limit);
    select.build_query_as().fetch_all(pool).await
}

/// Payouts that nobody sends or asks about, last touched before `before`: those that the provider has not taken, as
/// far as we know.
pub async fn unsent(
    pool: &MySqlPool,
    before: Instant,
    kind: &str,
    limit: u32,
) -> sqlx::Result<Vec<PayoutId>> {
    sqlx::query_scalar(
        "SELECT p.id FROM payouts p WHERE p.state IN ('queued', 'sent', 'unknown') AND p.updated_at < ?
            AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.subject = p.id AND o.kind = ?
                            AND o.state IN ('pending', 'published'))
         ORDER BY p.updated_at LIMIT ?",
    )
    .bind(before)
    .bind(kind)
    .bind(limit)
    .fetch_all(pool)
    .await
}

/// The provider's ids of payouts that it has taken and that were last read before `before`.
pub async fn unread(pool: &MySqlPool, before: Instant, limit: u32) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(
        "SELECT provider_payout_id FROM payouts
         WHERE state = 'in_progress' AND provider_payout_id IS NOT NULL AND updated_at < ?
         ORDER BY updated_at LIMIT ?",
    )
    .bind(before)
    .bind(limit)
    .fetch_all(pool)
    .await
}

pub async fn control(executor: impl MySqlExecutor<'_>) -> sqlx::Result<Control> {
    sqlx::query_as("SELECT paused, reason, since, actor_kind, actor_id FROM payout_controls WHERE id = 1")
        .fetch_one(executor)
        .await
}

pub async fn set_control(tx: &mut Tx, paused: bool, reason: &str) -> sqlx::Result<bool> {
    let (now, kind, actor) = (tx.now, tx.cx.actor.kind(), tx.cx.actor.id());
    let changed = sqlx::query(
        "UPDATE payout_controls SET paused = ?, reason = ?, since = ?, actor_kind = ?, actor_id = ?
         WHERE id = 1 AND paused <> ?",
    )
    .bind(paused)
    .bind(reason)
    .bind(now)
    .bind(kind)
    .bind(actor)
    .bind(paused)
    .execute(tx.conn())
    .await?;
    Ok(changed.rows_affected() == 1)
}

pub async fn add_control_history(tx: &mut Tx, paused: bool, reason: &str) -> sqlx::Result<()> {
    let word = |paused| if paused { "paused" } else { "running" };
    tx.moved("payouts", uuid::Uuid::nil(), Some(word(!paused)), word(paused));
    let (now, cx) = (tx.now, tx.cx.clone());
    sqlx::query(
        "INSERT INTO payout_control_history (paused, reason, at, actor_kind, actor_id, request_id)
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(paused)
    .bind(reason)
    .bind(now)
    .bind(cx.actor.kind())
    .bind(cx.actor.id())
    .bind(cx.request_id)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn resolution(executor: impl MySqlExecutor<'_>, id: PayoutId) -> sqlx::Result<Option<Resolution>> {
    sqlx::query_as(
        "SELECT outcome, evidence, asked_by, asked_at, confirmed_by, confirmed_at FROM payout_resolutions
         WHERE payout_id = ?",
    )
    .bind(id)
    .fetch_optional(executor)
    .await
}

/// Writes who asks for which outcome; one that was not confirmed gives way.
pub async fn ask_resolution(
    tx: &mut Tx,
    id: PayoutId,
    outcome: Outcome,
    evidence: &str,
    by: UserId,
) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "INSERT INTO payout_resolutions (payout_id, outcome, evidence, asked_by, asked_at) VALUES (?, ?, ?, ?, ?)
         ON DUPLICATE KEY UPDATE outcome = VALUES(outcome), evidence = VALUES(evidence),
            asked_by = VALUES(asked_by), asked_at = VALUES(asked_at)",
    )
    .bind(id)
    .bind(outcome)
    .bind(evidence)
    .bind(by)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn confirm_resolution(tx: &mut Tx, id: PayoutId, by: UserId) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query("UPDATE payout_resolutions SET confirmed_by = ?, confirmed_at = ? WHERE payout_id = ?")
        .bind(by)
        .bind(now)
        .bind(id)
        .execute(tx.conn())
        .await?;
    Ok(())
}
