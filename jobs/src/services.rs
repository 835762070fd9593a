//! What handlers work with.

use std::sync::Arc;

use anyhow::Result;
use chrono::TimeDelta;
use konnect::client::fcm::Pusher;
use konnect::client::mail::Mailer;
use konnect::client::toss::{KeyForm, PayoutClient, SecurityKey, TossClient, WebhookKeys};
use konnect::config::WorkerConfig;
use konnect::core::Core;
use konnect::seal::Sealer;

/// Cheap to clone.
#[derive(Clone)]
pub struct Services {
    pub core: Core,
    pub toss: TossClient,
    /// Absent without a security key: nothing is paid out then.
    pub payouts: Option<PayoutClient>,
    pub mailer: Mailer,
    /// Absent where no service account is configured: nothing is pushed then.
    pub pusher: Option<Arc<Pusher>>,
    /// Opens bank account numbers.
    pub sealer: Sealer,
    /// The merchant that payments must have gone to; not compared when absent.
    pub merchant: Option<Arc<str>>,
    /// Verifies webhooks about payouts and payees; absent where no security key is configured.
    pub webhook_keys: Option<Arc<WebhookKeys>>,
    /// How old a signed webhook may be.
    pub webhook_tolerance: TimeDelta,
}

impl Services {
    pub fn new(core: Core, config: &WorkerConfig) -> Result<Self> {
        let toss = TossClient::new(&config.toss_base_url, config.toss_secret_key.clone())?;
        let key = config.toss_security_key.as_ref().map(SecurityKey::parse).transpose()?;
        let payouts = key.map(|key| PayoutClient::new(toss.clone(), key, core.clock.clone()));
        let mailer = Mailer::new(&config.smtp_url, &config.mail_from)?;
        let pusher = config
            .fcm_service_account_file
            .as_deref()
            .map(|file| Pusher::from_file(file, &config.fcm_base_url, core.clock.clone()))
            .transpose()?
            .map(Arc::new);
        let sealer = Sealer::new(&config.data_key)?;
        Ok(Self {
            core,
            toss,
            payouts,
            mailer,
            pusher,
            sealer,
            merchant: config.toss_merchant_id.as_deref().map(Arc::from),
            webhook_keys: webhook_keys(config)?.map(Arc::new),
            webhook_tolerance: TimeDelta::seconds(config.toss_webhook_tolerance_seconds),
        })
    }
}

/// The current security key and, while they rotate, the one before.
fn webhook_keys(config: &WorkerConfig) -> Result<Option<WebhookKeys>> {
    let keys = [&config.toss_security_key, &config.toss_security_key_old];
    let keys = keys.into_iter().flatten().map(SecurityKey::parse).collect::<Result<Vec<_>, _>>()?;
    let form: KeyForm = config.toss_signature_key_form.parse()?;
    Ok((!keys.is_empty()).then(|| WebhookKeys::new(&keys, form)))
}
