//! The live session over REST: whether one may enter, ending it before its time, and going on after it. What happens in
//! the room itself goes over the sockets.

use poem::web::Data;
use poem_openapi::param::{Header, Path};
use poem_openapi::payload::Json;
use poem_openapi::types::ToJSON;
use poem_openapi::{Object, OpenApi};

use super::answer::Created;
use super::caller::Caller;
use super::idempotency::Key;
use super::problem::Problem;
use super::reservation_view::ReservationView;
use super::reservations::{self, stands};
use super::session_view::SessionView;
use super::{Shared, Tag, unit};
use crate::db::Tx;
use crate::id::{ReservationId, UserId};
use crate::reservation;
use crate::session::{self, Error};

pub struct SessionsApi;

#[derive(Debug, Object)]
#[oai(rename = "ExtendSession", rename_all = "camelCase", deny_unknown_fields)]
struct ExtendRequest {
    /// 15, 30, 45 or 60.
    #[oai(validator(minimum(value = "15"), maximum(value = "60"), multiple_of = "15"))]
    minutes: u32,
}

#[OpenApi(prefix_path = "/v1/reservations", tag = "Tag::Sessions")]
impl SessionsApi {
    /// Show the room of a session
    ///
    /// When it opens and closes by the server's clock, whether the caller may enter now, and who is there. An extension
    /// shows the room of its session.
    #[oai(path = "/:id/session", method = "get", operation_id = "getSession")]
    async fn get(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
    ) -> Result<Json<SessionView>, Problem> {
        look(&app, id.0, caller.user_id()).await
    }

    /// Ask to end the session now
    ///
    /// By either side, while it runs. When both have asked, it is completed, with how long it really lasted; the money
    /// stays that of the whole session, and what was paid for an extension that did not begin goes back.
    #[oai(path = "/:id/end", method = "post", operation_id = "endSession")]
    async fn end(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
    ) -> Result<Json<SessionView>, Problem> {
        unit!(app, caller.actor(), tx => {
            match session::ask_end(tx, id.0, caller.user_id()).await {
                Err(error) => Err(standing(tx, error, id.0, caller.user_id()).await?),
                Ok(_) => Ok(()),
            }
        })?;
        look(&app, id.0, caller.user_id()).await
    }

    /// Take back the wish to end the session
    #[oai(path = "/:id/end", method = "delete", operation_id = "withdrawSessionEnd")]
    async fn withdraw_end(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
    ) -> Result<Json<SessionView>, Problem> {
        unit!(app, caller.actor(), tx => {
            match session::withdraw_end(tx, id.0, caller.user_id()).await {
                Err(error) => Err(standing(tx, error, id.0, caller.user_id()).await?),
                Ok(_) => Ok(()),
            }
        })?;
        look(&app, id.0, caller.user_id()).await
    }

    /// Ask for more time
    ///
    /// By the mentee, while the session runs. Takes the time right after it, at the session's price for as many minutes,
    /// rounded down to whole won. The answer is a reservation in `requested`: the mentor approves it (then it is paid as
    /// any other), rejects it, or gives it for nothing, within 5 minutes and before the session ends. Where the time is
    /// taken, `session.extension_taken` says how many minutes the session has left and how long an extension may be.
    #[oai(path = "/:id/extensions", method = "post", operation_id = "extendSession")]
    async fn extend(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
        #[oai(name = "Idempotency-Key")] idempotency_key: Header<Option<String>>,
        body: Json<ExtendRequest>,
    ) -> Result<Created<ReservationView>, Problem> {
        let request = format!("{}{}", id.0, body.to_json_string());
        let key = Key::parse(idempotency_key.0, caller.user_id(), "extend-session", &request)?;
        let (rules, mentee) = (&app.core.rules, caller.user_id());
        let made: ReservationId = unit!(app, caller.actor(), tx => {
            if let Some(saved) = key.begin(tx).await? {
                return saved.parse().map_err(|_| Problem::new("internal"));
            }
            let made = match session::extend(tx, rules, id.0, mentee, body.minutes).await {
                Err(error) => return Err(standing(tx, error, id.0, mentee).await?),
                Ok(made) => made,
            };
            key.save(tx, &made.id.to_string()).await?;
            Ok(made.id)
        })?;
        Ok(Created::Created(Json(reservations::view(&app, made, mentee).await?)))
    }

    /// Give an extension for nothing
    ///
    /// By the mentor, instead of approving it: it is confirmed at once and nothing is charged.
    #[oai(path = "/:id/extensions/:extension_id/free", method = "post", operation_id = "giveExtension")]
    async fn give_free(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
        extension_id: Path<ReservationId>,
    ) -> Result<Json<ReservationView>, Problem> {
        let mentor = caller.mentor()?;
        unit!(app, caller.actor(), tx => {
            match session::give_free(tx, id.0, extension_id.0, mentor).await {
                Err(error) => Err(standing(tx, error, extension_id.0, mentor).await?),
                Ok(_) => Ok(()),
            }
        })?;
        Ok(Json(reservations::view(&app, extension_id.0, mentor).await?))
    }
}

async fn look(app: &Shared, id: ReservationId, viewer: UserId) -> Result<Json<SessionView>, Problem> {
    let now = app.core.clock.now();
    let view = session::look(app.core.db.pool(), id, viewer, now, &app.core.rules).await?;
    Ok(Json(SessionView::new(view, now)))
}

/// A refusal, with how the reservation stands now for whoever lost a race.
async fn standing(tx: &mut Tx, error: Error, id: ReservationId, member: UserId) -> Result<Problem, Problem> {
    let problem = Problem::from(error);
    if !matches!(problem.code(), "reservation.not_allowed" | "reservation.stale") {
        return Ok(problem);
    }
    let found = reservation::find_for_member(tx.conn(), id, member).await?;
    Ok(match found {
        Some(found) => stands(problem, &found),
        None => problem,
    })
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Reservation(inner) => inner.into(),
            Error::Payment(inner) => inner.into(),
            Error::Dispute(inner) => inner.into(),
            Error::Availability(inner) => inner.into(),
            Error::ExtensionTaken { minutes_left, minutes_free } => {
                let context = serde_json::json!({ "minutesLeft": minutes_left, "minutesFree": minutes_free });
                Self::new("session.extension_taken").context(context)
            }
            other => Self::of(other.code(), other),
        }
    }
}
