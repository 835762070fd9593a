//! What must be shown again before something that a stolen token must not do.

use poem_openapi::types::Password;
use secrecy::{ExposeSecret, SecretString};

use super::App;
use super::caller::Caller;
use super::problem::Problem;
use super::throttle;
use crate::auth;
use crate::user;

/// Checks the password, where one is given. `true`: that does not do, and the login must be fresh
/// ([`auth::require_fresh`]); of whoever has a second factor, it is the factor that must be.
///
/// # Errors
/// `auth.password_wrong`, `request.too_many`
pub(super) async fn must_be_fresh(
    app: &App,
    caller: &Caller,
    password: Option<Password>,
) -> Result<bool, Problem> {
    let (id, pool) = (caller.user_id(), app.core.db.pool());
    let Some(password) = password else { return Ok(true) };
    throttle::login(app, &id.to_string()).await?;
    let found = user::credentials_of(pool, id).await?;
    let hash = found.password_hash.as_ref().map(ExposeSecret::expose_secret);
    if !app.hasher.verify(&SecretString::from(password.0), hash).await? {
        return Err(Problem::from(auth::Error::PasswordWrong).field("password"));
    }
    Ok(auth::factor(pool, id).await?.since.is_some())
}
