//! The moves of a dispute.

use serde_json::json;

use super::error::Error;
use super::model::{self, Dispute, Evidence, EvidenceKind, Move, Party};
use super::{deadline, money, open, query};
use crate::config::Rules;
use crate::db::Tx;
use crate::event;
use crate::id::{DisputeId, EvidenceId, UserId};
use crate::job::{EndDisputePhase, Job, NotifyEvent};
use crate::money::Krw;
use crate::outbox;
use crate::reservation::{self, Reservation};
use crate::settlement::{self, Bearer};

/// What one side may show of a dispute. As much again is the other's.
const MOST_EVIDENCE: i64 = 20;

/// What the other side says.
#[derive(Clone, Debug)]
pub enum Answer {
    /// It is not so.
    Contest,
    /// It agrees to this many won; to the whole claim where it names none.
    Accept(Option<Krw>),
}

/// Something that one side shows.
#[derive(Clone, Debug)]
pub struct NewEvidence {
    pub body: String,
    /// An https address makes it a link; without one it is a statement.
    pub url: Option<String>,
}

/// Locks a dispute's reservation and then the dispute.
pub(super) async fn lock(tx: &mut Tx, id: DisputeId) -> Result<(Reservation, Dispute), Error> {
    let seen = query::find(tx.conn(), id).await?.ok_or(Error::NotFound)?;
    let reservation = reservation::lock(tx, seen.reservation_id).await?.ok_or(Error::NotFound)?;
    let dispute = query::lock(tx, id).await?.ok_or(Error::NotFound)?;
    Ok((reservation, dispute))
}

/// The same for a member, with the side that they are on.
async fn lock_as(tx: &mut Tx, id: DisputeId, member: UserId) -> Result<(Reservation, Dispute, Party), Error> {
    query::find_for_member(tx.conn(), id, member).await?.ok_or(Error::NotFound)?;
    let (reservation, dispute) = lock(tx, id).await?;
    let party = dispute.party_of(member).ok_or(Error::NotFound)?;
    Ok((reservation, dispute, party))
}

/// A move that touches no money: [`shift`], and both sides are told.
pub(super) async fn step(
    tx: &mut Tx,
    was: &Dispute,
    reservation: &Reservation,
    step: Move,
    reason: Option<&str>,
    change: impl FnOnce(&mut Dispute),
) -> Result<Dispute, Error> {
    let is = shift(tx, was, step, reason, change).await?;
    if let Some(cause) = step.told_as() {
        announce(tx, &is, reservation, cause).await?;
    }
    Ok(is)
}

/// A move that ends the dispute and moves its money. The feeds come last, as everywhere: whoever pays out holds the
/// lines when it tells the mentor.
pub(super) async fn conclude(
    tx: &mut Tx,
    rules: &Rules,
    was: &Dispute,
    reservation: &Reservation,
    step: Move,
    reason: Option<&str>,
    change: impl FnOnce(&mut Dispute),
) -> Result<Dispute, Error> {
    let is = shift(tx, was, step, reason, change).await?;
    money::settle(tx, rules, reservation, &is).await?;
    announce(tx, &is, reservation, step.cause()).await?;
    Ok(is)
}

/// The one way a dispute changes: looks the move up in the table, compares and sets, writes the history and the
/// deadline of the new state, and takes back the job of the old one.
async fn shift(
    tx: &mut Tx,
    was: &Dispute,
    step: Move,
    reason: Option<&str>,
    change: impl FnOnce(&mut Dispute),
) -> Result<Dispute, Error> {
    let mut is = was.clone();
    is.state = was.state.after(step).ok_or(Error::NotAllowed)?;
    is.version += 1;
    is.updated_at = tx.now;
    change(&mut is);
    if !is.state.is_live() {
        is.deadline = None;
        is.closed_at = Some(tx.now);
    }
    if !query::compare_and_set(tx, was, &is).await? {
        return Err(Error::Stale);
    }
    query::add_history(tx, Some(was.state), &is, step.cause(), reason).await?;
    if is.deadline != was.deadline {
        outbox::cancel_waiting(tx, is.id.0, &[EndDisputePhase::KIND]).await?;
        deadline::write(tx, &is).await?;
    }
    Ok(is)
}

/// Tells both sides: an event on their feeds and a job that makes their notices. What they wrote stays out of it, and
/// what a mentor is paid is told to the mentor alone.
pub(super) async fn announce(tx: &mut Tx, d: &Dispute, r: &Reservation, cause: &str) -> Result<(), Error> {
    let kind = format!("dispute.{cause}");
    let data = json!({
        "disputeId": d.id, "reservationId": d.reservation_id, "state": d.state.shown(), "version": d.version,
        "title": r.title, "startsAt": r.starts_at, "timeZone": r.time_zone, "openedBy": d.opened_by,
        "deadline": d.deadline, "claim": d.claim_krw, "offer": d.offer_krw,
        "outcome": d.outcome, "refund": d.refund_krw, "reason": d.decision_reason,
    });
    let mut whole = data.clone();
    whole["compensation"] = json!(d.compensation_krw);
    // The mentor first: the activity log keeps the fuller one.
    let told = [(d.mentor_id, whole), (d.mentee_id, data)];
    event::append_each(tx, &told, &kind).await?;
    for (person, data) in told {
        let notice = NotifyEvent {
            event_key: format!("{}:{}", d.key(), d.version),
            kind: kind.clone(),
            people: vec![person],
            reservation_id: Some(d.reservation_id),
            data,
            expires_at: None,
        };
        outbox::enqueue(tx, &notice).await?;
    }
    Ok(())
}

/// The other side answers. It agrees to the whole claim, and the money goes back at once; or to less, which the
/// opener may take; or to nothing. What a mentor asks for is no longer held, so that agreeing to it leads to the
/// administrator who decides about paying it.
///
/// # Errors
/// `NotAllowed` for the opener, after the deadline, and where it was answered; `ClaimExceeds`.
pub async fn answer(
    tx: &mut Tx,
    rules: &Rules,
    id: DisputeId,
    member: UserId,
    answer: &Answer,
    text: &str,
) -> Result<Dispute, Error> {
    let (r, dispute, party) = lock_as(tx, id, member).await?;
    if !dispute.may_answer(party, tx.now) {
        return Err(Error::NotAllowed);
    }
    let agreed = match answer {
        Answer::Contest => None,
        Answer::Accept(amount) => Some(amount.unwrap_or(dispute.claim_krw)),
    };
    if agreed.is_some_and(|amount| amount > dispute.claim_krw) {
        return Err(Error::ClaimExceeds);
    }
    let now = tx.now;
    let answered = |d: &mut Dispute| {
        d.answer = Some(text.to_owned());
        d.answered_at = Some(now);
        d.offer_krw = agreed;
        d.deadline = None;
    };
    match agreed {
        Some(amount) if dispute.opened_by == Party::Mentor && amount.is_positive() => {
            step(tx, &dispute, &r, Move::Concede, None, answered).await
        }
        Some(amount) if amount == dispute.claim_krw => {
            conclude(tx, rules, &dispute, &r, Move::Accept, None, |d| {
                answered(d);
                d.refund_krw = agreed;
                d.bearer = Some(Bearer::Shared);
            })
            .await
        }
        _ => {
            let until = now + rules.dispute_evidence();
            step(tx, &dispute, &r, Move::Answer, None, |d| {
                answered(d);
                d.deadline = Some(until);
            })
            .await
        }
    }
}

/// The opener takes what the other side offered: the sides agree, and the money goes back.
///
/// # Errors
/// `NotAllowed` where nothing is offered, and for everybody else.
pub async fn take_offer(tx: &mut Tx, rules: &Rules, id: DisputeId, member: UserId) -> Result<Dispute, Error> {
    let (r, dispute, party) = lock_as(tx, id, member).await?;
    if !dispute.may_take_offer(party) {
        return Err(Error::NotAllowed);
    }
    conclude(tx, rules, &dispute, &r, Move::Accept, None, |d| {
        d.refund_krw = d.offer_krw;
        d.bearer = Some(Bearer::Shared);
    })
    .await
}

/// The opener gives it up: the lines are as before. A session to which nobody came is reviewed all the same. The same
/// side cannot open another one about the same session, lest the other be called for ever.
///
/// # Errors
/// `NotAllowed` for the other side, and when it is over.
pub async fn withdraw(tx: &mut Tx, rules: &Rules, id: DisputeId, member: UserId) -> Result<Dispute, Error> {
    let (r, dispute, party) = lock_as(tx, id, member).await?;
    if !dispute.may_withdraw(party) {
        return Err(Error::NotAllowed);
    }
    // A proposal that nobody approved comes to nothing.
    let is = shift(tx, &dispute, Move::Withdraw, None, Dispute::forget_decision).await?;
    settlement::thaw(tx, r.id, &dispute.key()).await?;
    if money::nobody_came(&r) && !query::is_judged(tx, r.id, r.updated_at).await? {
        open::open_review(tx, rules, &r, money::NOBODY_CAME).await?;
    }
    announce(tx, &is, &r, Move::Withdraw.cause()).await?;
    Ok(is)
}

/// Adds what one side shows. Nothing shown is ever changed.
///
/// # Errors
/// `EvidenceClosed` after the deadline; `EvidenceLimit`; `LinkInvalid`.
pub async fn add_evidence(
    tx: &mut Tx,
    id: DisputeId,
    member: UserId,
    new: &NewEvidence,
) -> Result<Evidence, Error> {
    if new.url.as_deref().is_some_and(|url| !model::is_link(url)) {
        return Err(Error::LinkInvalid);
    }
    let (_, dispute, side) = lock_as(tx, id, member).await?;
    if !dispute.takes_evidence(tx.now) {
        return Err(Error::EvidenceClosed);
    }
    if query::count_evidence(tx, id, side).await? >= MOST_EVIDENCE {
        return Err(Error::EvidenceLimit);
    }
    let evidence = Evidence {
        id: EvidenceId::generate(),
        dispute_id: id,
        side,
        author_id: member,
        kind: if new.url.is_some() { EvidenceKind::Link } else { EvidenceKind::Statement },
        body: new.body.clone(),
        url: new.url.clone(),
        at: tx.now,
    };
    query::insert_evidence(tx, &evidence).await?;
    let data = json!({
        "disputeId": id, "reservationId": dispute.reservation_id, "evidenceId": evidence.id, "side": side,
    });
    event::append(tx, &[dispute.mentor_id, dispute.mentee_id], "dispute.evidence_added", data).await?;
    Ok(evidence)
}
