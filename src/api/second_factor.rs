//! The second factor: showing it at a login, and having one.

use chrono::{DateTime, Utc};
use poem::Request;
use poem::http::header;
use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::types::Password;
use poem_openapi::{Object, OpenApi};
use secrecy::{ExposeSecret, SecretString};

use super::answer::{Created, Done};
use super::auth::{TokensView, issue};
use super::caller::Caller;
use super::problem::Problem;
use super::text::Text;
use super::{Shared, Tag, throttle, unit};
use crate::auth;
use crate::context::Actor;
use crate::user;

pub struct SecondFactorApi;

#[derive(Object)]
#[oai(rename = "SecondFactorAnswer", rename_all = "camelCase", deny_unknown_fields)]
struct AnswerRequest {
    /// From the `context` of `auth.second_factor_required`.
    #[oai(validator(max_length = 128))]
    challenge: Password,
    /// Six digits of the app, or a recovery code.
    #[oai(validator(min_length = 6, max_length = 32))]
    code: Text,
}

#[derive(Object)]
#[oai(rename = "SecondFactorCode", rename_all = "camelCase", deny_unknown_fields)]
struct CodeRequest {
    /// Six digits of the app, or a recovery code.
    #[oai(validator(min_length = 6, max_length = 32))]
    code: Text,
}

/// The caller's second factor.
#[derive(Debug, Object)]
#[oai(rename = "SecondFactor", rename_all = "camelCase", skip_serializing_if_is_none)]
struct FactorView {
    enabled: bool,
    /// UTC.
    since: Option<DateTime<Utc>>,
    recovery_codes_left: i64,
}

/// For an authenticator app: shown this once.
#[derive(Debug, Object)]
#[oai(rename = "SecondFactorEnrolment", rename_all = "camelCase")]
struct EnrolmentView {
    /// In base 32.
    secret: String,
    /// `otpauth://…`, for a QR code.
    uri: String,
}

/// Each good once, in place of a code of the app: shown this once.
#[derive(Debug, Object)]
#[oai(rename_all = "camelCase")]
struct RecoveryCodes {
    recovery_codes: Vec<String>,
}

impl RecoveryCodes {
    fn new(codes: &[SecretString]) -> Self {
        Self { recovery_codes: codes.iter().map(|code| code.expose_secret().to_owned()).collect() }
    }
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Auth")]
impl SecondFactorApi {
    /// Log in with the second factor
    ///
    /// For whoever was answered `auth.second_factor_required`, within 5 minutes and 5 guesses.
    #[oai(path = "/auth/second-factor", method = "post", operation_id = "loginWithSecondFactor")]
    async fn log_in(
        &self,
        app: Data<&Shared>,
        request: &Request,
        body: Json<AnswerRequest>,
    ) -> Result<Json<TokensView>, Problem> {
        let AnswerRequest { challenge, code } = body.0;
        let token = SecretString::from(challenge.0);
        throttle::joining(&app).await?;
        let asked = auth::challenged(app.core.db.pool(), &token, app.core.clock.now()).await?;
        let asked = asked.ok_or(auth::Error::ChallengeInvalid)?;
        throttle::factor(&app, asked).await?;
        let agent = request.header(header::USER_AGENT).unwrap_or_default();
        let life = app.tokens.refresh_life();
        let entered = unit!(app, Actor::User(asked), tx => {
            Ok(user::answer_challenge(tx, &app.sealer, &token, &code, agent, life).await?)
        })?;
        let (user, grant) = entered.ok_or(auth::Error::FactorWrong)?;
        Ok(Json(issue(&app, user, &grant).await?))
    }

    /// Show the caller's second factor
    #[oai(path = "/me/second-factor", method = "get", operation_id = "getSecondFactor")]
    async fn get(&self, app: Data<&Shared>, caller: Caller) -> Result<Json<FactorView>, Problem> {
        let standing = auth::factor(app.core.db.pool(), caller.user_id()).await?;
        let auth::FactorStanding { since, recovery_codes_left } = standing;
        Ok(Json(FactorView { enabled: since.is_some(), since, recovery_codes_left }))
    }

    /// Begin with a second factor
    ///
    /// Needs a login of the last minutes (`auth.fresh_login_required`). Nothing changes before it is confirmed.
    #[oai(path = "/me/second-factor", method = "post", operation_id = "enrolSecondFactor")]
    async fn enrol(&self, app: Data<&Shared>, caller: Caller) -> Result<Created<EnrolmentView>, Problem> {
        let (session, most) = (caller.principal().session_id, app.core.rules.fresh_login());
        let account = user::get(app.core.db.pool(), caller.user_id()).await?.email;
        let enrolment = unit!(app, caller.actor(), tx => {
            auth::require_fresh(tx, session, most).await?;
            Ok(auth::enrol(tx, &app.sealer, caller.user_id(), &account).await?)
        })?;
        let text = |secret: &SecretString| secret.expose_secret().to_owned();
        Ok(Created::Created(Json(EnrolmentView {
            secret: text(&enrolment.secret),
            uri: text(&enrolment.uri),
        })))
    }

    /// Confirm the second factor
    ///
    /// By a code of the app. From now on a login needs it. The answer has the recovery codes.
    #[oai(path = "/me/second-factor/confirmation", method = "post", operation_id = "confirmSecondFactor")]
    async fn confirm(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        body: Json<CodeRequest>,
    ) -> Result<Json<RecoveryCodes>, Problem> {
        let (user, session) = (caller.user_id(), caller.principal().session_id);
        throttle::factor(&app, user).await?;
        let codes = unit!(app, caller.actor(), tx => {
            Ok(auth::confirm_factor(tx, &app.sealer, user, session, &body.code).await?)
        })?;
        Ok(Json(RecoveryCodes::new(&codes.ok_or(auth::Error::FactorWrong)?)))
    }

    /// Show the second factor again
    ///
    /// For what needs it fresh (`auth.fresh_factor_required`): the caller's login counts as fresh afterwards.
    #[oai(path = "/me/second-factor/check", method = "post", operation_id = "checkSecondFactor")]
    async fn check(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        body: Json<CodeRequest>,
    ) -> Result<Done, Problem> {
        let (user, session) = (caller.user_id(), caller.principal().session_id);
        throttle::factor(&app, user).await?;
        let right = unit!(app, caller.actor(), tx => {
            Ok(auth::step_up(tx, &app.sealer, user, session, &body.code).await?)
        })?;
        if right { Ok(Done::Done) } else { Err(auth::Error::FactorWrong.into()) }
    }

    /// Make new recovery codes
    ///
    /// The old ones are no longer good.
    #[oai(path = "/me/second-factor/recovery-codes", method = "post", operation_id = "renewRecoveryCodes")]
    async fn renew(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        body: Json<CodeRequest>,
    ) -> Result<Json<RecoveryCodes>, Problem> {
        let user = caller.user_id();
        throttle::factor(&app, user).await?;
        let codes = unit!(app, caller.actor(), tx => {
            if !auth::try_factor(tx, &app.sealer, user, &body.code).await? {
                return Ok(None);
            }
            Ok(Some(auth::renew_recovery_codes(tx, &app.sealer, user).await?))
        })?;
        Ok(Json(RecoveryCodes::new(&codes.ok_or(auth::Error::FactorWrong)?)))
    }

    /// Do without the second factor
    #[oai(path = "/me/second-factor", method = "delete", operation_id = "dropSecondFactor")]
    async fn remove(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        body: Json<CodeRequest>,
    ) -> Result<Done, Problem> {
        let user = caller.user_id();
        throttle::factor(&app, user).await?;
        let right = unit!(app, caller.actor(), tx => {
            if !auth::try_factor(tx, &app.sealer, user, &body.code).await? {
                return Ok(false);
            }
            auth::drop_factor(tx, user).await?;
            Ok(true)
        })?;
        if right { Ok(Done::Done) } else { Err(auth::Error::FactorWrong.into()) }
    }
}
