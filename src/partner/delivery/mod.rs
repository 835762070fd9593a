//! One delivery: what is sent, and what its answer means. The sending itself is the job's.

mod fan_out;
mod query;
mod replay;

use chrono::TimeDelta;

use super::endpoint::{give_up, secrets};
use super::error::Error;
use super::model::{
    After, Delivery, DeliveryState, Endpoint, EndpointState, Heard, Meaning, Message, PATIENCE, Step,
};
use super::query as endpoints;
use crate::db::Tx;
use crate::id::WebhookDeliveryId;
use crate::job::{DeliverWebhook, Job, Retry};
use crate::seal::Sealer;

pub use fan_out::{Overdue, fan_out, overdue, reconcile};
pub use query::{attempts, body, deliveries, delivery};
pub use replay::{MOST_REPLAYED, Replayed, replay, replay_failed, send_test};

/// Says what is to be sent, and notes that it is about to be: an attempt without an end is one of which nobody knows
/// what became.
///
/// # Errors
/// `Secret` when the endpoint's secret was sealed with another key.
pub async fn prepare(tx: &mut Tx, sealer: &Sealer, id: WebhookDeliveryId) -> Result<Step, Error> {
    let found = query::lock_delivery(tx, id).await?;
    let Some(delivery) = found.filter(|d| d.state == DeliveryState::Pending) else { return Ok(Step::Over) };
    let endpoint = endpoints::find(tx.conn(), delivery.endpoint_id).await?;
    let Some(endpoint) = endpoint.filter(|e| e.state == EndpointState::Enabled) else {
        query::end(tx, id, DeliveryState::Failed, Some("the endpoint is disabled")).await?;
        return Ok(Step::Off);
    };
    let body = query::body(tx.conn(), delivery.event_id).await?.ok_or(Error::DeliveryNotFound)?;
    let attempt = delivery.attempts + 1;
    query::begin_attempt(tx, id, attempt).await?;
    let secrets = secrets(sealer, &endpoint, tx.now)?;
    let message = Message { url: endpoint.url, id: delivery.event_id, body, secrets, at: tx.now, attempt };
    Ok(Step::Send(Box::new(message)))
}

/// Writes what came of a call to the address `called`, and says what becomes of the delivery. `tries` are the attempts that its job has counted,
/// from 1.
pub async fn conclude(
    tx: &mut Tx,
    id: WebhookDeliveryId,
    attempt: u32,
    called: &str,
    heard: &Heard,
    tries: u32,
) -> Result<After, Error> {
    let delivery = query::lock_delivery(tx, id).await?.ok_or(Error::DeliveryNotFound)?;
    let meaning = heard.meaning();
    let why = match &meaning {
        Meaning::Taken => None,
        Meaning::Gone => Some("status 410: gone for good"),
        Meaning::NotTaken { why, .. } => Some(why.as_str()),
    };
    query::end_attempt(tx, id, attempt, heard, why).await?;
    if delivery.state != DeliveryState::Pending {
        return Ok(After::Over);
    }
    let endpoint = endpoints::lock(tx, delivery.endpoint_id).await?.ok_or(Error::NotFound)?;
    // While it was called, the endpoint may have got another address: that one is not to blame.
    let is_there = endpoint.url == called;
    match meaning {
        Meaning::Taken => {
            endpoints::succeeded(tx, endpoint.id).await?;
            query::end(tx, id, DeliveryState::Delivered, None).await?;
            Ok(After::Over)
        }
        Meaning::Gone if is_there => fail(tx, &delivery, &endpoint, why, Some("gone")).await,
        Meaning::Gone => Ok(After::Again("another address is gone".to_owned())),
        Meaning::NotTaken { ref why, wait } => {
            if is_there {
                endpoints::failed(tx, endpoint.id).await?;
            }
            let since = endpoint.failing_since.unwrap_or(tx.now);
            let next = DeliverWebhook::RETRY.after(tries);
            if tx.now - since >= PATIENCE {
                return fail(tx, &delivery, &endpoint, Some(why), Some("failing")).await;
            }
            let Some(next) = next else { return fail(tx, &delivery, &endpoint, Some(why), None).await };
            query::note_error(tx, id, why).await?;
            let Some(wait) = wait else { return Ok(After::Again(why.clone())) };
            // Not counted as a try, so the schedule is that of all attempts: nobody is asked every second for days.
            let least = least_wait(DeliverWebhook::RETRY, attempt).max(next);
            let least = TimeDelta::from_std(least).expect("a wait is short");
            Ok(After::NotBefore(tx.now + wait.max(least)))
        }
    }
}

fn least_wait(schedule: Retry, attempt: u32) -> std::time::Duration {
    schedule.after(attempt).or(schedule.0.last().copied()).unwrap_or_default()
}

async fn fail(
    tx: &mut Tx,
    delivery: &Delivery,
    endpoint: &Endpoint,
    why: Option<&str>,
    give_up_because: Option<&'static str>,
) -> Result<After, Error> {
    query::end(tx, delivery.id, DeliveryState::Failed, why).await?;
    if let Some(reason) = give_up_because.filter(|_| endpoint.state == EndpointState::Enabled) {
        give_up(tx, endpoint, reason).await?;
    }
    Ok(After::Over)
}
