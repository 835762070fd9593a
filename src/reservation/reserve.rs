//! Taking a slot.

use chrono::TimeDelta;
use serde_json::json;

use super::announce::announce;
use super::error::Error;
use super::model::{Reservation, State};
use super::{deadline, flow, history, holds, policy, query};
use crate::availability::{self, Asked, Members, Rules as Hours};
use crate::clock::Instant;
use crate::config::Rules;
use crate::db::Tx;
use crate::id::{OfferingId, ReservationId, UserId};
use crate::mentor::{self, Kind, PriceOption};
use crate::money::Krw;
use crate::user;

const ALTERNATIVES: usize = 5;

/// What a mentee asks for.
#[derive(Clone, Debug)]
pub struct NewReservation {
    pub offering_id: OfferingId,
    pub mentee_id: UserId,
    /// UTC.
    pub starts_at: Instant,
    /// One of the offering's durations, in minutes; the first where nobody says.
    pub duration_min: Option<u32>,
    /// The price the mentee saw; refused when it is not the price any more.
    pub expected_price: Option<Krw>,
    /// How long it is held unpaid; as long as any hold, unless given.
    pub hold: Option<TimeDelta>,
}

/// A reservation, and whether it is new or the mentee's own hold of the same slot.
#[derive(Clone, Debug)]
pub struct Reserved {
    pub reservation: Reservation,
    pub is_new: bool,
}

/// Claims the slot and writes the reservation: REQUESTED for offerings that the mentor approves, AWAITING_PAYMENT
/// for instant ones, which is CONFIRMED at once where the session is free.
///
/// The calendar rows are locked first, so that the rules are judged on what is true until the commit; the keys of
/// `slot_claims` would refuse a double booking even so.
///
/// # Errors
/// `SlotTaken` with other times; the engine's refusals; `HoldLimit`; `CoolDown`; `FreeUsed`; `OwnOffering`;
/// `PriceChanged`; `AccountClosed`; `DurationUnknown` of the availability; `OfferingNotFound` of the mentor.
pub async fn reserve(tx: &mut Tx, rules: &Rules, new: &NewReservation) -> Result<Reserved, Error> {
    let offering = mentor::find_public_offering(tx.conn(), new.offering_id).await?;
    if offering.mentor_id == new.mentee_id {
        return Err(Error::OwnOffering);
    }
    let option = offering.option(new.duration_min).ok_or(availability::Error::DurationUnknown)?;
    let PriceOption { duration_min, price_krw } = option;
    availability::lock_calendars(tx, &mut [offering.mentor_id, new.mentee_id]).await?;
    check_accounts(tx, offering.mentor_id, new.mentee_id).await?;
    let twin = holds::twin(tx, new.mentee_id, new.offering_id, new.starts_at, duration_min).await?;
    // Whoever holds the slot already has the price it was held at.
    let price = twin.as_ref().map_or(price_krw, |twin| twin.price_krw);
    if new.expected_price.is_some_and(|expected| expected != price) {
        return Err(Error::PriceChanged);
    }
    if let Some(twin) = twin {
        return Ok(Reserved { reservation: twin, is_new: false });
    }
    let is_free = !price_krw.is_positive();
    let at_once = is_free && offering.kind == Kind::Instant;
    if is_free && holds::had_free(tx, offering.mentor_id, new.mentee_id).await? {
        return Err(Error::FreeUsed);
    }
    // What is confirmed at once waits for no payment.
    if !at_once {
        holds::check_limit(tx, rules, new.mentee_id).await?;
        holds::check_pause(tx, rules, new.mentee_id).await?;
    }
    let slot = Slot {
        mentor: offering.mentor_id,
        kind: offering.kind,
        mentee: new.mentee_id,
        starts_at: new.starts_at,
        duration_min,
    };
    let hours = claimable(tx, slot).await?;

    let now = tx.now;
    let state = match offering.kind {
        Kind::Approval => State::Requested,
        Kind::Instant => State::AwaitingPayment,
    };
    let mut reservation = Reservation {
        id: ReservationId::generate(),
        offering_id: offering.id,
        mentor_id: offering.mentor_id,
        mentee_id: new.mentee_id,
        title: offering.title,
        price_krw,
        duration_min,
        time_zone: hours.zone().name().to_owned(),
        policy_version: policy::current(offering.refund_policy),
        starts_at: new.starts_at,
        ends_at: new.starts_at + TimeDelta::minutes(duration_min.into()),
        schedule_version: 1,
        state,
        version: 1,
        request_deadline: None,
        hold_until: None,
        payment_failed: false,
        refund_krw: None,
        absent: None,
        extends_id: None,
        ended_at: None,
        needs_approval: offering.kind == Kind::Approval,
        moves_freely: offering.kind == Kind::Instant,
        move_id: None,
        move_by: None,
        move_to: None,
        move_until: None,
        move_proposals: 0,
        refund_cap_bps: None,
        created_at: now,
        updated_at: now,
    };
    match state {
        State::Requested => {
            reservation.request_deadline = Some(deadline::for_request(rules, &reservation, now))
        }
        _ if at_once => {}
        _ => {
            let until =
                new.hold.map_or_else(|| deadline::for_hold(rules, &reservation, now), |hold| now + hold);
            reservation.hold_until = Some(until.min(reservation.starts_at));
        }
    }
    query::insert(tx, &reservation).await?;
    claim(tx, slot, reservation.id, &hours).await?;
    history::add(tx, None, &reservation, "reserved", None, None).await?;
    deadline::write(tx, &reservation).await?;
    announce(tx, &reservation, "reserved", json!({})).await?;
    if at_once {
        reservation = flow::confirm_free(tx, &reservation, None).await?;
    }
    Ok(Reserved { reservation, is_new: true })
}

/// Whether both sides may have a booking. Whoever closes an account locks its calendar first: under the locks of both
/// calendars that stays true until the commit.
///
/// # Errors
/// `AccountClosed` for the mentee; `OfferingNotFound` of the mentor.
pub(super) async fn check_accounts(tx: &mut Tx, mentor: UserId, mentee: UserId) -> Result<(), Error> {
    let inactive = user::inactive(tx.conn(), &[mentor, mentee]).await?;
    if inactive.contains(&mentor) {
        Err(mentor::Error::OfferingNotFound.into())
    } else if inactive.contains(&mentee) {
        Err(Error::AccountClosed)
    } else {
        Ok(())
    }
}

/// A time of two people.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub mentor: UserId,
    /// `Approval` where the mentor is to be asked first.
    pub kind: Kind,
    pub mentee: UserId,
    pub starts_at: Instant,
    pub duration_min: u32,
}

impl Slot {
    pub fn members(self) -> Members {
        Members { mentor: self.mentor, mentee: self.mentee }
    }
}

/// Of what is booked its mentor was asked, if need was.
impl From<&Reservation> for Slot {
    fn from(r: &Reservation) -> Self {
        Self {
            mentor: r.mentor_id,
            kind: Kind::Instant,
            mentee: r.mentee_id,
            starts_at: r.starts_at,
            duration_min: r.duration_min,
        }
    }
}

/// Asks the engine; a taken slot comes back with others nearby.
pub(super) async fn claimable(tx: &mut Tx, slot: Slot) -> Result<Hours, Error> {
    claimable_instead_of(tx, slot, None).await
}

/// The same for a reservation that would give up what it has.
pub(super) async fn claimable_instead_of(
    tx: &mut Tx,
    slot: Slot,
    instead_of: Option<ReservationId>,
) -> Result<Hours, Error> {
    let Slot { mentor, kind, mentee, starts_at: start, duration_min } = slot;
    let asked = Asked { mentor, kind, mentee: Some(mentee), duration_min, start, instead_of };
    let judged = availability::judge_for(tx, asked).await;
    or_alternatives(tx, slot, judged).await
}

/// What the engine or the keys say of a slot; where it is taken, with others nearby.
pub(super) async fn or_alternatives<T>(
    tx: &mut Tx,
    slot: Slot,
    judged: Result<T, availability::Error>,
) -> Result<T, Error> {
    let Slot { mentor, kind, mentee, starts_at, duration_min } = slot;
    match judged {
        Ok(value) => Ok(value),
        Err(availability::Error::SlotTaken) => {
            let (mentee, n) = (Some(mentee), ALTERNATIVES);
            let alternatives =
                availability::alternatives(tx, mentor, kind, mentee, duration_min, starts_at, n).await?;
            Err(Error::SlotTaken { alternatives })
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn claim(tx: &mut Tx, slot: Slot, id: ReservationId, hours: &Hours) -> Result<(), Error> {
    let Slot { mentor, mentee, starts_at, duration_min, .. } = slot;
    let claimed = availability::claim(tx, mentor, mentee, id, starts_at, duration_min, hours).await;
    claimed.map_err(|error| match error {
        availability::Error::SlotTaken => Error::SlotTaken { alternatives: Vec::new() },
        other => other.into(),
    })
}
