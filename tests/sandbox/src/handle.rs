//! The typed handle: everything a test can command and ask, without HTTP.

use std::sync::Arc;

use anyhow::{Context, ensure};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::calls::Call;
use crate::clock::Instant;
use crate::faults::{Endpoint, Fault};
use crate::fcm::Push;
use crate::smtp::Mail;
use crate::state::Shared;
use crate::toss::errors::Language;
use crate::toss::{Checkout, Delivery, NewCheckout, Payment, Status, Transaction, WebhookMode, webhook};

/// Cheap to clone; does not keep the stand-in running.
#[derive(Clone)]
pub struct Handle {
    pub(crate) shared: Arc<Shared>,
}

/// Where it listens.
impl Handle {
    /// Base URL of the payment API, of FCM, and (with `/token`) of OAuth; no trailing slash.
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// `smtp://host:port`, without TLS and authentication.
    pub fn smtp_url(&self) -> &str {
        &self.shared.smtp_url
    }

    /// The `token_uri` of a service account.
    pub fn token_url(&self) -> String {
        format!("{}/token", self.shared.url)
    }
}

/// Payments.
impl Handle {
    /// The user types the card: an authenticated payment (IN_PROGRESS), as the success redirect announces it.
    ///
    /// # Errors
    /// The provider's code and text when it refuses the order id or the amount.
    pub fn checkout(&self, order_id: &str, amount: i64) -> anyhow::Result<Checkout> {
        self.checkout_with(NewCheckout::new(order_id, amount))
    }

    /// As [`Self::checkout`], with every choice.
    ///
    /// # Errors
    /// As there.
    pub fn checkout_with(&self, checkout: NewCheckout) -> anyhow::Result<Checkout> {
        crate::toss::authenticate(&self.shared, &checkout)
            .map_err(|error| anyhow::anyhow!("{}: {}", error.code, error.message(Language::English)))
    }

    pub fn payment(&self, payment_key: &str) -> Option<Payment> {
        webhook::tick(&self.shared);
        self.shared.lock().payments.get(payment_key).cloned()
    }

    /// The approved payment of the order, else its newest one.
    pub fn payment_of_order(&self, order_id: &str) -> Option<Payment> {
        webhook::tick(&self.shared);
        self.shared.lock().payments.of_order(order_id).cloned()
    }

    /// Oldest first.
    pub fn payments(&self) -> Vec<Payment> {
        webhook::tick(&self.shared);
        self.shared.lock().payments.list().cloned().collect()
    }

    /// Approvals and cancels, oldest first.
    pub fn transactions(&self) -> Vec<Transaction> {
        self.shared.lock().payments.transactions().to_vec()
    }
}

/// Faults and what was called.
impl Handle {
    /// # Panics
    /// When the fault could never strike (on `Token`; a `Decline` on `Smtp`).
    pub fn fault(&self, fault: Fault) {
        if let Err(why) = fault.check() {
            panic!("{why}");
        }
        self.shared.lock().faults.add(fault);
    }

    /// Those not used up yet.
    pub fn faults(&self) -> Vec<Fault> {
        self.shared.lock().faults.list().to_vec()
    }

    pub fn clear_faults(&self) {
        self.shared.lock().faults.clear();
    }

    /// Every provider call received, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.lock().calls.list()
    }

    pub fn calls_to(&self, endpoint: Endpoint) -> Vec<Call> {
        self.calls().into_iter().filter(|call| call.endpoint == endpoint).collect()
    }

    pub fn clear_calls(&self) {
        self.shared.lock().calls.clear();
    }
}

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
        webhook::forge(&self.shared, body).await
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

/// Time.
impl Handle {
    pub fn now(&self) -> Instant {
        self.shared.clock.now()
    }

    /// Moves the clock; what becomes due (expiry, webhooks to be tried again) is started before this returns.
    pub fn advance(&self, by: TimeDelta) {
        self.shared.clock.advance(by);
        webhook::tick(&self.shared);
    }

    /// Sets the offset to real time; a frozen clock runs again.
    pub fn set_offset(&self, offset: TimeDelta) {
        self.shared.clock.set_offset(offset);
        webhook::tick(&self.shared);
    }

    /// Lets the clock stand at `at` until it is moved.
    pub fn freeze(&self, at: Instant) {
        self.shared.clock.freeze(at);
        webhook::tick(&self.shared);
    }
}

/// Push messages and mails.
impl Handle {
    /// Accepted push messages, oldest first.
    pub fn pushes(&self) -> Vec<Push> {
        self.shared.lock().fcm.list()
    }

    pub fn clear_pushes(&self) {
        self.shared.lock().fcm.clear();
    }

    /// Every access token given so far answers 401 from now on.
    pub fn revoke_access_tokens(&self) {
        self.shared.lock().fcm.revoke_tokens();
    }

    /// Taken mails, oldest first.
    pub fn mails(&self) -> Vec<Mail> {
        self.shared.lock().mailbox.list()
    }

    /// Those with this envelope recipient.
    pub fn mails_to(&self, address: &str) -> Vec<Mail> {
        self.mails().into_iter().filter(|mail| mail.to.iter().any(|to| to == address)).collect()
    }

    pub fn clear_mails(&self) {
        self.shared.lock().mailbox.clear();
    }
}
