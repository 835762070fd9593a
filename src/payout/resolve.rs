//! Payouts that nobody can decide by asking: two administrators do, on evidence of their own.

use super::error::Error;
use super::model::{Outcome, Payout, PayoutState, Resolution, codes};
use super::outcome::{give_back, paid};
use super::query;
use crate::db::Tx;
use crate::id::{PayoutId, UserId};
use crate::job::{SendPayout, SyncPayout};
use crate::outbox;
use crate::settlement;

/// Says how a payout ended (`evidence`: what was seen and where, at most 500 characters). The first administrator
/// asks; when another one says the same, it is done. One who says otherwise asks in the first one's place. What was
/// said in an earlier review and never confirmed counts no more.
///
/// # Errors
/// `NotFound`, `NotInReview`, `OwnCase` for the one who is paid, `SecondPersonNeeded` when the one who asked says it
/// again.
pub async fn resolve(
    tx: &mut Tx,
    id: PayoutId,
    outcome: Outcome,
    evidence: &str,
    by: UserId,
) -> Result<(Payout, Resolution), Error> {
    settlement::lock_paying(tx, id).await?;
    let payout = query::lock_payout(tx, id).await?.ok_or(Error::NotFound)?;
    if payout.state != PayoutState::ManualReview {
        return Err(Error::NotInReview);
    }
    if by == payout.mentor_id {
        return Err(Error::OwnCase);
    }
    match query::resolution(tx.conn(), id).await?.filter(|asked| asked.stands(&payout)) {
        Some(asked) if asked.outcome == outcome && asked.asked_by == by => {
            return Err(Error::SecondPersonNeeded);
        }
        Some(asked) if asked.outcome == outcome => {
            query::confirm_resolution(tx, id, by).await?;
            carry_out(tx, &payout, outcome).await?;
        }
        _ => query::ask_resolution(tx, id, outcome, evidence, by).await?,
    }
    let payout = query::payout(tx.conn(), id).await?.ok_or(Error::NotFound)?;
    let resolution = query::resolution(tx.conn(), id).await?.ok_or(Error::NotFound)?;
    Ok((payout, resolution))
}

async fn carry_out(tx: &mut Tx, payout: &Payout, outcome: Outcome) -> Result<(), Error> {
    match outcome {
        Outcome::Paid => paid(tx, payout, None).await,
        Outcome::Failed => give_back(tx, payout, PayoutState::Failed, codes::BY_HAND, None).await,
    }
}

/// Has the provider asked again what became of a payout: by its own id where we know it, else by a look for our
/// reference. Nothing is paid anew by it, unless the payout may be sent anyway.
///
/// # Errors
/// `NotFound`, `Over`.
pub async fn requery(tx: &mut Tx, id: PayoutId) -> Result<Payout, Error> {
    let payout = query::lock_payout(tx, id).await?.ok_or(Error::NotFound)?;
    match (&payout.provider_payout_id, payout.state) {
        (Some(provider_payout_id), _) => {
            let job = SyncPayout { provider_payout_id: provider_payout_id.clone() };
            outbox::enqueue_or_hasten(tx, &job).await?;
        }
        (None, state) if state.is_over() => return Err(Error::Over),
        (None, _) => {
            outbox::enqueue_or_hasten(tx, &SendPayout { payout_id: id }).await?;
        }
    }
    Ok(payout)
}
