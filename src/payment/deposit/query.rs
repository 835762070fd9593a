//! SQL of attempts that wait for a deposit.

use super::super::model::{Attempt, AttemptState, Deposit, Payment};
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::AttemptId;

/// When the payer asked for the first account that this hold waits for, other than `except`: since the reservation last
/// died or was paid, where it was. One whose deposit was taken back waits by a rule of its own.
pub async fn first_asked(tx: &mut Tx, payment: &Payment, except: AttemptId) -> sqlx::Result<Option<Instant>> {
    sqlx::query_scalar(
        "SELECT MIN(a.sent_at) FROM payment_attempts a
         WHERE a.payment_id = ? AND a.id <> ? AND a.account_number IS NOT NULL AND a.reversals = 0
            AND NOT EXISTS (SELECT 1 FROM reservation_history h
                            WHERE h.reservation_id = ? AND h.to_state IN ('expired', 'payment_failed', 'confirmed')
                            AND h.at >= a.sent_at)",
    )
    .bind(payment.id)
    .bind(except)
    .bind(payment.reservation_id)
    .fetch_one(tx.conn())
    .await
}

/// Compare and set: the payer was given an account. `unwanted`: why the account is closed at once.
pub async fn set_waiting(
    tx: &mut Tx,
    was: &Attempt,
    deposit: &Deposit,
    due_at: Instant,
    secret_sealed: Option<&[u8]>,
    unwanted: Option<(&str, &str)>,
) -> sqlx::Result<bool> {
    let now = tx.now;
    let done = sqlx::query(
        "UPDATE payment_attempts SET state = ?, payment_key = ?, method = COALESCE(?, method), evidence = ?,
            error_code = ?, error_class = ?, account_number = ?, account_bank = ?, account_holder = ?,
            account_due_at = ?, secret_sealed = ?, read_at = ?, updated_at = ?
         WHERE id = ? AND state = ?",
    )
    .bind(AttemptState::WaitingForDeposit)
    .bind(&deposit.payment_key)
    .bind(&deposit.method)
    .bind(&deposit.evidence)
    .bind(unwanted.map(|(code, _)| code))
    .bind(unwanted.map(|(_, class)| class))
    .bind(&deposit.account_number)
    .bind(&deposit.bank)
    .bind(&deposit.holder)
    .bind(due_at)
    .bind(secret_sealed)
    .bind(now)
    .bind(now)
    .bind(was.id)
    .bind(was.state)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Compare and set: the bank took a deposit back, and the account waits again.
pub async fn set_reversed(tx: &mut Tx, was: &Attempt, due_at: Option<Instant>) -> sqlx::Result<bool> {
    let now = tx.now;
    let done = sqlx::query(
        "UPDATE payment_attempts SET state = ?, captured_krw = NULL, transaction_key = NULL, error_code = NULL,
            error_class = NULL, reversals = reversals + 1, account_due_at = COALESCE(?, account_due_at), read_at = ?,
            updated_at = ?
         WHERE id = ? AND state = ?",
    )
    .bind(AttemptState::WaitingForDeposit)
    .bind(due_at)
    .bind(now)
    .bind(now)
    .bind(was.id)
    .bind(was.state)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}
