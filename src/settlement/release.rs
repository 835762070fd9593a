//! From earned to payable: the window for problems is over, nobody froze it, nothing is on its way back, and the
//! provider still has the money (I10).

use super::error::Error;
use super::model::{LineState, SettlementLine};
use super::query;
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::ReservationId;
use crate::money::Krw;
use crate::payment;
use crate::reservation;

/// What a job may do about the lines of a reservation now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// Nothing waits to be released, or it is frozen: a thaw writes a new job.
    Nothing,
    /// Not yet; ask again at this instant.
    Wait(Instant),
    /// Read the payment again and compare.
    Read { payment_key: String },
}

/// What the provider says of the payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProviderView {
    /// Approved and not reversed, whatever was given back since.
    pub is_captured: bool,
    /// Won that are left of it.
    pub balance: Krw,
}

/// What became of a wish to release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    Done,
    Nothing,
    Wait(Instant),
    /// The provider's view is not ours: the lines are held, and somebody is told.
    Held,
}

async fn waiting(tx: &mut Tx, id: ReservationId) -> Result<Result<Vec<SettlementLine>, Release>, Error> {
    reservation::lock(tx, id).await?.ok_or(Error::NotFound)?;
    let mut lines = query::lock_lines(tx, id).await?;
    lines.retain(|line| matches!(line.state, LineState::Accrued | LineState::Held));
    if lines.is_empty() || query::is_frozen(tx, id).await? {
        return Ok(Err(Release::Nothing));
    }
    if let Some(at) = lines.iter().filter_map(|line| line.release_at).max().filter(|at| *at > tx.now) {
        return Ok(Err(Release::Wait(at)));
    }
    if payment::has_open_refund(tx, id).await? {
        return Ok(Err(Release::Wait(tx.now + chrono::TimeDelta::minutes(5))));
    }
    Ok(Ok(lines))
}

/// Looks whether the provider is to be asked. Where nothing is captured any more, because the bank took a deposit back,
/// there is nothing to ask about: what was taken back is ready, so that the next batch nets it.
pub async fn check_release(tx: &mut Tx, id: ReservationId) -> Result<Check, Error> {
    let lines = match waiting(tx, id).await? {
        Ok(lines) => lines,
        Err(Release::Wait(at)) => return Ok(Check::Wait(at)),
        Err(_) => return Ok(Check::Nothing),
    };
    if let Some(capture) = payment::capture_of(tx.conn(), id).await? {
        return Ok(Check::Read { payment_key: capture.payment_key });
    }
    for line in lines.iter().filter(|line| line.net_krw < Krw::ZERO) {
        if !query::set_state(tx, line, LineState::Ready, None).await? {
            return Err(Error::Stale);
        }
    }
    Ok(Check::Nothing)
}

/// Releases the lines when the provider has what we think it has.
pub async fn release(tx: &mut Tx, id: ReservationId, found: ProviderView) -> Result<Release, Error> {
    let lines = match waiting(tx, id).await? {
        Ok(lines) => lines,
        Err(other) => return Ok(other),
    };
    let capture = payment::capture_of(tx.conn(), id).await?.ok_or(Error::NotFound)?;
    let agrees = found.is_captured && found.balance == capture.amount_krw.minus(capture.refunded_krw);
    let (state, reason) = match agrees {
        true => (LineState::Ready, None),
        false => (LineState::Held, Some("provider_disagrees")),
    };
    for line in &lines {
        if line.state != state && !query::set_state(tx, line, state, reason).await? {
            return Err(Error::Stale);
        }
    }
    if !agrees {
        metrics::counter!("konnect_settlement_held_total").increment(1);
        tracing::error!(reservation_id = %id, ?found, "the provider's payment is not what the ledger says");
        return Ok(Release::Held);
    }
    Ok(Release::Done)
}
