//! The gate: one function for REST and sockets.

use sqlx::MySqlPool;

use super::error::{Error, Refused};
use super::model::{Chain, Presence, Role};
use super::query;
use crate::clock::Instant;
use crate::config::Rules;
use crate::db::Tx;
use crate::id::{ReservationId, UserId};
use crate::reservation::{self, Reservation};

/// What whoever may enter knows of the room. All instants are UTC.
#[derive(Clone, Debug)]
pub struct Admission {
    /// The room.
    pub reservation: Reservation,
    pub role: Role,
    /// Who is on the other side.
    pub peer: UserId,
    pub opens_at: Instant,
    /// The end, extensions included.
    pub ends_at: Instant,
    /// Until then somebody may be in the room.
    pub closes_at: Instant,
}

/// Whether somebody may be in a room at `now`, which is the server's clock. One statement, for strangers and for rooms
/// that do not exist alike.
///
/// # Errors
/// [`Refused`]
pub async fn admit(
    pool: &MySqlPool,
    id: ReservationId,
    user: UserId,
    now: Instant,
    rules: &Rules,
) -> Result<Admission, Refused> {
    judge(reservation::chain_for_member(pool, id, user).await?, user, now, rules)
}

/// The same inside a transaction that holds the room's lock: the answer holds until the commit.
pub(super) async fn admit_locked(
    tx: &mut Tx,
    id: ReservationId,
    user: UserId,
    rules: &Rules,
) -> Result<Admission, Refused> {
    let now = tx.now;
    judge(reservation::chain_for_member(tx.conn(), id, user).await?, user, now, rules)
}

fn judge(rows: Vec<Reservation>, user: UserId, now: Instant, rules: &Rules) -> Result<Admission, Refused> {
    if rows.is_empty() {
        return Err(Refused::NotParticipant);
    }
    // The room of an extension is that of its session.
    let chain = Chain::new(rows).ok_or(Refused::NotLive)?;
    let role = Role::of(user, &chain.root).ok_or(Refused::NotParticipant)?;
    check(&chain, now, rules)?;
    Ok(Admission {
        role,
        peer: role.other().person(&chain.root),
        opens_at: chain.opens_at(rules),
        ends_at: chain.ends_at(),
        closes_at: chain.closes_at(rules),
        reservation: chain.root,
    })
}

/// State before time: a session that is over says so, whatever the hour.
fn check(chain: &Chain, now: Instant, rules: &Rules) -> Result<(), Refused> {
    if !chain.is_live() {
        return Err(Refused::NotLive);
    }
    let (opens_at, closes_at) = (chain.opens_at(rules), chain.closes_at(rules));
    if now < opens_at || now >= closes_at {
        return Err(Refused::NotInWindow { opens_at, closes_at });
    }
    Ok(())
}

/// A room as its members see it over REST. All instants are UTC.
#[derive(Clone, Debug)]
pub struct View {
    /// The room.
    pub reservation: Reservation,
    pub role: Role,
    pub opens_at: Instant,
    /// The end, extensions included.
    pub ends_at: Instant,
    pub closes_at: Instant,
    /// Why the caller may not enter now, as the protocol's code; `None`: they may.
    pub refused: Option<&'static str>,
    /// The last stay of each side that is there now.
    pub present: Vec<Presence>,
    /// Sides that want to end the session.
    pub ends_asked: Vec<Role>,
    /// The extension that waits for an answer or for its payment.
    pub extension: Option<Reservation>,
}

/// Shows a room to a member, open or not. An extension shows the room of its session.
///
/// # Errors
/// `NotFound`
pub async fn look(
    pool: &MySqlPool,
    id: ReservationId,
    user: UserId,
    now: Instant,
    rules: &Rules,
) -> Result<View, Error> {
    let found = reservation::find_for_member(pool, id, user).await?.ok_or(Error::NotFound)?;
    let rows = reservation::chain_for_member(pool, found.room(), user).await?;
    let chain = Chain::new(rows).ok_or(Error::NotFound)?;
    let role = Role::of(user, &chain.root).ok_or(Error::NotFound)?;
    let stays = query::presences(pool, chain.root.id).await?;
    let last = |side: Role| stays.iter().rfind(|stay| stay.side == side && stay.is_there(now)).cloned();
    let asked = query::ends(pool, chain.root.id).await?;
    Ok(View {
        role,
        opens_at: chain.opens_at(rules),
        ends_at: chain.ends_at(),
        closes_at: chain.closes_at(rules),
        refused: check(&chain, now, rules).err().map(|refused| refused.word()),
        present: [Role::Mentor, Role::Mentee].into_iter().filter_map(last).collect(),
        ends_asked: asked.into_iter().filter_map(|person| Role::of(person, &chain.root)).collect(),
        extension: chain.pending().cloned(),
        reservation: chain.root,
    })
}
