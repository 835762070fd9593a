//! What administrators decide.

use super::error::Error;
use super::flow::{lock, step};
use super::model::{Dispute, Move, Outcome, Party, State};
use super::money;
use crate::config::Rules;
use crate::db::Tx;
use crate::id::{DisputeId, UserId};
use crate::money::Krw;
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

    fn check(&self, dispute: &Dispute, price: Krw) -> Result<(), Error> {
        let moves_money = self.refund.is_positive() || self.compensation.is_positive();
        if self.outcome == Outcome::Dismissed && moves_money {
            return Err(Error::DecisionInvalid("a claim that is dismissed moves no money"));
        }
        let for_mentee = dispute.opened_by != Party::Mentor && dispute.claim_krw.is_positive();
        if self.outcome != Outcome::Dismissed && for_mentee && !self.refund.is_positive() {
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
/// `NotAllowed` unless it is in review; `DecisionInvalid`; `RefundExceeds`.
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
    decision.check(&dispute, r.price_krw)?;
    if decision.refund.is_positive() && decision.refund > money::left(tx, r.id).await? {
        return Err(Error::RefundExceeds);
    }
    let needs_second = decision.cost() > rules.goodwill_limit();
    let way = if needs_second { Move::Propose } else { Move::Decide };
    let is = step(tx, &dispute, &r, way, Some(&decision.reason), |d| {
        d.outcome = Some(decision.outcome);
        d.refund_krw = Some(decision.refund);
        d.compensation_krw = Some(decision.compensation);
        d.bearer = Some(decision.bearer);
        d.decision_reason = Some(decision.reason.clone());
        d.decided_by = Some(admin);
    })
    .await?;
    if !needs_second {
        money::settle(tx, &r, &is).await?;
    }
    Ok(is)
}

/// A second administrator approves a proposal: it is carried out.
///
/// # Errors
/// `NotAllowed` unless something is proposed; `SamePerson`; `RefundExceeds` when less is left than it was then.
pub async fn approve(tx: &mut Tx, id: DisputeId, admin: UserId) -> Result<Dispute, Error> {
    let (r, dispute) = lock(tx, id).await?;
    if dispute.state != State::Proposed {
        return Err(Error::NotAllowed);
    }
    if dispute.decided_by == Some(admin) {
        return Err(Error::SamePerson);
    }
    let is = step(tx, &dispute, &r, Move::Decide, None, |d| d.approved_by = Some(admin)).await?;
    money::settle(tx, &r, &is).await?;
    Ok(is)
}

/// A proposal is not approved, or its author takes it back: the dispute is in review again.
///
/// # Errors
/// `NotAllowed` unless something is proposed.
pub async fn send_back(tx: &mut Tx, id: DisputeId, reason: &str) -> Result<Dispute, Error> {
    let (r, dispute) = lock(tx, id).await?;
    step(tx, &dispute, &r, Move::Return, Some(reason), |d| {
        d.outcome = None;
        d.refund_krw = None;
        d.compensation_krw = None;
        d.bearer = None;
        d.decision_reason = None;
        d.decided_by = None;
    })
    .await
}
