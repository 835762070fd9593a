//! Making room for a refund: what was split already goes back to what is held.

use super::error::Error;
use super::model::{LineState, SettlementLine};
use super::query;
use crate::db::{Tx, duplicate_key};
use crate::id::{ReservationId, SettlementLineId};
use crate::ledger::{self, Split};
use crate::money::Krw;
use crate::payment::{self, Bearer};
use crate::reservation;

/// Sees to it that `amount` more is held for a reservation than its open refunds need, so that it can be given back.
/// Called by whoever writes a refund, before it, in the same transaction; `key` names the refund, and a second call
/// with it changes nothing.
///
/// Borne by the platform, the amount comes from its own pocket. Shared, it comes from what is held and, where that
/// was split, from mentor, platform and tax office by the rates of the line: as a line of its own, which the next
/// batch nets when the first one was paid (clawback).
///
/// # Errors
/// `NothingToTakeBack` when less than that was settled.
pub async fn take_back(
    tx: &mut Tx,
    id: ReservationId,
    amount: Krw,
    bearer: Bearer,
    key: &str,
) -> Result<(), Error> {
    reservation::lock(tx, id).await?.ok_or(Error::NotFound)?;
    if bearer == Bearer::Platform {
        ledger::post_goodwill(tx, id, format!("goodwill:{id}:{key}"), amount).await?;
        return Ok(());
    }
    let free = ledger::held(tx, id).await?.minus(payment::promised(tx, id).await?);
    let missing = amount.minus(free);
    if !missing.is_positive() {
        return Ok(());
    }
    let lines = query::lock_lines(tx, id).await?;
    let Some(first) = lines.first() else { return Err(Error::NothingToTakeBack) };
    let total = lines.iter().fold(Split::default(), |sum, line| sum.plus(line.split()));
    if missing > total.gross {
        return Err(Error::NothingToTakeBack);
    }
    let reversal = first.rates().split(total.gross.minus(missing)).minus(total);
    let line = SettlementLine {
        id: SettlementLineId::generate(),
        line_key: format!("reversal:{key}"),
        gross_krw: reversal.gross,
        fee_krw: reversal.fee,
        vat_krw: reversal.vat,
        withholding_krw: reversal.withholding,
        net_krw: reversal.net,
        state: state_of_reversal(&lines),
        held_reason: None,
        payout_id: None,
        created_at: tx.now,
        ..first.clone()
    };
    match query::insert_line(tx, &line).await {
        Ok(()) => {}
        Err(error) if duplicate_key(&error).is_some() => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    let posting = format!("split:{id}:{}", line.line_key);
    ledger::post_split(tx, id, line.mentor_id, posting, &reversal).await?;
    close_if_nothing_is_left(tx, id).await
}

/// A reversal waits as long as what it takes back; where that has left, the next batch nets it.
fn state_of_reversal(lines: &[SettlementLine]) -> LineState {
    let waiting =
        lines.iter().map(|line| line.state).find(|state| !state.is_out() && *state != LineState::Reversed);
    waiting.unwrap_or(LineState::Ready)
}

/// Lines that sum to nothing, and of which none has left, need no payout.
async fn close_if_nothing_is_left(tx: &mut Tx, id: ReservationId) -> Result<(), Error> {
    let lines = query::lock_lines(tx, id).await?;
    let total = lines.iter().fold(Split::default(), |sum, line| sum.plus(line.split()));
    if total != Split::default() || lines.iter().any(|line| line.state.is_out()) {
        return Ok(());
    }
    for line in lines.iter().filter(|line| line.state != LineState::Reversed) {
        if !query::set_state(tx, line, LineState::Reversed, None).await? {
            return Err(Error::Stale);
        }
    }
    Ok(())
}
