//! Mentors: who may offer sessions, and what they offer.
//!
//! ```text
//! applied ──approve──► approved ◄─► suspended
//!    ▲ │
//!    │ └─reject─► rejected ──apply again──┐
//!    └────────────────────────────────────┘
//! ```

mod card;
mod error;
mod language;
mod model;
mod offering;
mod query;
mod search;
mod terms;
mod text;

use serde_json::json;
use sqlx::MySqlExecutor;

use crate::db::{Tx, duplicate_key};
use crate::event;
use crate::id::{OfferingId, UserId};

pub use card::{
    Badge, Facts, Free, FreeDay, Freshness, Stars, facts_due, lock_freshness, rate, refresh_card,
    store_facts, store_free, unchecked_cards,
};
pub use error::Error;
pub use model::{Application, Decision, Mentor, PageKey, State};
pub use offering::{Kind, NewOffering, Offering, OfferingFilter, PriceOption, RefundPolicy};
pub use search::{After, Card, Criteria, Sort, card, search};
pub use text::Invalid;

/// Asks to become a mentor; possible again after a rejection.
///
/// # Errors
/// `mentor.invalid`, `mentor.already_applied` (an application waits, or was granted).
pub async fn apply(tx: &mut Tx, user: UserId, application: Application) -> Result<Mentor, Error> {
    application.check().map_err(Error::Invalid)?;
    let before = query::find(tx.conn(), user).await?;
    match &before {
        None => match query::insert(tx, user, &application).await {
            Err(error) if duplicate_key(&error).is_some() => return Err(Error::AlreadyApplied),
            other => other?,
        },
        Some(mentor) if mentor.state.may_become(State::Applied) => {
            if !query::reapply(tx, user, mentor.version, &application).await? {
                return Err(Error::AlreadyApplied);
            }
        }
        Some(_) => return Err(Error::AlreadyApplied),
    }
    let mentor = query::find(tx.conn(), user).await?.ok_or(Error::NotFound)?;
    query::record(tx, &mentor, before.map(|m| m.state)).await?;
    Ok(mentor)
}

/// Grants or refuses an application; the actor of the transaction is the admin who decides. The applicant hears
/// of it as `mentor.approved` or `mentor.rejected`.
///
/// # Errors
/// `mentor.not_found`, `mentor.not_pending` (decided already), `mentor.stale` (changed since it was read),
/// `mentor.invalid` (no reason given).
pub async fn decide(
    tx: &mut Tx,
    mentor: UserId,
    decision: Decision,
    expected_version: i64,
) -> Result<Mentor, Error> {
    decision.check().map_err(Error::Invalid)?;
    if !query::decide(tx, mentor, &decision, expected_version).await? {
        let current = query::find(tx.conn(), mentor).await?.ok_or(Error::NotFound)?;
        let pending = current.state == State::Applied;
        return Err(if pending { Error::Stale } else { Error::NotPending });
    }
    let decided = query::find(tx.conn(), mentor).await?.ok_or(Error::NotFound)?;
    query::record(tx, &decided, Some(State::Applied)).await?;
    card::refresh_card(tx, mentor).await?;
    let data = json!({ "mentorId": mentor, "reason": decided.rejection_reason, "version": decided.version });
    event::append(tx, &[mentor], decision.event(), data).await?;
    Ok(decided)
}

/// Everything about a mentor or applicant: for the person and for admins alone.
pub async fn find(db: impl MySqlExecutor<'_>, user: UserId) -> Result<Mentor, Error> {
    query::find(db, user).await?.ok_or(Error::NotFound)
}

/// Changes what a mentor says of themselves, seen at `expected_version`. Everybody reads it at once.
///
/// # Errors
/// `mentor.invalid`, `mentor.not_approved`, `mentor.stale`.
pub async fn change_profile(
    tx: &mut Tx,
    user: UserId,
    new: Application,
    expected_version: i64,
) -> Result<Mentor, Error> {
    new.check().map_err(Error::Invalid)?;
    if !query::change_profile(tx, user, &new, expected_version).await? {
        return Err(if query::is_approved(tx.conn(), user).await? {
            Error::Stale
        } else {
            Error::NotApproved
        });
    }
    let mentor = query::find(tx.conn(), user).await?.ok_or(Error::NotFound)?;
    query::record(tx, &mentor, Some(State::Approved)).await?;
    card::refresh_card(tx, user).await?;
    Ok(mentor)
}

/// Applications that wait for a decision, oldest first, for admins.
pub async fn list_applications(
    db: impl MySqlExecutor<'_>,
    after: Option<PageKey>,
    limit: u32,
) -> Result<Vec<Mentor>, Error> {
    Ok(query::list_applied(db, after, limit).await?)
}

pub async fn is_approved(db: impl MySqlExecutor<'_>, user: UserId) -> sqlx::Result<bool> {
    query::is_approved(db, user).await
}

/// Offers something new.
///
/// # Errors
/// `offering.invalid`, `mentor.not_approved`.
pub async fn create_offering(tx: &mut Tx, mentor: UserId, new: NewOffering) -> Result<Offering, Error> {
    new.check().map_err(Error::OfferingInvalid)?;
    if !query::is_approved(tx.conn(), mentor).await? {
        return Err(Error::NotApproved);
    }
    let id = OfferingId::generate();
    query::insert_offering(tx, id, mentor, &new).await?;
    card::refresh_card(tx, mentor).await?;
    find_offering_for_owner(tx.conn(), id, mentor).await
}

/// Replaces what an offering says. Reservations that exist keep the price and duration they were made with.
///
/// # Errors
/// `offering.invalid`, `offering.not_found`, `offering.retired`, `offering.stale`.
pub async fn update_offering(
    tx: &mut Tx,
    mentor: UserId,
    id: OfferingId,
    new: NewOffering,
    expected_version: i64,
) -> Result<Offering, Error> {
    new.check().map_err(Error::OfferingInvalid)?;
    if !query::update_offering(tx, id, mentor, &new, expected_version).await? {
        return Err(why_unchanged(tx, mentor, id).await?);
    }
    tx.outgoing.offerings.push(id);
    card::refresh_card(tx, mentor).await?;
    find_offering_for_owner(tx.conn(), id, mentor).await
}

/// Takes an offering off the market for good.
///
/// # Errors
/// `offering.not_found`, `offering.retired`, `offering.stale`.
pub async fn retire_offering(
    tx: &mut Tx,
    mentor: UserId,
    id: OfferingId,
    expected_version: i64,
) -> Result<Offering, Error> {
    if !query::retire_offering(tx, id, mentor, expected_version).await? {
        return Err(why_unchanged(tx, mentor, id).await?);
    }
    tx.outgoing.offerings.push(id);
    card::refresh_card(tx, mentor).await?;
    find_offering_for_owner(tx.conn(), id, mentor).await
}

async fn why_unchanged(tx: &mut Tx, mentor: UserId, id: OfferingId) -> Result<Error, Error> {
    let offering = find_offering_for_owner(tx.conn(), id, mentor).await?;
    Ok(if offering.is_active { Error::OfferingStale } else { Error::OfferingRetired })
}

/// One offering of this mentor, retired or not.
pub async fn find_offering_for_owner(
    db: impl MySqlExecutor<'_>,
    id: OfferingId,
    mentor: UserId,
) -> Result<Offering, Error> {
    query::find_offering_for_owner(db, id, mentor).await?.ok_or(Error::OfferingNotFound)
}

/// One offering of anybody, retired or not: for administrators.
///
/// # Errors
/// `offering.not_found`
pub async fn find_offering(db: impl MySqlExecutor<'_>, id: OfferingId) -> Result<Offering, Error> {
    query::find_offering(db, id).await?.ok_or(Error::OfferingNotFound)
}

/// Everything this mentor offers or offered, newest first. `before`: the last id of the page before.
pub async fn list_offerings(
    db: impl MySqlExecutor<'_>,
    mentor: UserId,
    before: Option<OfferingId>,
    limit: u32,
) -> Result<Vec<Offering>, Error> {
    Ok(query::list_offerings(db, mentor, before, limit).await?)
}

/// What can be booked by everybody: public offerings of approved mentors that are not retired, newest first.
pub async fn list_public_offerings(
    db: impl MySqlExecutor<'_>,
    filter: &OfferingFilter,
    before: Option<OfferingId>,
    limit: u32,
) -> Result<Vec<Offering>, Error> {
    Ok(query::list_public_offerings(db, filter, before, limit).await?)
}

/// One offering that can be booked by everybody.
///
/// # Errors
/// `offering.not_found`, also when it is private, retired, or its mentor is not approved.
pub async fn find_public_offering(db: impl MySqlExecutor<'_>, id: OfferingId) -> Result<Offering, Error> {
    query::find_public_offering(db, id).await?.ok_or(Error::OfferingNotFound)
}

/// Forgets what somebody who is gone wrote of themselves, and takes what they offered off the market. Nothing of a mentor
/// who is not active was on it.
pub async fn forget_person(tx: &mut Tx, user: UserId) -> Result<(), Error> {
    Ok(query::forget_person(tx, user).await?)
}
