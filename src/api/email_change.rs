//! Another address for an account, and the old one back.

use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::types::Password;
use poem_openapi::{Object, OpenApi};

use super::answer::Done;
use super::auth_mail::OnItsWay;
use super::caller::Caller;
use super::fresh::must_be_fresh;
use super::me::Profile;
use super::notice_mail::mailbox_moved;
use super::problem::Problem;
use super::text::Text;
use super::{Shared, Tag, throttle, unit};
use crate::auth;
use crate::context::Actor;
use crate::mentor;
use crate::user::{self, Email};

pub struct EmailChangeApi;

#[derive(Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
struct EmailChangeRequest {
    #[oai(validator(max_length = 254))]
    email: Text,
    /// Not needed in a login of the last minutes.
    #[oai(validator(max_length = 256))]
    password: Option<Password>,
}

#[derive(Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
struct EmailConfirmation {
    /// The six digits that were mailed to the new address.
    #[oai(validator(pattern = "^[0-9]{6}$"))]
    code: Text,
}

#[derive(Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
struct EmailUndo {
    /// From the link in the mail to the old address.
    #[oai(validator(max_length = 128))]
    token: Password,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Auth")]
impl EmailChangeApi {
    /// Ask for another address
    ///
    /// Needs the password, or a login of the last minutes (`auth.fresh_login_required`); with a second factor, that one
    /// (`auth.fresh_factor_required`). A code goes to the new address, good for 10 minutes, 5 guesses and one use, in this
    /// login alone; asking again replaces it. The answer is the same where the address has an account: then its owner gets
    /// a mail, and no code.
    #[oai(path = "/me/email", method = "post", operation_id = "changeEmail")]
    async fn ask(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        body: Json<EmailChangeRequest>,
    ) -> Result<OnItsWay, Problem> {
        let EmailChangeRequest { email, password } = body.0;
        let email = Email::parse(&email)?;
        let (id, session, most) =
            (caller.user_id(), caller.principal().session_id, app.core.rules.fresh_login());
        let must_be_fresh = must_be_fresh(&app, &caller, password).await?;
        if must_be_fresh {
            unit!(app, caller.actor(), tx => { Ok(auth::require_fresh(tx, session, most).await?) })?;
        }
        throttle::other_email(&app, id, &email).await?;
        unit!(app, caller.actor(), tx => {
            Ok(user::want_email(tx, &app.sealer, id, session, &email).await?)
        })?;
        Ok(OnItsWay::Accepted)
    }

    /// Prove the new address, which is the caller's from then on
    ///
    /// In the login that asked. Every other login of the caller ends. The old address gets a mail by which the account can be
    /// taken back for 72 hours (`/v1/auth/email-undo`).
    #[oai(path = "/me/email/confirmation", method = "post", operation_id = "confirmEmail")]
    async fn confirm(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        body: Json<EmailConfirmation>,
    ) -> Result<Json<Profile>, Problem> {
        let (id, session) = (caller.user_id(), caller.principal().session_id);
        throttle::login(&app, &id.to_string()).await?;
        let moved = unit!(app, caller.actor(), tx => {
            let moved = user::change_email(tx, &app.sealer, id, session, &body.code).await?;
            if let Some(moved) = &moved {
                mailbox_moved(tx, moved).await?;
            }
            Ok(moved)
        })?;
        let user = moved.ok_or(auth::Error::EmailCodeInvalid)?.user;
        let is_mentor = mentor::is_approved(app.core.db.pool(), id).await?;
        Ok(Json(Profile::new(user, is_mentor)))
    }

    /// Take an account back to its old address
    ///
    /// For whoever reads the old mailbox, by the token that was mailed there, once and within 72 hours. Every login ends, and
    /// the password is good no longer: set a new one by `/v1/auth/password-reset`. Other ways in, a second factor and devices
    /// that came since the change are gone.
    #[oai(path = "/auth/email-undo", method = "post", operation_id = "undoEmailChange")]
    async fn undo(&self, app: Data<&Shared>, body: Json<EmailUndo>) -> Result<Done, Problem> {
        throttle::joining(&app).await?;
        unit!(app, Actor::Anonymous, tx => {
            let moved = user::take_back(tx, &body.token).await?;
            mailbox_moved(tx, &moved).await
        })?;
        Ok(Done::Done)
    }
}
