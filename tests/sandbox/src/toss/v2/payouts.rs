//! Requesting, cancelling and finishing payouts.

use anyhow::Context;
use chrono::{NaiveDate, TimeDelta, Timelike};
use serde::Deserialize;
use serde_json::Value;

use super::Done;
use super::balance::balance;
use super::envelope::{Page, Written, list};
use super::payout::{Item, Payout, PayoutStatus, ScheduleType};
use super::seller::SellerStatus;
use crate::calendar::{monday, today};
use crate::clock::{Instant, kst};
use crate::id;
use crate::state::State;
use crate::toss::errors::{Language, TossError};
use crate::toss::payment::Failure;
use crate::toss::webhook::Event;

/// What a seller who is PARTIALLY_APPROVED can be paid from Monday to Sunday, in won.
const WEEKLY_LIMIT: i64 = 10_000_000;
/// EXPRESS payouts are taken in these hours of a business day in Korea.
const OPEN_HOURS: std::ops::Range<u32> = 8..15;

#[derive(Debug, Default)]
pub(crate) struct Payouts {
    /// In the order of their requests.
    all: Vec<Payout>,
    pub(crate) auto_complete: bool,
    /// A reference can be used once. Whether the real service refuses a second one is not known.
    pub(crate) dedupe_references: bool,
    /// EXPRESS payouts outside the hours are refused.
    pub(crate) enforce_hours: bool,
    /// Won that a test has added to the balance.
    pub(super) adjustment: i64,
}

/// `GET /v2/payouts`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Query {
    limit: Option<usize>,
    starting_after: Option<String>,
    payout_date_gte: Option<NaiveDate>,
    payout_date_lte: Option<NaiveDate>,
}

impl Payouts {
    pub(crate) fn list(&self) -> &[Payout] {
        &self.all
    }

    pub(super) fn get(&self, id: &str) -> Result<&Payout, TossError> {
        self.all.iter().find(|payout| payout.id == id).ok_or_else(|| TossError::of("PAYOUT_NOT_FOUND"))
    }

    pub(super) fn page(&self, query: &Query) -> Result<(Vec<&Payout>, bool), TossError> {
        let rows = self.all.iter().filter(|payout| {
            query.payout_date_gte.is_none_or(|from| payout.payout_date >= from)
                && query.payout_date_lte.is_none_or(|to| payout.payout_date <= to)
        });
        let page = Page { limit: query.limit, starting_after: query.starting_after.clone() };
        page.cut(rows, |payout| payout.id.as_str())
    }

    /// Scheduled payouts whose date has come are under way.
    pub(super) fn start_due(&mut self, now: Instant) {
        let requested = self.all.iter_mut().filter(|payout| payout.status == PayoutStatus::Requested);
        for payout in requested.filter(|payout| payout.payout_date <= today(now)) {
            payout.status = PayoutStatus::InProgress;
        }
    }

    pub(super) fn complete_all(&mut self) -> Vec<Payout> {
        let running = self.all.iter_mut().filter(|payout| payout.status == PayoutStatus::InProgress);
        running
            .map(|payout| {
                payout.status = PayoutStatus::Completed;
                payout.clone()
            })
            .collect()
    }

    /// The oldest one under way with this id or reference.
    fn running(&mut self, id_or_ref: &str) -> anyhow::Result<&mut Payout> {
        let is = |payout: &Payout| payout.id == id_or_ref || payout.ref_payout_id == id_or_ref;
        let running = |payout: &Payout| payout.status == PayoutStatus::InProgress;
        self.all
            .iter_mut()
            .find(|payout| is(payout) && running(payout))
            .with_context(|| format!("no payout {id_or_ref} is IN_PROGRESS"))
    }
}

/// All items or none: that one bad item refuses all of them is a guess.
pub(super) fn request(state: &mut State, body: Option<&Value>, now: Instant) -> Done {
    let items = match parse(body) {
        Ok(items) => items,
        Err(error) => return Err(error).into(),
    };
    let mut accepted = Vec::new();
    for item in &items {
        if let Err((error, events)) = check(state, &accepted, item, now) {
            return Done { answer: Err(error), events };
        }
        accepted.push(payout(item, now));
    }
    let total: i64 = accepted.iter().map(|payout| payout.amount).sum();
    if total > balance(state, now).available {
        return Err(TossError::of("NOT_ENOUGH_AMOUNT")).into();
    }
    let wires: Vec<_> = accepted.iter().map(|payout| payout.wire(Written::Plain)).collect();
    let answer = list("payout", &wires, false, accepted.last().map(|payout| payout.id.as_str()));
    drop(wires);
    state.payouts.all.append(&mut accepted);
    Ok(answer).into()
}

fn parse(body: Option<&Value>) -> Result<Vec<Item>, TossError> {
    let items = body.and_then(|body| Vec::<Item>::deserialize(body).ok());
    items
        .filter(|items| (1..=100).contains(&items.len()) && items.iter().all(Item::is_valid))
        .ok_or_else(|| TossError::of("INVALID_REQUEST"))
}

type Refusal = (TossError, Vec<Event>);

fn refusal(code: &str) -> Refusal {
    (TossError::of(code), Vec::new())
}

/// Whether one item can be taken, after those of the same request that already are.
fn check(state: &mut State, accepted: &[Payout], item: &Item, now: Instant) -> Result<(), Refusal> {
    check_date(state, item, now).map_err(refusal)?;
    let same = |payout: &Payout| payout.ref_payout_id == item.ref_payout_id;
    if state.payouts.dedupe_references && state.payouts.all.iter().chain(accepted).any(same) {
        return Err(refusal("DUPLICATED_REF_PAYOUT_ID"));
    }
    let asked = this_week(state, accepted, &item.destination, now) + item.amount.value;
    let seller = state.sellers.find_mut(&item.destination).filter(|seller| seller.id == item.destination);
    let seller = seller.ok_or_else(|| refusal("SELLER_NOT_FOUND"))?;
    if !seller.status.may_be_paid() {
        return Err(refusal("FORBIDDEN_SELLER_PAYOUT"));
    }
    if seller.status == SellerStatus::PartiallyApproved && asked > WEEKLY_LIMIT {
        // The request is refused, and starts the review of the seller.
        seller.status = SellerStatus::KycRequired;
        let event = Event::Seller(Box::new(seller.clone()));
        return Err((TossError::of("FORBIDDEN_SELLER_PAYOUT"), vec![event]));
    }
    Ok(())
}

fn check_date(state: &State, item: &Item, now: Instant) -> Result<(), &'static str> {
    let date = today(now);
    match item.payout_date {
        Some(on) if on <= date || on > date + TimeDelta::days(365) => Err("INVALID_PAYABLE_DATE"),
        Some(on) if !state.calendar.is_business_day(on) => Err("NOT_ALLOWED_HOLIDAY"),
        None if state.payouts.enforce_hours && !state.calendar.is_business_day(date) => {
            Err("NOT_ALLOWED_HOLIDAY")
        }
        None if state.payouts.enforce_hours && !OPEN_HOURS.contains(&kst(now).hour()) => {
            Err("INVALID_PAYABLE_DATE")
        }
        _ => Ok(()),
    }
}

/// What was asked for a seller since Monday, without what has failed or was cancelled.
fn this_week(state: &State, accepted: &[Payout], seller: &str, now: Instant) -> i64 {
    let since = monday(today(now));
    let of_seller = |payout: &&Payout| {
        payout.destination == seller
            && payout.requested_at.date_naive() >= since
            && !matches!(payout.status, PayoutStatus::Failed | PayoutStatus::Canceled)
    };
    state.payouts.all.iter().chain(accepted).filter(of_seller).map(|payout| payout.amount).sum()
}

fn payout(item: &Item, now: Instant) -> Payout {
    let express = item.schedule_type == ScheduleType::Express;
    Payout {
        id: id::payout_id(),
        ref_payout_id: item.ref_payout_id.clone(),
        destination: item.destination.clone(),
        schedule_type: item.schedule_type,
        payout_date: item.payout_date.unwrap_or_else(|| today(now)),
        amount: item.amount.value,
        transaction_description: item.transaction_description.clone(),
        requested_at: kst(now),
        status: if express { PayoutStatus::InProgress } else { PayoutStatus::Requested },
        error: None,
        metadata: item.metadata.clone(),
    }
}

/// `POST /v2/payouts/{id}/cancel`: only before its date.
pub(super) fn cancel<'a>(state: &'a mut State, id: &str) -> Result<&'a Payout, TossError> {
    let found = state.payouts.all.iter_mut().find(|payout| payout.id == id);
    let payout = found.ok_or_else(|| TossError::of("PAYOUT_NOT_FOUND"))?;
    if payout.status != PayoutStatus::Requested {
        return Err(TossError::of("NOT_CANCELABLE_PAYOUT"));
    }
    payout.status = PayoutStatus::Canceled;
    Ok(payout)
}

/// The money has arrived.
///
/// # Errors
/// When no payout with this id or reference is under way.
pub(crate) fn complete(state: &mut State, id_or_ref: &str) -> anyhow::Result<(Payout, Vec<Event>)> {
    let payout = state.payouts.running(id_or_ref)?;
    payout.status = PayoutStatus::Completed;
    Ok((payout.clone(), vec![Event::Payout(Box::new(payout.clone()))]))
}

/// The bank has refused it; the money is available again.
///
/// # Errors
/// As [`complete`].
pub(crate) fn fail(state: &mut State, id_or_ref: &str, code: &str) -> anyhow::Result<(Payout, Vec<Event>)> {
    let payout = state.payouts.running(id_or_ref)?;
    payout.status = PayoutStatus::Failed;
    let message = TossError::of(code).message(Language::Korean).to_owned();
    payout.error = Some(Failure { code: code.to_owned(), message });
    Ok((payout.clone(), vec![Event::Payout(Box::new(payout.clone()))]))
}
