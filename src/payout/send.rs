//! Sending a payout: the intent before the call, and what the call's answer means. One reference and, as long as no
//! refusal was shown to be without effect, one idempotency key (S71).

use chrono::{NaiveDate, TimeDelta};

use super::account;
use super::calendar;
use super::error::Error;
use super::model::{Payout, PayoutState, codes};
use super::outcome::{give_back, park};
use super::query;
use crate::clock::Instant;
use crate::config::Rules;
use crate::db::Tx;
use crate::id::{PayoutId, secret};
use crate::job::{SendPayout, SyncSeller};
use crate::ledger;
use crate::money::Krw;
use crate::outbox;
use crate::settlement;

/// An idempotency key is good for 15 days. After this long nobody asks again.
const ASKED_FOR: TimeDelta = TimeDelta::days(13);
/// How long an unclear refusal is doubted: whatever it may have begun shows by then.
const DOUBT: TimeDelta = TimeDelta::minutes(2);
/// How long a payout waits while payouts are paused, before it is looked at again.
const PAUSE: TimeDelta = TimeDelta::minutes(10);

/// What is asked of the provider: the same for every try.
#[derive(Clone, Debug)]
pub struct Order {
    pub id: PayoutId,
    /// The provider's id of the payee.
    pub destination: String,
    pub amount: Krw,
    pub idempotency_key: String,
    /// The day, in Korea, from which the provider may have it: the one before it was first asked.
    pub since: NaiveDate,
}

/// What a job may do about a payout now.
#[derive(Clone, Debug)]
pub enum Intent {
    /// There is nothing left to ask.
    Over,
    /// Not now: ask again at this instant.
    Wait(Instant),
    /// Ask the provider to pay.
    Ask(Order),
    /// The provider was asked before: look first.
    LookUp(Order),
}

fn order(payout: &Payout, now: Instant) -> Order {
    let since = calendar::day(payout.sent_at.unwrap_or(now)) - TimeDelta::days(1);
    Order {
        id: payout.id,
        destination: payout.destination.clone(),
        amount: payout.amount_krw,
        idempotency_key: payout.idempotency_key.clone(),
        since,
    }
}

/// Writes the intent before the provider is asked: the payout is sent, and what was payable is on its way.
///
/// What stands in the way of a payout that was not sent yet takes it back: its lines are ready for the next batch.
pub async fn prepare(tx: &mut Tx, rules: &Rules, id: PayoutId) -> Result<Intent, Error> {
    let seen = query::payout(tx.conn(), id).await?.ok_or(Error::NotFound)?;
    let lines = settlement::lock_paying(tx, id).await?;
    let destination = account::lock_destination(tx, seen.mentor_id).await?;
    let payout = query::lock_payout(tx, id).await?.ok_or(Error::NotFound)?;
    match payout.state {
        PayoutState::Paid | PayoutState::Failed | PayoutState::Cancelled | PayoutState::InProgress => {
            return Ok(Intent::Over);
        }
        PayoutState::Sent | PayoutState::Unknown | PayoutState::ManualReview => {
            return Ok(Intent::LookUp(order(&payout, tx.now)));
        }
        PayoutState::Queued => {}
    }
    let stays = destination
        .as_ref()
        .is_ok_and(|to| to.account_id == payout.account_id && to.seller_id == payout.destination);
    if !stays {
        let why = destination.err().map_or(codes::ACCOUNT_CHANGED, |skip| skip.name());
        give_back(tx, &payout, PayoutState::Cancelled, why, None).await?;
        return Ok(Intent::Over);
    }
    if settlement::any_frozen(tx, &lines).await? {
        give_back(tx, &payout, PayoutState::Cancelled, codes::FROZEN, None).await?;
        return Ok(Intent::Over);
    }
    if let Some(at) = closed_until(tx, rules).await? {
        return Ok(Intent::Wait(at));
    }
    // I10: what is paid is what these lines say, and nobody else pays them.
    let sum = lines.iter().fold(Krw::ZERO, |sum, line| sum.plus(line.net_krw));
    if sum != payout.amount_krw {
        return Err(Error::Stale);
    }
    if !query::set_state(tx, &payout, PayoutState::Sent, None, None).await? {
        return Err(Error::Stale);
    }
    ledger::post_payout_sent(tx, id, payout.mentor_id, format!("payout_sent:{id}"), payout.amount_krw)
        .await?;
    Ok(Intent::Ask(order(&payout, tx.now)))
}

/// Until when nothing new is sent; `None` when it may be now.
async fn closed_until(tx: &mut Tx, rules: &Rules) -> Result<Option<Instant>, Error> {
    if query::control(tx.conn()).await?.paused {
        return Ok(Some(tx.now + PAUSE));
    }
    let opening = calendar::opening(rules, tx.now);
    Ok((opening > tx.now).then_some(opening))
}

/// The provider has shown that it has no such payout: whether it may be asked again, with the same reference and the
/// same key.
pub async fn ask_again(tx: &mut Tx, rules: &Rules, id: PayoutId) -> Result<Intent, Error> {
    let payout = query::lock_payout(tx, id).await?.ok_or(Error::NotFound)?;
    if !matches!(payout.state, PayoutState::Sent | PayoutState::Unknown) {
        return Ok(Intent::Over);
    }
    if payout.sent_at.is_some_and(|at| at + ASKED_FOR <= tx.now) {
        park(tx, &payout, codes::TOO_OLD, None).await?;
        return Ok(Intent::Over);
    }
    if let Some(at) = closed_until(tx, rules).await? {
        return Ok(Intent::Wait(at));
    }
    Ok(Intent::Ask(order(&payout, tx.now)))
}

/// No answer, or one that decides nothing: the outcome is unknown, never a failure.
pub async fn unknown(tx: &mut Tx, id: PayoutId, why: &str) -> Result<(), Error> {
    let payout = query::lock_payout(tx, id).await?.ok_or(Error::NotFound)?;
    if matches!(payout.state, PayoutState::Sent | PayoutState::Unknown)
        && !query::set_state(tx, &payout, PayoutState::Unknown, Some(why), None).await?
    {
        return Err(Error::Stale);
    }
    Ok(())
}

/// What a refusal asks for, once the provider has shown that it has no such payout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// For good: the lines are ready for the next batch.
    Final,
    /// Not on this day, or not with this balance.
    Later,
    /// It says nothing of the payout, or something is wrong on our side.
    Unclear,
}

/// What is next after a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Over,
    /// Ask again at this instant.
    At(Instant),
    /// Ask again by the job's schedule.
    Again,
}

/// The provider refused, and shows that it has no such payout. The refusal is bound to the key, so that the next try
/// carries another one; the reference stays. A refusal that says nothing is believed when it was repeated for the
/// same key two minutes after the first time, however soon it was asked again in between, and the provider still has
/// nothing.
pub async fn refused(
    tx: &mut Tx,
    rules: &Rules,
    id: PayoutId,
    code: &str,
    refusal: Refusal,
) -> Result<Next, Error> {
    settlement::lock_paying(tx, id).await?;
    let payout = query::lock_payout(tx, id).await?.ok_or(Error::NotFound)?;
    if !matches!(payout.state, PayoutState::Sent | PayoutState::Unknown) {
        return Ok(Next::Over);
    }
    if refusal == Refusal::Final {
        give_back(tx, &payout, PayoutState::Failed, code, None).await?;
        let provider_seller_id = payout.destination;
        outbox::enqueue(tx, &SyncSeller { provider_seller_id }).await?;
        return Ok(Next::Over);
    }
    // The code of an unclear refusal stands until its key is renewed, and the row is not touched while it is doubted:
    // that code is what was said of this very key, and first at that instant.
    let said = payout.error_code.as_deref() == Some(code);
    if refusal == Refusal::Unclear && said && tx.now < payout.updated_at + DOUBT {
        return Ok(Next::At(payout.updated_at + DOUBT));
    }
    let is_believed = refusal == Refusal::Later || said;
    // With another key the doubt begins anew: nothing was said of that one.
    let kept = (refusal == Refusal::Later || !is_believed).then_some(code);
    if !query::set_state(tx, &payout, PayoutState::Unknown, kept, None).await? {
        return Err(Error::Stale);
    }
    if !is_believed {
        return Ok(Next::At(tx.now + DOUBT));
    }
    query::renew_key(tx, id, &secret()).await?;
    Ok(match refusal {
        Refusal::Later => Next::At(calendar::next_day(rules, tx.now)),
        _ => Next::Again,
    })
}

/// Writes the job that a payout lacks.
pub async fn resend(tx: &mut Tx, id: PayoutId) -> sqlx::Result<bool> {
    outbox::enqueue(tx, &SendPayout { payout_id: id }).await
}
