//! Sessions to which somebody did not come.

use chrono::TimeDelta;
use serde_json::json;

use super::error::Error;
use super::model::{NoShowReport, Party};
use super::{money, open, query};
use crate::config::Rules;
use crate::db::Tx;
use crate::event;
use crate::id::{NoShowReportId, ReservationId, UserId};
use crate::job::{AccrueSettlement, NotifyEvent};
use crate::outbox;
use crate::payment;
use crate::reservation::{self, Absent, Reservation, State as Stage, Strike};
use crate::settlement::Bearer;

/// Whoever has not come this long after the start is late no more: absent.
pub const GRACE: TimeDelta = TimeDelta::minutes(10);

/// Records a member's word that somebody did not come, and tells the other side. The word decides nothing. Said
/// again, it changes nothing: the first one counts.
///
/// # Errors
/// `ReservationNotFound` for strangers; `NoShowTooEarly`; `NotPossible` unless the session is running or waits to be
/// completed.
pub async fn report_no_show(
    tx: &mut Tx,
    id: ReservationId,
    member: UserId,
    absent: Absent,
    note: Option<&str>,
) -> Result<NoShowReport, Error> {
    let r = reservation::lock_for_member(tx, id, member).await?.ok_or(Error::ReservationNotFound)?;
    let side = Party::of(member, &r).ok_or(Error::ReservationNotFound)?;
    if let Some(said) = query::report_by(tx, id, member).await? {
        return Ok(said);
    }
    if tx.now < r.starts_at + GRACE {
        return Err(Error::NoShowTooEarly);
    }
    if r.state != Stage::InSession || r.is_extension() {
        return Err(Error::NotPossible);
    }
    let report = NoShowReport {
        id: NoShowReportId::generate(),
        reservation_id: id,
        side,
        reporter_id: member,
        absent,
        note: note.map(str::to_owned),
        at: tx.now,
    };
    query::insert_report(tx, &report).await?;
    tell(tx, &r, &report).await?;
    Ok(report)
}

async fn tell(tx: &mut Tx, r: &Reservation, report: &NoShowReport) -> Result<(), Error> {
    let kind = "reservation.no_show_reported";
    let data = json!({
        "reservationId": r.id, "title": r.title, "startsAt": r.starts_at, "timeZone": r.time_zone,
        "side": report.side, "absent": report.absent,
    });
    event::append(tx, &[r.mentor_id, r.mentee_id], kind, data.clone()).await?;
    let other = if report.side == Party::Mentor { r.mentee_id } else { r.mentor_id };
    let notice = NotifyEvent {
        event_key: format!("no_show_report:{}", report.id),
        kind: kind.to_owned(),
        people: vec![other],
        reservation_id: Some(r.id),
        data,
        expires_at: None,
    };
    outbox::enqueue(tx, &notice).await?;
    Ok(())
}

/// An administrator says that somebody did not come: [`end_as_no_show`].
///
/// # Errors
/// `ReservationNotFound`; `NoShowTooEarly`; `NotPossible` for an extension, which follows its session; `OwnCase` for an
/// administrator who is a side of it; `reservation.not_allowed` unless the session is running or waits to be completed.
pub async fn mark_no_show(
    tx: &mut Tx,
    rules: &Rules,
    id: ReservationId,
    admin: UserId,
    absent: Absent,
    reason: &str,
) -> Result<Reservation, Error> {
    let was = reservation::lock(tx, id).await?.ok_or(Error::ReservationNotFound)?;
    if was.is_extension() {
        return Err(Error::NotPossible);
    }
    if tx.now < was.starts_at + GRACE {
        return Err(Error::NoShowTooEarly);
    }
    if Party::of(admin, &was).is_some() {
        return Err(Error::OwnCase);
    }
    end_as_no_show(tx, rules, &was, absent, reason).await
}

/// Ends a session to which somebody did not come, and says where the money goes (S67). The mentee was absent: the
/// mentor is paid as after a session. The mentor was: everything goes back to the mentee, and a strike is counted.
/// Nobody came: the money stays where it is until an administrator has reviewed it. Each can be appealed by a dispute
/// (S68). The caller holds the reservation's lock and knows who was there.
///
/// # Errors
/// `reservation.not_allowed` unless the session is running or waits to be completed.
pub async fn end_as_no_show(
    tx: &mut Tx,
    rules: &Rules,
    was: &Reservation,
    absent: Absent,
    reason: &str,
) -> Result<Reservation, Error> {
    let id = was.id;
    // The payment before the feeds, as in a refund.
    let left = money::left(tx, id).await?;
    let is = reservation::no_show(tx, was, absent, reason).await?;
    match absent {
        Absent::Mentee => {
            outbox::enqueue(tx, &AccrueSettlement { reservation_id: id }).await?;
        }
        Absent::Mentor => {
            reservation::strike(tx, &is, Strike::NO_SHOW).await?;
            // All of the price is due to the mentee; what is given already is no longer the platform's to pay.
            let key = format!("goodwill-undone:{id}:no_show");
            payment::take_goodwill_back(tx, id, is.price_krw.minus(left), key).await?;
            if left.is_positive() {
                money::give_back(tx, &is, left, Bearer::Shared, "no_show", "", "no_show").await?;
            }
        }
        Absent::Both => {
            open::open_review(tx, rules, &is, reason).await?;
        }
    }
    Ok(is)
}
