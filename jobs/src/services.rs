//! What handlers work with.

use std::sync::Arc;

use anyhow::{Context, Result};
use chrono::TimeDelta;
use konnect::client::fcm::Pusher;
use konnect::client::mail::Mailer;
use konnect::client::toss::{KeyForm, PayoutClient, SecurityKey, TossClient, WebhookKeys};
use konnect::client::webhook::Poster;
use konnect::config::WorkerConfig;
use konnect::core::Core;
use konnect::notification::MailRoom;
use konnect::outside::Fence;
use konnect::seal::Sealer;

use crate::mailing::Mailing;

/// Cheap to clone.
#[derive(Clone)]
pub struct Services {
    pub core: Core,
    pub toss: TossClient,
    /// Absent without a security key: nothing is paid out then.
    pub payouts: Option<PayoutClient>,
    /// What signed webhooks are checked with; absent without a security key: none of them is believed then.
    pub webhook_keys: Option<WebhookKeys>,
    /// How old a signed webhook may be.
    pub webhook_tolerance: TimeDelta,
    /// The merchant that payments must have gone to, where it is known.
    pub merchant: Option<Arc<str>>,
    pub mailer: Mailer,
    /// Where the links of mails lead.
    pub mail_room: MailRoom,
    /// Absent where no service account is configured: nothing is pushed then.
    pub pusher: Option<Arc<Pusher>>,
    /// Opens bank account numbers, and the secrets that webhooks are signed with.
    pub sealer: Sealer,
    /// Calls systems of others.
    pub webhooks: Poster,
    /// Deliveries of notices.
    pub mailing: Mailing,
}

impl Services {
    pub fn new(core: Core, config: &WorkerConfig) -> Result<Self> {
        let toss = TossClient::new(&config.toss_base_url, config.toss_secret_key.clone())?;
        let key = config.toss_security_key.as_ref().map(SecurityKey::parse).transpose()?;
        let old = config.toss_security_key_old.as_ref().map(SecurityKey::parse).transpose()?;
        let form: KeyForm = config.toss_signature_key_form.parse()?;
        let keys: Vec<_> = key.iter().chain(&old).cloned().collect();
        let webhook_keys = (!keys.is_empty()).then(|| WebhookKeys::new(&keys, form));
        let payouts = key.map(|key| PayoutClient::new(toss.clone(), key, core.clock.clone()));
        let roots = config.smtp_ca_file.as_ref().map(std::fs::read).transpose().context("SMTP_CA_FILE")?;
        let mailer = Mailer::trusting(&config.smtp_url, &config.mail_from, &roots.unwrap_or_default())?;
        let mailer = match &config.smtp_bounce_address {
            Some(address) => mailer.returning_to(address)?,
            None => mailer,
        };
        let sealer = Sealer::new(&config.data_key)?;
        let mail_room = MailRoom {
            front_url: config.front_url.clone(),
            public_url: config.public_url.clone(),
            from: mailer.address(),
            sealer: sealer.clone(),
        };
        let fence = Fence { loopback: config.webhooks.webhooks_loopback };
        let webhooks = Poster::new(fence, core.clock.clone())?;
        let pusher = config
            .fcm_service_account_file
            .as_deref()
            .map(|file| Pusher::from_file(file, &config.fcm_base_url, core.clock.clone()))
            .transpose()?
            .map(Arc::new);
        Ok(Self {
            core,
            toss,
            payouts,
            webhook_keys,
            webhook_tolerance: TimeDelta::seconds(config.toss_webhook_tolerance_seconds),
            merchant: config.toss_merchant_id.as_deref().map(Arc::from),
            mailer,
            mail_room,
            pusher,
            sealer,
            webhooks,
            mailing: Mailing::default(),
        })
    }
}
