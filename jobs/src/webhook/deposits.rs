//! DEPOSIT_CALLBACK: carries the secret that came with the account. The payment is read again all the same.

use anyhow::Result;
use konnect::client::toss::secret_matches;
use konnect::payment::{self, Webhook};
use serde_json::Value;

use super::payments::{self, Hint};
use super::{DEPOSIT, Finding};
use crate::Run;

pub async fn look_into(run: &Run, hook: &Webhook, body: &Value) -> Result<Finding> {
    let text = |field: &str| body.get(field).and_then(Value::as_str);
    let hint = Hint {
        order: text("orderId").and_then(|id| id.parse().ok()),
        names_order: true,
        status: text("status").map(str::to_owned),
        ..Hint::default()
    };
    let attempt = match hint.order {
        Some(id) => payment::find_attempt(run.services.core.db.pool(), id).await?,
        None => None,
    };
    let Some(attempt) = attempt else {
        return payments::look_into(run, hook, &hint).await;
    };
    // Before the answer that brings the secret is written, this one is a hint like any other.
    if let Some(sealed) = &attempt.secret_sealed {
        let secret = run.services.sealer.open(sealed, attempt.id.0.as_bytes())?;
        if !secret_matches(&secret, text("secret").unwrap_or_default()) {
            metrics::counter!("konnect_webhooks_forged_total", "event" => DEPOSIT).increment(1);
            tracing::error!(order_id = %attempt.id, "a deposit's webhook carries a wrong secret");
            return Ok(Finding::over("forged"));
        }
    }
    payments::compare(run, hook, &hint, &attempt).await
}
