//! The back office's view of payouts: look, ask the provider again, decide by four eyes, stop and release, run now.

use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::ToJSON;

use super::admin_payouts_view::{
    BatchDetail, BatchPage, BatchView, ControlView, DebtPage, Detail, PayoutPage, PayoutView, ResolutionView,
    ResolveRequest,
};
use super::answer::{Because, page_size};
use super::caller::Caller;
use super::idempotency::Key;
use super::problem::Problem;
use super::{App, Shared, Tag, unit};
use crate::id::{PayoutBatchId, PayoutId, UserId};
use crate::payout::{self, Batch, Filter, PayoutState};
use crate::settlement;

pub struct AdminPayoutsApi;

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Admin")]
impl AdminPayoutsApi {
    /// List payouts
    ///
    /// Newest first. For administrators.
    #[oai(path = "/payouts", method = "get", operation_id = "adminListPayouts")]
    #[expect(clippy::too_many_arguments, reason = "each is a query parameter")]
    async fn list(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        state: Query<Option<PayoutState>>,
        /// Those of one batch alone.
        batch: Query<Option<PayoutBatchId>>,
        /// Those of one mentor alone.
        mentor: Query<Option<UserId>>,
        /// The `next` of the page before.
        before: Query<Option<PayoutId>>,
        #[oai(default = "page_size", validator(minimum(value = "1"), maximum(value = "100")))] limit: Query<
            u32,
        >,
    ) -> Result<Json<PayoutPage>, Problem> {
        caller.admin()?;
        let filter = Filter { state: state.0, batch: batch.0, mentor: mentor.0, before: before.0 };
        let rows = payout::list(app.core.db.pool(), &filter, limit.0).await?;
        Ok(Json(PayoutPage::new(rows, limit.0)))
    }

    /// Show a payout
    ///
    /// With its lines and what administrators said of it. For administrators.
    #[oai(path = "/payouts/:id", method = "get", operation_id = "adminGetPayout")]
    async fn get(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<PayoutId>,
    ) -> Result<Json<Detail>, Problem> {
        caller.admin()?;
        Ok(Json(show(&app, id.0).await?))
    }

    /// Ask the provider again what became of a payout
    ///
    /// For administrators.
    #[oai(path = "/payouts/:id/requery", method = "post", operation_id = "adminRequeryPayout")]
    async fn requery(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<PayoutId>,
    ) -> Result<Json<PayoutView>, Problem> {
        let admin = caller.admin()?;
        let payout = unit!(app, admin, tx => { Ok(payout::requery(tx, id.0).await?) })?;
        Ok(Json(payout.into()))
    }

    /// Decide a payout by hand
    ///
    /// One in `manual_review`. The first administrator says how it ended and what shows it; nothing moves until
    /// another one says the same. For administrators, but not for the one who is paid.
    #[oai(path = "/payouts/:id/resolve", method = "post", operation_id = "adminResolvePayout")]
    async fn resolve(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<PayoutId>,
        #[oai(name = "Idempotency-Key")] idempotency_key: Header<Option<String>>,
        body: Json<ResolveRequest>,
    ) -> Result<Json<Detail>, Problem> {
        let admin = caller.admin()?;
        let by = caller.user_id();
        let request = format!("{} {}", id.0, body.to_json_string());
        let key = Key::parse(idempotency_key.0, by, "resolve-payout", &request)?;
        unit!(app, admin, tx => {
            if key.begin(tx).await?.is_none() {
                payout::resolve(tx, id.0, body.outcome, &body.evidence, by).await?;
                key.save(tx, "").await?;
            }
            Ok(())
        })?;
        Ok(Json(show(&app, id.0).await?))
    }

    /// Show whether payouts are paused
    ///
    /// For administrators.
    #[oai(path = "/payout-control", method = "get", operation_id = "adminGetPayoutControl")]
    async fn control(&self, app: Data<&Shared>, caller: Caller) -> Result<Json<ControlView>, Problem> {
        caller.admin()?;
        Ok(Json(payout::control(app.core.db.pool()).await?.into()))
    }

    /// Pause payouts
    ///
    /// No batch runs and nothing new is sent until they are released. No error when they are paused already: the
    /// first reason stays. For administrators.
    #[oai(path = "/payouts/pause", method = "post", operation_id = "adminPausePayouts")]
    async fn pause(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        body: Json<Because>,
    ) -> Result<Json<ControlView>, Problem> {
        let admin = caller.admin()?;
        let control = unit!(app, admin, tx => {
            payout::pause(tx, &body.reason).await?;
            Ok(payout::control(tx.conn()).await?)
        })?;
        Ok(Json(control.into()))
    }

    /// Release payouts
    ///
    /// What waits goes on. For administrators.
    #[oai(path = "/payouts/release", method = "post", operation_id = "adminReleasePayouts")]
    async fn release(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        body: Json<Because>,
    ) -> Result<Json<ControlView>, Problem> {
        let admin = caller.admin()?;
        let control = unit!(app, admin, tx => {
            payout::release(tx, &body.reason).await?;
            Ok(payout::control(tx.conn()).await?)
        })?;
        Ok(Json(control.into()))
    }

    /// List batches
    ///
    /// Newest first, each with its payouts by state and the mentors it skipped by reason. For administrators.
    #[oai(path = "/payout-batches", method = "get", operation_id = "adminListPayoutBatches")]
    async fn batches(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        /// The `next` of the page before.
        before: Query<Option<PayoutBatchId>>,
        #[oai(default = "page_size", validator(minimum(value = "1"), maximum(value = "100")))] limit: Query<
            u32,
        >,
    ) -> Result<Json<BatchPage>, Problem> {
        caller.admin()?;
        let rows = payout::batches(app.core.db.pool(), before.0, limit.0).await?;
        let next = rows.last().filter(|_| rows.len() == limit.0 as usize).map(|row| row.id);
        Ok(Json(BatchPage { items: tallied(&app, rows).await?, next }))
    }

    /// Show a batch
    ///
    /// With the mentors it did not pay, by their ids. For administrators.
    #[oai(path = "/payout-batches/:id", method = "get", operation_id = "adminGetPayoutBatch")]
    async fn batch(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<PayoutBatchId>,
        /// The `next` of the page of skipped mentors before.
        after: Query<Option<UserId>>,
        #[oai(default = "page_size", validator(minimum(value = "1"), maximum(value = "100")))] limit: Query<
            u32,
        >,
    ) -> Result<Json<BatchDetail>, Problem> {
        caller.admin()?;
        let pool = app.core.db.pool();
        let batch = payout::batch(pool, id.0).await?.ok_or_else(|| Problem::new("payout.batch_not_found"))?;
        let skips = payout::skips(pool, batch.id, after.0, limit.0).await?;
        let view = tallied(&app, vec![batch]).await?.pop().ok_or_else(|| Problem::new("internal"))?;
        Ok(Json(BatchDetail::new(view, skips, limit.0)))
    }

    /// Run a batch now
    ///
    /// Beside that of the week. For administrators.
    #[oai(path = "/payout-batches", method = "post", operation_id = "adminRunPayoutBatch")]
    async fn run_batch(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        #[oai(name = "Idempotency-Key")] idempotency_key: Header<Option<String>>,
    ) -> Result<Json<BatchView>, Problem> {
        let admin = caller.admin()?;
        let key = Key::parse(idempotency_key.0, caller.user_id(), "run-payout-batch", "")?;
        let id = unit!(app, admin, tx => {
            if let Some(saved) = key.begin(tx).await? {
                return saved.parse().map_err(|_| Problem::new("internal"));
            }
            let batch = payout::open_now(tx).await?;
            key.save(tx, &batch.id.to_string()).await?;
            Ok(batch.id)
        })?;
        let batch = payout::batch(app.core.db.pool(), id).await?.ok_or_else(|| Problem::new("internal"))?;
        let view = tallied(&app, vec![batch]).await?.pop().ok_or_else(|| Problem::new("internal"))?;
        Ok(Json(view))
    }

    /// List the mentors who owe
    ///
    /// Those of whom more was taken back than is ready; what they earn next makes up for it first. By their ids. For
    /// administrators.
    #[oai(path = "/payout-debts", method = "get", operation_id = "adminListPayoutDebts")]
    async fn debts(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        /// The `next` of the page before.
        after: Query<Option<UserId>>,
        #[oai(default = "page_size", validator(minimum(value = "1"), maximum(value = "100")))] limit: Query<
            u32,
        >,
    ) -> Result<Json<DebtPage>, Problem> {
        caller.admin()?;
        let rows = payout::debts(app.core.db.pool(), after.0, limit.0).await?;
        Ok(Json(DebtPage::new(rows, limit.0)))
    }
}

async fn show(app: &App, id: PayoutId) -> Result<Detail, Problem> {
    let pool = app.core.db.pool();
    let payout = payout::find(pool, id).await?.ok_or(payout::Error::NotFound)?;
    let resolution = payout::resolution(pool, &payout).await?.map(ResolutionView::from);
    let lines = settlement::lines_of_payout(pool, id).await?;
    Ok(Detail::new(payout, resolution, lines))
}

async fn tallied(app: &App, batches: Vec<Batch>) -> Result<Vec<BatchView>, Problem> {
    let ids: Vec<_> = batches.iter().map(|batch| batch.id).collect();
    let (payouts, skipped) = payout::tallies(app.core.db.pool(), &ids).await?;
    Ok(batches.into_iter().map(|batch| BatchView::new(batch, &payouts, &skipped)).collect())
}
