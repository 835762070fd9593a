//! One event becomes a delivery for each endpoint that listens to its type.

use chrono::TimeDelta;

use super::query;
use crate::db::{Db, Tx};
use crate::id::{EventId, WebhookDeliveryId};
use crate::job::{DeliverWebhook, FanOutWebhook};
use crate::outbox::{self, Cause};
use crate::partner::error::Error;
use crate::partner::model::Endpoint;
use crate::partner::query as endpoints;

/// Writes the deliveries of an event, each with its job; once, however often it is asked. Returns how many.
///
/// Endpoints that were enabled after it happened do not hear of it.
pub async fn fan_out(tx: &mut Tx, event_id: EventId) -> Result<usize, Error> {
    let Some(event) = query::lock_event(tx, event_id).await? else { return Ok(0) };
    if event.fanned_out_at.is_some() {
        return Ok(0);
    }
    let hears = |endpoint: &Endpoint| endpoint.enabled_at <= event.at && endpoint.hears(&event.kind);
    let listeners = endpoints::enabled(tx).await?.into_iter().filter(hears);
    let deliveries: Vec<_> = listeners.map(|listener| (WebhookDeliveryId::generate(), listener.id)).collect();
    query::insert_deliveries(tx, event_id, &deliveries, false).await?;
    query::mark_fanned_out(tx, event_id).await?;
    let cause = Cause::of(tx);
    let job = |(id, _): &(WebhookDeliveryId, _)| (DeliverWebhook { delivery_id: *id }, cause.clone());
    let jobs: Vec<_> = deliveries.iter().map(job).collect();
    outbox::enqueue_many(tx, &jobs).await?;
    Ok(deliveries.len())
}

/// What no job takes care of.
#[derive(Debug)]
pub struct Overdue {
    events: Vec<EventId>,
    deliveries: Vec<WebhookDeliveryId>,
}

/// Events and deliveries that have waited for a minute without a job; at most `limit` of each.
pub async fn overdue(db: &Db, limit: u32) -> Result<Overdue, Error> {
    let before = db.now() - TimeDelta::minutes(1);
    let events = query::waiting_events(db.pool(), before, limit).await?;
    let deliveries = query::waiting_deliveries(db.pool(), before, limit).await?;
    Ok(Overdue { events, deliveries })
}

/// Writes the jobs that are missing.
pub async fn reconcile(tx: &mut Tx, overdue: &Overdue) -> Result<(), Error> {
    for event_id in &overdue.events {
        outbox::enqueue(tx, &FanOutWebhook { event_id: *event_id }).await?;
    }
    for delivery_id in &overdue.deliveries {
        outbox::enqueue(tx, &DeliverWebhook { delivery_id: *delivery_id }).await?;
    }
    Ok(())
}
