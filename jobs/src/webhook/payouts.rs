//! `payout.changed` and `seller.changed`: signed over their bytes and the time they were sent.

use anyhow::Result;
use konnect::client::toss::SignatureError;
use konnect::db::Tx;
use konnect::job::{SyncPayout, SyncSeller};
use konnect::outbox;
use konnect::payment::Webhook;
use serde_json::Value;

use super::{Finding, Follow};
use crate::Run;

/// What the provider says has changed; its state is read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signed {
    /// The provider's id of a payout.
    Payout(String),
    /// The provider's id of a payee.
    Seller(String),
}

/// Believes the webhook when one of our keys made its signature and it was young when it came.
pub fn look_into(run: &Run, hook: &Webhook, event: &'static str, body: &Value) -> Finding {
    let Some(keys) = &run.services.webhook_keys else {
        return Finding::over("no_key");
    };
    let time = hook.transmission_time.as_deref().unwrap_or_default();
    let signature = hook.signature.as_deref().unwrap_or_default();
    // Judged by when it came: our own delay makes nothing old.
    let (now, tolerance) = (hook.received_at, run.services.webhook_tolerance);
    match keys.verify(&hook.body, time, signature, now, tolerance) {
        Ok(()) => {}
        Err(error @ (SignatureError::TooOld | SignatureError::TooNew)) => {
            tracing::warn!(event, %error, "a signed webhook is not of its time");
            return Finding::over("out_of_time");
        }
        Err(error) => {
            metrics::counter!("konnect_webhooks_forged_total", "event" => event).increment(1);
            tracing::error!(transmission_id = hook.transmission_id, event, %error, "a webhook is forged");
            return Finding::over("forged");
        }
    }
    let id = body.pointer("/entityBody/id").and_then(Value::as_str).filter(|id| (1..=64).contains(&id.len()));
    match id.map(str::to_owned) {
        Some(id) if event == "payout.changed" => Finding::verified(Signed::Payout(id)),
        Some(id) => Finding::verified(Signed::Seller(id)),
        None => Finding::over("unreadable"),
    }
}

impl Finding {
    fn verified(signed: Signed) -> Self {
        Self::Over { outcome: "verified", follow: Some(Follow::Verified(signed)), look: None }
    }
}

/// Writes the job that reads the changed payout or payee again. `false`: one runs that may have read it before.
pub async fn follow(tx: &mut Tx, signed: &Signed) -> Result<bool> {
    Ok(match signed.clone() {
        Signed::Payout(provider_payout_id) => {
            outbox::enqueue_for_news(tx, &SyncPayout { provider_payout_id }).await?
        }
        Signed::Seller(provider_seller_id) => {
            outbox::enqueue_for_news(tx, &SyncSeller { provider_seller_id }).await?
        }
    })
}
