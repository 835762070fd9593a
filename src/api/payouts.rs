//! The caller's payouts, each down to the sessions it pays for.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::answer::page_size;
use super::caller::Caller;
use super::earnings::LineView;
use super::payout_words::failure;
use super::problem::Problem;
use super::{Shared, Tag, request};
use crate::id::PayoutId;
use crate::money::Krw;
use crate::payout::{self, Filter, Payout, PayoutState};
use crate::settlement;

pub struct PayoutsApi;

/// One transfer to the caller's bank.
#[derive(Debug, Object)]
#[oai(rename = "Payout", rename_all = "camelCase", skip_serializing_if_is_none)]
struct PayoutView {
    id: PayoutId,
    state: PayoutState,
    /// Won.
    amount: Krw,
    /// Won that were ready as well and wait for a later batch.
    carried: Krw,
    /// Why it did not arrive.
    error_code: Option<String>,
    /// The same in words, in the language of `Accept-Language`.
    guidance: Option<String>,
    created_at: DateTime<Utc>,
    /// When the provider was first asked (UTC).
    sent_at: Option<DateTime<Utc>>,
    /// When it was over (UTC).
    concluded_at: Option<DateTime<Utc>>,
}

impl From<Payout> for PayoutView {
    fn from(payout: Payout) -> Self {
        // What is not decided is ours to find out, not the mentor's.
        let code = payout.error_code.filter(|_| payout.state.is_over());
        Self {
            id: payout.id,
            state: payout.state,
            amount: payout.amount_krw,
            carried: payout.carried_krw,
            guidance: code.as_deref().map(|code| failure(code, request::lang()).to_owned()),
            error_code: code,
            created_at: payout.created_at,
            sent_at: payout.sent_at,
            concluded_at: payout.concluded_at,
        }
    }
}

/// A payout with where it goes and what it pays for.
#[derive(Debug, Object)]
#[oai(rename = "PayoutDetail", rename_all = "camelCase", skip_serializing_if_is_none)]
struct PayoutDetail {
    #[oai(flatten)]
    payout: PayoutView,
    bank_code: Option<String>,
    /// Stars and the last four digits.
    account_number: Option<String>,
    /// Oldest first; each names its reservation. Those of a payout that failed are in a later one.
    lines: Vec<LineView>,
}

#[derive(Debug, Object)]
#[oai(rename = "PayoutPage", rename_all = "camelCase", skip_serializing_if_is_none)]
struct PayoutPage {
    items: Vec<PayoutView>,
    /// Send it as `before` to get the next page; absent on the last one.
    next: Option<PayoutId>,
}

#[OpenApi(prefix_path = "/v1/me/payouts", tag = "Tag::Earnings")]
impl PayoutsApi {
    /// List the caller's payouts
    ///
    /// Newest first.
    #[oai(path = "/", method = "get", operation_id = "listPayouts")]
    async fn list(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        /// The `next` of the page before.
        before: Query<Option<PayoutId>>,
        #[oai(default = "page_size", validator(minimum(value = "1"), maximum(value = "100")))] limit: Query<
            u32,
        >,
    ) -> Result<Json<PayoutPage>, Problem> {
        let mentor = caller.mentor()?;
        let filter = Filter { mentor: Some(mentor), before: before.0, ..Filter::default() };
        let rows = payout::list(app.core.db.pool(), &filter, limit.0).await?;
        let next = rows.last().filter(|_| rows.len() == limit.0 as usize).map(|row| row.id);
        Ok(Json(PayoutPage { items: rows.into_iter().map(PayoutView::from).collect(), next }))
    }

    /// Show one of the caller's payouts
    ///
    /// With the settlement lines it pays, each of which names its reservation.
    #[oai(path = "/:id", method = "get", operation_id = "getPayout")]
    async fn get(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<PayoutId>,
    ) -> Result<Json<PayoutDetail>, Problem> {
        let mentor = caller.mentor()?;
        let pool = app.core.db.pool();
        let payout = payout::find_of_mentor(pool, id.0, mentor).await?;
        let account = payout::find_account(pool, payout.account_id).await?;
        let lines = settlement::lines_of_payout(pool, payout.id).await?;
        Ok(Json(PayoutDetail {
            payout: payout.into(),
            bank_code: account.as_ref().map(|account| account.bank_code.clone()),
            account_number: account.map(|account| account.masked()),
            lines: lines.into_iter().map(LineView::from).collect(),
        }))
    }
}
