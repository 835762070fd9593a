//! What administrators do in the place of a side, or of time itself: the moves of the process, each with a reason.

use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::admin_reservations::AdminReservation;
use super::caller::Caller;
use super::problem::Problem;
use super::reservations::stands;
use super::text::Text;
use super::{App, Shared, Tag, unit};
use crate::context::Actor;
use crate::id::ReservationId;
use crate::reservation::{self, Operation, Reservation};

pub struct OperationsApi;

#[derive(Debug, Object)]
#[oai(rename = "AdminOperation", rename_all = "camelCase", deny_unknown_fields)]
struct OperationRequest {
    /// Both sides read it.
    #[oai(validator(min_length = 1, max_length = 500))]
    reason: Text,
    /// The version the caller saw; refused when the reservation has changed.
    expected_version: Option<i64>,
}

#[OpenApi(prefix_path = "/v1/admin/reservations", tag = "Tag::Admin")]
impl OperationsApi {
    /// Approve a request for its mentor
    ///
    /// As if the mentor had: the mentee has the time of a hold to pay. For administrators.
    #[oai(path = "/:id/approve", method = "post", operation_id = "adminApproveReservation")]
    async fn approve(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
        body: Json<OperationRequest>,
    ) -> Result<Json<AdminReservation>, Problem> {
        operate(&app, caller.admin()?, id.0, &body.0, Operation::Approve).await
    }

    /// Reject a request for its mentor
    ///
    /// As if the mentor had: the slot is free again. For administrators.
    #[oai(path = "/:id/reject", method = "post", operation_id = "adminRejectReservation")]
    async fn reject(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
        body: Json<OperationRequest>,
    ) -> Result<Json<AdminReservation>, Problem> {
        operate(&app, caller.admin()?, id.0, &body.0, Operation::Reject).await
    }

    /// Say that a session took place
    ///
    /// After its end, as if the mentee had: the mentor's share is accrued. For administrators.
    #[oai(path = "/:id/complete", method = "post", operation_id = "adminCompleteReservation")]
    async fn complete(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
        body: Json<OperationRequest>,
    ) -> Result<Json<AdminReservation>, Problem> {
        operate(&app, caller.admin()?, id.0, &body.0, Operation::Complete).await
    }

    /// End a hold or a request before its time
    ///
    /// As if its time had come: the slot is free again, and a deposit that still comes is given back. One whose payment is
    /// being confirmed is not touched. For administrators.
    #[oai(path = "/:id/expire", method = "post", operation_id = "adminExpireReservation")]
    async fn expire(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
        body: Json<OperationRequest>,
    ) -> Result<Json<AdminReservation>, Problem> {
        operate(&app, caller.admin()?, id.0, &body.0, Operation::Expire).await
    }
}

/// Runs one move; whoever comes too late is told how the reservation stands.
async fn operate(
    app: &App,
    admin: Actor,
    id: ReservationId,
    request: &OperationRequest,
    operation: Operation,
) -> Result<Json<AdminReservation>, Problem> {
    let is: Reservation = unit!(app, admin, tx => {
        let was = reservation::lock(tx, id).await?;
        let was = was.ok_or_else(|| Problem::new("reservation.not_found"))?;
        if request.expected_version.is_some_and(|seen| seen != was.version) {
            return Err(stands(Problem::new("reservation.stale").field("expectedVersion"), &was));
        }
        let done = reservation::operate(tx, &app.core.rules, &was, operation, &request.reason).await;
        done.map_err(|error| stands(error.into(), &was))
    })?;
    Ok(Json(is.into()))
}
