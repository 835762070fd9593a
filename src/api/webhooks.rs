//! What providers send. Stored and answered within milliseconds; a job looks into it.

use poem::http::StatusCode;
use poem::web::Data;
use poem::{Body, Request, handler};

use super::problem::Problem;
use super::{Shared, unit};
use crate::context::Actor;
use crate::payment;

const TRANSMISSION_ID: &str = "tosspayments-webhook-transmission-id";
/// Far above any payment's JSON.
const LARGEST: usize = 64 * 1024;

/// `POST /v1/webhooks/toss`: PAYMENT_STATUS_CHANGED and DEPOSIT_CALLBACK carry no signature, so nothing in them
/// is believed; the payment they name is read again at the provider. Anybody can post here, which is why bodies
/// are small and a transmission counts once.
#[handler]
pub async fn toss(app: Data<&Shared>, request: &Request, body: Body) -> Result<StatusCode, Problem> {
    let id = request
        .header(TRANSMISSION_ID)
        .filter(|id| (1..=100).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic()))
        .ok_or_else(|| Problem::new("webhook.invalid").field(TRANSMISSION_ID))?;
    let bytes = body.into_bytes_limit(LARGEST).await.map_err(|_| Problem::new("webhook.too_large"))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Problem::new("webhook.invalid"))?;
    if serde_json::from_str::<serde_json::Value>(text).is_err() {
        return Err(Problem::new("webhook.invalid"));
    }
    unit!(app, Actor::Anonymous, tx => { Ok(payment::store_webhook(tx, id, text.as_bytes()).await?) })?;
    Ok(StatusCode::OK)
}
