//! Looking after attempts: what the payer sees, what a reconciler asks about, and what an operator decides.

mod query;

use chrono::TimeDelta;
use sqlx::MySqlPool;

use super::error::Error;
use super::model::{Attempt, AttemptState, Decline, Payment};
use super::outcome::{self, Locked, MISMATCH, lock_all};
use super::query as rows;
use super::refund;
use crate::clock::Instant;
use crate::db::{Db, Tx};
use crate::id::{AttemptId, ReservationId, UserId};
use crate::job::{CloseDeposit, ConfirmPayment, Job, RequeryPayment, SyncPayment};
use crate::outbox;
use crate::reservation::{self, State};

/// An account is looked at this often while its deposit is awaited: its deadline passes without a webhook.
const DEPOSIT_POLL: TimeDelta = TimeDelta::minutes(10);
/// A captured payment of a session that lies ahead is read again this often, should a webhook have been lost.
const CAPTURE_POLL: TimeDelta = TimeDelta::hours(24);
/// What changed longer ago was looked at often enough, also when the workers were away over a weekend.
const LATELY: TimeDelta = TimeDelta::days(3);
/// Rows of one look.
const MOST: u32 = 200;

/// A payer's payment with its attempts.
pub async fn view(
    pool: &MySqlPool,
    reservation: ReservationId,
    payer: UserId,
) -> Result<(Payment, Vec<Attempt>), Error> {
    let payment = rows::payment_of_reservation(pool, reservation)
        .await?
        .filter(|p| p.mentee_id == payer)
        .ok_or(Error::NotFound)?;
    let attempts = rows::attempts_of(pool, payment.id).await?;
    Ok((payment, attempts))
}

/// Attempts without an outcome since before `since`, for which no job asks. A payer who went away before asking us to
/// confirm left nothing to ask about: such an attempt stays READY.
pub async fn open_attempts(pool: &MySqlPool, since: Instant) -> sqlx::Result<Vec<AttemptId>> {
    query::open_attempts(pool, since, MISMATCH, MOST).await
}

/// Attempts whose deposit is awaited and was not looked for in a while.
pub async fn waiting_attempts(db: &Db) -> sqlx::Result<Vec<AttemptId>> {
    query::waiting_attempts(db.pool(), db.now() - DEPOSIT_POLL, MOST).await
}

/// Attempts whose deposit nobody wants any more, and whose account no job is about to close.
pub async fn unwanted_deposits(db: &Db) -> sqlx::Result<Vec<AttemptId>> {
    query::unwanted_deposits(db.pool(), db.now(), MOST).await
}

/// Captures of sessions to come that were not read again in a while.
pub async fn unread_captures(db: &Db) -> sqlx::Result<Vec<AttemptId>> {
    query::unread_captures(db.pool(), db.now() - CAPTURE_POLL, MOST).await
}

/// Captures that buy nothing and that no refund stands for, as far as something of them changed lately: the audit sees
/// all of them (I9).
pub async fn orphans(db: &Db) -> sqlx::Result<Vec<AttemptId>> {
    query::orphaned_captures(db.pool(), db.now() - LATELY, MOST).await
}

/// Gives an orphaned capture back in full.
pub async fn refund_orphan(tx: &mut Tx, id: AttemptId) -> Result<(), Error> {
    let seen = rows::attempt(tx.conn(), id).await?.ok_or(Error::NotFound)?;
    let payment = rows::lock_payment(tx, seen.payment_id).await?.ok_or(Error::NotFound)?;
    if refund::refund_sum(tx, id).await?.is_positive() {
        return Ok(());
    }
    let captured = rows::captured(tx, id).await?;
    refund::give_back(tx, &payment, id, captured, "orphaned", "").await?;
    Ok(())
}

/// Asks again about an attempt for which nobody asks any more. `false`: somebody does.
pub async fn requery(tx: &mut Tx, id: AttemptId) -> Result<bool, Error> {
    if outbox::live_by_subject(tx, id.0, ConfirmPayment::KIND).await? {
        return Ok(false);
    }
    Ok(outbox::enqueue(tx, &RequeryPayment { attempt_id: id }).await?)
}

/// For operators: attempts in a state, or without one those that only an operator asks about; newest first.
pub async fn attempts_page(
    pool: &MySqlPool,
    state: Option<AttemptState>,
    before: Option<AttemptId>,
    limit: u32,
) -> sqlx::Result<Vec<Attempt>> {
    query::page(pool, state, MISMATCH, before, limit).await
}

/// An operator wants the provider asked now, whatever waits.
pub async fn requery_now(tx: &mut Tx, id: AttemptId) -> Result<Attempt, Error> {
    let attempt = rows::attempt(tx.conn(), id).await?.ok_or(Error::NotFound)?;
    if attempt.state.is_captured() {
        outbox::enqueue_or_hasten(tx, &SyncPayment { attempt_id: id }).await?;
    } else {
        outbox::enqueue_or_hasten(tx, &RequeryPayment { attempt_id: id }).await?;
    }
    Ok(attempt)
}

/// An operator ends an attempt that has no outcome: what it took, if anything, is not ours to give back. The
/// reservation is payable again. Should money of it be found after all, it is booked as ever.
///
/// The account of a deposit that was taken back after its session had begun is closed the same way; what the session
/// earned is thawed by the caller then (`true`).
///
/// # Errors
/// `AttemptSettled` when the outcome is known, or will be by itself; `reservation::Error::OwnCase` for an administrator who
/// is a side.
pub async fn close_attempt(tx: &mut Tx, id: AttemptId, admin: UserId, reason: &str) -> Result<bool, Error> {
    let Locked { reservation, attempt, .. } = lock_all(tx, id).await?;
    reservation::not_own_case(tx, &reservation)?;
    match attempt.state {
        AttemptState::Unknown => {
            let decline = Decline {
                code: "CLOSED_BY_OPERATOR".to_owned(),
                class: "new_payment",
                closed: Some((admin, reason.to_owned())),
            };
            outcome::apply_decline(tx, id, &decline).await?;
            Ok(false)
        }
        AttemptState::WaitingForDeposit
            if !matches!(reservation.state, State::AwaitingPayment | State::Paying) =>
        {
            rows::mark_attempt_closed(tx, id, admin, reason).await?;
            outbox::enqueue_or_hasten(tx, &CloseDeposit { attempt_id: id }).await?;
            Ok(true)
        }
        _ => Err(Error::AttemptSettled),
    }
}

/// The reservation an attempt pays for.
pub async fn reservation_of(tx: &mut Tx, id: AttemptId) -> Result<ReservationId, Error> {
    let attempt = rows::attempt(tx.conn(), id).await?.ok_or(Error::NotFound)?;
    Ok(rows::payment(tx.conn(), attempt.payment_id).await?.ok_or(Error::NotFound)?.reservation_id)
}
