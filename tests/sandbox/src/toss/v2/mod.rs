//! The payout service (v2): sellers, payouts and the balance they are paid from.
//!
//! Its error table and some limits could not be read anywhere; where a line is a guess, its comment says so.

mod balance;
mod envelope;
pub(crate) mod http;
mod payout;
mod payouts;
mod seller;
mod sellers;

use serde_json::Value;

pub use self::balance::Balance;
pub(crate) use self::balance::{balance, set_available};
pub(crate) use self::envelope::Written;
pub(super) use self::envelope::error;
pub use self::payout::{Payout, PayoutStatus, ScheduleType};
pub(crate) use self::payouts::{Payouts, complete, fail};
pub use self::seller::{Account, BusinessType, Company, Individual, Seller, SellerStatus};
pub(crate) use self::sellers::{Sellers, set_status};

use self::envelope::{Page, deleted, entity, list};
use self::payouts::Query;
use super::errors::TossError;
use super::webhook::Event;
use crate::clock::Instant;
use crate::faults::Endpoint;
use crate::state::State;

/// A request, by its route. `None` in place of a query: it could not be read.
#[derive(Clone, Debug)]
pub(super) enum Operation {
    Register,
    /// By the provider's id, like all that follow.
    Update(String),
    Seller(String),
    Sellers(Option<Page>),
    Delete(String),
    Request,
    Cancel(String),
    Payout(String),
    Payouts(Option<Query>),
    Balance,
    Unknown,
}

impl Operation {
    pub(super) fn endpoint(&self) -> Endpoint {
        match self {
            Self::Register | Self::Update(_) | Self::Seller(_) | Self::Sellers(_) | Self::Delete(_) => {
                Endpoint::Seller
            }
            Self::Request => Endpoint::Payout,
            Self::Cancel(_) => Endpoint::PayoutCancel,
            Self::Payout(_) => Endpoint::PayoutGet,
            Self::Payouts(_) => Endpoint::PayoutList,
            Self::Balance | Self::Unknown => Endpoint::Balance,
        }
    }

    /// A POST with a body must be encrypted.
    pub(super) fn has_body(&self) -> bool {
        matches!(self, Self::Register | Self::Update(_) | Self::Request)
    }
}

/// The answer's JSON or the refusal, and what is told of it.
pub(super) struct Done {
    pub(super) answer: Result<Vec<u8>, TossError>,
    pub(super) events: Vec<Event>,
}

impl From<Result<Vec<u8>, TossError>> for Done {
    fn from(answer: Result<Vec<u8>, TossError>) -> Self {
        Self { answer, events: Vec::new() }
    }
}

/// Does one request.
pub(super) fn run(state: &mut State, operation: &Operation, body: Option<&Value>, now: Instant) -> Done {
    let query = || TossError::of("INVALID_REQUEST");
    let seller = |seller: &Seller| entity("seller", seller.wire(Written::Plain));
    let answer = match operation {
        Operation::Register => state.sellers.register(body).map(|one| seller(&one)),
        Operation::Update(id) => state.sellers.update(id, body).map(|one| seller(&one)),
        Operation::Seller(id) => state.sellers.get(id).map(seller),
        Operation::Sellers(page) => page.as_ref().ok_or_else(query).and_then(|page| {
            let (rows, more) = page.cut(state.sellers.list(), |seller| seller.id.as_str())?;
            let wires: Vec<_> = rows.iter().map(|seller| seller.wire(Written::Plain)).collect();
            Ok(list("seller", &wires, more, rows.last().map(|seller| seller.id.as_str())))
        }),
        Operation::Delete(id) => state.sellers.delete(id).map(|()| deleted(id)),
        Operation::Request => return payouts::request(state, body, now),
        Operation::Cancel(id) => {
            payouts::cancel(state, id).map(|payout| entity("payout", payout.wire(Written::Plain)))
        }
        // An amount is a decimal here: both forms must be understood.
        Operation::Payout(id) => {
            state.payouts.get(id).map(|payout| entity("payout", payout.wire(Written::Decimal)))
        }
        Operation::Payouts(asked) => asked.as_ref().ok_or_else(query).and_then(|query| {
            let (rows, more) = state.payouts.page(query)?;
            let wires: Vec<_> = rows.iter().map(|payout| payout.wire(Written::Decimal)).collect();
            Ok(list("payout", &wires, more, rows.last().map(|payout| payout.id.as_str())))
        }),
        Operation::Balance => Ok(entity("balance", balance(state, now).wire())),
        Operation::Unknown => Err(TossError::with_status("INVALID_REQUEST", Some(404))),
    };
    answer.into()
}

/// What the clock alone changes: scheduled payouts start, and (when commanded) payouts under way arrive.
pub(super) fn pass(state: &mut State, now: Instant) -> Vec<Event> {
    state.payouts.start_due(now);
    let arrived = if state.payouts.auto_complete { state.payouts.complete_all() } else { Vec::new() };
    arrived.into_iter().map(|payout| Event::Payout(Box::new(payout))).collect()
}
