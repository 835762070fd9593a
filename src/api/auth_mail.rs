//! What a mailbox proves: joining, a forgotten password, the address of an account; and changing a password.

use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::types::Password;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use secrecy::{ExposeSecret, SecretString};

use super::answer::Done;
use super::caller::Caller;
use super::me::Profile;
use super::problem::Problem;
use super::request::{Lang, lang};
use super::text::Text;
use super::{Shared, Tag, throttle, unit};
use crate::auth::{self, Purpose};
use crate::context::Actor;
use crate::mentor;
use crate::user::{self, Email, Locale, check_password};

pub struct AuthMailApi;

/// What a code is asked for; one for another purpose does not serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
enum EmailCodePurpose {
    /// To join.
    Register,
    /// To set a new password.
    Reset,
    /// To prove the address of an account that exists.
    Verify,
}

impl From<EmailCodePurpose> for Purpose {
    fn from(purpose: EmailCodePurpose) -> Self {
        match purpose {
            EmailCodePurpose::Register => Self::Register,
            EmailCodePurpose::Reset => Self::Reset,
            EmailCodePurpose::Verify => Self::Verify,
        }
    }
}

#[derive(Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
struct CodeRequest {
    #[oai(validator(max_length = 254))]
    email: Text,
    purpose: EmailCodePurpose,
    /// The language of the mail; that of `Accept-Language` when absent.
    locale: Option<Locale>,
}

#[derive(Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
struct ResetRequest {
    #[oai(validator(max_length = 254))]
    email: Text,
    /// The six digits that were mailed for the purpose `reset`.
    #[oai(validator(pattern = "^[0-9]{6}$"))]
    code: Text,
    /// 10 to 128 characters, and not the e-mail address.
    #[oai(validator(max_length = 256))]
    new_password: Password,
}

#[derive(Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
struct PasswordRequest {
    #[oai(validator(max_length = 256))]
    current_password: Password,
    /// 10 to 128 characters, and not the e-mail address.
    #[oai(validator(max_length = 256))]
    new_password: Password,
}

#[derive(Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
struct VerifyRequest {
    /// The six digits that were mailed for the purpose `verify`.
    #[oai(validator(pattern = "^[0-9]{6}$"))]
    code: Text,
}

#[derive(ApiResponse)]
pub(super) enum OnItsWay {
    /// A mail is on its way, where there is somebody to get it.
    #[oai(status = 202)]
    Accepted,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Auth")]
impl AuthMailApi {
    /// Ask for a code by mail
    ///
    /// For everybody. The answer is the same whether or not the address has an account. A code has six digits and is good
    /// for 10 minutes, 5 guesses and one use; asking again replaces it.
    #[oai(path = "/auth/email-codes", method = "post", operation_id = "sendEmailCode")]
    async fn send_code(&self, app: Data<&Shared>, body: Json<CodeRequest>) -> Result<OnItsWay, Problem> {
        let CodeRequest { email, purpose, locale } = body.0;
        let email = Email::parse(&email)?;
        throttle::code(&app, &email).await?;
        let locale = locale.unwrap_or(match lang() {
            Lang::Ko => Locale::Ko,
            Lang::En => Locale::En,
        });
        unit!(app, Actor::Anonymous, tx => {
            Ok(auth::send_code(tx, &app.sealer, email.as_str(), purpose.into(), locale.name()).await?)
        })?;
        Ok(OnItsWay::Accepted)
    }

    /// Set a new password by a code
    ///
    /// For whoever reads the mailbox. Every login of the account ends.
    #[oai(path = "/auth/password-reset", method = "post", operation_id = "resetPassword")]
    async fn reset(&self, app: Data<&Shared>, body: Json<ResetRequest>) -> Result<Done, Problem> {
        let ResetRequest { email, code, new_password } = body.0;
        let email = Email::parse(&email)?;
        check_password(&new_password, &email).map_err(|e| Problem::from(e).field("newPassword"))?;
        throttle::login(&app, email.as_str()).await?;
        let hash = app.hasher.hash(&SecretString::from(new_password.0)).await?;
        let done = unit!(app, Actor::Anonymous, tx => {
            if !auth::try_code(tx, &app.sealer, email.as_str(), Purpose::Reset, &code).await? {
                return Ok(false);
            }
            Ok(user::reset_password(tx, &email, &hash).await?)
        })?;
        if done { Ok(Done::Done) } else { Err(auth::Error::EmailCodeInvalid.into()) }
    }

    /// Change the caller's password
    ///
    /// Every other login of the caller ends. Who came by a provider and has no password sets one by
    /// `/v1/auth/password-reset`.
    #[oai(path = "/me/password", method = "post", operation_id = "changePassword")]
    async fn change(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        body: Json<PasswordRequest>,
    ) -> Result<Done, Problem> {
        let PasswordRequest { current_password, new_password } = body.0;
        let found = user::credentials_of(app.core.db.pool(), caller.user_id()).await?;
        let email = Email::parse(&found.user.email)?;
        check_password(&new_password, &email).map_err(|e| Problem::from(e).field("newPassword"))?;
        throttle::login(&app, &caller.user_id().to_string()).await?;
        let present = found.password_hash.as_ref().map(ExposeSecret::expose_secret);
        let right = app.hasher.verify(&SecretString::from(current_password.0), present).await?;
        let present = present.filter(|_| right).ok_or(auth::Error::PasswordWrong)?;
        let hash = app.hasher.hash(&SecretString::from(new_password.0)).await?;
        let session = caller.principal().session_id;
        unit!(app, caller.actor(), tx => {
            Ok(user::change_password(tx, caller.user_id(), session, present, &hash).await?)
        })?;
        Ok(Done::Done)
    }

    /// Prove the caller's mailbox
    ///
    /// With a code that was mailed to the caller's address for the purpose `verify`.
    #[oai(path = "/me/email/verification", method = "post", operation_id = "verifyEmail")]
    async fn verify(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        body: Json<VerifyRequest>,
    ) -> Result<Json<Profile>, Problem> {
        let id = caller.user_id();
        let email = user::get(app.core.db.pool(), id).await?.email;
        throttle::login(&app, &id.to_string()).await?;
        let user = unit!(app, caller.actor(), tx => {
            if !auth::try_code(tx, &app.sealer, &email, Purpose::Verify, &body.code).await? {
                return Ok(None);
            }
            Ok(Some(user::verify_email(tx, id).await?))
        })?;
        let user = user.ok_or(auth::Error::EmailCodeInvalid)?;
        let is_mentor = mentor::is_approved(app.core.db.pool(), id).await?;
        Ok(Json(Profile::new(user, is_mentor)))
    }
}
