//! What administrators do about refunds: ask for one, agree or not, and end what the provider does not make.

use poem::web::Data;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::ToJSON;
use poem_openapi::{Object, OpenApi};

use super::answer::{Because, Created, page_size};
use super::caller::Caller;
use super::idempotency::Key;
use super::problem::Problem;
use super::refund_view::{DetailView, Page, RefundView};
use super::text::Text;
use super::{Shared, Tag, unit};
use crate::db::Tx;
use crate::id::{RefundId, ReservationId};
use crate::money::Krw;
use crate::payment::{self, Bearer, Ending, Refund, RefundState, RefundWish};
use crate::settlement;

pub struct AdminRefundsApi;

#[derive(Debug, Object)]
#[oai(rename = "NewRefund", rename_all = "camelCase", deny_unknown_fields)]
struct RefundRequest {
    /// Won: at least 1, at most what is left of the payment.
    amount: Krw,
    /// Who pays for it.
    bearer: Bearer,
    #[oai(validator(min_length = 1, max_length = 500))]
    reason: Text,
}

/// How it is known that the money has gone.
#[derive(Debug, Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
struct Evidence {
    /// Such as the reference of a bank transfer.
    #[oai(validator(min_length = 1, max_length = 1000))]
    evidence: Text,
}

/// The refund that an earlier request with this key was about.
async fn repeated(tx: &mut Tx, saved: &str) -> Result<Refund, Problem> {
    let id = saved.parse().map_err(|_| Problem::new("internal"))?;
    Ok(payment::find_refund(tx.conn(), id).await?.ok_or(payment::Error::RefundNotFound)?)
}

/// Runs a change of one refund once for each idempotency key.
macro_rules! once {
    ($app:expr, $caller:expr, $header:expr, $operation:literal, $request:expr, $tx:ident => $change:expr) => {{
        let admin = $caller.admin()?;
        let key = Key::parse($header.0, $caller.user_id(), $operation, &$request)?;
        let refund = unit!($app, admin, $tx => {
            if let Some(saved) = key.begin($tx).await? {
                return repeated($tx, &saved).await;
            }
            let refund = $change.await?;
            key.save($tx, &refund.id.to_string()).await?;
            Ok(refund)
        })?;
        RefundView::from(refund)
    }};
}

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Admin")]
impl AdminRefundsApi {
    /// Give a part of a payment back
    ///
    /// Before or after the session, its settlement and its payout. Shared, it comes from mentor and platform by their
    /// shares of the price, and is netted by the next payout where the mentor was paid; or the platform alone bears
    /// it. Above the limit for goodwill it waits for a second administrator. A booking that is still on is given back
    /// whole by cancelling it. For administrators.
    #[oai(path = "/reservations/:id/refunds", method = "post", operation_id = "adminRefund")]
    async fn refund(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
        #[oai(name = "Idempotency-Key")] idempotency_key: Header<Option<String>>,
        body: Json<RefundRequest>,
    ) -> Result<Created<RefundView>, Problem> {
        let request = format!("{}{}", id.0, body.to_json_string());
        let wish = RefundWish {
            amount: body.amount,
            bearer: body.bearer,
            reason: body.reason.to_string(),
            by: caller.user_id(),
        };
        let view = once!(app, caller, idempotency_key, "admin-refund", request, tx => {
            settlement::request_refund(tx, &app.core.rules, id.0, &wish)
        });
        Ok(Created::Created(Json(view)))
    }

    /// List refunds
    ///
    /// Newest first, with what an operator does about each. For administrators.
    #[oai(path = "/refunds", method = "get", operation_id = "adminListRefunds")]
    async fn list(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        state: Query<Option<RefundState>>,
        /// The `next` of the page before.
        before: Query<Option<RefundId>>,
        #[oai(default = "page_size", validator(minimum(value = "1"), maximum(value = "100")))] limit: Query<
            u32,
        >,
    ) -> Result<Json<Page>, Problem> {
        caller.admin()?;
        let rows = payment::list_refunds(app.core.db.pool(), state.0, before.0, limit.0).await?;
        Ok(Json(Page::new(rows, limit.0)))
    }

    /// Show a refund
    ///
    /// With everything that happened to it. For administrators.
    #[oai(path = "/refunds/:id", method = "get", operation_id = "adminGetRefund")]
    async fn get(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<RefundId>,
    ) -> Result<Json<DetailView>, Problem> {
        caller.admin()?;
        let pool = app.core.db.pool();
        let refund = payment::find_refund(pool, id.0).await?.ok_or(payment::Error::RefundNotFound)?;
        let history = payment::refund_history(pool, id.0).await?;
        Ok(Json(DetailView::new(refund, history)))
    }

    /// Agree to a refund
    ///
    /// By another administrator than the one who asked. What is left of the payment now decides. For administrators.
    #[oai(path = "/refunds/:id/approve", method = "post", operation_id = "adminApproveRefund")]
    async fn approve(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<RefundId>,
        #[oai(name = "Idempotency-Key")] idempotency_key: Header<Option<String>>,
    ) -> Result<Json<RefundView>, Problem> {
        let by = caller.user_id();
        Ok(Json(once!(app, caller, idempotency_key, "approve-refund", id.0.to_string(), tx => {
            settlement::approve_refund(tx, id.0, by)
        })))
    }

    /// Do not agree to a refund
    ///
    /// Nothing was promised, and nothing moves. For administrators.
    #[oai(path = "/refunds/:id/reject", method = "post", operation_id = "adminRejectRefund")]
    async fn reject(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<RefundId>,
        body: Json<Because>,
    ) -> Result<Json<RefundView>, Problem> {
        let admin = caller.admin()?;
        let refund = unit!(app, admin, tx => {
            Ok(payment::reject_refund(tx, id.0, caller.user_id(), &body.reason).await?)
        })?;
        Ok(Json(refund.into()))
    }

    /// Have the provider asked again
    ///
    /// For a refund in `manual_review`. The provider's cancels are read first, so that nothing is given back twice. For
    /// administrators.
    #[oai(path = "/refunds/:id/retry", method = "post", operation_id = "adminRetryRefund")]
    async fn retry(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<RefundId>,
        #[oai(name = "Idempotency-Key")] idempotency_key: Header<Option<String>>,
    ) -> Result<Json<RefundView>, Problem> {
        Ok(Json(once!(app, caller, idempotency_key, "retry-refund", id.0.to_string(), tx => {
            payment::ask_refund_again(tx, id.0)
        })))
    }

    /// Say that the money was given back outside the provider
    ///
    /// For a refund in `manual_review` or `needs_account`. A job reads the provider's cancels first: where they show
    /// this refund after all, it is `done`; else it ends as `by_hand`, paid from the platform's own bank account. For
    /// administrators.
    #[oai(path = "/refunds/:id/mark-done", method = "post", operation_id = "adminMarkRefundDone")]
    async fn mark_done(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<RefundId>,
        #[oai(name = "Idempotency-Key")] idempotency_key: Header<Option<String>>,
        body: Json<Evidence>,
    ) -> Result<Json<RefundView>, Problem> {
        let request = format!("{}{}", id.0, body.to_json_string());
        Ok(Json(once!(app, caller, idempotency_key, "mark-refund-done", request, tx => {
            payment::end_refund(tx, id.0, Ending::ByHand, &body.evidence)
        })))
    }

    /// Give a refund up
    ///
    /// For a refund in `manual_review` or `needs_account`. A job reads the provider's cancels first: where they show
    /// this refund after all, it is `done`; else it ends as `abandoned`, and what is held is the mentor's, or the
    /// platform's where that had paid for it. For administrators.
    #[oai(path = "/refunds/:id/give-up", method = "post", operation_id = "adminGiveUpRefund")]
    async fn give_up(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<RefundId>,
        #[oai(name = "Idempotency-Key")] idempotency_key: Header<Option<String>>,
        body: Json<Because>,
    ) -> Result<Json<RefundView>, Problem> {
        let request = format!("{}{}", id.0, body.to_json_string());
        Ok(Json(once!(app, caller, idempotency_key, "give-up-refund", request, tx => {
            payment::end_refund(tx, id.0, Ending::Abandoned, &body.reason)
        })))
    }
}
