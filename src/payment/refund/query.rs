//! All SQL of refunds and quotes.

use sqlx::mysql::MySqlExecutor;
use sqlx::{MySqlPool, QueryBuilder};

use super::model::{Refund, RefundChange, RefundState};
use super::quote::CancellationQuote;
use crate::clock::Instant;
use crate::db::{Tx, push_list};
use crate::id::{AttemptId, QuoteId, RefundId, ReservationId, UserId};
use crate::job::{CloseRefund, Job, RefundPayment};
use crate::money::Krw;

macro_rules! refunds {
    ($rest:literal) => {
        concat!(
            "SELECT id, payment_id, attempt_id, reservation_id, amount_krw, cause, cause_ref, state, idempotency_key,
                sent_at, transaction_key, error_code, bearer, reason, requested_by, decided_by, account_sealed,
                ending, evidence, changes, created_at, updated_at FROM refunds ",
            $rest
        )
    };
}

/// States that count against what was captured, as [`RefundState::is_live`] says.
macro_rules! live {
    () => {
        "('queued', 'needs_account', 'sent', 'unknown', 'manual_review', 'done', 'by_hand')"
    };
}

/// Writes a refund with the first line of its history.
pub async fn insert_refund(tx: &mut Tx, f: &Refund) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO refunds (id, payment_id, attempt_id, reservation_id, amount_krw, cause, cause_ref, state,
            idempotency_key, transaction_key, bearer, reason, requested_by, decided_by, changes, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?)",
    )
    .bind(f.id)
    .bind(f.payment_id)
    .bind(f.attempt_id)
    .bind(f.reservation_id)
    .bind(f.amount_krw)
    .bind(&f.cause)
    .bind(&f.cause_ref)
    .bind(f.state)
    .bind(&f.idempotency_key)
    .bind(&f.transaction_key)
    .bind(f.bearer)
    .bind(&f.reason)
    .bind(f.requested_by)
    .bind(f.decided_by)
    .bind(f.created_at)
    .bind(f.updated_at)
    .execute(tx.conn())
    .await?;
    add_history(tx, f.id, 1, None, f.state, f.reason.as_deref()).await
}

pub async fn refund(executor: impl MySqlExecutor<'_>, id: RefundId) -> sqlx::Result<Option<Refund>> {
    sqlx::query_as(refunds!("WHERE id = ?")).bind(id).fetch_optional(executor).await
}

pub async fn lock_refund(tx: &mut Tx, id: RefundId) -> sqlx::Result<Option<Refund>> {
    sqlx::query_as(refunds!("WHERE id = ? FOR UPDATE")).bind(id).fetch_optional(tx.conn()).await
}

pub async fn refunds_of(executor: impl MySqlExecutor<'_>, id: ReservationId) -> sqlx::Result<Vec<Refund>> {
    sqlx::query_as(refunds!("WHERE reservation_id = ? ORDER BY id")).bind(id).fetch_all(executor).await
}

pub async fn refunds_of_attempt(
    executor: impl MySqlExecutor<'_>,
    id: AttemptId,
) -> sqlx::Result<Vec<Refund>> {
    sqlx::query_as(refunds!("WHERE attempt_id = ? ORDER BY id")).bind(id).fetch_all(executor).await
}

/// Whether a payer has a refund in one of these states, of which there are some.
pub async fn has_refund_in(tx: &mut Tx, payer: UserId, states: &[RefundState]) -> sqlx::Result<bool> {
    let mut query = QueryBuilder::new(
        "SELECT 1 FROM payments p JOIN refunds f ON f.reservation_id = p.reservation_id WHERE p.mentee_id = ",
    );
    query.push_bind(payer).push(" AND f.state IN (");
    push_list(&mut query, states.iter().map(|state| state.name()));
    let found: Option<i8> = query.push(") LIMIT 1").build_query_scalar().fetch_optional(tx.conn()).await?;
    Ok(found.is_some())
}

/// Whether a decision gave the mentor what is held for a reservation. Those who decide stand behind this domain, so
/// their rows are all that it can ask.
pub async fn is_awarded(tx: &mut Tx, id: ReservationId) -> sqlx::Result<bool> {
    let awarded: Option<i8> =
        sqlx::query_scalar("SELECT 1 FROM settlement_awards WHERE reservation_id = ? LIMIT 1")
            .bind(id)
            .fetch_optional(tx.conn())
            .await?;
    Ok(awarded.is_some())
}

/// The refunds of one attempt, oldest first, locked. The caller holds the payment's row lock.
pub async fn lock_refunds_of_attempt(tx: &mut Tx, id: AttemptId) -> sqlx::Result<Vec<Refund>> {
    sqlx::query_as(refunds!("WHERE attempt_id = ? ORDER BY id FOR UPDATE"))
        .bind(id)
        .fetch_all(tx.conn())
        .await
}

/// The refunds of a reservation, in the same way.
pub async fn lock_refunds_of(tx: &mut Tx, id: ReservationId) -> sqlx::Result<Vec<Refund>> {
    sqlx::query_as(refunds!("WHERE reservation_id = ? ORDER BY id FOR UPDATE"))
        .bind(id)
        .fetch_all(tx.conn())
        .await
}

/// The one refund of an attempt with this cause and reference.
pub async fn refund_named(
    tx: &mut Tx,
    attempt: AttemptId,
    cause: &str,
    cause_ref: &str,
) -> sqlx::Result<Option<Refund>> {
    sqlx::query_as(refunds!("WHERE attempt_id = ? AND cause = ? AND cause_ref = ?"))
        .bind(attempt)
        .bind(cause)
        .bind(cause_ref)
        .fetch_optional(tx.conn())
        .await
}

/// Won asked back of one attempt, given back or not (I7).
pub async fn refund_sum(tx: &mut Tx, attempt: AttemptId) -> sqlx::Result<Krw> {
    sqlx::query_scalar(concat!(
        "SELECT CAST(COALESCE(SUM(amount_krw), 0) AS SIGNED) FROM refunds WHERE attempt_id = ? AND state IN ",
        live!()
    ))
    .bind(attempt)
    .fetch_one(tx.conn())
    .await
}

/// Won of one attempt that were given back: through the provider, and in all.
pub async fn given_sums(tx: &mut Tx, attempt: AttemptId) -> sqlx::Result<(Krw, Krw)> {
    sqlx::query_as(
        "SELECT CAST(COALESCE(SUM(CASE WHEN state = 'done' THEN amount_krw END), 0) AS SIGNED),
            CAST(COALESCE(SUM(amount_krw), 0) AS SIGNED)
         FROM refunds WHERE attempt_id = ? AND state IN ('done', 'by_hand')",
    )
    .bind(attempt)
    .fetch_one(tx.conn())
    .await
}

/// Won given back, or promised, of what pays for each of these reservations; those without are absent.
pub async fn given_of(pool: &MySqlPool, ids: &[ReservationId]) -> sqlx::Result<Vec<(ReservationId, Krw)>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new(concat!(
        "SELECT f.reservation_id, CAST(SUM(f.amount_krw) AS SIGNED) FROM refunds f
            JOIN payment_attempts a ON a.id = f.attempt_id AND a.state = 'done'
         WHERE f.state IN ",
        live!(),
        " AND f.reservation_id IN ("
    ));
    push_list(&mut query, ids.iter().copied());
    query.push(") GROUP BY f.reservation_id");
    query.build_query_as().fetch_all(pool).await
}

/// Writes the new state of a refund, its history line, and what else changed in `f`. `false`: somebody was faster.
pub async fn save_refund(tx: &mut Tx, was: &Refund, is: &Refund, reason: Option<&str>) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "UPDATE refunds SET state = ?, amount_krw = ?, idempotency_key = ?, sent_at = ?, transaction_key = ?, error_code = ?,
            decided_by = ?, account_sealed = ?, ending = ?, evidence = ?, changes = ?, updated_at = ?
         WHERE id = ? AND state = ? AND changes = ?",
    )
    .bind(is.state)
    .bind(is.amount_krw)
    .bind(&is.idempotency_key)
    .bind(is.sent_at)
    .bind(&is.transaction_key)
    .bind(&is.error_code)
    .bind(is.decided_by)
    .bind(&is.account_sealed)
    .bind(is.ending)
    .bind(&is.evidence)
    .bind(is.changes)
    .bind(is.updated_at)
    .bind(was.id)
    .bind(was.state)
    .bind(was.changes)
    .execute(tx.conn())
    .await?;
    if done.rows_affected() != 1 {
        return Ok(false);
    }
    if is.changes != was.changes {
        add_history(tx, is.id, is.changes, Some(was.state), is.state, reason).await?;
    }
    Ok(true)
}

async fn add_history(
    tx: &mut Tx,
    id: RefundId,
    number: u32,
    from: Option<RefundState>,
    to: RefundState,
    reason: Option<&str>,
) -> sqlx::Result<()> {
    tx.moved("refund", id.0, from.map(RefundState::name), to.name());
    let (now, cx) = (tx.now, tx.cx.clone());
    sqlx::query(
        "INSERT INTO refund_history (refund_id, number, from_state, to_state, reason, actor_kind, actor_id,
            request_id, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(id)
    .bind(number)
    .bind(from)
    .bind(to)
    .bind(reason)
    .bind(cx.actor.kind())
    .bind(cx.actor.id())
    .bind(cx.request_id)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn refund_history(pool: &MySqlPool, id: RefundId) -> sqlx::Result<Vec<RefundChange>> {
    sqlx::query_as(
        "SELECT number, from_state, to_state, reason, actor_kind, actor_id, request_id, at FROM refund_history
         WHERE refund_id = ? ORDER BY number",
    )
    .bind(id)
    .fetch_all(pool)
    .await
}

/// For administrators: newest first, from before `before`.
pub async fn list_refunds(
    pool: &MySqlPool,
    state: Option<RefundState>,
    before: Option<RefundId>,
    limit: u32,
) -> sqlx::Result<Vec<Refund>> {
    let mut query = QueryBuilder::new(refunds!("WHERE 1 = 1"));
    if let Some(state) = state {
        query.push(" AND state = ").push_bind(state);
    }
    if let Some(before) = before {
        query.push(" AND id < ").push_bind(before);
    }
    query.push(" ORDER BY id DESC LIMIT ").push_bind(limit);
    query.build_query_as().fetch_all(pool).await
}

/// Refunds that have stood still since before `since`, for which no job waits or runs: those that the provider is to
/// be asked for, and those that an operator ends.
pub async fn stuck_refunds(pool: &MySqlPool, since: Instant, limit: u32) -> sqlx::Result<Vec<RefundId>> {
    sqlx::query_scalar(
        "SELECT f.id FROM refunds f
         WHERE (f.state IN ('queued', 'sent', 'unknown')
                OR (f.state IN ('manual_review', 'needs_account') AND f.ending IS NOT NULL))
            AND f.updated_at < ?
            AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.subject = f.id AND o.kind IN (?, ?)
                            AND o.state IN ('pending', 'published'))
         ORDER BY f.updated_at LIMIT ?",
    )
    .bind(since)
    .bind(RefundPayment::KIND)
    .bind(CloseRefund::KIND)
    .bind(limit)
    .fetch_all(pool)
    .await
}

macro_rules! quotes {
    ($rest:literal) => {
        concat!(
            "SELECT id, reservation_id, reservation_version, user_id, refund_krw, share_bps, next_at, next_refund_krw,
                next_share_bps, created_at, valid_until, used_at FROM cancellation_quotes ",
            $rest
        )
    };
}

pub async fn insert_quote(tx: &mut Tx, q: &CancellationQuote) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO cancellation_quotes (id, reservation_id, reservation_version, user_id, refund_krw, share_bps,
            next_at, next_refund_krw, next_share_bps, created_at, valid_until) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(q.id)
    .bind(q.reservation_id)
    .bind(q.reservation_version)
    .bind(q.user_id)
    .bind(q.refund_krw)
    .bind(q.share_bps)
    .bind(q.next_at)
    .bind(q.next_refund_krw)
    .bind(q.next_share_bps)
    .bind(q.created_at)
    .bind(q.valid_until)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A person's own quote of a reservation, locked.
pub async fn lock_quote(
    tx: &mut Tx,
    id: QuoteId,
    reservation: ReservationId,
    user: UserId,
) -> sqlx::Result<Option<CancellationQuote>> {
    sqlx::query_as(quotes!("WHERE id = ? AND reservation_id = ? AND user_id = ? FOR UPDATE"))
        .bind(id)
        .bind(reservation)
        .bind(user)
        .fetch_optional(tx.conn())
        .await
}

pub async fn quote(
    executor: impl MySqlExecutor<'_>,
    id: QuoteId,
    user: UserId,
) -> sqlx::Result<Option<CancellationQuote>> {
    sqlx::query_as(quotes!("WHERE id = ? AND user_id = ?")).bind(id).bind(user).fetch_optional(executor).await
}

pub async fn use_quote(tx: &mut Tx, id: QuoteId) -> sqlx::Result<bool> {
    let now = tx.now;
    let done = sqlx::query("UPDATE cancellation_quotes SET used_at = ? WHERE id = ? AND used_at IS NULL")
        .bind(now)
        .bind(id)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}
