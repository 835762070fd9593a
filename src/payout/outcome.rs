//! What the provider has of a payout, and how it ended. A payout is paid on evidence alone: the provider's own record
//! of it, read again, with our reference, payee and amount.

use chrono::TimeDelta;
use serde_json::json;

use super::account::tell;
use super::control::pause;
use super::error::Error;
use super::model::{Evidence, Finding, Payout, PayoutState, codes};
use super::query;
use crate::db::Tx;
use crate::id::PayoutId;
use crate::job::SyncPayout;
use crate::ledger;
use crate::outbox;
use crate::settlement;

/// A record that the provider does not show for so long after it had shown it is lost there.
const UNSEEN: TimeDelta = TimeDelta::hours(2);

/// What became of a record of the provider's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is none of ours: nothing was written.
    Foreign,
    /// Still under way.
    Open,
    Paid,
    Failed,
    /// Nothing new.
    Same,
    /// It contradicts what we know: a person looks.
    Alert,
}

/// The provider has the payout: from here on its own id leads to it. An end that stands in the answer is read again
/// first.
pub async fn adopt(tx: &mut Tx, id: PayoutId, found: &Evidence) -> Result<Applied, Error> {
    settlement::lock_paying(tx, id).await?;
    let payout = query::lock_payout(tx, id).await?.ok_or(Error::NotFound)?;
    if let Some(alert) = contradiction(&payout, found) {
        return alarm(tx, &payout, alert, found).await;
    }
    if payout.state.is_over() || payout.state == PayoutState::Queued {
        return Ok(Applied::Same);
    }
    write(tx, &payout, PayoutState::InProgress, None, found).await?;
    if found.status != Finding::Open {
        outbox::enqueue(tx, &SyncPayout { provider_payout_id: found.provider_payout_id.clone() }).await?;
    }
    Ok(Applied::Open)
}

/// Applies a record that was just read from the provider.
pub async fn apply(tx: &mut Tx, found: &Evidence) -> Result<Applied, Error> {
    let Ok(id) = found.reference.parse::<PayoutId>() else { return Ok(Applied::Foreign) };
    settlement::lock_paying(tx, id).await?;
    let Some(payout) = query::lock_payout(tx, id).await? else { return Ok(Applied::Foreign) };
    if let Some(alert) = contradiction(&payout, found) {
        return alarm(tx, &payout, alert, found).await;
    }
    match (&found.status, payout.state) {
        // The provider has what we never sent.
        (_, PayoutState::Queued | PayoutState::Cancelled) => alarm(tx, &payout, codes::MISMATCH, found).await,
        (Finding::Open, state) if state.is_over() => Ok(Applied::Same),
        (Finding::Open, _) => {
            write(tx, &payout, PayoutState::InProgress, None, found).await?;
            Ok(Applied::Open)
        }
        (Finding::Completed, PayoutState::Paid) | (Finding::Failed(_), PayoutState::Failed) => {
            Ok(Applied::Same)
        }
        (Finding::Completed, PayoutState::Failed) => {
            alarm(tx, &payout, codes::PAID_AFTER_FAILED, found).await
        }
        (Finding::Failed(_), PayoutState::Paid) => alarm(tx, &payout, codes::FAILED_AFTER_PAID, found).await,
        (Finding::Completed, _) => {
            paid(tx, &payout, Some(found)).await?;
            Ok(Applied::Paid)
        }
        (Finding::Failed(code), _) => {
            give_back(tx, &payout, PayoutState::Failed, code, Some(found)).await?;
            Ok(Applied::Failed)
        }
    }
}

/// Whether the record cannot be this payout's, and how.
fn contradiction(payout: &Payout, found: &Evidence) -> Option<&'static str> {
    if found.destination != payout.destination || found.amount != payout.amount_krw {
        return Some(codes::MISMATCH);
    }
    let other = payout.provider_payout_id.as_ref().is_some_and(|known| *known != found.provider_payout_id);
    other.then_some(codes::DOUBLED)
}

/// The provider's records and ours part: payouts stop until a person has looked. A payout that is over stays as it
/// is; any other one waits for a decision.
async fn alarm(
    tx: &mut Tx,
    payout: &Payout,
    alert: &'static str,
    found: &Evidence,
) -> Result<Applied, Error> {
    let id = payout.id;
    metrics::counter!("konnect_payout_alerts_total", "alert" => alert).increment(1);
    tracing::error!(payout_id = %id, alert, provider_payout_id = found.provider_payout_id, "a payout needs a person");
    query::set_alert(tx, id, alert, &found.raw).await?;
    if payout.state.may_become(PayoutState::ManualReview)
        && !query::set_state(tx, payout, PayoutState::ManualReview, Some(alert), None).await?
    {
        return Err(Error::Stale);
    }
    pause(tx, &format!("payout {id}: {alert}")).await?;
    Ok(Applied::Alert)
}

/// The provider has more than one payout with our reference.
pub async fn doubled(tx: &mut Tx, id: PayoutId, found: &Evidence) -> Result<(), Error> {
    let payout = query::lock_payout(tx, id).await?.ok_or(Error::NotFound)?;
    alarm(tx, &payout, codes::DOUBLED, found).await?;
    Ok(())
}

/// The provider says that it has no payout under this id. One of ours that it had taken, and has not shown for so long,
/// waits for a decision: nobody would hear of it otherwise.
pub async fn not_there(tx: &mut Tx, provider_id: &str) -> Result<(), Error> {
    let payout = query::lock_payout_of_provider(tx, provider_id).await?;
    let taken = |p: &Payout| p.state == PayoutState::InProgress && tx.now - p.updated_at >= UNSEEN;
    match payout.filter(taken) {
        Some(payout) => park(tx, &payout, codes::NOT_THERE, None).await,
        None => Ok(()),
    }
}

/// Nobody asks any more: two administrators decide.
pub(super) async fn park(
    tx: &mut Tx,
    payout: &Payout,
    code: &str,
    found: Option<&Evidence>,
) -> Result<(), Error> {
    metrics::counter!("konnect_payouts_manual_review_total").increment(1);
    tracing::error!(payout_id = %payout.id, code, "a payout waits for a decision");
    let found = found.map(|f| (f.provider_payout_id.as_str(), f.raw.as_str()));
    if query::set_state(tx, payout, PayoutState::ManualReview, Some(code), found).await? {
        Ok(())
    } else {
        Err(Error::Stale)
    }
}

/// A request that never left, by a fault of ours: two administrators decide.
pub async fn give_up(tx: &mut Tx, id: PayoutId, why: &str) -> Result<(), Error> {
    let payout = query::lock_payout(tx, id).await?.ok_or(Error::NotFound)?;
    if payout.state.may_become(PayoutState::ManualReview) {
        park(tx, &payout, why, None).await?;
    }
    Ok(())
}

async fn write(
    tx: &mut Tx,
    payout: &Payout,
    state: PayoutState,
    code: Option<&str>,
    found: &Evidence,
) -> Result<(), Error> {
    let found = Some((found.provider_payout_id.as_str(), found.raw.as_str()));
    if payout.state.may_become(state) && query::set_state(tx, payout, state, code, found).await? {
        Ok(())
    } else {
        Err(Error::Stale)
    }
}

/// The money has arrived. The caller holds the locks of the lines and the payout.
pub(super) async fn paid(tx: &mut Tx, payout: &Payout, found: Option<&Evidence>) -> Result<(), Error> {
    let id = payout.id;
    let found = found.map(|f| (f.provider_payout_id.as_str(), f.raw.as_str()));
    if !payout.state.may_become(PayoutState::Paid)
        || !query::set_state(tx, payout, PayoutState::Paid, None, found).await?
    {
        return Err(Error::Stale);
    }
    ledger::post_payout_paid(tx, id, payout.mentor_id, format!("payout_paid:{id}"), payout.amount_krw)
        .await?;
    settlement::conclude(tx, id, true).await?;
    metrics::counter!("konnect_payouts_total", "outcome" => "paid").increment(1);
    let data = json!({ "payoutId": id, "amount": payout.amount_krw });
    tell(tx, payout.mentor_id, "payout.paid", format!("payout:{id}:paid"), data).await?;
    Ok(())
}

/// The money has not left, or is back: `Failed` after it was sent, `Cancelled` before. The lines are ready for the
/// next batch, which pays them under a new reference. The caller holds the locks of the lines and the payout.
pub(super) async fn give_back(
    tx: &mut Tx,
    payout: &Payout,
    state: PayoutState,
    code: &str,
    found: Option<&Evidence>,
) -> Result<(), Error> {
    let id = payout.id;
    let found = found.map(|f| (f.provider_payout_id.as_str(), f.raw.as_str()));
    if !payout.state.may_become(state) || !query::set_state(tx, payout, state, Some(code), found).await? {
        return Err(Error::Stale);
    }
    settlement::conclude(tx, id, false).await?;
    let data = json!({ "payoutId": id, "amount": payout.amount_krw, "code": code });
    if state == PayoutState::Cancelled {
        crate::event::append(tx, &[payout.mentor_id], "payout.cancelled", data).await?;
        return Ok(());
    }
    let key = format!("payout_returned:{id}");
    ledger::post_payout_returned(tx, id, payout.mentor_id, key, payout.amount_krw).await?;
    metrics::counter!("konnect_payouts_total", "outcome" => "failed").increment(1);
    tell(tx, payout.mentor_id, "payout.failed", format!("payout:{id}:failed"), data).await?;
    Ok(())
}
