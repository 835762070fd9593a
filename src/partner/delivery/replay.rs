//! What administrators send again, and what they send to see whether somebody hears.

use super::query;
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::{WebhookDeliveryId, WebhookEndpointId};
use crate::job::{DeliverWebhook, Job};
use crate::outbox::{self, Cause};
use crate::partner::error::Error;
use crate::partner::model::{Delivery, DeliveryState, Endpoint, EndpointState};
use crate::partner::query as endpoints;
use crate::snapshot;

/// As many deliveries as one request sends again.
pub const MOST_REPLAYED: u32 = 500;

/// How many are on their way again, and whether there are others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replayed {
    pub count: usize,
    pub more: bool,
}

/// Sends one event once more to its endpoint, under the same id, whether or not it was taken before; also one that
/// waits for a job that is dead.
///
/// # Errors
/// `DeliveryNotFound`; `NotReplayable` while it is under way; `WrongState` unless its endpoint is enabled
pub async fn replay(tx: &mut Tx, id: WebhookDeliveryId) -> Result<Delivery, Error> {
    let delivery = query::lock_delivery(tx, id).await?.ok_or(Error::DeliveryNotFound)?;
    enabled(tx, delivery.endpoint_id).await?;
    if delivery.state == DeliveryState::Pending
        && outbox::live_by_subject(tx, id.0, DeliverWebhook::KIND).await?
    {
        return Err(Error::NotReplayable);
    }
    again(tx, &[id]).await?;
    query::lock_delivery(tx, id).await?.ok_or(Error::DeliveryNotFound)
}

/// Sends everything again that failed since an instant (UTC), oldest first, at most [`MOST_REPLAYED`].
///
/// # Errors
/// `NotFound`; `WrongState` unless it is enabled
pub async fn replay_failed(tx: &mut Tx, id: WebhookEndpointId, since: Instant) -> Result<Replayed, Error> {
    enabled(tx, id).await?;
    let mut failed = query::lock_failed(tx, id, since, MOST_REPLAYED + 1).await?;
    let more = failed.len() > MOST_REPLAYED as usize;
    failed.truncate(MOST_REPLAYED as usize);
    again(tx, &failed).await?;
    Ok(Replayed { count: failed.len(), more })
}

/// Makes up an event (`webhook.test`) and sends it to one endpoint.
///
/// # Errors
/// `NotFound`; `WrongState` unless it is enabled
pub async fn send_test(tx: &mut Tx, id: WebhookEndpointId) -> Result<Delivery, Error> {
    enabled(tx, id).await?;
    let event_id = snapshot::take_test(tx, id.0).await?;
    let delivery_id = WebhookDeliveryId::generate();
    query::insert_deliveries(tx, event_id, &[(delivery_id, id)], true).await?;
    outbox::enqueue(tx, &DeliverWebhook { delivery_id }).await?;
    query::lock_delivery(tx, delivery_id).await?.ok_or(Error::DeliveryNotFound)
}

async fn enabled(tx: &mut Tx, id: WebhookEndpointId) -> Result<Endpoint, Error> {
    let endpoint = endpoints::find(tx.conn(), id).await?.ok_or(Error::NotFound)?;
    if endpoint.state == EndpointState::Enabled { Ok(endpoint) } else { Err(Error::WrongState) }
}

async fn again(tx: &mut Tx, ids: &[WebhookDeliveryId]) -> Result<(), Error> {
    query::reopen(tx, ids).await?;
    for id in ids {
        tx.moved("webhook_delivery", id.0, None, "pending");
    }
    let cause = Cause::of(tx);
    let job = |id: &WebhookDeliveryId| (DeliverWebhook { delivery_id: *id }, cause.clone());
    let jobs: Vec<_> = ids.iter().map(job).collect();
    Ok(outbox::enqueue_many(tx, &jobs).await?)
}
