//! How many slots one person may hold without paying, and the pause after too many that ran out.

mod query;

use super::error::Error;
use crate::config::Rules;
use crate::db::Tx;
use crate::id::UserId;

pub(super) use query::{had_free, twin};

/// Whether somebody may hold one slot more. The caller holds the lock of their calendar, so that of two who ask at once
/// one is second.
///
/// # Errors
/// `HoldLimit`, with when the first of the holds ends by itself.
pub(super) async fn check_limit(tx: &mut Tx, rules: &Rules, mentee: UserId) -> Result<(), Error> {
    let held = query::unpaid(tx, mentee).await?;
    if i64::try_from(held.len()).unwrap_or(i64::MAX) < rules.max_holds {
        return Ok(());
    }
    let until = held.iter().filter_map(|(_, ends)| *ends).min();
    Err(Error::HoldLimit { until, held: held.into_iter().map(|(id, _)| id).collect() })
}

/// Whether somebody may take a hold that they do not pay at once. Not for a while after several of theirs ran out unpaid
/// within a short time: each had kept a slot from everybody else (S13).
///
/// # Errors
/// `CoolDown`, with when it is over.
pub(super) async fn check_pause(tx: &mut Tx, rules: &Rules, mentee: UserId) -> Result<(), Error> {
    let many = rules.cool_down_holds;
    if many == 0 {
        return Ok(());
    }
    let since = tx.now - rules.cool_down_window() - rules.cool_down();
    let ran_out = query::ran_out(tx, mentee, since, many).await?;
    let (Some(last), Some(first)) = (ran_out.first(), ran_out.last()) else { return Ok(()) };
    let close = i64::try_from(ran_out.len()) == Ok(many) && *last - *first <= rules.cool_down_window();
    let until = *last + rules.cool_down();
    if close && tx.now < until { Err(Error::CoolDown { until, wait: until - tx.now }) } else { Ok(()) }
}
