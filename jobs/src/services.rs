//! What handlers work with.

use std::sync::Arc;

use anyhow::Result;
use konnect::client::fcm::Pusher;
use konnect::client::mail::Mailer;
use konnect::client::toss::TossClient;
use konnect::config::WorkerConfig;
use konnect::core::Core;
use konnect::seal::Sealer;

/// Cheap to clone.
#[derive(Clone)]
pub struct Services {
    pub core: Core,
    pub toss: TossClient,
    pub mailer: Mailer,
    /// Absent where no service account is configured: nothing is pushed then.
    pub pusher: Option<Arc<Pusher>>,
    /// Opens bank account numbers.
    pub sealer: Sealer,
}

impl Services {
    pub fn new(core: Core, config: &WorkerConfig) -> Result<Self> {
        let toss = TossClient::new(&config.toss_base_url, config.toss_secret_key.clone())?;
        let mailer = Mailer::new(&config.smtp_url, &config.mail_from)?;
        let pusher = config
            .fcm_service_account_file
            .as_deref()
            .map(|file| Pusher::from_file(file, &config.fcm_base_url, core.clock.clone()))
            .transpose()?
            .map(Arc::new);
        let sealer = Sealer::new(&config.data_key)?;
        Ok(Self { core, toss, mailer, pusher, sealer })
    }
}
