//! What the stand-in remembers: one process, in memory, gone when it stops.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle as Runtime;
use tokio::sync::watch;

use crate::calendar::Calendar;
use crate::calls::Calls;
use crate::clock::Clock;
use crate::connection::Connections;
use crate::faults::Faults;
use crate::fcm::Fcm;
use crate::idempotency::Idempotency;
use crate::identity::Identity;
use crate::smtp::Mailbox;
use crate::toss::Payments;
use crate::toss::security::Security;
use crate::toss::v2::{Payouts, Sellers};
use crate::toss::webhook::Webhooks;

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) payments: Payments,
    pub(crate) sellers: Sellers,
    pub(crate) payouts: Payouts,
    pub(crate) security: Security,
    pub(crate) calendar: Calendar,
    /// Business days until a sale can be paid out; at once when absent.
    pub(crate) settlement_cycle: Option<u32>,
    pub(crate) idempotency: Idempotency,
    pub(crate) webhooks: Webhooks,
    pub(crate) faults: Faults,
    pub(crate) calls: Calls,
    pub(crate) fcm: Fcm,
    pub(crate) mailbox: Mailbox,
    pub(crate) identity: Identity,
}

/// Shared by every handler.
pub(crate) struct Shared {
    /// Without a trailing slash.
    pub(crate) url: String,
    pub(crate) smtp_url: String,
    pub(crate) secret_key: String,
    pub(crate) clock: Clock,
    pub(crate) connections: Connections,
    pub(crate) http: reqwest::Client,
    pub(crate) runtime: Runtime,
    pub(crate) deliveries: watch::Sender<usize>,
    pub(crate) state: Mutex<State>,
}

impl Shared {
    /// Never held over an await. Whoever panicked with it left whole values behind: each change is one step.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a webhook on its way, until the guard is dropped.
    pub(crate) fn outstanding(self: &Arc<Self>) -> Outstanding {
        self.deliveries.send_modify(|count| *count += 1);
        Outstanding { shared: self.clone() }
    }

    /// Waits until no webhook is on its way.
    pub(crate) async fn settle(&self) {
        // The sender lives in `self`, so waiting can not fail.
        let mut deliveries = self.deliveries.subscribe();
        let _closed = deliveries.wait_for(|count| *count == 0).await;
    }
}

pub(crate) struct Outstanding {
    shared: Arc<Shared>,
}

impl Drop for Outstanding {
    fn drop(&mut self) {
        self.shared.deliveries.send_modify(|count| *count -= 1);
    }
}
