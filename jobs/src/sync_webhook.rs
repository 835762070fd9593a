//! Looks into what a stored webhook hinted at. Nothing in it is believed but the name of the order, and the
//! provider is asked about that (S32 to S36).

use anyhow::Result;
use konnect::id::AttemptId;
use konnect::job::{RequeryPayment, SyncWebhook};
use konnect::outbox;
use konnect::payment;
use konnect::transact;
use serde_json::Value;

use crate::{Handler, Outcome, Run};

impl Handler for SyncWebhook {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let db = &run.services.core.db;
        let Some(body) = payment::webhook_body(db.pool(), &self.transmission_id).await? else {
            return run.skip("the inbox holds no such webhook").await;
        };
        let attempt = match order_id(&body) {
            Some(id) => payment::find_attempt(db.pool(), id).await?,
            None => None,
        };
        let outcome = match &attempt {
            None => "unknown_order",
            Some(attempt) if attempt.state.is_captured() => "known",
            Some(_) => "requeried",
        };
        metrics::counter!("konnect_webhooks_total", "outcome" => outcome).increment(1);
        transact!(db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            payment::close_webhook(tx, &self.transmission_id, outcome).await?;
            if let (Some(attempt), "requeried") = (&attempt, outcome) {
                outbox::enqueue_or_hasten(tx, &RequeryPayment { attempt_id: attempt.id }).await?;
            }
            Ok(Outcome::Done(finished))
        })
    }
}

/// `data.orderId` of PAYMENT_STATUS_CHANGED, or `orderId` of the flat DEPOSIT_CALLBACK; an order id of ours is a
/// UUID.
fn order_id(body: &[u8]) -> Option<AttemptId> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let id = body.pointer("/data/orderId").or_else(|| body.get("orderId"))?;
    id.as_str()?.parse().ok()
}
