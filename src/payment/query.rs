//! SQL of payments and attempts. That of refunds, of the inbox, of deposits and of the watch over all of them stands in
//! their folders.

use sqlx::mysql::MySqlExecutor;

use super::model::{Attempt, AttemptState, CaptureRow, Payment, PaymentState};
use crate::db::Tx;
use crate::id::{AttemptId, PaymentId, ReservationId, UserId};
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

/// Won the provider took by one attempt.
pub async fn captured(tx: &mut Tx, attempt: AttemptId) -> sqlx::Result<Krw> {
    sqlx::query_scalar("SELECT COALESCE(captured_krw, 0) FROM payment_attempts WHERE id = ?")
        .bind(attempt)
        .fetch_one(tx.conn())
        .await
}
