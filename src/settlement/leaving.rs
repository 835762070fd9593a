//! Whether somebody may go: nothing that they owe or are owed, and nobody who waits for them.

use super::error::Error;
use super::query;
use crate::db::Tx;
use crate::id::UserId;
use crate::reservation;
use crate::user::{self, User};

/// Shuts an account for good, after a while in which its owner can come back. What a mentor has ahead is cancelled by jobs;
/// what somebody has booked, they cancel themselves, and see what comes back.
///
/// # Errors
/// [`Error::BookingsOpen`], [`Error::MoneyOpen`]; `user.wrong_state` unless the account is active.
pub async fn close_account(tx: &mut Tx, id: UserId, reason: &str) -> Result<User, Error> {
    if reservation::is_awaited(tx, id).await? {
        return Err(Error::BookingsOpen);
    }
    if has_open_money(tx, id).await? {
        return Err(Error::MoneyOpen);
    }
    Ok(user::leave(tx, id, reason).await?)
}

/// Whether there is a line of a mentor that was neither paid nor reversed: earnings on their way, or a debt.
pub async fn has_open_money(tx: &mut Tx, mentor: UserId) -> Result<bool, Error> {
    Ok(query::has_open_line(tx, mentor).await?)
}
