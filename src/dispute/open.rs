//! How a dispute begins.

use super::deadline;
use super::error::Error;
use super::flow::announce;
use super::model::{Dispute, Kind, Party, State};
use super::query;
use crate::clock::Instant;
use crate::config::Rules;
use crate::db::{Tx, duplicate_key};
use crate::id::{DisputeId, ReservationId, UserId};
use crate::money::Krw;
use crate::payment;
use crate::reservation::{self, Reservation, State as Stage};
use crate::settlement;

/// What somebody complains of.
#[derive(Clone, Debug)]
pub struct NewDispute {
    pub kind: Kind,
    pub description: String,
    /// Won asked back by a mentee, or to be paid by a mentor; nothing, or at most the price.
    pub claim: Krw,
}

/// Opens a dispute about a reservation and freezes its settlement lines. After a no-show it is the appeal against
/// it (S68). A line that is in a payout already cannot be frozen; what is decided is netted from the next one.
///
/// # Errors
/// `ReservationNotFound` for strangers; `NotPossible` before the session has begun, and where nothing was kept;
/// `WindowOver`; `ClaimExceeds`; `AlreadyOpen`; `AlreadyDecided`;
/// `AlreadyWithdrawn` for the side that withdrew one.
pub async fn open(
    tx: &mut Tx,
    rules: &Rules,
    id: ReservationId,
    member: UserId,
    new: &NewDispute,
) -> Result<Dispute, Error> {
    let r = reservation::lock_for_member(tx, id, member).await?.ok_or(Error::ReservationNotFound)?;
    let party = Party::of(member, &r).ok_or(Error::ReservationNotFound)?;
    let until = reservation::problems_until(rules, &r).ok_or(Error::NotPossible)?;
    if !something_was_kept(tx, &r).await? {
        return Err(Error::NotPossible);
    }
    if tx.now >= until {
        return Err(Error::WindowOver);
    }
    if new.claim > r.price_krw {
        return Err(Error::ClaimExceeds);
    }
    if query::live_of(tx, id).await?.is_some() {
        return Err(Error::AlreadyOpen);
    }
    if query::is_judged(tx, id, since(&r)).await? {
        return Err(Error::AlreadyDecided);
    }
    if query::has_opened(tx, id, party, since(&r)).await? {
        return Err(Error::AlreadyWithdrawn);
    }
    let first = Dispute {
        deadline: Some(tx.now + rules.dispute_answer()),
        ..blank(tx.now, &r, party, new.kind, new.description.clone(), new.claim)
    };
    begin(tx, &r, first).await
}

/// Opens the review of a session of which nobody can say who came: it asks for the price back, both sides may show
/// evidence, and an administrator decides. Nobody is marked as absent by it. `None`: a dispute is open already, and what
/// it decides is the review. The caller holds the reservation's lock.
pub async fn open_review(
    tx: &mut Tx,
    rules: &Rules,
    r: &Reservation,
    reason: &str,
) -> Result<Option<Dispute>, Error> {
    if query::live_of(tx, r.id).await?.is_some() {
        return Ok(None);
    }
    let first = Dispute {
        state: State::Answered,
        deadline: Some(tx.now + rules.dispute_evidence()),
        ..blank(tx.now, r, Party::Platform, Kind::NoShow, reason.to_owned(), r.price_krw)
    };
    begin(tx, r, first).await.map(Some)
}

/// A cancellation that gave everything back, or had nothing to give back, left nothing to argue about.
async fn something_was_kept(tx: &mut Tx, r: &Reservation) -> Result<bool, Error> {
    if r.state != Stage::Cancelled {
        return Ok(true);
    }
    Ok(r.refund_krw.is_some_and(|back| back < r.price_krw)
        && payment::capture_of(tx.conn(), r.id).await?.is_some())
}

/// Disputes from before do not count: a no-show can be appealed even where an earlier one was decided or withdrawn.
fn since(r: &Reservation) -> Instant {
    if r.state == Stage::NoShow { r.updated_at } else { r.created_at }
}

fn blank(
    now: Instant,
    r: &Reservation,
    opened_by: Party,
    kind: Kind,
    description: String,
    claim_krw: Krw,
) -> Dispute {
    Dispute {
        id: DisputeId::generate(),
        reservation_id: r.id,
        mentor_id: r.mentor_id,
        mentee_id: r.mentee_id,
        opened_by,
        kind,
        description,
        claim_krw,
        state: State::Open,
        version: 1,
        deadline: None,
        answer: None,
        offer_krw: None,
        answered_at: None,
        outcome: None,
        refund_krw: None,
        compensation_krw: None,
        bearer: None,
        decision_reason: None,
        decided_by: None,
        approved_by: None,
        closed_at: None,
        created_at: now,
        updated_at: now,
    }
}

async fn begin(tx: &mut Tx, r: &Reservation, dispute: Dispute) -> Result<Dispute, Error> {
    match query::insert(tx, &dispute).await {
        Ok(()) => {}
        Err(error) if duplicate_key(&error).as_deref() == Some("disputes_one_live") => {
            return Err(Error::AlreadyOpen);
        }
        Err(error) => return Err(error.into()),
    }
    query::add_history(tx, None, &dispute, "opened", None).await?;
    settlement::freeze(tx, r.id, &dispute.key()).await?;
    deadline::write(tx, &dispute).await?;
    announce(tx, &dispute, r, "opened").await?;
    Ok(dispute)
}
