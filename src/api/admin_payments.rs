//! The back office's view of attempts to pay: those whose money is not ours to give back wait here for a decision.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::answer::{Because, page_size};
use super::caller::Caller;
use super::problem::Problem;
use super::{App, Shared, Tag, unit};
use crate::id::{AttemptId, PaymentId, UserId};
use crate::money::Krw;
use crate::payment::{self, Attempt, AttemptState};
use crate::settlement;

pub struct AdminPaymentsApi;

/// Who froze what a session earned whose deposit was taken back.
const REVERSED: &str = "capture_reversed";

/// One try to pay. All instants are UTC.
#[derive(Debug, Object)]
#[oai(rename = "AdminPaymentAttempt", rename_all = "camelCase", skip_serializing_if_is_none)]
struct AttemptView {
    /// The provider's `orderId`.
    id: AttemptId,
    payment_id: PaymentId,
    payment_key: Option<String>,
    state: AttemptState,
    method: Option<String>,
    /// Won that were taken; differs from the payment's amount where the provider's payment did not fit.
    captured: Option<Krw>,
    error_code: Option<String>,
    error_class: Option<String>,
    /// How often the bank took a deposit back.
    reversals: u32,
    account_due_at: Option<DateTime<Utc>>,
    closed_by: Option<UserId>,
    closed_reason: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<Attempt> for AttemptView {
    fn from(a: Attempt) -> Self {
        Self {
            id: a.id,
            payment_id: a.payment_id,
            payment_key: a.payment_key,
            state: a.state,
            method: a.method,
            captured: a.captured_krw,
            error_code: a.error_code,
            error_class: a.error_class,
            reversals: a.reversals,
            account_due_at: a.account_due_at,
            closed_by: a.closed_by,
            closed_reason: a.closed_reason,
            created_at: a.created_at,
            updated_at: a.updated_at,
        }
    }
}

#[derive(Debug, Object)]
#[oai(rename = "AdminPaymentAttempts", rename_all = "camelCase", skip_serializing_if_is_none)]
struct AttemptsView {
    items: Vec<AttemptView>,
    /// `before` of the next page; absent on the last one.
    next: Option<AttemptId>,
}

#[OpenApi(prefix_path = "/v1/admin/payment-attempts", tag = "Tag::Admin")]
impl AdminPaymentsApi {
    /// List attempts to pay
    ///
    /// Without a state those that wait for a person alone: the provider took money for them that is not ours to give
    /// back. Newest first. For administrators.
    #[oai(path = "/", method = "get", operation_id = "adminListPaymentAttempts")]
    async fn list(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        state: Query<Option<AttemptState>>,
        /// The `next` of the page before.
        before: Query<Option<AttemptId>>,
        #[oai(default = "page_size", validator(minimum(value = "1"), maximum(value = "100")))] limit: Query<
            u32,
        >,
    ) -> Result<Json<AttemptsView>, Problem> {
        caller.admin()?;
        let rows = payment::attempts_page(app.core.db.pool(), state.0, before.0, limit.0).await?;
        let next = rows.last().filter(|_| rows.len() == limit.0 as usize).map(|row| row.id);
        Ok(Json(AttemptsView { items: rows.into_iter().map(AttemptView::from).collect(), next }))
    }

    /// Ask the provider about an attempt now
    ///
    /// What it says is written by a job. For administrators.
    #[oai(path = "/:id/requery", method = "post", operation_id = "adminRequeryPaymentAttempt")]
    async fn requery(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<AttemptId>,
    ) -> Result<Json<AttemptView>, Problem> {
        let admin = caller.admin()?;
        let attempt = unit!(app, admin, tx => { Ok(payment::requery_now(tx, id.0).await?) })?;
        Ok(Json(attempt.into()))
    }

    /// End an attempt by hand
    ///
    /// For one whose outcome cannot be known or whose money is not ours to give back: the reservation is payable again.
    /// Also for the account of a deposit that was taken back after its session: what the session earned is released from
    /// its freeze. Should money be found after all, it is booked as ever. For administrators.
    #[oai(path = "/:id/close", method = "post", operation_id = "adminClosePaymentAttempt")]
    async fn close(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<AttemptId>,
        body: Json<Because>,
    ) -> Result<Json<AttemptView>, Problem> {
        let admin = caller.admin()?;
        unit!(app, admin, tx => {
            if payment::close_attempt(tx, id.0, caller.user_id(), &body.reason).await? {
                let reservation = payment::reservation_of(tx, id.0).await?;
                settlement::thaw(tx, reservation, REVERSED).await?;
            }
            Ok(())
        })?;
        tracing::info!(attempt_id = %id.0, admin = %caller.user_id(), "payment attempt closed by hand");
        show(&app, id.0).await
    }
}

async fn show(app: &App, id: AttemptId) -> Result<Json<AttemptView>, Problem> {
    let attempt = payment::find_attempt(app.core.db.pool(), id).await?.ok_or(payment::Error::NotFound)?;
    Ok(Json(attempt.into()))
}
