//! SQL of payments, attempts and refunds. That of the inbox, of deposits and of the watch over all of them stands in
//! their folders.

use sqlx::MySqlPool;
use sqlx::mysql::MySqlExecutor;

use super::model::{Attempt, AttemptState, CaptureRow, Payment, PaymentState, Refund, RefundState};
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::{AttemptId, PaymentId, RefundId, ReservationId, UserId};
use crate::job::{Job, RefundPayment};
use crate::money::Krw;

macro_rules! payments {
    ($rest:literal) => {
        concat!(
            "SELECT id, reservation_id, mentee_id, amount_krw, state, version, created_at, updated_at FROM payments ",
            $rest
        )
    };
}

macro_rules! attempts {
    ($rest:literal) => {
        concat!(
            "SELECT id, payment_id, payment_key, state, idempotency_key, sent_at, error_code, error_class, method,
                captured_krw, account_number, account_bank, account_holder, account_due_at, secret_sealed, reversals,
                closed_by, closed_reason,
                created_at, updated_at FROM payment_attempts ",
            $rest
        )
    };
}

macro_rules! refunds {
    ($rest:literal) => {
        concat!(
            "SELECT id, payment_id, attempt_id, reservation_id, amount_krw, cause, cause_ref, state, idempotency_key,
                sent_at, transaction_key, error_code, created_at FROM refunds ",
            $rest
        )
    };
}

pub async fn insert_payment(tx: &mut Tx, p: &Payment) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO payments (id, reservation_id, mentee_id, amount_krw, state, version, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(p.id)
    .bind(p.reservation_id)
    .bind(p.mentee_id)
    .bind(p.amount_krw)
    .bind(p.state)
    .bind(p.version)
    .bind(p.created_at)
    .bind(p.updated_at)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn payment(executor: impl MySqlExecutor<'_>, id: PaymentId) -> sqlx::Result<Option<Payment>> {
    sqlx::query_as(payments!("WHERE id = ?")).bind(id).fetch_optional(executor).await
}

pub async fn lock_payment(tx: &mut Tx, id: PaymentId) -> sqlx::Result<Option<Payment>> {
    sqlx::query_as(payments!("WHERE id = ? FOR UPDATE")).bind(id).fetch_optional(tx.conn()).await
}

pub async fn lock_payment_of_reservation(tx: &mut Tx, id: ReservationId) -> sqlx::Result<Option<Payment>> {
    sqlx::query_as(payments!("WHERE reservation_id = ? FOR UPDATE")).bind(id).fetch_optional(tx.conn()).await
}

pub async fn payment_of_reservation(
    executor: impl MySqlExecutor<'_>,
    id: ReservationId,
) -> sqlx::Result<Option<Payment>> {
    sqlx::query_as(payments!("WHERE reservation_id = ?")).bind(id).fetch_optional(executor).await
}

pub async fn payment_for_payer(
    executor: impl MySqlExecutor<'_>,
    id: PaymentId,
    payer: UserId,
) -> sqlx::Result<Option<Payment>> {
    sqlx::query_as(payments!("WHERE id = ? AND mentee_id = ?"))
        .bind(id)
        .bind(payer)
        .fetch_optional(executor)
        .await
}

/// Compare and set of a payment's state.
pub async fn set_payment_state(tx: &mut Tx, was: &Payment, state: PaymentState) -> sqlx::Result<bool> {
    let now = tx.now;
    let done = sqlx::query(
        "UPDATE payments SET state = ?, version = version + 1, updated_at = ? WHERE id = ? AND version = ?",
    )
    .bind(state)
    .bind(now)
    .bind(was.id)
    .bind(was.version)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn insert_attempt(tx: &mut Tx, a: &Attempt) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO payment_attempts (id, payment_id, state, idempotency_key, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(a.id)
    .bind(a.payment_id)
    .bind(a.state)
    .bind(&a.idempotency_key)
    .bind(a.created_at)
    .bind(a.updated_at)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn attempt(executor: impl MySqlExecutor<'_>, id: AttemptId) -> sqlx::Result<Option<Attempt>> {
    sqlx::query_as(attempts!("WHERE id = ?")).bind(id).fetch_optional(executor).await
}

pub async fn lock_attempt(tx: &mut Tx, id: AttemptId) -> sqlx::Result<Option<Attempt>> {
    sqlx::query_as(attempts!("WHERE id = ? FOR UPDATE")).bind(id).fetch_optional(tx.conn()).await
}

pub async fn attempts_of(executor: impl MySqlExecutor<'_>, id: PaymentId) -> sqlx::Result<Vec<Attempt>> {
    sqlx::query_as(attempts!("WHERE payment_id = ? ORDER BY id")).bind(id).fetch_all(executor).await
}

/// Attaches the provider's key to a fresh attempt and marks it as being confirmed.
pub async fn begin_attempt(tx: &mut Tx, id: AttemptId, payment_key: &str) -> sqlx::Result<bool> {
    let now = tx.now;
    let done = sqlx::query(
        "UPDATE payment_attempts SET state = 'confirming', payment_key = ?, updated_at = ?
         WHERE id = ? AND state = 'ready' AND payment_key IS NULL",
    )
    .bind(payment_key)
    .bind(now)
    .bind(id)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The intent: written before the provider is asked for the first time.
pub async fn mark_attempt_sent(tx: &mut Tx, id: AttemptId) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query("UPDATE payment_attempts SET sent_at = ?, updated_at = ? WHERE id = ?")
        .bind(now)
        .bind(now)
        .bind(id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// What an attempt ended with, or why it is still open.
#[derive(Debug, Default)]
pub struct AttemptOutcome<'a> {
    pub payment_key: Option<&'a str>,
    pub error_code: Option<&'a str>,
    pub error_class: Option<&'a str>,
    pub method: Option<&'a str>,
    pub transaction_key: Option<&'a str>,
    pub evidence: Option<&'a str>,
    /// Won.
    pub captured: Option<Krw>,
    /// An operator ended it, and says why.
    pub closed: Option<(UserId, &'a str)>,
}

pub async fn set_attempt_state(
    tx: &mut Tx,
    was: &Attempt,
    state: AttemptState,
    outcome: AttemptOutcome<'_>,
) -> sqlx::Result<bool> {
    let now = tx.now;
    let done = sqlx::query(
        "UPDATE payment_attempts SET state = ?, payment_key = COALESCE(?, payment_key), error_code = ?,
            error_class = ?, method = COALESCE(?, method), transaction_key = COALESCE(?, transaction_key),
            evidence = COALESCE(?, evidence), captured_krw = COALESCE(?, captured_krw),
            closed_by = COALESCE(?, closed_by), closed_reason = COALESCE(?, closed_reason), read_at = ?, updated_at = ?
         WHERE id = ? AND state = ?",
    )
    .bind(state)
    .bind(outcome.payment_key)
    .bind(outcome.error_code)
    .bind(outcome.error_class)
    .bind(outcome.method)
    .bind(outcome.transaction_key)
    .bind(outcome.evidence)
    .bind(outcome.captured)
    .bind(outcome.closed.map(|(by, _)| by))
    .bind(outcome.closed.map(|(_, why)| why))
    .bind(now)
    .bind(now)
    .bind(was.id)
    .bind(was.state)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The provider told how the attempt stands, and that was known.
pub async fn mark_attempt_read(tx: &mut Tx, id: AttemptId) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query("UPDATE payment_attempts SET read_at = ? WHERE id = ?")
        .bind(now)
        .bind(id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// An operator gave it up. The code says that nobody waits for it.
pub async fn mark_attempt_closed(tx: &mut Tx, id: AttemptId, by: UserId, reason: &str) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "UPDATE payment_attempts SET error_code = 'CLOSED_BY_OPERATOR', error_class = 'new_payment', closed_by = ?,
            closed_reason = ?, updated_at = ? WHERE id = ?",
    )
    .bind(by)
    .bind(reason)
    .bind(now)
    .bind(id)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn renew_attempt_key(tx: &mut Tx, id: AttemptId, key: &str) -> sqlx::Result<()> {
    sqlx::query("UPDATE payment_attempts SET idempotency_key = ? WHERE id = ? AND state = 'unknown'")
        .bind(key)
        .bind(id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub async fn renew_refund_key(tx: &mut Tx, id: RefundId, key: &str) -> sqlx::Result<()> {
    sqlx::query("UPDATE refunds SET idempotency_key = ? WHERE id = ? AND state = 'unknown'")
        .bind(key)
        .bind(id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// The capture that pays for a reservation.
pub async fn capture_of(
    executor: impl MySqlExecutor<'_>,
    id: ReservationId,
) -> sqlx::Result<Option<CaptureRow>> {
    sqlx::query_as(
        "SELECT a.id AS attempt_id, a.payment_key, COALESCE(a.captured_krw, p.amount_krw) AS amount_krw,
            CAST((SELECT COALESCE(SUM(f.amount_krw), 0) FROM refunds f
                  WHERE f.attempt_id = a.id AND f.state = 'done') AS SIGNED) AS refunded_krw
         FROM payments p JOIN payment_attempts a ON a.payment_id = p.id AND a.state = 'done'
         WHERE p.reservation_id = ?",
    )
    .bind(id)
    .fetch_optional(executor)
    .await
}

pub async fn insert_refund(tx: &mut Tx, f: &Refund) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO refunds (id, payment_id, attempt_id, reservation_id, amount_krw, cause, cause_ref, state,
            idempotency_key, transaction_key, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
    .bind(f.created_at)
    .bind(f.created_at)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn lock_refund(tx: &mut Tx, id: RefundId) -> sqlx::Result<Option<Refund>> {
    sqlx::query_as(refunds!("WHERE id = ? FOR UPDATE")).bind(id).fetch_optional(tx.conn()).await
}

pub async fn refunds_of(executor: impl MySqlExecutor<'_>, id: ReservationId) -> sqlx::Result<Vec<Refund>> {
    sqlx::query_as(refunds!("WHERE reservation_id = ? ORDER BY id")).bind(id).fetch_all(executor).await
}

/// Won the provider took by one attempt.
pub async fn captured(tx: &mut Tx, attempt: AttemptId) -> sqlx::Result<Krw> {
    sqlx::query_scalar("SELECT COALESCE(captured_krw, 0) FROM payment_attempts WHERE id = ?")
        .bind(attempt)
        .fetch_one(tx.conn())
        .await
}

/// Won asked back of one attempt, done or not.
pub async fn refund_sum(tx: &mut Tx, attempt: AttemptId) -> sqlx::Result<Krw> {
    sqlx::query_scalar(
        "SELECT CAST(COALESCE(SUM(amount_krw), 0) AS SIGNED) FROM refunds
         WHERE attempt_id = ? AND state <> 'abandoned'",
    )
    .bind(attempt)
    .fetch_one(tx.conn())
    .await
}

pub async fn set_refund_state(
    tx: &mut Tx,
    was: &Refund,
    state: RefundState,
    transaction_key: Option<&str>,
    error_code: Option<&str>,
) -> sqlx::Result<bool> {
    let now = tx.now;
    let done = sqlx::query(
        "UPDATE refunds SET state = ?, sent_at = COALESCE(sent_at, ?),
            transaction_key = COALESCE(?, transaction_key), error_code = ?, updated_at = ? WHERE id = ? AND state = ?",
    )
    .bind(state)
    .bind(now)
    .bind(transaction_key)
    .bind(error_code)
    .bind(now)
    .bind(was.id)
    .bind(was.state)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn refunds_of_attempt(
    executor: impl MySqlExecutor<'_>,
    id: AttemptId,
) -> sqlx::Result<Vec<Refund>> {
    sqlx::query_as(refunds!("WHERE attempt_id = ? ORDER BY id")).bind(id).fetch_all(executor).await
}

/// The refunds of one attempt, oldest first, locked. The caller holds the payment's lock.
pub async fn lock_refunds_of_attempt(tx: &mut Tx, id: AttemptId) -> sqlx::Result<Vec<Refund>> {
    sqlx::query_as(refunds!("WHERE attempt_id = ? ORDER BY id FOR UPDATE"))
        .bind(id)
        .fetch_all(tx.conn())
        .await
}

pub async fn set_refund_amount(tx: &mut Tx, id: RefundId, amount: Krw, key: &str) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query("UPDATE refunds SET amount_krw = ?, idempotency_key = ?, updated_at = ? WHERE id = ?")
        .bind(amount)
        .bind(key)
        .bind(now)
        .bind(id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Refunds that have stood still since before `since`, for which no job waits or runs.
pub async fn stuck_refunds(pool: &MySqlPool, since: Instant, limit: u32) -> sqlx::Result<Vec<RefundId>> {
    sqlx::query_scalar(
        "SELECT f.id FROM refunds f
         WHERE f.state IN ('queued', 'sent', 'unknown') AND f.updated_at < ?
            AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.subject = f.id AND o.kind = ?
                            AND o.state IN ('pending', 'published'))
         ORDER BY f.updated_at LIMIT ?",
    )
    .bind(since)
    .bind(RefundPayment::KIND)
    .bind(limit)
    .fetch_all(pool)
    .await
}
