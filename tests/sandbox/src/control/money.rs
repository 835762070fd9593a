//! Commands about money: deposits, the merchant's console, sellers, payouts and the balance.

use poem::http::StatusCode;
use poem::web::{Data, Json};
use poem::{IntoResponse, Response, handler};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer;
use crate::handle::Handle;
use crate::toss::{NewCheckout, Payout, SellerStatus, v2::Written};

/// `POST /sandbox/window`: as `checkout`, but the user has not typed anything yet.
#[handler]
pub(crate) fn open_window(Json(new): Json<NewCheckout>, Data(handle): Data<&Handle>) -> Response {
    answer(crate::toss::open_window(&handle.shared, &new))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Deposit {
    payment_key: String,
    #[serde(default)]
    reverse: bool,
}

/// `POST /sandbox/deposits {paymentKey, reverse?}`.
#[handler]
pub(crate) fn deposit(Json(asked): Json<Deposit>, Data(handle): Data<&Handle>) -> Response {
    let key = &asked.payment_key;
    told(if asked.reverse { handle.reverse_deposit(key) } else { handle.deposit(key) })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ConsoleCancel {
    payment_key: String,
    amount: Option<i64>,
    reason: Option<String>,
}

/// `POST /sandbox/console/cancel {paymentKey, amount?, reason?}`.
#[handler]
pub(crate) fn cancel_in_console(Json(asked): Json<ConsoleCancel>, Data(handle): Data<&Handle>) -> Response {
    let reason = asked.reason.as_deref().unwrap_or("상점관리자 취소");
    told(handle.cancel_in_console(&asked.payment_key, asked.amount, reason))
}

#[handler]
pub(crate) fn list_sellers(Data(handle): Data<&Handle>) -> Response {
    Json(handle.sellers()).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Review {
    /// The id or the reference.
    seller: String,
    status: SellerStatus,
}

/// `POST /sandbox/sellers/status {seller, status}`.
#[handler]
pub(crate) fn set_seller_status(Json(review): Json<Review>, Data(handle): Data<&Handle>) -> Response {
    told(handle.set_seller_status(&review.seller, review.status))
}

#[handler]
pub(crate) fn list_payouts(Data(handle): Data<&Handle>) -> Response {
    let payouts = handle.payouts();
    let wires: Vec<_> = payouts.iter().map(json_of).collect();
    Json(wires).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct End {
    /// The id or the reference.
    payout: String,
    /// Of a failure.
    code: Option<String>,
}

/// `POST /sandbox/payouts/complete {payout}`.
#[handler]
pub(crate) fn complete_payout(Json(end): Json<End>, Data(handle): Data<&Handle>) -> Response {
    told(handle.complete_payout(&end.payout).map(|payout| json_of(&payout)))
}

/// `POST /sandbox/payouts/fail {payout, code?}`.
#[handler]
pub(crate) fn fail_payout(Json(end): Json<End>, Data(handle): Data<&Handle>) -> Response {
    let code = end.code.as_deref().unwrap_or("ACCOUNT_OWNER_CHECK_FAILED");
    told(handle.fail_payout(&end.payout, code).map(|payout| json_of(&payout)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Settings {
    auto_complete: Option<bool>,
    dedupe_ref_payout_id: Option<bool>,
    enforce_hours: Option<bool>,
    /// Business days.
    settlement_cycle: Option<u32>,
}

/// `POST /sandbox/payouts/settings {autoComplete?, dedupeRefPayoutId?, enforceHours?, settlementCycle?}`.
#[handler]
pub(crate) fn set_payouts(Json(settings): Json<Settings>, Data(handle): Data<&Handle>) -> StatusCode {
    if let Some(on) = settings.auto_complete {
        handle.auto_complete_payouts(on);
    }
    if let Some(on) = settings.dedupe_ref_payout_id {
        handle.dedupe_ref_payout_id(on);
    }
    if let Some(on) = settings.enforce_hours {
        handle.enforce_payout_hours(on);
    }
    if let Some(days) = settings.settlement_cycle {
        handle.set_settlement_cycle(Some(days));
    }
    StatusCode::NO_CONTENT
}

#[handler]
pub(crate) fn show_balance(Data(handle): Data<&Handle>) -> Json<Value> {
    Json(json!({ "balance": handle.balance(), "ledger": handle.ledger_total() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Available {
    /// Won.
    available: i64,
}

/// `POST /sandbox/balance {available}`.
#[handler]
pub(crate) fn set_balance(Json(wanted): Json<Available>, Data(handle): Data<&Handle>) -> Json<Value> {
    handle.set_available_balance(wanted.available);
    Json(json!({ "balance": handle.balance() }))
}

fn json_of(payout: &Payout) -> Value {
    serde_json::to_value(payout.wire(Written::Plain)).expect("plain data is valid JSON")
}

/// The changed thing, or why nothing was changed.
fn told(result: anyhow::Result<impl Serialize + Send>) -> Response {
    match result {
        Ok(value) => Json(value).into_response(),
        Err(error) => (StatusCode::CONFLICT, error.to_string()).into_response(),
    }
}
