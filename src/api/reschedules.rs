//! Having a booking at another time.

use poem::web::Data;
use poem_openapi::param::{Header, Path};
use poem_openapi::payload::Json;
use poem_openapi::types::ToJSON;
use poem_openapi::{Object, OpenApi};

use super::answer::Created;
use super::caller::Caller;
use super::idempotency::Key;
use super::instant::When;
use super::problem::Problem;
use super::reservation_view::ReservationView;
use super::reservations::{stands, view};
use super::text::Text;
use super::{Shared, Tag, unit};
use crate::db::Tx;
use crate::id::{ReservationId, UserId};
use crate::reservation::{self, Reservation};

pub struct ReschedulesApi;

#[derive(Debug, Object)]
#[oai(rename = "ProposeReschedule", rename_all = "camelCase", deny_unknown_fields)]
struct ProposeRequest {
    /// One of the offering's free slots (UTC); it may overlap the booking's own time.
    starts_at: When,
    /// The other side reads it.
    #[oai(validator(min_length = 1, max_length = 500))]
    reason: Text,
    /// The version the caller saw; refused when the reservation has changed.
    expected_version: i64,
}

#[derive(Debug, Object)]
#[oai(rename = "SeenReschedule", rename_all = "camelCase", deny_unknown_fields)]
struct SeenRequest {
    /// The version the caller saw; refused when the reservation, and with it the proposal, has changed.
    expected_version: i64,
}

#[derive(Debug, Object)]
#[oai(rename = "DeclineReschedule", rename_all = "camelCase", deny_unknown_fields)]
struct DeclineRequest {
    /// The other side reads it.
    #[oai(validator(min_length = 1, max_length = 500))]
    reason: Text,
    /// The version the caller saw; refused when the reservation, and with it the proposal, has changed.
    expected_version: i64,
}

#[OpenApi(prefix_path = "/v1/reservations", tag = "Tag::Reservations")]
impl ReschedulesApi {
    /// Move a booking to another time, or propose it
    ///
    /// By either side of a confirmed booking, until an hour before its start. The new time is taken at once. A mentee
    /// moves a booking of an instant offering without asking while its start is at least 24 hours away; everything else
    /// is a proposal (`reschedule`) that the other side answers within 48 hours, and at the latest an hour before either
    /// start. Price and duration stay; nothing is paid again. A booking is moved twice at most.
    #[oai(path = "/:id/reschedules", method = "post", operation_id = "proposeReschedule")]
    async fn propose(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
        #[oai(name = "Idempotency-Key")] idempotency_key: Header<Option<String>>,
        body: Json<ProposeRequest>,
    ) -> Result<Created<ReservationView>, Problem> {
        let user = caller.user_id();
        let request = format!("{}{}", id.0, body.to_json_string());
        let key = Key::parse(idempotency_key.0, user, "reschedule", &request)?;
        unit!(app, caller.actor(), tx => {
            if key.begin(tx).await?.is_some() {
                return Ok(());
            }
            let found = seen(tx, id.0, user, body.expected_version).await?;
            let (side, rules) = (found.side_of(user), &app.core.rules);
            let to = body.starts_at.0;
            let moved = reservation::propose_move(tx, rules, &found, side, to, &body.reason).await;
            moved.map_err(|error| stands(error.into(), &found))?;
            Ok(key.save(tx, "proposed").await?)
        })?;
        Ok(Created::Created(Json(view(&app, id.0, user).await?)))
    }

    /// Agree to the other time
    ///
    /// By the side that did not propose it. The booking, its reminders and its calendar entry move in one step.
    #[oai(path = "/:id/reschedules/accept", method = "post", operation_id = "acceptReschedule")]
    async fn accept(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
        #[oai(name = "Idempotency-Key")] idempotency_key: Header<Option<String>>,
        body: Json<SeenRequest>,
    ) -> Result<Json<ReservationView>, Problem> {
        let user = caller.user_id();
        let request = format!("{}{}", id.0, body.to_json_string());
        let key = Key::parse(idempotency_key.0, user, "accept-reschedule", &request)?;
        unit!(app, caller.actor(), tx => {
            if key.begin(tx).await?.is_some() {
                return Ok(());
            }
            let found = seen(tx, id.0, user, body.expected_version).await?;
            let moved = reservation::accept_move(tx, &found, found.side_of(user)).await;
            moved.map_err(|error| stands(error.into(), &found))?;
            Ok(key.save(tx, "accepted").await?)
        })?;
        Ok(Json(view(&app, id.0, user).await?))
    }

    /// Decline the other time
    ///
    /// By the side that did not propose it. The booking stays where it is, and the proposed time is free again.
    #[oai(path = "/:id/reschedules/decline", method = "post", operation_id = "declineReschedule")]
    async fn decline(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
        body: Json<DeclineRequest>,
    ) -> Result<Json<ReservationView>, Problem> {
        let user = caller.user_id();
        unit!(app, caller.actor(), tx => {
            let found = seen(tx, id.0, user, body.expected_version).await?;
            let ended = reservation::decline_move(tx, &found, found.side_of(user), &body.reason).await;
            ended.map_err(|error| stands(error.into(), &found))
        })?;
        Ok(Json(view(&app, id.0, user).await?))
    }

    /// Take a proposal back
    ///
    /// By the side that made it. The booking stays where it is, and the proposed time is free again.
    #[oai(path = "/:id/reschedules/withdraw", method = "post", operation_id = "withdrawReschedule")]
    async fn withdraw(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
        body: Json<SeenRequest>,
    ) -> Result<Json<ReservationView>, Problem> {
        let user = caller.user_id();
        unit!(app, caller.actor(), tx => {
            let found = seen(tx, id.0, user, body.expected_version).await?;
            let ended = reservation::withdraw_move(tx, &found, found.side_of(user)).await;
            ended.map_err(|error| stands(error.into(), &found))
        })?;
        Ok(Json(view(&app, id.0, user).await?))
    }
}

/// Locks a member's reservation and its calendars; refused when it is not as the caller saw it.
async fn seen(tx: &mut Tx, id: ReservationId, user: UserId, version: i64) -> Result<Reservation, Problem> {
    let found = reservation::lock_to_move(tx, id, user).await?;
    let found = found.ok_or_else(|| Problem::new("reservation.not_found"))?;
    if found.version != version {
        return Err(stands(Problem::new("reservation.stale").field("expectedVersion"), &found));
    }
    Ok(found)
}
