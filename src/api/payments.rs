//! Paying for a reservation.

use std::time::Duration;

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::{Header, Path};
use poem_openapi::payload::Json;
use poem_openapi::types::ToJSON;
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::caller::Caller;
use super::idempotency::Key;
use super::problem::Problem;
use super::{Shared, Tag, request, unit};
use crate::client::toss;
use crate::event;
use crate::id::{AttemptId, PaymentId, RefundId, ReservationId, UserId};
use crate::money::Krw;
use crate::payment::{self, Attempt, AttemptState, Confirmation, Payment, PaymentState, Refund, RefundState};

pub struct PaymentsApi;

/// What the provider's checkout needs.
#[derive(Debug, Object)]
#[oai(rename = "PaymentOrder", rename_all = "camelCase", skip_serializing_if_is_none)]
struct OrderView {
    payment_id: PaymentId,
    /// The provider's `orderId`; each attempt has its own.
    order_id: AttemptId,
    order_name: String,
    /// Won.
    amount: Krw,
    currency: String,
    /// The provider's public key for browsers.
    client_key: String,
    /// Names the payer at the provider without saying who it is.
    customer_key: String,
    hold_until: Option<DateTime<Utc>>,
}

/// What the checkout's redirect brought.
#[derive(Debug, Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
struct ConfirmRequest {
    order_id: AttemptId,
    #[oai(validator(min_length = 1, max_length = 200))]
    payment_key: String,
    /// Won; must be the order's amount.
    amount: Krw,
}

#[derive(Debug, Object)]
#[oai(rename = "Payment", rename_all = "camelCase", skip_serializing_if_is_none)]
struct PaymentView {
    id: PaymentId,
    reservation_id: ReservationId,
    amount: Krw,
    state: PaymentState,
    attempts: Vec<AttemptView>,
    refunds: Vec<RefundView>,
}

#[derive(Debug, Object)]
#[oai(rename = "PaymentAttempt", rename_all = "camelCase", skip_serializing_if_is_none)]
struct AttemptView {
    order_id: AttemptId,
    state: AttemptState,
    method: Option<String>,
    /// Ours, stable: `payment.declined.other_method`, `payment.declined.later` or `payment.declined.new_payment` after
    /// a refusal; `payment.checking` or `payment.stopped` while the outcome is unknown; `payment.returned` for money
    /// that is given back because it bought nothing.
    code: Option<String>,
    /// The provider's code of a refusal, or why the outcome is unknown.
    error_code: Option<String>,
    /// What to do: `other_method`, `later`, `new_payment`; while the outcome is unknown `look_up`, `ask_again`, `stop`,
    /// `contact`.
    error_class: Option<String>,
    /// The same in words, in the language of `Accept-Language`.
    guidance: Option<String>,
    /// Where to pay, while a deposit is awaited.
    account: Option<AccountView>,
    updated_at: DateTime<Utc>,
}

/// A bank account that was opened for this payment alone.
#[derive(Debug, Object)]
#[oai(rename = "DepositAccount", rename_all = "camelCase", skip_serializing_if_is_none)]
struct AccountView {
    number: String,
    /// The provider's code of the bank.
    bank: Option<String>,
    holder: Option<String>,
    /// The bank takes no deposit after this (UTC). The slot is held until the reservation's `holdUntil`, which may come
    /// before: what arrives later is given back when the slot is gone.
    due_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Object)]
#[oai(rename = "Refund", rename_all = "camelCase", skip_serializing_if_is_none)]
struct RefundView {
    id: RefundId,
    amount: Krw,
    state: RefundState,
    cause: String,
    created_at: DateTime<Utc>,
}

#[derive(ApiResponse)]
enum Confirmed {
    /// The outcome is known.
    #[oai(status = 200)]
    Known(Json<PaymentView>),
    /// The provider is being asked; the outcome arrives over the WebSocket, or by `GET`.
    #[oai(status = 202)]
    Asked(Json<PaymentView>),
}

/// The longest `Prefer: wait` (RFC 7240) that is honoured.
const LONGEST_WAIT: u64 = 20;

#[OpenApi(prefix_path = "/v1", tag = "Tag::Payments")]
impl PaymentsApi {
    /// Order a payment
    ///
    /// Gives what the provider's checkout needs. Asked again, it gives the same order until that one was tried. A
    /// reservation that died unpaid gets its slot back when it is still free.
    #[oai(path = "/reservations/:id/payment-orders", method = "post", operation_id = "orderPayment")]
    async fn order(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
        #[oai(name = "Idempotency-Key")] idempotency_key: Header<Option<String>>,
    ) -> Result<Json<OrderView>, Problem> {
        let key = Key::parse(idempotency_key.0, caller.user_id(), "order-payment", &id.0.to_string())?;
        let order = unit!(app, caller.actor(), tx => {
            key.begin(tx).await?;
            Ok(payment::open_order(tx, &app.core.rules, id.0, caller.user_id()).await?)
        })?;
        Ok(Json(OrderView {
            payment_id: order.payment.id,
            order_id: order.attempt.id,
            order_name: order.reservation.title.chars().take(100).collect(),
            amount: order.payment.amount_krw,
            currency: "KRW".to_owned(),
            client_key: app.config.toss_client_key.clone(),
            customer_key: format!("konnect_{}", caller.user_id()),
            hold_until: order.reservation.hold_until,
        }))
    }

    /// Confirm a payment
    ///
    /// Checks what the redirect brought against the order and asks the provider to take the money. `Prefer:
    /// wait=10` waits up to that many seconds (20 at most) for the outcome. Asking twice is safe.
    #[oai(path = "/payments/confirm", method = "post", operation_id = "confirmPayment")]
    async fn confirm(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        #[oai(name = "Idempotency-Key")] idempotency_key: Header<Option<String>>,
        prefer: Header<Option<String>>,
        body: Json<ConfirmRequest>,
    ) -> Result<Confirmed, Problem> {
        let payer = caller.user_id();
        let key = Key::parse(idempotency_key.0, payer, "confirm-payment", &body.to_json_string())?;
        let asked = Confirmation {
            order_id: body.order_id,
            payment_key: body.payment_key.clone(),
            amount: body.amount,
        };
        let mut listener = app.hub.listen(event::user_topic(payer));
        listener.stands().await;
        let reservation_id = unit!(app, caller.actor(), tx => {
            if let Some(saved) = key.begin(tx).await? {
                return saved.parse().map_err(|_| Problem::new("internal"));
            }
            let payment = payment::request_confirm(tx, &app.core.rules, payer, &asked).await?;
            key.save(tx, &payment.reservation_id.to_string()).await?;
            Ok(payment.reservation_id)
        })?;
        let give_up = tokio::time::Instant::now() + wait(prefer.0.as_deref());
        loop {
            let view = view(&app, reservation_id, payer).await?;
            let ours = view.attempts.iter().find(|a| a.order_id == body.order_id);
            if ours.is_some_and(|a| !a.state.is_open()) {
                return Ok(Confirmed::Known(Json(view)));
            }
            if tokio::time::timeout_at(give_up, listener.recv()).await.is_err() {
                return Ok(Confirmed::Asked(Json(view)));
            }
        }
    }

    /// Show the payment of a reservation
    #[oai(path = "/reservations/:id/payment", method = "get", operation_id = "getPayment")]
    async fn get(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
    ) -> Result<Json<PaymentView>, Problem> {
        Ok(Json(view(&app, id.0, caller.user_id()).await?))
    }
}

/// Seconds of `Prefer: wait=N`; none when absent or unreadable, as RFC 7240 asks.
fn wait(prefer: Option<&str>) -> Duration {
    let seconds = prefer
        .into_iter()
        .flat_map(|header| header.split([',', ';']))
        .find_map(|part| part.trim().strip_prefix("wait=")?.parse::<u64>().ok())
        .unwrap_or(0);
    Duration::from_secs(seconds.min(LONGEST_WAIT))
}

async fn view(app: &Shared, reservation: ReservationId, payer: UserId) -> Result<PaymentView, Problem> {
    let pool = app.core.db.pool();
    let (payment, attempts) = payment::view(pool, reservation, payer).await?;
    let refunds = payment::refunds_of(pool, reservation).await?;
    Ok(PaymentView::new(payment, attempts, refunds))
}

impl PaymentView {
    fn new(payment: Payment, attempts: Vec<Attempt>, refunds: Vec<Refund>) -> Self {
        Self {
            id: payment.id,
            reservation_id: payment.reservation_id,
            amount: payment.amount_krw,
            state: payment.state,
            attempts: attempts.into_iter().map(AttemptView::from).collect(),
            refunds: refunds
                .into_iter()
                .filter(|f| f.state.is_live())
                .map(|f| RefundView {
                    id: f.id,
                    amount: f.amount_krw,
                    state: f.state,
                    cause: f.cause,
                    created_at: f.created_at,
                })
                .collect(),
        }
    }
}

impl From<Attempt> for AttemptView {
    fn from(a: Attempt) -> Self {
        let class = a.error_class.as_deref().and_then(toss::Class::parse);
        let guidance = class
            .map(|class| toss::guidance(a.error_code.as_deref(), class, request::lang().code()).to_owned());
        let code = code(a.state, class);
        let account = a.account_number.filter(|_| a.state == AttemptState::WaitingForDeposit).map(|number| {
            AccountView { number, bank: a.account_bank, holder: a.account_holder, due_at: a.account_due_at }
        });
        Self {
            order_id: a.id,
            state: a.state,
            method: a.method,
            code,
            error_code: a.error_code,
            error_class: a.error_class,
            guidance,
            account,
            updated_at: a.updated_at,
        }
    }
}

/// What the attempt came to, as a stable code; `None` where nothing is to be said.
fn code(state: AttemptState, class: Option<toss::Class>) -> Option<String> {
    match (state, class) {
        (AttemptState::Failed, Some(class)) => Some(format!("payment.declined.{}", class.as_str())),
        (AttemptState::Unknown, Some(toss::Class::Stop)) => Some("payment.stopped".to_owned()),
        (AttemptState::Unknown, _) => Some("payment.checking".to_owned()),
        (AttemptState::Surplus, _) => Some("payment.returned".to_owned()),
        _ => None,
    }
}

impl From<payment::Error> for Problem {
    fn from(error: payment::Error) -> Self {
        match error {
            payment::Error::Reservation(inner) => inner.into(),
            payment::Error::AccountInvalid(field) => Self::of(error.code(), error).field(field),
            other => Self::of(other.code(), other),
        }
    }
}
