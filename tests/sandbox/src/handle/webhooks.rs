//! Webhooks: where they go, how they are told, and forged ones.

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::Handle;
use crate::toss::{Delivery, Signature, SignatureKey, Status, WebhookKinds, WebhookMode, webhook};

/// Webhooks.
impl Handle {
    /// Registers the address; `None` turns webhooks off.
    ///
    /// # Errors
    /// When it is no http or https URL.
    pub fn set_webhook_url(&self, url: Option<String>) -> anyhow::Result<()> {
        if let Some(url) = &url {
            let parsed = reqwest::Url::parse(url).context("the webhook address is no URL")?;
            ensure!(matches!(parsed.scheme(), "http" | "https"), "the webhook address must be http or https");
        }
        self.shared.lock().webhooks.url = url;
        Ok(())
    }

    /// How status changes are told from now on.
    pub fn webhooks(&self, mode: WebhookMode) {
        self.shared.lock().webhooks.mode = mode;
    }

    /// Delivers what [`WebhookMode::Late`] held; returns how many there were, after the last was answered.
    pub async fn release_webhooks(&self) -> usize {
        webhook::release(&self.shared).await
    }

    /// Sends any body to the webhook address, as anybody on the internet could; returns the status answered.
    pub async fn forge_webhook(&self, body: Value) -> Option<u16> {
        webhook::forge(&self.shared, &body, Signature::Missing).await
    }

    /// As [`Self::forge_webhook`], with a signature of this kind: a payout.changed nobody sent, or an old one.
    pub async fn forge_signed_webhook(&self, body: Value, signature: Signature) -> Option<u16> {
        webhook::forge(&self.shared, &body, signature).await
    }

    /// Sends any bytes with exactly these headers (and a content type, unless they name one).
    ///
    /// # Panics
    /// When a header is not valid.
    pub async fn forge_webhook_raw(&self, body: Vec<u8>, headers: &[(&str, &str)]) -> Option<u16> {
        webhook::forge_raw(&self.shared, body, headers).await
    }

    /// Sends a delivery again with its transmission id, as its retry number `at_retry`; the time (and a signature)
    /// are new. `None` when no delivery has this id, or nobody answered.
    pub async fn resend_webhook(&self, transmission_id: &str, at_retry: u32) -> Option<u16> {
        webhook::resend(&self.shared, transmission_id, at_retry).await
    }

    /// Which webhooks about payments are registered; all, unless changed.
    pub fn webhook_kinds(&self, kinds: WebhookKinds) {
        self.shared.lock().webhooks.kinds = kinds;
    }

    /// Which bytes of the security key sign webhooks; the decoded ones, unless changed.
    pub fn signature_key(&self, form: SignatureKey) {
        self.shared.lock().security.form = form;
    }

    /// A new security key; the old one is valid beside it for seven days.
    ///
    /// # Errors
    /// When it has not 64 hexadecimal digits.
    pub fn rotate_security_key(&self, new_hex: &str) -> anyhow::Result<()> {
        self.shared.lock().security.rotate(new_hex, self.shared.clock.now())
    }

    /// A well-formed PAYMENT_STATUS_CHANGED about a payment that is not in that status, or does not exist.
    pub async fn forge_status(
        &self,
        payment_key: &str,
        order_id: &str,
        status: Status,
        amount: i64,
    ) -> Option<u16> {
        self.forge_webhook(json!({
            "eventType": "PAYMENT_STATUS_CHANGED",
            "createdAt": crate::clock::kst(self.now()).format("%Y-%m-%dT%H:%M:%S.000000").to_string(),
            "data": {
                "mId": "konnectdev",
                "version": "2022-11-16",
                "paymentKey": payment_key,
                "orderId": order_id,
                "status": status,
                "totalAmount": amount,
                "balanceAmount": amount,
                "currency": "KRW",
            },
        }))
        .await
    }

    /// Every attempt to deliver, oldest first.
    pub fn webhook_deliveries(&self) -> Vec<Delivery> {
        self.shared.lock().webhooks.log.clone()
    }

    /// Waits until no webhook is on its way (held and later ones do not count).
    pub async fn settle(&self) {
        self.shared.settle().await;
    }
}
