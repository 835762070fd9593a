use std::time::Duration;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Job, Queue, Retry};

/// Checks what was touched lately, and what was found before.
#[derive(Debug, Serialize, Deserialize)]
pub struct AuditLedger {}

impl Job for AuditLedger {
    const KIND: &'static str = "settlement.audit.v1";
    const QUEUE: Queue = Queue::Settlement;
    const RETRY: Retry = Retry::INTERNAL;
    const TIMEOUT: Duration = Duration::from_secs(300);
}

/// Checks everything, once a day.
#[derive(Debug, Serialize, Deserialize)]
pub struct AuditWhole {}

impl Job for AuditWhole {
    const KIND: &'static str = "audit.whole.v1";
    const QUEUE: Queue = Queue::Settlement;
    const RETRY: Retry = Retry::INTERNAL;
    /// A minute for a million postings.
    const TIMEOUT: Duration = Duration::from_secs(2 * 3600);

    fn dedup_key(&self) -> Option<String> {
        Some(Self::KIND.to_owned())
    }
}

/// Compares one day in Korea of the provider's transactions with our books.
#[derive(Debug, Serialize, Deserialize)]
pub struct AuditProviderDay {
    pub day: NaiveDate,
}

impl Job for AuditProviderDay {
    const KIND: &'static str = "audit.provider_day.v1";
    const QUEUE: Queue = Queue::Settlement;
    const RETRY: Retry = Retry::PROVIDER;
    /// A page may take a minute at the provider.
    const TIMEOUT: Duration = Duration::from_secs(1800);

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}", Self::KIND, self.day))
    }
}

/// Writes the audits that are due: the whole one of the day, and those of the provider's days.
#[derive(Debug, Serialize, Deserialize)]
pub struct PlanAudits {}

impl Job for PlanAudits {
    const KIND: &'static str = "audit.plan.v1";
    const QUEUE: Queue = Queue::Settlement;
    const RETRY: Retry = Retry::INTERNAL;
}
