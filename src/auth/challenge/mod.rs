//! Logins between the password and the second factor: a token of five minutes and five guesses.

mod model;
mod query;

use secrecy::{ExposeSecret, SecretString};
use sqlx::MySqlExecutor;

use super::factor;
use super::{Error, model::hash_token};
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::{UserId, secret};
use crate::seal::Sealer;

pub use model::{Answered, Challenge};
use model::{LIFE, MOST_GUESSES, Pending};

/// Asks somebody for their second factor. The caller has checked the rest.
pub async fn challenge(tx: &mut Tx, user: UserId, restores: bool) -> Result<Challenge, Error> {
    let (token, expires_at) = (SecretString::from(secret()), tx.now + LIFE);
    query::insert(tx, &hash_token(token.expose_secret()), user, restores, expires_at).await?;
    Ok(Challenge { token, expires_at })
}

/// Who is asked, if the token is good: for whoever counts the guesses.
pub async fn challenged(
    executor: impl MySqlExecutor<'_>,
    token: &SecretString,
    now: Instant,
) -> Result<Option<UserId>, Error> {
    Ok(query::owner(executor, &hash_token(token.expose_secret()), now).await?)
}

/// Takes the answer. Commit whatever comes of it: a wrong one is counted.
///
/// # Errors
/// [`Error::ChallengeInvalid`] for a token that is unknown, used, too old or was guessed at too often.
pub async fn answer(
    tx: &mut Tx,
    sealer: &Sealer,
    token: &SecretString,
    code: &str,
) -> Result<Answered, Error> {
    let hash = hash_token(token.expose_secret());
    let pending = query::lock(tx, &hash).await?;
    let is_open = |p: &Pending| p.expires_at > tx.now && p.attempts < MOST_GUESSES;
    let Pending { user_id, restores, .. } = pending.filter(is_open).ok_or(Error::ChallengeInvalid)?;
    if !factor::try_factor(tx, sealer, user_id, code).await? {
        query::count_guess(tx, &hash).await?;
        return Ok(Answered::Wrong);
    }
    query::delete(tx, &hash).await?;
    Ok(Answered::Right { user: user_id, restores })
}
