//! From a slot to a finished session.

use poem::web::Data;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::ToJSON;
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde_json::json;

use super::caller::Caller;
use super::idempotency::Key;
use super::instant::When;
use super::problem::Problem;
use super::reservation_view::{HistoryView, Page, ReservationView, Viewer};
use super::text::Text;
use super::{Shared, Tag, throttle, unit};
use crate::db::Tx;
use crate::id::{OfferingId, QuoteId, ReservationId, UserId};
use crate::money::Krw;
use crate::payment::{self, Choice};
use crate::reservation::{self, NewReservation, Reservation, State};

pub struct ReservationsApi;

/// Which slot of which offering.
#[derive(Debug, Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
struct ReserveRequest {
    offering_id: OfferingId,
    /// One of the offering's free slots (UTC).
    starts_at: When,
    /// One of the offering's durations; the first, unless given.
    duration_minutes: Option<u32>,
    /// What the session is to be about, for the mentor to read.
    #[oai(validator(min_length = 1, max_length = 2000))]
    question: Option<Text>,
    /// The price in won that the mentee saw; refused when it has changed.
    expected_price: Option<Krw>,
}

#[derive(Debug, Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
struct ReasonRequest {
    #[oai(validator(min_length = 1, max_length = 500))]
    reason: String,
}

#[derive(Debug, Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
struct CancelRequest {
    #[oai(validator(min_length = 1, max_length = 500))]
    reason: String,
    /// The version the caller saw; refused when the reservation has changed, and with it what is given back.
    expected_version: i64,
    /// A quote of this reservation, which is honoured exactly; without one, what the policy says now.
    quote_id: Option<QuoteId>,
}

#[derive(ApiResponse)]
enum Reserved {
    /// The slot is held.
    #[oai(status = 201)]
    Created(Json<ReservationView>),
    /// The caller holds this slot already: the same reservation, with the same deadline.
    #[oai(status = 200)]
    Existing(Json<ReservationView>),
}

#[OpenApi(prefix_path = "/v1/reservations", tag = "Tag::Reservations")]
impl ReservationsApi {
    /// Reserve a slot
    ///
    /// Takes the slot for the caller: `awaiting_payment` for instant offerings, `requested` for those the mentor
    /// approves. A free session is confirmed without a payment, at once or with the mentor's approval; each mentee has
    /// one with each mentor. Of any number of simultaneous callers one gets it; the others get `slot.taken` with other times.
    #[oai(path = "/", method = "post", operation_id = "reserve")]
    async fn reserve(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        #[oai(name = "Idempotency-Key")] idempotency_key: Header<Option<String>>,
        body: Json<ReserveRequest>,
    ) -> Result<Reserved, Problem> {
        let key = Key::parse(idempotency_key.0, caller.user_id(), "reserve", &body.to_json_string())?;
        // Whoever sends a request again asks for nothing new.
        if let Err(too_often) = throttle::hold(&app, caller.user_id()).await
            && !key.is_answered(app.core.db.pool()).await?
        {
            return Err(too_often);
        }
        let new = NewReservation {
            offering_id: body.offering_id,
            mentee_id: caller.user_id(),
            starts_at: body.starts_at.0,
            duration_min: body.duration_minutes,
            expected_price: body.expected_price,
            hold: None,
        };
        let (id, is_new) = unit!(app, caller.actor(), tx => {
            if let Some(saved) = key.begin(tx).await? {
                let held = saved.strip_suffix(HELD_ALREADY);
                let id = held.unwrap_or(&saved).parse().map_err(|_| Problem::new("internal"))?;
                return Ok((id, held.is_none()));
            }
            let reserved = reservation::reserve(tx, &app.core.rules, &new).await?;
            if let Some(question) = &body.question {
                reservation::ask(tx, &reserved.reservation, new.mentee_id, question).await?;
            }
            let (id, is_new) = (reserved.reservation.id, reserved.is_new);
            let mark = if is_new { "" } else { HELD_ALREADY };
            key.save(tx, &format!("{id}{mark}")).await?;
            Ok((id, is_new))
        })?;
        let view = Json(view(&app, id, caller.user_id()).await?);
        Ok(if is_new { Reserved::Created(view) } else { Reserved::Existing(view) })
    }

    /// List the caller's reservations
    ///
    /// As mentee and as mentor, newest first.
    #[oai(path = "/", method = "get", operation_id = "listReservations")]
    async fn list(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        state: Query<Option<State>>,
        /// The `next` of the page before.
        before: Query<Option<ReservationId>>,
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u32>,
    ) -> Result<Json<Page>, Problem> {
        let pool = app.core.db.pool();
        let rows = reservation::page_for_member(pool, caller.user_id(), state.0, before.0, limit.0).await?;
        let ids: Vec<_> = rows.iter().map(|r| r.id).collect();
        let given = payment::given_of(pool, &ids).await?.into_iter().collect();
        let viewer = Viewer::new(&app, caller.user_id());
        Ok(Json(Page::new(rows, limit.0, viewer, &given)))
    }

    /// Show a reservation
    ///
    /// With its deadlines, what the caller may do next, and what a cancellation would give back now.
    #[oai(path = "/:id", method = "get", operation_id = "getReservation")]
    async fn get(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
    ) -> Result<Json<ReservationView>, Problem> {
        Ok(Json(view(&app, id.0, caller.user_id()).await?))
    }

    /// Show who changed what, when and why
    #[oai(path = "/:id/history", method = "get", operation_id = "getReservationHistory")]
    async fn history(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
    ) -> Result<Json<Vec<HistoryView>>, Problem> {
        let pool = app.core.db.pool();
        let found = reservation::find_for_member(pool, id.0, caller.user_id()).await?;
        let found = found.ok_or_else(|| Problem::new("reservation.not_found"))?;
        let rows = reservation::history(pool, found.id).await?;
        Ok(Json(rows.into_iter().map(HistoryView::from).collect()))
    }

    /// Approve a request
    #[oai(path = "/:id/approve", method = "post", operation_id = "approveReservation")]
    async fn approve(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
    ) -> Result<Json<ReservationView>, Problem> {
        let mentor = caller.mentor()?;
        unit!(app, caller.actor(), tx => {
            let found = locked(tx, id.0, mentor).await?;
            Ok(reservation::approve(tx, &app.core.rules, &found, mentor).await?)
        })?;
        Ok(Json(view(&app, id.0, mentor).await?))
    }

    /// Reject a request
    #[oai(path = "/:id/reject", method = "post", operation_id = "rejectReservation")]
    async fn reject(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
        body: Json<ReasonRequest>,
    ) -> Result<Json<ReservationView>, Problem> {
        let mentor = caller.mentor()?;
        unit!(app, caller.actor(), tx => {
            let found = locked(tx, id.0, mentor).await?;
            Ok(reservation::reject(tx, &found, mentor, &body.reason).await?)
        })?;
        Ok(Json(view(&app, id.0, mentor).await?))
    }

    /// Cancel a reservation
    ///
    /// Either side may. The refund is what the quote promised; without one, all of it when the mentor cancels, and by
    /// the tiers of the policy at this moment when the mentee does. Whoever comes too late is told how the reservation
    /// stands now.
    #[oai(path = "/:id/cancel", method = "post", operation_id = "cancelReservation")]
    async fn cancel(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
        #[oai(name = "Idempotency-Key")] idempotency_key: Header<Option<String>>,
        body: Json<CancelRequest>,
    ) -> Result<Json<ReservationView>, Problem> {
        let request = format!("{}{}", id.0, body.to_json_string());
        let key = Key::parse(idempotency_key.0, caller.user_id(), "cancel", &request)?;
        unit!(app, caller.actor(), tx => {
            if key.begin(tx).await?.is_some() {
                return Ok(());
            }
            let found = locked(tx, id.0, caller.user_id()).await?;
            if found.version != body.expected_version {
                return Err(stands(Problem::new("reservation.stale").field("expectedVersion"), &found));
            }
            let choice = match body.quote_id {
                Some(quote) => payment::redeem_quote(tx, quote, &found, caller.user_id()).await?,
                None => Choice::Due,
            };
            let side = found.side_of(caller.user_id());
            let cancelled = payment::cancel_with(tx, &found, side, &body.reason, choice).await;
            cancelled.map_err(|error| stands(error.into(), &found))?;
            Ok(key.save(tx, "cancelled").await?)
        })?;
        Ok(Json(view(&app, id.0, caller.user_id()).await?))
    }

    /// Say that the session took place
    ///
    /// By the mentee, after its end; without it the session completes by itself later.
    #[oai(path = "/:id/complete", method = "post", operation_id = "completeReservation")]
    async fn complete(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
    ) -> Result<Json<ReservationView>, Problem> {
        unit!(app, caller.actor(), tx => {
            let found = locked(tx, id.0, caller.user_id()).await?;
            if found.mentee_id != caller.user_id() {
                return Err(Problem::new("reservation.not_allowed"));
            }
            Ok(reservation::complete(tx, &found).await?)
        })?;
        Ok(Json(view(&app, id.0, caller.user_id()).await?))
    }
}

/// Behind the id in the saved answer to a request that found the caller's own hold: it is 200 once more.
const HELD_ALREADY: &str = " held";

fn default_limit() -> u32 {
    20
}

/// Tells whoever lost a race how the reservation stands now (S29, S30).
pub(super) fn stands(problem: Problem, r: &Reservation) -> Problem {
    match problem.code() {
        "reservation.not_allowed" | "reservation.stale" => {
            problem.context(serde_json::json!({ "state": r.state, "version": r.version }))
        }
        _ => problem,
    }
}

pub(super) async fn locked(tx: &mut Tx, id: ReservationId, member: UserId) -> Result<Reservation, Problem> {
    let found = reservation::lock_for_member(tx, id, member).await?;
    found.ok_or_else(|| Problem::new("reservation.not_found"))
}

pub(super) async fn view(
    app: &Shared,
    id: ReservationId,
    viewer: UserId,
) -> Result<ReservationView, Problem> {
    let found = reservation::find_for_member(app.core.db.pool(), id, viewer).await?;
    let found = found.ok_or_else(|| Problem::new("reservation.not_found"))?;
    let given = payment::given_of(app.core.db.pool(), &[id]).await?;
    let given = given.first().map_or(Krw::ZERO, |(_, given)| *given);
    Ok(ReservationView::new(&found, Viewer::new(app, viewer), given))
}

impl From<reservation::Error> for Problem {
    fn from(error: reservation::Error) -> Self {
        let context = match &error {
            reservation::Error::SlotTaken { alternatives } => json!({ "alternatives": alternatives }),
            reservation::Error::HoldLimit { until, held } => json!({ "until": until, "reservations": held }),
            reservation::Error::CoolDown { until, wait } => {
                let seconds = u64::try_from(wait.num_seconds() + 1).unwrap_or(1);
                let context = json!({ "until": until });
                return Self::of(error.code(), error).context(context).retry_after(seconds);
            }
            _ => return Self::of(error.code(), error),
        };
        Self::of(error.code(), error).context(context)
    }
}
