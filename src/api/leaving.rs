//! Deleting an account, by its owner or an administrator.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::types::Password;
use poem_openapi::{Object, OpenApi};

use super::admin_view::Account;
use super::answer::Because;
use super::caller::Caller;
use super::fresh::must_be_fresh;
use super::problem::Problem;
use super::{Shared, Tag, unit};
use crate::auth;
use crate::id::UserId;
use crate::settlement;

pub struct LeavingApi;

#[derive(Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
struct LeaveRequest {
    /// Not needed in a login of the last minutes.
    #[oai(validator(max_length = 256))]
    password: Option<Password>,
}

/// An account on its way out.
#[derive(Debug, Object)]
#[oai(rename_all = "camelCase")]
struct LeavingView {
    /// Until then its owner can log in with `restore` and keep it (UTC).
    erased_at: DateTime<Utc>,
}

#[OpenApi(prefix_path = "/v1")]
impl LeavingApi {
    /// Delete the caller's account
    ///
    /// Needs the password, or a login of the last minutes (`auth.fresh_login_required`); with a second factor, that one
    /// (`auth.fresh_factor_required`). Every login ends; what the caller has ahead as a mentor is cancelled, with
    /// everything given back. Refused while the caller has bookings of their own (`account.bookings_open`), earnings and
    /// debts that are not settled, or a refund that waits for their bank account or for another administrator
    /// (`account.money_open`). For 14 days a login with `restore` keeps the account; then everything that tells who it was
    /// is erased.
    #[oai(path = "/me/deletion", method = "post", operation_id = "deleteMe", tag = "Tag::Me")]
    async fn leave(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        body: Json<LeaveRequest>,
    ) -> Result<Json<LeavingView>, Problem> {
        let (id, session, most) =
            (caller.user_id(), caller.principal().session_id, app.core.rules.fresh_login());
        let must_be_fresh = must_be_fresh(&app, &caller, body.0.password).await?;
        let user = unit!(app, caller.actor(), tx => {
            if must_be_fresh {
                auth::require_fresh(tx, session, most).await?;
            }
            Ok(settlement::close_account(tx, id, "asked by its owner").await?)
        })?;
        let erased_at = user.erase_at.ok_or_else(|| Problem::new("internal"))?;
        Ok(Json(LeavingView { erased_at }))
    }

    /// Delete an account
    ///
    /// As its owner would. For administrators.
    #[oai(
        path = "/admin/users/:id/delete",
        method = "post",
        operation_id = "adminDeleteUser",
        tag = "Tag::Admin"
    )]
    async fn delete(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<UserId>,
        body: Json<Because>,
    ) -> Result<Json<Account>, Problem> {
        let admin = caller.admin()?;
        let user = unit!(app, admin, tx => { Ok(settlement::close_account(tx, id.0, &body.reason).await?) })?;
        Ok(Json(user.into()))
    }
}
