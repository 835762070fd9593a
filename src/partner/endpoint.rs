//! Who listens: administrators say so. Every change has a version and a line in the history.

use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};
use sqlx::MySqlPool;
use sqlx::types::Json;

use super::error::Error;
use super::model::{Act, Endpoint, EndpointState, Wanted, check_types};
use super::{query, signature};
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::WebhookEndpointId;
use crate::job::NotifyEvent;
use crate::outside::Fence;
use crate::seal::{SealError, Sealer};
use crate::{outbox, snapshot, user};

/// Old secrets that are kept: the last ones, and the oldest, which the receiver surely had. As many as `old_sealed`
/// holds.
const MOST_OLD: usize = 3;
/// Between secrets that are sealed together; in no secret.
const BETWEEN: &str = " ";

/// As many endpoints as there may be, deleted ones aside: every change is told to each of them.
pub const MOST_ENDPOINTS: i64 = 50;

/// The endpoints, newest first; deleted ones are left out.
pub async fn list(pool: &MySqlPool) -> Result<Vec<Endpoint>, Error> {
    Ok(query::list(pool).await?)
}

/// One endpoint, also a deleted one.
///
/// # Errors
/// `NotFound`
pub async fn find(pool: &MySqlPool, id: WebhookEndpointId) -> Result<Endpoint, Error> {
    query::find(pool, id).await?.ok_or(Error::NotFound)
}

/// A new endpoint, enabled, with its secret, which is never shown again.
///
/// # Errors
/// `Address`, `UnknownType`, `Limit`
pub async fn create(
    tx: &mut Tx,
    sealer: &Sealer,
    fence: Fence,
    wanted: &Wanted,
) -> Result<(Endpoint, SecretString), Error> {
    let url = fence.read(&wanted.url).map_err(Error::Address)?;
    let types = check_types(wanted.types.clone())?;
    // The row that counts them is locked first, so that the limit holds.
    query::lock_listeners(tx).await?;
    if query::count_known(tx).await? >= MOST_ENDPOINTS {
        return Err(Error::Limit);
    }
    let (id, secret, now) = (WebhookEndpointId::generate(), signature::new_secret(), tx.now);
    let endpoint = Endpoint {
        id,
        url: url.into(),
        description: wanted.description.clone(),
        types: Json(types),
        state: EndpointState::Enabled,
        disabled_reason: None,
        secret_sealed: Some(seal(sealer, id, &secret)),
        old_sealed: None,
        old_until: None,
        failing_since: None,
        enabled_at: now,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    query::insert(tx, &endpoint).await?;
    query::add_history(tx, None, &endpoint, "created", None).await?;
    count_listeners(tx).await?;
    Ok((endpoint, secret))
}

/// Changes where it stands and what it hears, as the caller saw it at `expected_version`.
///
/// # Errors
/// `NotFound`, `Stale`, `WrongState`, `Address`, `UnknownType`
pub async fn change(
    tx: &mut Tx,
    fence: Fence,
    id: WebhookEndpointId,
    wanted: &Wanted,
    expected_version: i64,
) -> Result<Endpoint, Error> {
    let url = fence.read(&wanted.url).map_err(Error::Address)?;
    let types = check_types(wanted.types.clone())?;
    let was = query::lock(tx, id).await?.ok_or(Error::NotFound)?;
    if was.version != expected_version {
        return Err(Error::Stale);
    }
    step(tx, &was, Act::Change, None, |endpoint| {
        // Another address has not failed yet.
        endpoint.failing_since = endpoint.failing_since.filter(|_| endpoint.url == url.as_str());
        endpoint.url = url.into();
        endpoint.description = wanted.description.clone();
        endpoint.types = Json(types);
    })
    .await
}

/// Gives it a new secret. Those that were good until now sign as well for as long as `overlap` says, and no less than
/// an earlier rotation promised: nobody knows which of them the receiver has. Without an overlap they end at once.
///
/// # Errors
/// `NotFound`, `WrongState`
pub async fn rotate_secret(
    tx: &mut Tx,
    sealer: &Sealer,
    id: WebhookEndpointId,
    overlap: TimeDelta,
) -> Result<(Endpoint, SecretString), Error> {
    let was = query::lock(tx, id).await?.ok_or(Error::NotFound)?;
    let secret = signature::new_secret();
    let end = tx.now + overlap;
    let until = (overlap > TimeDelta::zero()).then(|| was.old_until.map_or(end, |before| before.max(end)));
    // What was sealed with another key signs nothing any more.
    let mut old = secrets(sealer, &was, tx.now).unwrap_or_default();
    while old.len() > MOST_OLD {
        old.remove(MOST_OLD - 1);
    }
    let is = step(tx, &was, Act::Rotate, None, |endpoint| {
        endpoint.old_until = until.filter(|_| !old.is_empty());
        endpoint.old_sealed = endpoint.old_until.map(|_| seal(sealer, id, &joined(&old)));
        endpoint.secret_sealed = Some(seal(sealer, id, &secret));
    })
    .await?;
    Ok((is, secret))
}

/// Lets it hear again, of what happens from now on.
///
/// # Errors
/// `NotFound`, `WrongState` unless it is disabled
pub async fn enable(tx: &mut Tx, id: WebhookEndpointId) -> Result<Endpoint, Error> {
    let was = query::lock(tx, id).await?.ok_or(Error::NotFound)?;
    let now = tx.now;
    step(tx, &was, Act::Enable, None, |endpoint| {
        endpoint.disabled_reason = None;
        endpoint.failing_since = None;
        endpoint.enabled_at = now;
    })
    .await
}

/// Tells it nothing more; what was on its way fails, and can be sent again later.
///
/// # Errors
/// `NotFound`, `WrongState` unless it is enabled
pub async fn disable(tx: &mut Tx, id: WebhookEndpointId, reason: &str) -> Result<Endpoint, Error> {
    let was = query::lock(tx, id).await?.ok_or(Error::NotFound)?;
    step(tx, &was, Act::Disable, Some(reason), |endpoint| endpoint.disabled_reason = Some(reason.to_owned()))
        .await
}

/// Disables one that is gone or has only failed, and tells every administrator.
pub(super) async fn give_up(tx: &mut Tx, was: &Endpoint, reason: &'static str) -> Result<(), Error> {
    let is = step(tx, was, Act::GiveUp, Some(reason), |endpoint| {
        endpoint.disabled_reason = Some(reason.to_owned());
    })
    .await?;
    metrics::counter!("konnect_webhook_endpoints_disabled_total", "reason" => reason).increment(1);
    let host = is.url.split('/').nth(2).unwrap_or_default();
    let notice = NotifyEvent {
        event_key: format!("webhook:{}:{}", is.id, is.version),
        kind: "webhook.disabled".to_owned(),
        people: user::administrators(tx.conn()).await?,
        reservation_id: None,
        data: serde_json::json!({ "endpointId": is.id, "host": host, "why": reason, "since": was.failing_since }),
        expires_at: None,
    };
    outbox::enqueue(tx, &notice).await?;
    Ok(())
}

/// Deletes it for good, with its secrets. What was sent to it can still be read.
///
/// # Errors
/// `NotFound`, also when it is deleted already
pub async fn delete(tx: &mut Tx, id: WebhookEndpointId) -> Result<(), Error> {
    let found = query::lock(tx, id).await?;
    let was = found.filter(|endpoint| endpoint.state != EndpointState::Deleted).ok_or(Error::NotFound)?;
    step(tx, &was, Act::Delete, None, |endpoint| {
        endpoint.secret_sealed = None;
        endpoint.old_sealed = None;
        endpoint.old_until = None;
    })
    .await?;
    Ok(())
}

/// The one way an endpoint changes: looks the act up in the table, compares and sets, writes the history.
async fn step(
    tx: &mut Tx,
    was: &Endpoint,
    act: Act,
    reason: Option<&str>,
    change: impl FnOnce(&mut Endpoint),
) -> Result<Endpoint, Error> {
    let state = was.state.after(act).ok_or(Error::WrongState)?;
    let mut is = was.clone();
    is.state = state;
    is.version += 1;
    is.updated_at = tx.now;
    change(&mut is);
    if !query::compare_and_set(tx, was, &is).await? {
        return Err(Error::Stale);
    }
    query::add_history(tx, Some(was.state), &is, act.cause(), reason).await?;
    if state != was.state {
        query::lock_listeners(tx).await?;
        count_listeners(tx).await?;
    }
    Ok(is)
}

/// From the commit on, changes are kept for as many as listen now.
async fn count_listeners(tx: &mut Tx) -> Result<(), Error> {
    let listeners = query::count_enabled(tx).await?;
    Ok(snapshot::set_listeners(tx, listeners).await?)
}

/// The present secret, and those before while they are good, newest first.
pub(super) fn secrets(
    sealer: &Sealer,
    endpoint: &Endpoint,
    now: Instant,
) -> Result<Vec<SecretString>, SealError> {
    let old = endpoint.old_sealed.as_ref().filter(|_| endpoint.old_until.is_some_and(|until| now < until));
    let mut secrets = Vec::new();
    for sealed in endpoint.secret_sealed.iter().chain(old) {
        let opened = sealer.open(sealed, endpoint.id.0.as_bytes())?;
        secrets.extend(opened.expose_secret().split(BETWEEN).map(SecretString::from));
    }
    Ok(secrets)
}

fn joined(secrets: &[SecretString]) -> SecretString {
    let texts: Vec<&str> = secrets.iter().map(ExposeSecret::expose_secret).collect();
    SecretString::from(texts.join(BETWEEN))
}

fn seal(sealer: &Sealer, id: WebhookEndpointId, secret: &SecretString) -> Vec<u8> {
    sealer.seal(secret.expose_secret(), id.0.as_bytes())
}
