//! `POST /v1/payments/confirm`: the one place where money is taken.

use serde::Deserialize;
use serde_json::Value;

use super::errors::{Language, TossError};
use super::payment::{Card, EasyPay, Failure, Link, Method, Payment, Record, Status, Transfer};
use super::webhook::Event;
use super::{Outcome, account};
use crate::clock::{Instant, kst};
use crate::id;
use crate::state::State;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Confirm {
    payment_key: String,
    order_id: String,
    amount: i64,
}

/// Checks the request and marks the payment busy; `finish` must follow.
pub(super) fn begin(state: &mut State, body: Option<&Value>) -> Result<String, TossError> {
    let request: Confirm = body
        .and_then(|body| Confirm::deserialize(body).ok())
        .filter(|r| !r.payment_key.is_empty() && r.payment_key.len() <= 200)
        .ok_or_else(|| TossError::of("INVALID_REQUEST"))?;
    let paid = state.payments.is_confirmed(&request.order_id);
    let record = state
        .payments
        .get_mut(&request.payment_key)
        .ok_or_else(|| TossError::of("NOT_FOUND_PAYMENT_SESSION"))?;
    check(record, &request, paid)?;
    record.busy = true;
    Ok(request.payment_key)
}

/// A wrong order id is FORBIDDEN_REQUEST as documented. A wrong amount is not documented: INVALID_REQUEST is our
/// guess, and takes no money.
fn check(record: &Record, request: &Confirm, order_is_paid: bool) -> Result<(), TossError> {
    let payment = &record.payment;
    if payment.order_id != request.order_id {
        return Err(TossError::of("FORBIDDEN_REQUEST"));
    }
    match payment.status {
        Status::Ready | Status::Aborted | Status::Expired => {
            return Err(TossError::of("NOT_FOUND_PAYMENT_SESSION"));
        }
        Status::WaitingForDeposit | Status::Done | Status::Canceled | Status::PartialCanceled => {
            return Err(TossError::of("ALREADY_PROCESSED_PAYMENT"));
        }
        Status::InProgress => {}
    }
    if record.busy {
        // What a second confirm without idempotency key meets while the first one is running and will succeed.
        return Err(TossError::of("FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING"));
    }
    if order_is_paid {
        return Err(TossError::of("ALREADY_PROCESSED_PAYMENT"));
    }
    if payment.total_amount != request.amount {
        return Err(TossError::of("INVALID_REQUEST"));
    }
    Ok(())
}

/// Approves the payment, or refuses it with `decline`.
pub(super) fn finish(
    state: &mut State,
    key: &str,
    decline: Option<TossError>,
    language: Language,
    now: Instant,
) -> Outcome {
    let record = match state.payments.get_mut(key) {
        Some(record) => record,
        None => return Outcome::refused(TossError::of("NOT_FOUND_PAYMENT_SESSION")),
    };
    record.busy = false;
    if let Some(error) = decline {
        if !error.ends_payment() {
            return Outcome::refused(error);
        }
        let message = error.message(language).to_owned();
        record.payment.status = Status::Aborted;
        record.payment.failure = Some(Failure { code: error.code.clone(), message });
        let event = Event::Payment(Box::new(record.payment.clone()));
        return Outcome { answer: Err(error), events: vec![event] };
    }
    approve(record, now);
    let payment = record.payment.clone();
    // An issued account is no approval: its row comes with the deposit.
    if payment.status == Status::Done {
        state.payments.note_transaction(key, payment.total_amount, now);
    }
    Outcome::changed(payment)
}

fn approve(record: &mut Record, now: Instant) {
    let payment: &mut Payment = &mut record.payment;
    let transaction = id::transaction_key();
    let waits = record.method == Method::VirtualAccount;
    payment.status = if waits { Status::WaitingForDeposit } else { Status::Done };
    payment.method = Some(record.method);
    payment.approved_at = (!waits).then(|| kst(now));
    payment.use_escrow = Some(false);
    payment.receipt = Some(Link {
        url: format!(
            "https://dashboard.tosspayments.com/receipt/redirection?transactionId={transaction}&ref=PX"
        ),
    });
    payment.last_transaction_key = Some(transaction);
    let amount = payment.total_amount;
    match record.method {
        Method::Card => payment.card = Some(card(amount)),
        Method::EasyPay => {
            // Easy pay backed by a card: the card carries the amount.
            payment.card = Some(card(amount));
            payment.easy_pay = Some(EasyPay { provider: "토스페이", amount: 0, discount_amount: 0 });
        }
        Method::Transfer => {
            payment.transfer = Some(Transfer { bank_code: "92", settlement_status: "INCOMPLETED" });
        }
        Method::VirtualAccount => account::issue(record, now),
    }
}

fn card(amount: i64) -> Card {
    Card {
        amount,
        issuer_code: "71",
        acquirer_code: Some("71"),
        number: "12345678****000*",
        installment_plan_months: 0,
        approve_no: id::approve_no(),
        use_card_point: false,
        card_type: "신용",
        owner_type: "개인",
        acquire_status: "READY",
        is_interest_free: false,
        interest_payer: None,
    }
}
