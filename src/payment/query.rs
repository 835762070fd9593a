//! All SQL of payments, attempts, refunds and the webhook inbox.

use sqlx::MySqlPool;
use sqlx::mysql::MySqlExecutor;

use super::model::{Attempt, AttemptState, CaptureRow, Payment, PaymentState, Refund, RefundState};
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::{AttemptId, PaymentId, RefundId, ReservationId, UserId};
use crate::job::{ConfirmPayment, Job, RefundPayment, RequeryPayment};
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
            evidence = COALESCE(?, evidence), captured_krw = COALESCE(?, captured_krw), updated_at = ?
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
    .bind(now)
    .bind(was.id)
    .bind(was.state)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
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

/// Attempts whose outcome has been open since before `since`, for which no job waits or runs. Those with a job
/// are left out here, lest they fill the limit and hide the others for as long as their job waits.
pub async fn open_attempts(
    pool: &MySqlPool,
    since: Instant,
    except_code: &str,
    limit: u32,
) -> sqlx::Result<Vec<AttemptId>> {
    sqlx::query_scalar(
        "SELECT a.id FROM payment_attempts a
         WHERE a.state IN ('confirming', 'unknown') AND a.updated_at < ?
            AND (a.error_code IS NULL OR a.error_code <> ?)
            AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.subject = a.id AND o.kind IN (?, ?)
                            AND o.state IN ('pending', 'published'))
         ORDER BY a.updated_at LIMIT ?",
    )
    .bind(since)
    .bind(except_code)
    .bind(ConfirmPayment::KIND)
    .bind(RequeryPayment::KIND)
    .bind(limit)
    .fetch_all(pool)
    .await
}

/// Captured attempts of reservations that are dead, with money left that no refund stands for (I9).
pub async fn orphaned_captures(pool: &MySqlPool, limit: u32) -> sqlx::Result<Vec<AttemptId>> {
    sqlx::query_scalar(
        "SELECT a.id FROM payment_attempts a
            JOIN payments p ON p.id = a.payment_id
            JOIN reservations r ON r.id = p.reservation_id
         WHERE a.state = 'done' AND p.state = 'done' AND r.state IN ('expired', 'payment_failed', 'rejected')
            AND NOT EXISTS (SELECT 1 FROM refunds f WHERE f.attempt_id = a.id)
         ORDER BY a.id LIMIT ?",
    )
    .bind(limit)
    .fetch_all(pool)
    .await
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

/// `false`: the same transmission came before.
pub async fn insert_webhook(tx: &mut Tx, transmission_id: &str, body: &[u8]) -> sqlx::Result<bool> {
    let now = tx.now;
    let inserted =
        sqlx::query("INSERT INTO webhook_inbox (transmission_id, body, received_at) VALUES (?, ?, ?)")
            .bind(transmission_id)
            .bind(body)
            .bind(now)
            .execute(tx.conn())
            .await;
    match inserted {
        Ok(_) => Ok(true),
        Err(error) if crate::db::duplicate_key(&error).is_some() => Ok(false),
        Err(error) => Err(error),
    }
}

pub async fn webhook_body(pool: &MySqlPool, transmission_id: &str) -> sqlx::Result<Option<Vec<u8>>> {
    sqlx::query_scalar("SELECT body FROM webhook_inbox WHERE transmission_id = ?")
        .bind(transmission_id)
        .fetch_optional(pool)
        .await
}

pub async fn close_webhook(tx: &mut Tx, transmission_id: &str, outcome: &str) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query("UPDATE webhook_inbox SET outcome = ?, processed_at = ? WHERE transmission_id = ?")
        .bind(outcome)
        .bind(now)
        .bind(transmission_id)
        .execute(tx.conn())
        .await?;
    Ok(())
}
