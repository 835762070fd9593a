//! Ending a session before its time, when both sides want it.

use serde_json::json;

use super::error::Error;
use super::model::{Chain, Role};
use super::query;
use crate::db::Tx;
use crate::event;
use crate::id::{ReservationId, UserId};
use crate::payment::{self, Choice};
use crate::reservation::{self, Reservation, Side, State};

const ENDED_BEFORE: &str =
    "The session was ended before this extension began. 연장이 시작되기 전에 세션을 마쳤습니다.";

/// What a wish to end came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The other side has not agreed yet.
    Asked,
    /// Both want it: it is over.
    Ended,
}

/// Locks a member's session and its extensions; `id` may be one of those.
pub(super) async fn lock_chain(
    tx: &mut Tx,
    id: ReservationId,
    member: UserId,
) -> Result<(Chain, Role), Error> {
    let seen = reservation::find_for_member(tx.conn(), id, member).await?.ok_or(Error::NotFound)?;
    let root = reservation::lock_for_member(tx, seen.room(), member).await?.ok_or(Error::NotFound)?;
    let extensions = reservation::lock_extensions(tx, root.id).await?;
    let role = Role::of(member, &root).ok_or(Error::NotFound)?;
    Ok((Chain { root, extensions }, role))
}

/// Says that one side wants to end the session; when the other has said so too, it is completed now, and how long it
/// lasted is written down. The money is that of a whole session; what was paid for an extension that did not begin goes
/// back. Said again, it changes nothing.
///
/// # Errors
/// `NotFound` for strangers; `NotAllowed` unless the session is running and its end lies ahead; `ExtensionPaying`.
pub async fn ask_end(tx: &mut Tx, id: ReservationId, member: UserId) -> Result<Ending, Error> {
    let (chain, role) = lock_chain(tx, id, member).await?;
    if !chain.is_running() || tx.now >= chain.ends_at() {
        return Err(Error::NotAllowed);
    }
    if chain.extensions.iter().any(|e| e.state == State::Paying) {
        return Err(Error::ExtensionPaying);
    }
    let root = &chain.root;
    let is_new = query::insert_end(tx, root.id, member).await?;
    let asked = query::ends(tx.conn(), root.id).await?;
    if asked.contains(&root.mentor_id) && asked.contains(&root.mentee_id) {
        end(tx, &chain).await?;
        return Ok(Ending::Ended);
    }
    if is_new {
        tell(tx, root, "session.end_asked", role).await?;
    }
    Ok(Ending::Asked)
}

/// Takes the wish back. `false`: there was none.
///
/// # Errors
/// `NotFound` for strangers; `NotAllowed` when the session is over.
pub async fn withdraw_end(tx: &mut Tx, id: ReservationId, member: UserId) -> Result<bool, Error> {
    let (chain, role) = lock_chain(tx, id, member).await?;
    if !chain.is_running() {
        return Err(Error::NotAllowed);
    }
    let withdrawn = query::delete_end(tx, chain.root.id, member).await?;
    if withdrawn {
        tell(tx, &chain.root, "session.end_withdrawn", role).await?;
    }
    Ok(withdrawn)
}

async fn tell(tx: &mut Tx, r: &Reservation, kind: &str, role: Role) -> sqlx::Result<()> {
    let data = json!({ "reservationId": r.id, "side": role });
    event::append(tx, &[r.mentor_id, r.mentee_id], kind, data).await
}

/// Ends every part of the chain that lives.
async fn end(tx: &mut Tx, chain: &Chain) -> Result<(), Error> {
    for extension in chain.extensions.iter().filter(|e| e.state.holds_slot()) {
        match extension.state {
            State::InSession => finish(tx, extension).await?,
            _ => undo(tx, extension, ENDED_BEFORE).await?,
        }
    }
    if chain.root.state == State::InSession {
        finish(tx, &chain.root).await?;
    }
    Ok(())
}

/// A part whose own end has passed was whole.
async fn finish(tx: &mut Tx, r: &Reservation) -> Result<(), Error> {
    if tx.now < r.ends_at {
        reservation::end_early(tx, r).await?;
    } else {
        reservation::complete(tx, r).await?;
    }
    Ok(())
}

/// Cancels an extension that nobody needs any more: everything goes back, and nobody is to blame.
pub(super) async fn undo(tx: &mut Tx, extension: &Reservation, why: &str) -> Result<(), Error> {
    payment::cancel_with(tx, extension, Side::Admin, why, Choice::Full).await?;
    Ok(())
}
