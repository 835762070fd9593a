//! `POST /v1/payments/{paymentKey}/cancel`: full and partial cancels, as measured on the real provider.

use serde::Deserialize;
use serde_json::Value;

use super::Outcome;
use super::errors::TossError;
use super::payment::{Cancel, Payment, Record, Status, vat_of};
use crate::clock::{Instant, kst};
use crate::id;
use crate::state::State;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    cancel_reason: String,
    /// Everything left when absent.
    cancel_amount: Option<i64>,
    /// The rest as the caller believes it to be: an optimistic lock.
    refundable_amount: Option<i64>,
    tax_free_amount: Option<i64>,
    tax_exemption_amount: Option<i64>,
    currency: Option<String>,
    refund_receive_account: Option<Value>,
}

impl Request {
    fn parse(body: Option<&Value>) -> Result<Self, TossError> {
        let invalid = || TossError::of("INVALID_REQUEST");
        let request = body.and_then(|body| Self::deserialize(body).ok()).ok_or_else(invalid)?;
        let reason = request.cancel_reason.chars().count();
        let taxes = [request.tax_free_amount, request.tax_exemption_amount];
        let valid = (1..=200).contains(&reason)
            && request.cancel_amount.is_none_or(|amount| amount > 0)
            && taxes.iter().flatten().all(|amount| *amount >= 0)
            && request.currency.as_deref().is_none_or(|currency| currency == "KRW")
            // Only a paid virtual account takes one, and the stand-in has no virtual accounts.
            && request.refund_receive_account.is_none();
        if valid { Ok(request) } else { Err(invalid()) }
    }
}

/// Marks the payment busy; `finish` must follow.
pub(super) fn begin(state: &mut State, key: &str, body: Option<&Value>) -> Result<(), TossError> {
    let record = state.payments.get_mut(key).ok_or_else(|| TossError::of("NOT_FOUND_PAYMENT"))?;
    let request = Request::parse(body)?;
    if record.busy {
        return Err(TossError::of("FORBIDDEN_CONSECUTIVE_REQUEST"));
    }
    amount_of(&record.payment, &request)?;
    record.busy = true;
    Ok(())
}

/// Cancels, or refuses with `decline`.
pub(super) fn finish(
    state: &mut State,
    key: &str,
    body: Option<&Value>,
    decline: Option<TossError>,
    now: Instant,
) -> Outcome {
    let Some(record) = state.payments.get_mut(key) else {
        return Outcome::refused(TossError::of("NOT_FOUND_PAYMENT"));
    };
    record.busy = false;
    let cancelled = match decline {
        Some(error) => Err(error),
        None => Request::parse(body).and_then(|request| apply(record, request, now)),
    };
    match cancelled {
        Err(error) => Outcome::refused(error),
        Ok(amount) => {
            let payment = record.payment.clone();
            state.payments.note_transaction(key, amount, now);
            Outcome::changed(payment)
        }
    }
}

/// How much would be cancelled, or why nothing can be.
fn amount_of(payment: &Payment, request: &Request) -> Result<i64, TossError> {
    let balance = payment.balance_amount;
    match payment.status {
        Status::Canceled => return Err(TossError::of("ALREADY_CANCELED_PAYMENT")),
        // Emptied by partial cancels: measured to be another code than after one full cancel.
        Status::PartialCanceled if balance == 0 => return Err(TossError::of("NOT_CANCELABLE_AMOUNT")),
        Status::Done | Status::PartialCanceled => {}
        _ => return Err(TossError::of("NOT_CANCELABLE_PAYMENT")),
    }
    if request.refundable_amount.is_some_and(|believed| believed != balance) {
        return Err(TossError::of("NOT_MATCHES_REFUNDABLE_AMOUNT"));
    }
    let amount = request.cancel_amount.unwrap_or(balance);
    if amount > balance {
        return Err(TossError::of("NOT_CANCELABLE_AMOUNT"));
    }
    if amount < balance && !payment.is_partial_cancelable {
        return Err(TossError::of("NOT_ALLOWED_PARTIAL_REFUND"));
    }
    Ok(amount)
}

fn apply(record: &mut Record, request: Request, now: Instant) -> Result<i64, TossError> {
    let payment = &mut record.payment;
    let amount = amount_of(payment, &request)?;
    let transaction = id::transaction_key();
    payment.balance_amount -= amount;
    // Status DONE here means that this is the first cancel.
    let whole = payment.status == Status::Done && payment.balance_amount == 0;
    payment.status = if whole { Status::Canceled } else { Status::PartialCanceled };
    payment.vat = vat_of(payment.balance_amount);
    payment.supplied_amount = payment.balance_amount - payment.vat;
    payment.last_transaction_key = Some(transaction.clone());
    if payment.balance_amount == 0
        && let Some(card) = &mut payment.card
    {
        card.acquire_status = "CANCELED";
    }
    payment.cancels.push(Cancel {
        cancel_amount: amount,
        cancel_reason: request.cancel_reason,
        tax_free_amount: request.tax_free_amount.unwrap_or(0),
        tax_exemption_amount: request.tax_exemption_amount.unwrap_or(0),
        refundable_amount: payment.balance_amount,
        card_discount_amount: 0,
        transfer_discount_amount: 0,
        easy_pay_discount_amount: 0,
        canceled_at: kst(now),
        transaction_key: transaction,
        receipt_key: None,
        cancel_status: "DONE",
        cancel_request_id: None,
    });
    Ok(amount)
}
