//! Join, log in, stay logged in.

use chrono::{DateTime, Utc};
use poem::http::header;
use poem::web::{Data, Json as PlainJson};
use poem::{IntoResponse, Request, Response, handler};
use poem_openapi::payload::Json;
use poem_openapi::types::Password;
use poem_openapi::{Object, OpenApi};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::answer::{Created, Done};
use super::caller::Caller;
use super::me::Profile;
use super::problem::Problem;
use super::text::Text;
use super::{App, Shared, Tag, throttle, unit};
use crate::auth::{self, Grant, Purpose, Reason};
use crate::context::Actor;
use crate::id::UserId;
use crate::mentor;
use crate::user::{self, Locale, NewUser, User, Way, check_password};

pub struct AuthApi;

#[derive(Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
struct RegisterRequest {
    #[oai(validator(max_length = 254))]
    email: Text,
    /// 10 to 128 characters, and not the e-mail address.
    #[oai(validator(max_length = 256))]
    password: Password,
    /// 1 to 80 characters.
    #[oai(validator(max_length = 200))]
    name: Text,
    locale: Locale,
    /// An IANA name such as `Asia/Seoul`.
    #[oai(validator(max_length = 64))]
    time_zone: Text,
    /// The six digits that were mailed for the purpose `register`; whether it must be there is the operator's choice.
    #[oai(validator(pattern = "^[0-9]{6}$"))]
    email_code: Option<Text>,
}

#[derive(Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
struct LoginRequest {
    #[oai(validator(max_length = 254))]
    email: Text,
    #[oai(validator(max_length = 256))]
    password: Password,
    /// Whether an account that is being deleted shall stay.
    #[oai(default)]
    restore: bool,
}

#[derive(Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
struct RefreshRequest {
    #[oai(validator(max_length = 128))]
    refresh_token: Password,
}

/// A fresh pair of tokens.
#[derive(Object)]
#[oai(rename = "Tokens", rename_all = "camelCase")]
pub(super) struct TokensView {
    /// For the `Authorization: Bearer` header.
    access_token: String,
    /// UTC.
    access_expires_at: DateTime<Utc>,
    /// Good once: `POST /v1/auth/refresh` gives the next pair.
    refresh_token: String,
    /// UTC.
    refresh_expires_at: DateTime<Utc>,
    user: Profile,
}

#[OpenApi(prefix_path = "/v1/auth", tag = "Tag::Auth")]
impl AuthApi {
    /// Register
    ///
    /// For everybody. Makes an account; log in with it afterwards. With a code that was mailed to the address
    /// (`/v1/auth/email-codes`) the account is verified from the start.
    #[oai(path = "/register", method = "post", operation_id = "register")]
    async fn register(
        &self,
        app: Data<&Shared>,
        body: Json<RegisterRequest>,
    ) -> Result<Created<Profile>, Problem> {
        let RegisterRequest { email, password, name, locale, time_zone, email_code } = body.0;
        let new = NewUser::parse(&email, &name, locale, &time_zone)?;
        check_password(&password, &new.email)?;
        throttle::joining(&app).await?;
        if email_code.is_none() && app.config.require_email_code {
            return Err(Problem::from(auth::Error::EmailCodeRequired).field("emailCode"));
        }
        let hash = app.hasher.hash(&SecretString::from(password.0)).await?;
        let user = unit!(app, Actor::Anonymous, tx => {
            let Some(code) = &email_code else { return Ok(Some(user::register(tx, &new, &hash).await?)) };
            if !auth::try_code(tx, &app.sealer, new.email.as_str(), Purpose::Register, code).await? {
                return Ok(None);
            }
            Ok(Some(user::register_verified(tx, &new, Some(&hash)).await?))
        })?;
        let user = user.ok_or_else(|| Problem::from(auth::Error::EmailCodeInvalid).field("emailCode"))?;
        Ok(Created::Created(Json(Profile::new(user, false))))
    }

    /// Log in
    ///
    /// For everybody. Opens a session; an unknown address and a wrong password look alike. Whoever has a second factor is
    /// answered `auth.second_factor_required`, with a `challenge` for `/v1/auth/second-factor`.
    #[oai(path = "/login", method = "post", operation_id = "login")]
    async fn login(
        &self,
        app: Data<&Shared>,
        request: &Request,
        body: Json<LoginRequest>,
    ) -> Result<Json<TokensView>, Problem> {
        let LoginRequest { email, password, restore } = body.0;
        throttle::login(&app, &email).await?;
        let password = SecretString::from(password.0);
        let user = user::authenticate(app.core.db.pool(), &app.hasher, &email, &password).await?;
        Ok(Json(enter(&app, request, Entry { user: user.id, restore }).await?))
    }

    /// Refresh
    ///
    /// For whoever has a refresh token. Each token is good once; a token that comes again ends its session, for
    /// somebody has a copy.
    #[oai(path = "/refresh", method = "post", operation_id = "refresh")]
    async fn refresh(
        &self,
        app: Data<&Shared>,
        body: Json<RefreshRequest>,
    ) -> Result<Json<TokensView>, Problem> {
        let token = SecretString::from(body.0.refresh_token.0);
        let rotation = unit!(app, Actor::Anonymous, tx => {
            Ok(auth::rotate(tx, &token, app.tokens.refresh_life()).await?)
        })?;
        let grant = rotation.granted()?;
        let user = user::get(app.core.db.pool(), grant.user_id).await?;
        Ok(Json(issue(&app, user, &grant).await?))
    }

    /// Log out
    ///
    /// Ends the caller's session: its tokens are refused from now on and its sockets are closed.
    #[oai(path = "/logout", method = "post", operation_id = "logout")]
    async fn logout(&self, app: Data<&Shared>, caller: Caller) -> Result<Done, Problem> {
        let session = caller.principal().session_id;
        unit!(app, caller.actor(), tx => {
            Ok(auth::revoke_session(tx, session, caller.user_id(), Reason::Logout).await?)
        })?;
        Ok(Done::Done)
    }
}

/// Who comes in, once it is known who they are.
pub(super) struct Entry {
    pub user: UserId,
    /// Whether an account that is being deleted shall stay.
    pub restore: bool,
}

/// Opens a session, or asks for the second factor.
pub(super) async fn enter(app: &App, request: &Request, entry: Entry) -> Result<TokensView, Problem> {
    let (agent, life) = (request.header(header::USER_AGENT).unwrap_or_default(), app.tokens.refresh_life());
    let way = unit!(app, Actor::User(entry.user), tx => {
        Ok(user::enter(tx, entry.user, agent, life, entry.restore).await?)
    })?;
    match way {
        Way::In(user, grant) => issue(app, user, &grant).await,
        Way::Asked(challenge) => {
            let (token, until) = (challenge.token.expose_secret(), challenge.expires_at);
            let context = json!({ "challenge": token, "expiresAt": until });
            Err(Problem::new("auth.second_factor_required").context(context))
        }
    }
}

pub(super) async fn issue(app: &App, user: User, grant: &Grant) -> Result<TokensView, Problem> {
    let is_mentor = mentor::is_approved(app.core.db.pool(), user.id).await?;
    let roles = user.roles(is_mentor);
    let access = app.tokens.issue(user.id, grant.session_id, &roles, app.core.clock.now())?;
    Ok(TokensView {
        access_token: access.token.expose_secret().to_owned(),
        access_expires_at: access.expires_at,
        refresh_token: grant.refresh_token.expose_secret().to_owned(),
        refresh_expires_at: grant.refresh_expires_at,
        user: Profile::new(user, is_mentor),
    })
}

/// `GET /.well-known/jwks.json`: the public keys of access tokens (RFC 7517). A new key has to stand here for as
/// long as answers may be cached before it signs.
#[handler]
pub fn jwks(app: Data<&Shared>) -> Response {
    PlainJson(app.tokens.jwks()).with_header(header::CACHE_CONTROL, "public, max-age=300").into_response()
}
