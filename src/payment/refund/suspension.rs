//! A mentor was suspended: what they have ahead is cancelled, and everything is given back (S73).

use chrono::TimeDelta;

use super::cancel::{Choice, cancel_with};
use crate::db::Tx;
use crate::id::UserId;
use crate::job::{CancelAhead, CancelForSuspended};
use crate::outbox;
use crate::payment::Error;
use crate::reservation::{self, Expiry, Side, State, may_cancel};
use crate::user;

/// The reason in the history; notices say it in the reader's language. Why the account was suspended is not everybody's.
const REASON: &str = "mentor_unavailable";
/// Whoever was booking when the account was suspended has come through by then.
const SECOND_LOOK: TimeDelta = TimeDelta::minutes(10);

/// Writes a job for each reservation that a suspended mentor has ahead; returns for how many. Sessions that run go on.
pub async fn cancel_ahead(tx: &mut Tx, job: &CancelAhead) -> Result<usize, Error> {
    let CancelAhead { mentor_id, suspension, look } = *job;
    if !is_suspended(tx, mentor_id).await? {
        return Ok(0);
    }
    let ahead = reservation::ahead_of_mentor(tx, mentor_id).await?;
    for reservation_id in &ahead {
        let cancel = CancelForSuspended { reservation_id: *reservation_id, mentor_id, suspension };
        outbox::enqueue(tx, &cancel).await?;
    }
    if look == 1 {
        let again = CancelAhead { look: 2, ..*job };
        let at = tx.now + SECOND_LOOK;
        outbox::enqueue_at(tx, &again, at).await?;
    }
    Ok(ahead.len())
}

/// Cancels one of them as an administrator would. Moot when the mentor was let in again meanwhile, and when somebody was
/// faster; while a payment is on its way its outcome is waited for.
pub async fn cancel_for_suspended(tx: &mut Tx, job: &CancelForSuspended) -> Result<Expiry, Error> {
    let Some(was) = reservation::lock(tx, job.reservation_id).await? else { return Ok(Expiry::Moot) };
    if was.starts_at <= tx.now || !is_suspended(tx, job.mentor_id).await? {
        return Ok(Expiry::Moot);
    }
    if was.state == State::Paying {
        return Ok(Expiry::Pinned(tx.now + TimeDelta::seconds(30)));
    }
    if !may_cancel(&was, Side::Admin, tx.now) {
        return Ok(Expiry::Moot);
    }
    cancel_with(tx, &was, Side::Admin, REASON, Choice::Due).await?;
    Ok(Expiry::Done)
}

async fn is_suspended(tx: &mut Tx, mentor: UserId) -> Result<bool, Error> {
    Ok(!user::is_active(tx.conn(), mentor).await?)
}
