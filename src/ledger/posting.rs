//! The happenings that move money, one function each.

use super::error::Error;
use super::model::{About, Account, Entry, Line, Split};
use super::post;
use crate::db::Tx;
use crate::id::{PayoutId, ReservationId, UserId};
use crate::money::Krw;

/// An entry of two lines: `amount` from `credit` to `debit`.
async fn transfer(
    tx: &mut Tx,
    about: About,
    kind: &'static str,
    key: String,
    debit: (Account, Option<UserId>),
    credit: (Account, Option<UserId>),
    amount: Krw,
) -> Result<bool, Error> {
    let lines = vec![Line::new(debit.0, debit.1, amount), Line::new(credit.0, credit.1, amount.negated())];
    post(tx, &Entry { key, kind, about, lines }).await
}

/// The mentee's money has reached the provider: it is ours to hold, not ours.
pub async fn post_capture(tx: &mut Tx, r: ReservationId, key: String, amount: Krw) -> Result<bool, Error> {
    let (debit, credit) = ((Account::Provider, None), (Account::Held, None));
    transfer(tx, About::Reservation(r), "capture", key, debit, credit, amount).await
}

/// The provider took a capture back: a deposit that had not arrived after all.
pub async fn post_uncapture(tx: &mut Tx, r: ReservationId, key: String, amount: Krw) -> Result<bool, Error> {
    let (debit, credit) = ((Account::Held, None), (Account::Provider, None));
    transfer(tx, About::Reservation(r), "uncapture", key, debit, credit, amount).await
}

/// Money has gone back to the mentee.
pub async fn post_refund(tx: &mut Tx, r: ReservationId, key: String, amount: Krw) -> Result<bool, Error> {
    let (debit, credit) = ((Account::Held, None), (Account::Provider, None));
    transfer(tx, About::Reservation(r), "refund", key, debit, credit, amount).await
}

/// The platform adds its own money to what is held for a reservation, so that it can be given back.
pub async fn post_goodwill(tx: &mut Tx, r: ReservationId, key: String, amount: Krw) -> Result<bool, Error> {
    let (debit, credit) = ((Account::Goodwill, None), (Account::Held, None));
    transfer(tx, About::Reservation(r), "goodwill", key, debit, credit, amount).await
}

/// A refund that the platform's own money was added for is not given after all.
pub async fn post_goodwill_undone(
    tx: &mut Tx,
    r: ReservationId,
    key: String,
    amount: Krw,
) -> Result<bool, Error> {
    let (debit, credit) = ((Account::Held, None), (Account::Goodwill, None));
    transfer(tx, About::Reservation(r), "goodwill_undone", key, debit, credit, amount).await
}

/// Money has gone back to the mentee outside the provider, from the platform's own bank account.
pub async fn post_refund_by_hand(
    tx: &mut Tx,
    r: ReservationId,
    key: String,
    amount: Krw,
) -> Result<bool, Error> {
    let (debit, credit) = ((Account::Held, None), (Account::PlatformBank, None));
    transfer(tx, About::Reservation(r), "refund_by_hand", key, debit, credit, amount).await
}

/// What was held is split between mentor, platform and tax office; a negative split takes such a one back.
pub async fn post_split(
    tx: &mut Tx,
    r: ReservationId,
    mentor: UserId,
    key: String,
    split: &Split,
) -> Result<bool, Error> {
    let kind = if split.gross < Krw::ZERO { "reversal" } else { "split" };
    let lines = [
        (Account::Held, None, split.gross),
        (Account::MentorPayable, Some(mentor), split.net.negated()),
        (Account::WithholdingPayable, Some(mentor), split.withholding.negated()),
        (Account::PlatformRevenue, None, split.vat.minus(split.fee)),
        (Account::VatPayable, None, split.vat.negated()),
    ];
    let lines = lines
        .into_iter()
        .filter(|(_, _, amount)| *amount != Krw::ZERO)
        .map(|(account, owner, amount)| Line::new(account, owner, amount))
        .collect();
    post(tx, &Entry { key, kind, about: About::Reservation(r), lines }).await
}

/// A payout is about to be asked for: what was payable is on its way.
pub async fn post_payout_sent(
    tx: &mut Tx,
    id: PayoutId,
    mentor: UserId,
    key: String,
    amount: Krw,
) -> Result<bool, Error> {
    let (debit, credit) = ((Account::MentorPayable, Some(mentor)), (Account::PayoutTransit, Some(mentor)));
    transfer(tx, About::Payout(id), "payout_sent", key, debit, credit, amount).await
}

/// A payout failed for certain: the mentor is owed again.
pub async fn post_payout_returned(
    tx: &mut Tx,
    id: PayoutId,
    mentor: UserId,
    key: String,
    amount: Krw,
) -> Result<bool, Error> {
    let (debit, credit) = ((Account::PayoutTransit, Some(mentor)), (Account::MentorPayable, Some(mentor)));
    transfer(tx, About::Payout(id), "payout_returned", key, debit, credit, amount).await
}

/// A payout has arrived, on the provider's evidence.
pub async fn post_payout_paid(
    tx: &mut Tx,
    id: PayoutId,
    mentor: UserId,
    key: String,
    amount: Krw,
) -> Result<bool, Error> {
    let (debit, credit) = ((Account::PayoutTransit, Some(mentor)), (Account::Provider, None));
    transfer(tx, About::Payout(id), "payout_paid", key, debit, credit, amount).await
}
