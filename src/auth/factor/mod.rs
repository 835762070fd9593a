//! Second factors: codes of an authenticator app, and recovery codes for whoever has lost it.
//!
//! The secret is sealed for its row. A code is good for its step of 30 seconds and one on either side, and once: a step
//! that was used, and every earlier one, is refused. Whoever counts the guesses is the caller.

mod model;
mod query;
mod totp;

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sqlx::MySqlExecutor;

use super::{Error, news};
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::{SessionId, UserId, random_bytes};
use crate::seal::Sealer;

pub use model::{Enrolment, FactorStanding};
use model::{RECOVERY_CODES, Row, Typed, recovery_code, row_name, shown, signed};

/// Makes a secret for somebody (`account` is what their app calls it). It guards nothing until it is confirmed; one that
/// was not confirmed is replaced.
///
/// # Errors
/// [`Error::FactorExists`]
pub async fn enrol(tx: &mut Tx, sealer: &Sealer, user: UserId, account: &str) -> Result<Enrolment, Error> {
    if query::lock(tx, user).await?.is_some_and(|row| row.confirmed_at.is_some()) {
        return Err(Error::FactorExists);
    }
    let secret = totp::base32(&random_bytes::<20>());
    query::replace(tx, user, &sealer.seal(&secret, &row_name(user))).await?;
    Ok(Enrolment::new(&secret, account))
}

/// Puts the secret in force, for somebody who shows a code of it: their recovery codes, which are shown this once.
/// `None`: the code is wrong.
///
/// # Errors
/// [`Error::FactorExists`], [`Error::FactorMissing`]
pub async fn confirm_factor(
    tx: &mut Tx,
    sealer: &Sealer,
    user: UserId,
    session: SessionId,
    code: &str,
) -> Result<Option<Vec<SecretString>>, Error> {
    let row = query::lock(tx, user).await?.ok_or(Error::FactorMissing)?;
    if row.confirmed_at.is_some() {
        return Err(Error::FactorExists);
    }
    let Typed::Code(code) = Typed::parse(code) else { return Ok(None) };
    if !use_code(tx, sealer, user, &row, &code).await? {
        return Ok(None);
    }
    query::confirm(tx, user).await?;
    super::query::mark_factor(tx, session).await?;
    warn(tx, user, "security.factor_on", json!({})).await?;
    Ok(Some(renew(tx, sealer, user).await?))
}

/// Whether somebody shows their second factor: a code of the app, or a recovery code, which is used up then.
pub async fn try_factor(tx: &mut Tx, sealer: &Sealer, user: UserId, code: &str) -> Result<bool, Error> {
    let row = query::lock(tx, user).await?.filter(|row| row.confirmed_at.is_some());
    let row = row.ok_or(Error::FactorMissing)?;
    match Typed::parse(code) {
        Typed::Code(code) => use_code(tx, sealer, user, &row, &code).await,
        Typed::Recovery(code) => {
            if !query::use_recovery_code(tx, user, &sealer.sign(&signed(user, &code))).await? {
                return Ok(false);
            }
            let left = query::standing(tx.conn(), user).await?.recovery_codes_left;
            warn(tx, user, "security.recovery_code_used", json!({ "left": left.to_string() })).await?;
            Ok(true)
        }
        Typed::Neither => Ok(false),
    }
}

/// The same in a login that exists: it is fresh then. `false`: the code is wrong.
pub async fn step_up(
    tx: &mut Tx,
    sealer: &Sealer,
    user: UserId,
    session: SessionId,
    code: &str,
) -> Result<bool, Error> {
    let right = try_factor(tx, sealer, user, code).await?;
    if right {
        super::query::mark_factor(tx, session).await?;
    }
    Ok(right)
}

/// New recovery codes in place of the old ones.
pub async fn renew_recovery_codes(
    tx: &mut Tx,
    sealer: &Sealer,
    user: UserId,
) -> Result<Vec<SecretString>, Error> {
    renew(tx, sealer, user).await
}

/// Takes a second factor away, if there is one.
pub async fn drop_factor(tx: &mut Tx, user: UserId) -> Result<(), Error> {
    if query::delete(tx, user).await? {
        warn(tx, user, "security.factor_off", json!({})).await?;
    }
    Ok(())
}

/// The same, if it was set up or put in force at this moment or later.
pub async fn drop_factor_since(tx: &mut Tx, user: UserId, since: Instant) -> Result<(), Error> {
    match query::lock(tx, user).await? {
        Some(row) if row.confirmed_at.is_none_or(|at| at >= since) => drop_factor(tx, user).await,
        _ => Ok(()),
    }
}

/// The same for somebody who is gone.
pub(super) async fn forget(tx: &mut Tx, user: UserId) -> Result<(), Error> {
    query::delete(tx, user).await?;
    Ok(())
}

/// What is known of somebody's second factor.
pub async fn factor(executor: impl MySqlExecutor<'_>, user: UserId) -> Result<FactorStanding, Error> {
    Ok(query::standing(executor, user).await?)
}

async fn renew(tx: &mut Tx, sealer: &Sealer, user: UserId) -> Result<Vec<SecretString>, Error> {
    query::delete_recovery_codes(tx, user).await?;
    let mut codes = Vec::new();
    for _ in 0..RECOVERY_CODES {
        let code = recovery_code();
        query::insert_recovery_code(tx, user, &sealer.sign(&signed(user, &code))).await?;
        codes.push(SecretString::from(shown(&code)));
    }
    Ok(codes)
}

async fn use_code(tx: &mut Tx, sealer: &Sealer, user: UserId, row: &Row, code: &str) -> Result<bool, Error> {
    let secret = sealer.open(&row.secret, &row_name(user)).map_err(Error::Sealed)?;
    let secret = totp::unbase32(secret.expose_secret()).unwrap_or_default();
    let now = tx.now.timestamp();
    let Some(step) = totp::step_of(&secret, code, now, row.last_step) else { return Ok(false) };
    query::use_step(tx, user, step).await?;
    Ok(true)
}

async fn warn(tx: &mut Tx, user: UserId, kind: &str, mut data: serde_json::Value) -> Result<(), Error> {
    let at = tx.now;
    data["at"] = json!(at);
    // What happens twice in one microsecond to one person is told once.
    news::warn(tx, user, kind, format!("{kind}:{user}:{}", at.timestamp_micros()), data).await
}
