//! Whether somebody may go: nothing that they owe or are owed, and nobody who waits for them.

use super::error::Error;
use super::query;
use crate::availability;
use crate::db::Tx;
use crate::id::UserId;
use crate::payment;
use crate::reservation;
use crate::user::{self, User};

/// Shuts an account for good, after a while in which its owner can come back. What a mentor has ahead is cancelled by jobs;
/// what somebody has booked, they cancel themselves, and see what comes back. They wait for no slot any more.
///
/// The calendar is locked first, as by whoever books: a booking of theirs is either seen here or refused there.
///
/// # Errors
/// [`Error::BookingsOpen`], [`Error::MoneyOpen`]; `user.not_found`; `user.wrong_state` unless the account is active.
pub async fn close_account(tx: &mut Tx, id: UserId, reason: &str) -> Result<User, Error> {
    user::get(tx.conn(), id).await?;
    availability::lock_calendars(tx, &mut [id]).await?;
    if reservation::is_awaited(tx, id).await? {
        return Err(Error::BookingsOpen);
    }
    // Nobody could name an account afterwards; what is on its way without one arrives.
    if has_open_money(tx, id).await? || payment::refund_waits(tx, id).await? {
        return Err(Error::MoneyOpen);
    }
    reservation::leave_waitlists(tx, id).await?;
    Ok(user::leave(tx, id, reason).await?)
}

/// Whether a mentor has earnings on their way, or a debt: lines that were neither paid nor reversed, unless they are
/// ready and sum to zero.
pub async fn has_open_money(tx: &mut Tx, mentor: UserId) -> Result<bool, Error> {
    Ok(query::has_open_line(tx, mentor).await?)
}
