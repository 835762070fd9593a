//! `POST /v1/payments/{paymentKey}/cancel`: full and partial cancels, as measured on the real provider; and the
//! same done by hand in the merchant's console.

use serde::Deserialize;
use serde_json::Value;

use super::Outcome;
use super::account::{self, RefundAccount};
use super::errors::TossError;
use super::payment::{Cancel, Method, Payment, Record, Status, vat_of};
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
            && request.currency.as_deref().is_none_or(|currency| currency == "KRW");
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
    plan(record, &request)?;
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
        None => Request::parse(body).and_then(|request| apply(state, key, request, now)),
    };
    match cancelled {
        Err(error) => Outcome::refused(error),
        Ok(payment) => Outcome::changed(payment),
    }
}

/// The merchant's staff cancel in the console of the provider: no idempotency key, and nobody asked the API.
pub(crate) fn in_console(
    state: &mut State,
    key: &str,
    amount: Option<i64>,
    reason: &str,
    now: Instant,
) -> Result<Payment, TossError> {
    let record = state.payments.get_mut(key).ok_or_else(|| TossError::of("NOT_FOUND_PAYMENT"))?;
    let account = takes_account(record).then(RefundAccount::of_the_console);
    let body = serde_json::json!({
        "cancelReason": reason,
        "cancelAmount": amount,
        "refundReceiveAccount": account.map(|to| serde_json::json!({
            "bank": to.bank_code, "accountNumber": to.account_number, "holderName": to.holder_name,
        })),
    });
    begin(state, key, Some(&body))?;
    finish(state, key, Some(&body), None, now).answer.map(|payment| *payment)
}

/// What a cancel will do.
struct Plan {
    amount: i64,
    account: Option<RefundAccount>,
}

/// A paid virtual account: the money goes back to an account the caller must name.
fn takes_account(record: &Record) -> bool {
    record.method == Method::VirtualAccount
        && matches!(record.payment.status, Status::Done | Status::PartialCanceled)
}

/// Whether the request can be done, and how.
fn plan(record: &Record, request: &Request) -> Result<Plan, TossError> {
    let amount = amount_of(&record.payment, request)?;
    let given = request.refund_receive_account.as_ref();
    if takes_account(record) {
        return Ok(Plan { amount, account: Some(RefundAccount::parse(given)?) });
    }
    if given.is_some() {
        return Err(TossError::of("INVALID_REQUEST"));
    }
    Ok(Plan { amount, account: None })
}

/// How much would be cancelled, or why nothing can be.
fn amount_of(payment: &Payment, request: &Request) -> Result<i64, TossError> {
    let balance = payment.balance_amount;
    match payment.status {
        Status::Canceled => return Err(TossError::of("ALREADY_CANCELED_PAYMENT")),
        // Emptied by partial cancels: measured to be another code than after one full cancel.
        Status::PartialCanceled if balance == 0 => return Err(TossError::of("NOT_CANCELABLE_AMOUNT")),
        Status::Done | Status::PartialCanceled | Status::WaitingForDeposit => {}
        _ => return Err(TossError::of("NOT_CANCELABLE_PAYMENT")),
    }
    if request.refundable_amount.is_some_and(|believed| believed != balance) {
        return Err(TossError::of("NOT_MATCHES_REFUNDABLE_AMOUNT"));
    }
    let amount = request.cancel_amount.unwrap_or(balance);
    if amount > balance {
        return Err(TossError::of("NOT_CANCELABLE_AMOUNT"));
    }
    if amount < balance && payment.status == Status::WaitingForDeposit {
        return Err(TossError::of("NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT"));
    }
    if amount < balance && !payment.is_partial_cancelable {
        return Err(TossError::of("NOT_ALLOWED_PARTIAL_REFUND"));
    }
    Ok(amount)
}

fn apply(state: &mut State, key: &str, request: Request, now: Instant) -> Result<Payment, TossError> {
    let record = state.payments.get_mut(key).ok_or_else(|| TossError::of("NOT_FOUND_PAYMENT"))?;
    let Plan { amount, account } = plan(record, &request)?;
    let unpaid = record.payment.status == Status::WaitingForDeposit;
    take(&mut record.payment, amount, request, now);
    if let Some(account) = account {
        account::refund(record, account, &state.calendar, now);
    }
    let payment = record.payment.clone();
    // No money has moved when an unpaid account is cancelled; that it has no row then is our guess.
    if !unpaid {
        state.payments.note_transaction(key, amount, now);
    }
    Ok(payment)
}

/// Takes `amount` off the payment.
fn take(payment: &mut Payment, amount: i64, request: Request, now: Instant) {
    let transaction = id::transaction_key();
    payment.balance_amount -= amount;
    // One of these statuses here means that this is the first cancel.
    let first = matches!(payment.status, Status::Done | Status::WaitingForDeposit);
    let whole = first && payment.balance_amount == 0;
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
}
