//! Lists of the back office over many domains, and what is known of one person.

use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;

use super::admin_acts::note_reading;
use super::admin_lists_view::{
    MentorRow, Mentors, OfferingRow, Offerings, PaymentRow, Payments, ReservationRow, Reservations,
    UserDetail,
};
use super::answer::page_size;
use super::caller::Caller;
use super::instant::When;
use super::problem::Problem;
use super::{Shared, Tag};
use crate::id::{OfferingId, PaymentId, ReservationId, UserId};
use crate::mentor::{self, State as MentorState};
use crate::office::{self, MentorFilter, OfferingFilter, PaymentFilter, Prefix, ReservationFilter};
use crate::payment::PaymentState;
use crate::reservation::State;
use crate::user;

pub struct ListsApi;

/// As many lines of an account's history as are shown.
const MOST_LINES: u32 = 100;

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Admin")]
impl ListsApi {
    /// List reservations
    ///
    /// Newest first. That it was read is kept. For administrators.
    #[oai(path = "/reservations", method = "get", operation_id = "adminListReservations")]
    #[expect(clippy::too_many_arguments, reason = "each is a query parameter")]
    async fn reservations(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        state: Query<Option<State>>,
        mentor: Query<Option<UserId>>,
        mentee: Query<Option<UserId>>,
        /// Sessions that begin at this instant or later (UTC).
        from: Query<Option<When>>,
        /// Sessions that begin before this instant (UTC).
        to: Query<Option<When>>,
        /// How the id begins: 8 hexadecimal digits or more.
        #[oai(validator(max_length = 36))]
        id: Query<Option<String>>,
        /// The `next` of the page before.
        before: Query<Option<ReservationId>>,
        #[oai(default = "page_size", validator(minimum(value = "1"), maximum(value = "100")))] limit: Query<
            u32,
        >,
    ) -> Result<Json<Reservations>, Problem> {
        let admin = caller.admin()?;
        let prefix = id.0.as_deref().map(Prefix::parse).transpose();
        let filter = ReservationFilter {
            state: state.0,
            mentor: mentor.0,
            mentee: mentee.0,
            from: from.0.map(|at| at.0),
            to: to.0.map(|at| at.0),
            prefix: prefix.map_err(|error| Problem::from(error).field("id"))?,
            before: before.0,
        };
        note_reading(&app, admin).await?;
        let rows = office::reservations(app.core.db.pool(), &filter, limit.0).await?;
        let next = rows.last().filter(|_| rows.len() == limit.0 as usize).map(|row| row.id);
        Ok(Json(Reservations { items: rows.into_iter().map(ReservationRow::from).collect(), next }))
    }

    /// List payments
    ///
    /// Newest first. That it was read is kept. For administrators.
    #[oai(path = "/payments", method = "get", operation_id = "adminListPayments")]
    #[expect(clippy::too_many_arguments, reason = "each is a query parameter")]
    async fn payments(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        state: Query<Option<PaymentState>>,
        mentee: Query<Option<UserId>>,
        /// Ordered at this instant or later (UTC).
        from: Query<Option<When>>,
        /// Ordered before this instant (UTC).
        to: Query<Option<When>>,
        /// The `next` of the page before.
        before: Query<Option<PaymentId>>,
        #[oai(default = "page_size", validator(minimum(value = "1"), maximum(value = "100")))] limit: Query<
            u32,
        >,
    ) -> Result<Json<Payments>, Problem> {
        let admin = caller.admin()?;
        let (from, to) = (from.0.map(|at| at.0), to.0.map(|at| at.0));
        let filter = PaymentFilter { state: state.0, mentee: mentee.0, from, to, before: before.0 };
        note_reading(&app, admin).await?;
        let rows = office::payments(app.core.db.pool(), &filter, limit.0).await?;
        let next = rows.last().filter(|_| rows.len() == limit.0 as usize).map(|row| row.id);
        Ok(Json(Payments { items: rows.into_iter().map(PaymentRow::from).collect(), next }))
    }

    /// List mentors
    ///
    /// Also applicants and those who were rejected or suspended; newest accounts first. That it was read is kept. For
    /// administrators.
    #[oai(path = "/mentors", method = "get", operation_id = "adminListMentors")]
    async fn mentors(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        state: Query<Option<MentorState>>,
        /// The `next` of the page before.
        before: Query<Option<UserId>>,
        #[oai(default = "page_size", validator(minimum(value = "1"), maximum(value = "100")))] limit: Query<
            u32,
        >,
    ) -> Result<Json<Mentors>, Problem> {
        let admin = caller.admin()?;
        let filter = MentorFilter { state: state.0, before: before.0 };
        note_reading(&app, admin).await?;
        let rows = office::mentors(app.core.db.pool(), &filter, limit.0).await?;
        let next = rows.last().filter(|_| rows.len() == limit.0 as usize).map(|row| row.user_id);
        Ok(Json(Mentors { items: rows.into_iter().map(MentorRow::from).collect(), next }))
    }

    /// List offerings
    ///
    /// Also private and retired ones, newest first. For administrators.
    #[oai(path = "/offerings", method = "get", operation_id = "adminListOfferings")]
    async fn offerings(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        mentor: Query<Option<UserId>>,
        /// Only those on the market, or only those that were taken off it.
        active: Query<Option<bool>>,
        /// The `next` of the page before.
        before: Query<Option<OfferingId>>,
        #[oai(default = "page_size", validator(minimum(value = "1"), maximum(value = "100")))] limit: Query<
            u32,
        >,
    ) -> Result<Json<Offerings>, Problem> {
        caller.admin()?;
        let filter = OfferingFilter { mentor: mentor.0, is_active: active.0, before: before.0 };
        let rows = office::offerings(app.core.db.pool(), &filter, limit.0).await?;
        let next = rows.last().filter(|_| rows.len() == limit.0 as usize).map(|row| row.id);
        Ok(Json(Offerings { items: rows.into_iter().map(OfferingRow::from).collect(), next }))
    }

    /// Show an account
    ///
    /// With what its owner has to do with us, and what was done to it. That it was read is kept. For administrators.
    #[oai(path = "/users/:id", method = "get", operation_id = "adminGetUser")]
    async fn user(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<UserId>,
    ) -> Result<Json<UserDetail>, Problem> {
        let admin = caller.admin()?;
        let pool = app.core.db.pool();
        let account = user::get(pool, id.0).await?;
        note_reading(&app, admin).await?;
        let mentor = match mentor::find(pool, id.0).await {
            Ok(mentor) => Some(mentor),
            Err(mentor::Error::NotFound) => None,
            Err(error) => return Err(error.into()),
        };
        let since = app.core.clock.now() - app.tokens.refresh_life();
        let dossier = office::dossier(pool, id.0, since).await?;
        let lines = office::lines_of_user(pool, id.0, MOST_LINES).await?;
        Ok(Json(UserDetail::new(account, mentor, dossier, lines)))
    }
}
