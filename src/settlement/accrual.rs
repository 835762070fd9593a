//! From what is held to what is earned.

use serde_json::json;

use super::error::Error;
use super::model::{LineState, RULE_VERSION, Rates, SettlementLine};
use super::query;
use crate::config::Rules;
use crate::db::{Tx, duplicate_key};
use crate::event;
use crate::id::{ReservationId, SettlementLineId, UserId};
use crate::job::{NotifyEvent, ReleaseSettlement};
use crate::ledger;
use crate::outbox;
use crate::payment;
use crate::reservation::{self, Reservation};

/// What became of a wish to accrue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accrual {
    Done,
    /// Nothing is held, or it was accrued before.
    Nothing,
    /// Money is still on its way back to the mentee: ask again later.
    Waiting,
}

/// Splits what is held for a finished reservation between mentor, platform and tax office, by the rates of today,
/// and writes the job that releases it when the window for problems is over. What comes to be held later, because a
/// refund was given up, is accrued as a line of its own.
pub async fn accrue(tx: &mut Tx, rules: &Rules, id: ReservationId) -> Result<Accrual, Error> {
    let reservation = reservation::lock(tx, id).await?.ok_or(Error::NotFound)?;
    if !reservation.is_earned() && !query::is_awarded(tx, id).await? {
        return Err(Error::NotFinished);
    }
    if payment::has_open_refund(tx, id).await? {
        return Ok(Accrual::Waiting);
    }
    let gross = ledger::held(tx, id).await?;
    if !gross.is_positive() {
        return Ok(Accrual::Nothing);
    }
    let lines = query::lock_lines(tx, id).await?;
    let is_business = query::is_business(tx, reservation.mentor_id).await?;
    let rates = Rates::of(rules, is_business);
    let split = rates.split(gross);
    let frozen = query::is_frozen(tx, id).await?;
    let line = SettlementLine {
        id: SettlementLineId::generate(),
        reservation_id: id,
        mentor_id: reservation.mentor_id,
        line_key: if lines.is_empty() { "accrual".to_owned() } else { format!("accrual:{}", lines.len()) },
        gross_krw: split.gross,
        fee_krw: split.fee,
        vat_krw: split.vat,
        withholding_krw: split.withholding,
        net_krw: split.net,
        fee_bps: rates.fee.0,
        vat_bps: rates.vat.0,
        withholding_bps: rates.withholding.0,
        rule_version: RULE_VERSION,
        state: if frozen { LineState::Frozen } else { LineState::Accrued },
        release_at: reservation::problems_until(rules, &reservation),
        held_reason: None,
        payout_id: None,
        created_at: tx.now,
    };
    match query::insert_line(tx, &line).await {
        Ok(()) => {}
        Err(error) if duplicate_key(&error).is_some() => return Ok(Accrual::Nothing),
        Err(error) => return Err(error.into()),
    }
    let key = format!("split:{id}:{}", line.line_key);
    ledger::post_split(tx, id, line.mentor_id, key, &split).await?;
    schedule_release(tx, &line).await?;
    announce(tx, &reservation, &line).await?;
    Ok(Accrual::Done)
}

/// The job that looks whether a line may be paid, at the end of its window.
pub(super) async fn schedule_release(tx: &mut Tx, line: &SettlementLine) -> sqlx::Result<bool> {
    let at = line.release_at.unwrap_or(tx.now).max(tx.now);
    outbox::enqueue_at(tx, &ReleaseSettlement { reservation_id: line.reservation_id }, at).await
}

async fn announce(tx: &mut Tx, reservation: &Reservation, line: &SettlementLine) -> Result<(), Error> {
    let id = reservation.id;
    let data = json!({
        "reservationId": id, "title": reservation.title, "gross": line.gross_krw, "fee": line.fee_krw,
        "withholding": line.withholding_krw, "net": line.net_krw,
    });
    event::append(tx, &[line.mentor_id], "settlement.accrued", data.clone()).await?;
    let notice = NotifyEvent {
        event_key: format!("settlement:{id}:{}", line.line_key),
        kind: "settlement.accrued".to_owned(),
        people: vec![line.mentor_id],
        reservation_id: Some(id),
        data,
        expires_at: None,
    };
    outbox::enqueue(tx, &notice).await?;
    Ok(())
}

/// Says how a mentor is taxed from now on; lines that exist keep their rates.
pub async fn set_tax_profile(tx: &mut Tx, mentor: UserId, is_business: bool) -> sqlx::Result<()> {
    query::set_tax_profile(tx, mentor, is_business).await
}
