//! The proof of what systems of others were told, and sending it again.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Any;
use poem_openapi::{Object, OpenApi};
use serde_json::Value;
use uuid::Uuid;

use super::answer::{Created, page_size};
use super::caller::Caller;
use super::instant::When;
use super::problem::Problem;
use super::{Shared, Tag, unit};
use crate::id::{EventId, WebhookDeliveryId, WebhookEndpointId};
use crate::partner::{self, Attempt, Delivery, DeliveryState, Filter, Replayed};

pub struct WebhookDeliveriesApi;

/// As many attempts as are shown of one delivery.
const MOST_ATTEMPTS: u32 = 200;

/// One event on its way to one endpoint. All instants are UTC.
#[derive(Debug, Object)]
#[oai(rename = "WebhookDelivery", rename_all = "camelCase", skip_serializing_if_is_none)]
struct DeliveryView {
    id: WebhookDeliveryId,
    endpoint_id: WebhookEndpointId,
    /// The `webhook-id` of every attempt.
    event_id: EventId,
    #[oai(rename = "type")]
    kind: String,
    /// `reservation`, `payout` or, of a test, `endpoint`.
    subject_kind: String,
    subject_id: Uuid,
    /// Which change of its subject it is, from 1.
    sequence: i64,
    state: DeliveryState,
    /// Made up by an administrator.
    test: bool,
    attempts: u32,
    /// Why the last attempt failed, or why there will be no other.
    error: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    delivered_at: Option<DateTime<Utc>>,
}

impl From<Delivery> for DeliveryView {
    fn from(d: Delivery) -> Self {
        Self {
            id: d.id,
            endpoint_id: d.endpoint_id,
            event_id: d.event_id,
            kind: d.kind,
            subject_kind: d.subject_kind,
            subject_id: d.subject_id,
            sequence: d.seq,
            state: d.state,
            test: d.is_test,
            attempts: d.attempts,
            error: d.error,
            created_at: d.created_at,
            updated_at: d.updated_at,
            delivered_at: d.delivered_at,
        }
    }
}

/// One call. Without an end nobody knows what became of it.
#[derive(Debug, Object)]
#[oai(rename = "WebhookAttempt", rename_all = "camelCase", skip_serializing_if_is_none)]
struct AttemptView {
    number: u32,
    /// UTC.
    started_at: DateTime<Utc>,
    milliseconds: Option<u32>,
    status: Option<u16>,
    error: Option<String>,
    /// The beginning of the answer, at most 1 KiB.
    answer: Option<String>,
}

impl From<Attempt> for AttemptView {
    fn from(a: Attempt) -> Self {
        Self {
            number: a.number,
            started_at: a.started_at,
            milliseconds: a.millis,
            status: a.status,
            error: a.error,
            answer: a.answer.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        }
    }
}

/// A delivery with what it brings and every call.
#[derive(Debug, Object)]
#[oai(rename = "WebhookDeliveryDetail", rename_all = "camelCase")]
struct Detail {
    delivery: DeliveryView,
    /// The body, as it is sent.
    body: Any<Value>,
    attempts: Vec<AttemptView>,
}

#[derive(Debug, Object)]
#[oai(rename = "WebhookDeliveries", rename_all = "camelCase", skip_serializing_if_is_none)]
struct Deliveries {
    items: Vec<DeliveryView>,
    /// `before` of the next page; absent on the last one.
    next: Option<WebhookDeliveryId>,
}

#[derive(Debug, Object)]
#[oai(rename = "ReplayWebhooks", rename_all = "camelCase", deny_unknown_fields)]
struct ReplayRequest {
    /// What failed since (UTC).
    since: When,
}

#[derive(Debug, Object)]
#[oai(rename = "ReplayedWebhooks", rename_all = "camelCase")]
struct ReplayedView {
    /// Deliveries that are on their way again.
    count: usize,
    /// There are others: ask again.
    more: bool,
}

impl From<Replayed> for ReplayedView {
    fn from(replayed: Replayed) -> Self {
        Self { count: replayed.count, more: replayed.more }
    }
}

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Admin")]
impl WebhookDeliveriesApi {
    /// List webhook deliveries
    ///
    /// Newest first; kept for 30 days. For administrators.
    #[oai(path = "/webhook-deliveries", method = "get", operation_id = "adminListWebhookDeliveries")]
    #[expect(clippy::too_many_arguments, reason = "each is a query parameter")]
    async fn list(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        endpoint: Query<Option<WebhookEndpointId>>,
        state: Query<Option<DeliveryState>>,
        #[oai(name = "type", validator(max_length = 64))] kind: Query<Option<String>>,
        /// The reservation or payout that it is about.
        subject: Query<Option<Uuid>>,
        /// The `next` of the page before.
        before: Query<Option<WebhookDeliveryId>>,
        #[oai(default = "page_size", validator(minimum(value = "1"), maximum(value = "100")))] limit: Query<
            u32,
        >,
    ) -> Result<Json<Deliveries>, Problem> {
        caller.admin()?;
        let filter = Filter {
            endpoint: endpoint.0,
            state: state.0,
            kind: kind.0,
            subject: subject.0,
            before: before.0,
        };
        let rows = partner::deliveries(app.core.db.pool(), &filter, limit.0).await?;
        let next = rows.last().filter(|_| rows.len() == limit.0 as usize).map(|row| row.id);
        Ok(Json(Deliveries { items: rows.into_iter().map(DeliveryView::from).collect(), next }))
    }

    /// Show a webhook delivery
    ///
    /// With its body and every attempt. For administrators.
    #[oai(path = "/webhook-deliveries/:id", method = "get", operation_id = "adminGetWebhookDelivery")]
    async fn get(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<WebhookDeliveryId>,
    ) -> Result<Json<Detail>, Problem> {
        caller.admin()?;
        let pool = app.core.db.pool();
        let delivery = partner::delivery(pool, id.0).await?.ok_or(partner::Error::DeliveryNotFound)?;
        let body = partner::body(pool, delivery.event_id).await?.unwrap_or_default();
        let body = Any(serde_json::from_str(&body).unwrap_or(Value::String(body)));
        let attempts = partner::attempts(pool, id.0, MOST_ATTEMPTS).await?;
        let attempts = attempts.into_iter().map(AttemptView::from).collect();
        Ok(Json(Detail { delivery: delivery.into(), body, attempts }))
    }

    /// Send a webhook again
    ///
    /// Under the same `webhook-id`, whether or not it was taken before. For administrators.
    #[oai(
        path = "/webhook-deliveries/:id/replay",
        method = "post",
        operation_id = "adminReplayWebhookDelivery"
    )]
    async fn replay(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<WebhookDeliveryId>,
    ) -> Result<Json<DeliveryView>, Problem> {
        let admin = caller.admin()?;
        let delivery = unit!(app, admin, tx => { Ok(partner::replay(tx, id.0).await?) })?;
        Ok(Json(delivery.into()))
    }

    /// Send again what failed
    ///
    /// Of one endpoint, oldest first, at most 500 at a time. For administrators.
    #[oai(path = "/webhook-endpoints/:id/replay", method = "post", operation_id = "adminReplayWebhooks")]
    async fn replay_failed(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<WebhookEndpointId>,
        body: Json<ReplayRequest>,
    ) -> Result<Json<ReplayedView>, Problem> {
        let admin = caller.admin()?;
        let replayed = unit!(app, admin, tx => {
            Ok(partner::replay_failed(tx, id.0, body.since.0).await?)
        })?;
        Ok(Json(replayed.into()))
    }

    /// Send a test event
    ///
    /// `webhook.test`, to this endpoint alone, whatever it chose to hear. For administrators.
    #[oai(path = "/webhook-endpoints/:id/test", method = "post", operation_id = "adminTestWebhookEndpoint")]
    async fn test(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<WebhookEndpointId>,
    ) -> Result<Created<DeliveryView>, Problem> {
        let admin = caller.admin()?;
        let delivery = unit!(app, admin, tx => { Ok(partner::send_test(tx, id.0).await?) })?;
        Ok(Created::Created(Json(delivery.into())))
    }
}
