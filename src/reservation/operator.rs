//! What administrators do in the place of a side, or of time itself: the moves of the process, with a reason that both
//! sides read. What the process does not allow is not allowed here either.

use super::error::Error;
use super::flow;
use super::model::{Reservation, State};
use crate::config::Rules;
use crate::context::Actor;
use crate::db::Tx;

/// What an administrator does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Takes a request for its mentor.
    Approve,
    /// Refuses a request for its mentor.
    Reject,
    /// Says that the session took place, after its end.
    Complete,
    /// Ends a hold or a request before its time; the slot is free again.
    Expire,
}

/// Runs the move for a reservation whose row the caller has locked. The actor of the transaction stands in the history.
///
/// # Errors
/// `OwnCase` for a side of it; `NotAllowed` where the process has no such move; `Stale`
pub async fn operate(
    tx: &mut Tx,
    rules: &Rules,
    was: &Reservation,
    operation: Operation,
    reason: &str,
) -> Result<Reservation, Error> {
    not_own_case(tx, was)?;
    match (operation, was.state) {
        (Operation::Approve, State::Requested) if tx.now < was.starts_at => {
            flow::approve_because(tx, rules, was, Some(reason)).await
        }
        (Operation::Reject, State::Requested) => flow::reject(tx, was, was.mentor_id, reason).await,
        (Operation::Complete, State::InSession) => flow::complete_because(tx, was, Some(reason)).await,
        (Operation::Expire, State::Requested) => flow::request_expired(tx, was, Some(reason)).await,
        (Operation::Expire, State::AwaitingPayment) => flow::hold_over(tx, was, Some(reason)).await,
        _ => Err(Error::NotAllowed),
    }
}

/// Nobody decides as an administrator about a booking of their own.
///
/// # Errors
/// `OwnCase`
pub fn not_own_case(tx: &Tx, was: &Reservation) -> Result<(), Error> {
    match tx.cx.actor {
        Actor::Admin(id) if was.has_member(id) => Err(Error::OwnCase),
        _ => Ok(()),
    }
}
