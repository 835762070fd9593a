//! Waiting for a slot that is not free yet.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::answer::{Created, Done};
use super::caller::Caller;
use super::instant::When;
use super::problem::Problem;
use super::{Shared, Tag, throttle, unit};
use crate::id::{OfferingId, ReservationId, UserId, WaitlistId};
use crate::reservation::{self, Waiting, WaitlistEntry, Wish};

/// Entries that are listed.
const LISTED: u32 = 50;

pub struct WaitlistApi;

#[derive(Debug, Object)]
#[oai(rename = "JoinWaitlist", rename_all = "camelCase", deny_unknown_fields)]
struct JoinRequest {
    /// A start from here (UTC), within 180 days …
    from: When,
    /// … until before here; at most 14 days later.
    to: When,
    /// One of the offering's durations; the first, unless given.
    duration_minutes: Option<u32>,
}

/// What somebody waits for.
#[derive(Debug, Object)]
#[oai(rename = "WaitlistEntry", rename_all = "camelCase", skip_serializing_if_is_none)]
struct EntryView {
    id: WaitlistId,
    offering_id: OfferingId,
    duration_minutes: u32,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    state: Waiting,
    /// The hold that was made for them; to be paid by its `holdUntil`.
    reservation_id: Option<ReservationId>,
    created_at: DateTime<Utc>,
}

impl From<WaitlistEntry> for EntryView {
    fn from(entry: WaitlistEntry) -> Self {
        Self {
            id: entry.id,
            offering_id: entry.offering_id,
            duration_minutes: entry.duration_min,
            from: entry.from_at,
            to: entry.to_at,
            state: entry.state,
            reservation_id: entry.reservation_id,
            created_at: entry.created_at,
        }
    }
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Reservations")]
impl WaitlistApi {
    /// Wait for a slot
    ///
    /// Of an instant offering. Whatever becomes free within the time is offered in the order in which people began to
    /// wait, to one at a time: it is held for an hour as an unpaid reservation, and its mentee is told.
    #[oai(path = "/offerings/:id/waitlist", method = "post", operation_id = "joinWaitlist")]
    async fn join(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<OfferingId>,
        body: Json<JoinRequest>,
    ) -> Result<Created<EntryView>, Problem> {
        throttle::hold(&app, caller.user_id()).await?;
        let wish = Wish {
            offering_id: id.0,
            mentee_id: caller.user_id(),
            duration_min: body.duration_minutes,
            from: body.from.0,
            to: body.to.0,
        };
        let made = unit!(app, caller.actor(), tx => { Ok(reservation::join_waitlist(tx, &wish).await?) })?;
        let all = entries(&app, caller.user_id()).await?;
        let entry = all.into_iter().find(|entry| entry.id == made);
        Ok(Created::Created(Json(entry.ok_or_else(|| Problem::new("waitlist.not_found"))?)))
    }

    /// List what the caller waits for
    ///
    /// And waited for, newest first.
    #[oai(path = "/me/waitlist", method = "get", operation_id = "listMyWaitlist")]
    async fn list(&self, app: Data<&Shared>, caller: Caller) -> Result<Json<Vec<EntryView>>, Problem> {
        Ok(Json(entries(&app, caller.user_id()).await?))
    }

    /// Stop waiting
    ///
    /// A slot that is offered already is cancelled as a reservation instead.
    #[oai(path = "/me/waitlist/:id", method = "delete", operation_id = "leaveWaitlist")]
    async fn leave(&self, app: Data<&Shared>, caller: Caller, id: Path<WaitlistId>) -> Result<Done, Problem> {
        let user = caller.user_id();
        unit!(app, caller.actor(), tx => { Ok(reservation::leave_waitlist(tx, id.0, user).await?) })?;
        Ok(Done::Done)
    }
}

async fn entries(app: &Shared, mentee: UserId) -> Result<Vec<EntryView>, Problem> {
    let rows = reservation::waitlist(app.core.db.pool(), mentee, LISTED).await?;
    Ok(rows.into_iter().map(EntryView::from).collect())
}
