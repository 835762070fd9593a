//! The back office: accounts and applications. Every handler asks [`Caller::admin`] first.

use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::admin_acts::note_reading;
use super::admin_view::{Account, Accounts, Applicant, Applicants};
use super::answer::{Because, page_size};
use super::caller::Caller;
use super::page_key::page_key;
use super::problem::Problem;
use super::text::Text;
use super::{Shared, Tag, unit};
use crate::id::UserId;
use crate::mentor::{self, Decision};
use crate::user::{self, Filter, State};

pub struct AdminApi;

#[derive(Debug, Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
struct ApproveRequest {
    /// The version of the application that was read; refused when it has changed since.
    expected_version: i64,
}

#[derive(Debug, Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
struct RejectRequest {
    /// The version of the application that was read; refused when it has changed since.
    expected_version: i64,
    /// The applicant reads it.
    #[oai(validator(min_length = 1, max_length = 1000))]
    reason: Text,
}

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Admin")]
impl AdminApi {
    /// List accounts
    ///
    /// Newest first. That it was read is kept. For administrators.
    #[oai(path = "/users", method = "get", operation_id = "adminListUsers")]
    async fn users(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        state: Query<Option<State>>,
        /// The `next` of the page before.
        before: Query<Option<UserId>>,
        #[oai(default = "page_size", validator(minimum(value = "1"), maximum(value = "100")))] limit: Query<
            u32,
        >,
    ) -> Result<Json<Accounts>, Problem> {
        note_reading(&app, caller.admin()?).await?;
        let filter = Filter { state: state.0, before: before.0 };
        let users = user::list(app.core.db.pool(), &filter, limit.0).await?;
        Ok(Json(Accounts::new(users, limit.0)))
    }

    /// Suspend an account
    ///
    /// Its logins end at once. What it has ahead as a mentor is cancelled with everything given back, one job each: the list
    /// of jobs with this account as `subject` shows how far that is. What it has booked stays. One that is being deleted can
    /// be suspended too: it is not erased while it is suspended. For administrators.
    #[oai(path = "/users/:id/suspend", method = "post", operation_id = "adminSuspendUser")]
    async fn suspend(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<UserId>,
        body: Json<Because>,
    ) -> Result<Json<Account>, Problem> {
        let admin = caller.admin()?;
        let user = unit!(app, admin, tx => { Ok(user::suspend(tx, id.0, &body.reason).await?) })?;
        Ok(Json(user.into()))
    }

    /// Let a suspended account in again
    ///
    /// One that was being deleted goes on leaving, with another 14 days in which its owner can come back. For administrators.
    #[oai(path = "/users/:id/reinstate", method = "post", operation_id = "adminReinstateUser")]
    async fn reinstate(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<UserId>,
        body: Json<Because>,
    ) -> Result<Json<Account>, Problem> {
        let admin = caller.admin()?;
        let user = unit!(app, admin, tx => { Ok(user::reinstate(tx, id.0, &body.reason).await?) })?;
        Ok(Json(user.into()))
    }

    /// List the applications that wait
    ///
    /// Oldest first. That it was read is kept. For administrators.
    #[oai(path = "/mentor-applications", method = "get", operation_id = "adminListApplications")]
    async fn applications(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        /// The `next` of the page before.
        #[oai(validator(max_length = 100))]
        after: Query<Option<String>>,
        #[oai(default = "page_size", validator(minimum(value = "1"), maximum(value = "100")))] limit: Query<
            u32,
        >,
    ) -> Result<Json<Applicants>, Problem> {
        let admin = caller.admin()?;
        let after = after.0.as_deref().map(page_key).transpose()?;
        note_reading(&app, admin).await?;
        let waiting = mentor::list_applications(app.core.db.pool(), after, limit.0).await?;
        Ok(Json(Applicants::new(waiting, limit.0)))
    }

    /// Approve an application
    ///
    /// The applicant is a mentor from their next access token on. For administrators.
    #[oai(path = "/mentor-applications/:id/approve", method = "post", operation_id = "adminApproveMentor")]
    async fn approve(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<UserId>,
        body: Json<ApproveRequest>,
    ) -> Result<Json<Applicant>, Problem> {
        let admin = caller.admin()?;
        let mentor = unit!(app, admin, tx => {
            Ok(mentor::decide(tx, id.0, Decision::Approve, body.expected_version).await?)
        })?;
        Ok(Json(mentor.into()))
    }

    /// Reject an application
    ///
    /// The applicant reads the reason and may apply again. For administrators.
    #[oai(path = "/mentor-applications/:id/reject", method = "post", operation_id = "adminRejectMentor")]
    async fn reject(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<UserId>,
        body: Json<RejectRequest>,
    ) -> Result<Json<Applicant>, Problem> {
        let admin = caller.admin()?;
        let mentor = unit!(app, admin, tx => {
            let decision = Decision::Reject { reason: body.reason.to_string() };
            Ok(mentor::decide(tx, id.0, decision, body.expected_version).await?)
        })?;
        Ok(Json(mentor.into()))
    }
}
