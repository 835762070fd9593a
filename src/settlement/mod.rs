//! Settlement: what a finished reservation earns its mentor, and the audit of all money.

mod audit;
mod error;
mod model;
mod query;

pub use audit::{Violation, audit};
pub use error::Error;
pub use model::{LineState, RULE_VERSION, SettlementLine};
pub use query::{line_of_reservation, lines_of_mentor, unaccrued};

use serde_json::json;

use crate::config::Rules;
use crate::db::{Tx, duplicate_key};
use crate::event;
use crate::id::{ReservationId, SettlementLineId};
use crate::job::NotifyEvent;
use crate::ledger;
use crate::outbox;
use crate::payment;
use crate::reservation::{self, State};

/// What became of a wish to accrue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accrual {
    Done,
    /// Nothing is held, or it was accrued before.
    Nothing,
    /// Money is still on its way back to the mentee: ask again later.
    Waiting,
}

/// Splits what is held for a finished reservation: the fee, rounded down, to the platform, the rest to the
/// mentor. Once per reservation, by key.
pub async fn accrue(tx: &mut Tx, rules: &Rules, id: ReservationId) -> Result<Accrual, Error> {
    let reservation = reservation::lock(tx, id).await?.ok_or(Error::NotFound)?;
    if !matches!(reservation.state, State::Completed | State::Cancelled) {
        return Err(Error::NotFinished);
    }
    if payment::has_open_refund(tx, id).await? {
        return Ok(Accrual::Waiting);
    }
    let gross = ledger::held(tx, id).await?;
    if !gross.is_positive() {
        return Ok(Accrual::Nothing);
    }
    let fee = gross.share(rules.fee());
    let line = SettlementLine {
        id: SettlementLineId::generate(),
        reservation_id: id,
        mentor_id: reservation.mentor_id,
        gross_krw: gross,
        fee_krw: fee,
        net_krw: gross.minus(fee),
        fee_bps: rules.fee_bps,
        rule_version: RULE_VERSION,
        state: LineState::Accrued,
        created_at: tx.now,
    };
    match query::insert_line(tx, &line).await {
        Ok(()) => {}
        Err(error) if duplicate_key(&error).is_some() => return Ok(Accrual::Nothing),
        Err(error) => return Err(error.into()),
    }
    ledger::post_split(tx, id, line.mentor_id, line.fee_krw, line.net_krw).await?;
    let data = json!({
        "reservationId": id, "title": reservation.title, "gross": line.gross_krw, "fee": line.fee_krw,
        "net": line.net_krw,
    });
    event::append(tx, &[line.mentor_id], "settlement.accrued", data.clone()).await?;
    let notice = NotifyEvent {
        event_key: format!("settlement:{id}"),
        kind: "settlement.accrued".to_owned(),
        people: vec![line.mentor_id],
        reservation_id: Some(id),
        data,
        expires_at: None,
    };
    outbox::enqueue(tx, &notice).await?;
    Ok(Accrual::Done)
}
