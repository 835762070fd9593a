//! The typed handle: everything a test can command and ask, without HTTP.

mod payments;
mod payouts;
mod webhooks;

use std::sync::Arc;

use chrono::TimeDelta;

use crate::calls::Call;
use crate::clock::Instant;
use crate::faults::{Effect, Endpoint, Fault};
use crate::fcm::Push;
use crate::smtp::Mail;
use crate::state::Shared;
use crate::toss::webhook;

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

/// Faults and what was called.
impl Handle {
    /// # Panics
    /// When the fault could never strike (on `Token`; a `Decline` on `Smtp` that is no enhanced status).
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

    /// Takes back every fault with this effect that has not struck yet.
    pub fn forget_fault(&self, effect: &Effect) {
        self.shared.lock().faults.forget(effect);
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

    /// The mail server goes away, cutting whoever is connected at their next command, or comes back.
    pub fn mail_server_down(&self, down: bool) {
        self.shared.lock().mailbox.set_down(down);
    }

    pub fn is_mail_server_down(&self) -> bool {
        self.shared.lock().mailbox.is_down()
    }
}
