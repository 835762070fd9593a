//! The caller's own profile, logins and devices.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::answer::Done;
use super::caller::Caller;
use super::problem::Problem;
use super::text::Text;
use super::{Shared, Tag, unit};
use crate::auth::{self, Reason, Role, Session};
use crate::id::{SessionId, UserId};
use crate::mentor;
use crate::user::{self, Locale, Platform, ProfileChange, State, User};

pub struct MeApi;

/// A person, as they and administrators see them.
#[derive(Debug, Object)]
#[oai(rename_all = "camelCase")]
pub(crate) struct Profile {
    id: UserId,
    email: String,
    /// Whether its owner has proven that they read the mailbox.
    email_verified: bool,
    name: String,
    /// The language of mails and pushes.
    locale: Locale,
    /// An IANA name such as `Asia/Seoul`.
    time_zone: String,
    roles: Vec<Role>,
    /// The path of their picture, where they have one.
    #[oai(skip_serializing_if_is_none)]
    picture: Option<String>,
    state: State,
    /// UTC.
    created_at: DateTime<Utc>,
    /// Grows with every change; send it back as `expectedVersion`.
    version: i64,
}

impl Profile {
    pub fn new(user: User, is_mentor: bool) -> Self {
        let roles = user.roles(is_mentor);
        Self {
            id: user.id,
            email: user.email,
            email_verified: user.email_verified_at.is_some(),
            name: user.name,
            locale: user.locale,
            time_zone: user.time_zone.to_string(),
            roles,
            picture: user.picture_id.map(|id| format!("/v1/pictures/{id}")),
            state: user.state,
            created_at: user.created_at,
            version: user.version,
        }
    }
}

/// What is absent stays as it is.
#[derive(Debug, Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
struct ChangeRequest {
    /// The version the caller saw; refused when the profile has changed since.
    expected_version: i64,
    /// 1 to 80 characters.
    #[oai(validator(max_length = 200))]
    name: Option<Text>,
    locale: Option<Locale>,
    #[oai(validator(max_length = 64))]
    time_zone: Option<Text>,
}

/// One login on one device.
#[derive(Debug, Object)]
#[oai(rename = "Login", rename_all = "camelCase")]
struct SessionView {
    id: SessionId,
    user_agent: String,
    /// UTC.
    created_at: DateTime<Utc>,
    /// When it was opened or last refreshed (UTC).
    last_seen_at: DateTime<Utc>,
    /// Whether this request came from it.
    current: bool,
}

impl SessionView {
    fn new(session: Session, current: SessionId) -> Self {
        Self {
            id: session.id,
            user_agent: session.user_agent,
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
            current: session.id == current,
        }
    }
}

#[derive(Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
struct DeviceRequest {
    /// The push service's registration token.
    #[oai(validator(min_length = 1, max_length = 512))]
    token: Text,
    platform: Platform,
}

#[derive(Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
struct ForgetDeviceRequest {
    #[oai(validator(min_length = 1, max_length = 512))]
    token: Text,
}

#[OpenApi(prefix_path = "/v1/me", tag = "Tag::Me")]
impl MeApi {
    /// Show the caller's profile
    #[oai(path = "/", method = "get", operation_id = "getMe")]
    async fn get(&self, app: Data<&Shared>, caller: Caller) -> Result<Json<Profile>, Problem> {
        let pool = app.core.db.pool();
        let user = user::get(pool, caller.user_id()).await?;
        let is_mentor = mentor::is_approved(pool, user.id).await?;
        Ok(Json(Profile::new(user, is_mentor)))
    }

    /// Change the caller's profile
    #[oai(path = "/", method = "patch", operation_id = "changeMe")]
    async fn change(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        body: Json<ChangeRequest>,
    ) -> Result<Json<Profile>, Problem> {
        let ChangeRequest { expected_version, name, locale, time_zone } = body.0;
        let time_zone = time_zone.map(|zone| zone.parse()).transpose().map_err(|e: user::Error| e)?;
        let change = ProfileChange { name: name.map(|n| n.0), locale, time_zone };
        let user = unit!(app, caller.actor(), tx => {
            let user = user::update_profile(tx, caller.user_id(), &change, expected_version).await?;
            if change.name.is_some() {
                mentor::refresh_card(tx, user.id).await?;
            }
            Ok(user)
        })?;
        let is_mentor = mentor::is_approved(app.core.db.pool(), user.id).await?;
        Ok(Json(Profile::new(user, is_mentor)))
    }

    /// List the caller's logins
    ///
    /// Those that live, the one used last first. There are at most 100: one login more ends the one that was used longest ago,
    /// and one that is not refreshed for as long as a refresh token is good ends too.
    #[oai(path = "/sessions", method = "get", operation_id = "listLogins")]
    async fn sessions(&self, app: Data<&Shared>, caller: Caller) -> Result<Json<Vec<SessionView>>, Problem> {
        let current = caller.principal().session_id;
        let since = app.core.clock.now() - app.tokens.refresh_life();
        let sessions = auth::sessions_of(app.core.db.pool(), caller.user_id(), since).await?;
        Ok(Json(sessions.into_iter().map(|s| SessionView::new(s, current)).collect()))
    }

    /// End one of the caller's logins
    #[oai(path = "/sessions/:id", method = "delete", operation_id = "endLogin")]
    async fn end_session(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<SessionId>,
    ) -> Result<Done, Problem> {
        let ended = unit!(app, caller.actor(), tx => {
            Ok(auth::revoke_session(tx, id.0, caller.user_id(), Reason::Logout).await?)
        })?;
        if ended { Ok(Done::Done) } else { Err(Problem::new("auth.session_not_found")) }
    }

    /// Register a device for pushes
    ///
    /// Doing so again changes nothing; a token that somebody else registered moves to the caller. Of more than 20
    /// devices the oldest is forgotten.
    #[oai(path = "/devices", method = "post", operation_id = "addDevice")]
    async fn add_device(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        body: Json<DeviceRequest>,
    ) -> Result<Done, Problem> {
        unit!(app, caller.actor(), tx => {
            Ok(user::add_device_token(tx, caller.user_id(), &body.token, body.platform).await?)
        })?;
        Ok(Done::Done)
    }

    /// Forget a device
    ///
    /// No error when it is not known. The token stands in the body, because addresses end up in logs.
    #[oai(path = "/devices", method = "delete", operation_id = "forgetDevice")]
    async fn forget_device(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        body: Json<ForgetDeviceRequest>,
    ) -> Result<Done, Problem> {
        unit!(app, caller.actor(), tx => {
            Ok(user::remove_device_token(tx, caller.user_id(), &body.token).await?)
        })?;
        Ok(Done::Done)
    }
}
