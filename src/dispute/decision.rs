//! What administrators decide.

use super::error::Error;
use super::flow::{conclude, lock, step};
use super::model::{Dispute, Move, Outcome, Party, State};
use super::money;
use crate::config::Rules;
use crate::db::Tx;
use crate::id::{DisputeId, UserId};
use crate::money::Krw;
use crate::reservation::{self, Absent, Reservation, Strike};
use crate::settlement::Bearer;

/// A decision. Amounts are won.
#[derive(Clone, Debug)]
pub struct Decision {
    pub outcome: Outcome,
    /// Given back to the mentee.
    pub refund: Krw,
    /// Who bears the refund.
    pub bearer: Bearer,
    /// Paid to the mentor out of the platform's own pocket, where what they should have earned was given back: as
    /// the price of a session, of which the platform takes its fee. At most the price.
    pub compensation: Krw,
    /// Both sides read it.
    pub reason: String,
}

impl Decision {
    /// What comes out of the platform's own pocket.
    fn cost(&self) -> Krw {
        match self.bearer {
            Bearer::Platform => self.compensation.plus(self.refund),
            Bearer::Shared => self.compensation,
        }
    }

    /// `left`: won that can still be given back.
    fn check(&self, dispute: &Dispute, price: Krw, left: Krw) -> Result<(), Error> {
        if self.refund > left {
            return Err(Error::RefundExceeds);
        }
        let moves_money = self.refund.is_positive() || self.compensation.is_positive();
        if self.outcome == Outcome::Dismissed && moves_money {
            return Err(Error::DecisionInvalid("a claim that is dismissed moves no money"));
        }
        let for_mentee = dispute.opened_by != Party::Mentor && dispute.claim_krw.is_positive();
        // What is claimed may have been given back for another reason meanwhile.
        let can_be_met = for_mentee && left.is_positive();
        if self.outcome != Outcome::Dismissed && can_be_met && !self.refund.is_positive() {
            return Err(Error::DecisionInvalid("a claim of a mentee that is upheld gives something back"));
        }
        if self.compensation > price {
            return Err(Error::DecisionInvalid("a mentor is compensated with at most the price"));
        }
        Ok(())
    }
}

/// Decides a dispute and moves the money, in one transaction. What costs the platform more than the limit of the
/// rules is only proposed: another administrator approves it.
///
/// # Errors
/// `NotAllowed` unless it is in review; `OwnCase` for an administrator who is a side of it; `DecisionInvalid`; `RefundExceeds`.
pub async fn decide(
    tx: &mut Tx,
    rules: &Rules,
    id: DisputeId,
    admin: UserId,
    decision: &Decision,
) -> Result<Dispute, Error> {
    let (r, dispute) = lock(tx, id).await?;
    if dispute.state != State::InReview {
        return Err(Error::NotAllowed);
    }
    if dispute.party_of(admin).is_some() {
        return Err(Error::OwnCase);
    }
    let left = money::left(tx, r.id).await?;
    decision.check(&dispute, r.price_krw, left)?;
    let decided = |d: &mut Dispute| {
        d.outcome = Some(decision.outcome);
        d.refund_krw = Some(decision.refund);
        d.compensation_krw = Some(decision.compensation);
        d.bearer = Some(decision.bearer);
        d.decision_reason = Some(decision.reason.clone());
        d.decided_by = Some(admin);
    };
    if decision.cost() > rules.goodwill_limit() {
        step(tx, &dispute, &r, Move::Propose, Some(&decision.reason), decided).await
    } else {
        let is = conclude(tx, rules, &dispute, &r, Move::Decide, Some(&decision.reason), decided).await?;
        set_right(tx, &r, &is).await?;
        Ok(is)
    }
}

/// A mentor who was there after all has no strike for it.
async fn set_right(tx: &mut Tx, r: &Reservation, dispute: &Dispute) -> Result<(), Error> {
    let overturned = dispute.opened_by == Party::Mentor && dispute.outcome == Some(Outcome::Upheld);
    if overturned && r.absent == Some(Absent::Mentor) {
        reservation::forgive(tx, r, Strike::NO_SHOW).await?;
    }
    Ok(())
}

/// A second administrator approves a proposal: it is carried out.
///
/// # Errors
/// `NotAllowed` unless something is proposed; `SamePerson`; `OwnCase`; `RefundExceeds` when less is left than it was then.
pub async fn approve(tx: &mut Tx, rules: &Rules, id: DisputeId, admin: UserId) -> Result<Dispute, Error> {
    let (r, dispute) = lock(tx, id).await?;
    if dispute.state != State::Proposed {
        return Err(Error::NotAllowed);
    }
    if dispute.party_of(admin).is_some() {
        return Err(Error::OwnCase);
    }
    if dispute.decided_by == Some(admin) {
        return Err(Error::SamePerson);
    }
    let is = conclude(tx, rules, &dispute, &r, Move::Decide, None, |d| d.approved_by = Some(admin)).await?;
    set_right(tx, &r, &is).await?;
    Ok(is)
}

/// A proposal is not approved, or its author takes it back: the dispute is in review again.
///
/// # Errors
/// `NotAllowed` unless something is proposed; `reservation::Error::OwnCase` for an administrator who is a side.
pub async fn send_back(tx: &mut Tx, id: DisputeId, reason: &str) -> Result<Dispute, Error> {
    let (r, dispute) = lock(tx, id).await?;
    reservation::not_own_case(tx, &r)?;
    step(tx, &dispute, &r, Move::Return, Some(reason), Dispute::forget_decision).await
}
