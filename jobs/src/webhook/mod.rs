//! What a stored webhook means, by its kind. Nothing in one about a payment is believed but the name of the order, and
//! the provider is asked about that (S32 to S36); one about a payout is believed when its signature is right.

mod deposits;
mod payments;
pub mod payouts;

use anyhow::Result;
use konnect::clock::Instant;
use konnect::id::AttemptId;
use konnect::payment::Webhook;
use serde_json::Value;

use crate::Run;
use payouts::Signed;

/// A look at the provider for a webhook, to be let go of when its finding is written.
#[derive(Clone, Copy, Debug)]
pub struct Looked {
    pub attempt: AttemptId,
    pub began: Instant,
}

/// What is done about a webhook.
pub enum Finding {
    Over {
        /// Stands in the inbox and in the counter.
        outcome: &'static str,
        follow: Option<Follow>,
        look: Option<Looked>,
    },
    /// Looked into again, as the job's schedule says; dead with its reason in the end.
    Later { outcome: &'static str, why: String, look: Option<Looked> },
    /// Somebody asks about the same payment just now: looked into again at this instant.
    Busy(Instant),
}

/// The job that follows.
pub enum Follow {
    /// Asks the provider what became of the attempt.
    Requery(AttemptId),
    /// Compares a captured payment with the provider's.
    Sync(AttemptId),
    Verified(Signed),
}

impl Finding {
    fn over(outcome: &'static str) -> Self {
        Self::Over { outcome, follow: None, look: None }
    }
}

/// The kinds the provider's documents name; one of them labels a counter.
const PAYMENT: &str = "PAYMENT_STATUS_CHANGED";
const DEPOSIT: &str = "DEPOSIT_CALLBACK";
const CANCEL: &str = "CANCEL_STATUS_CHANGED";
/// About saved cards and accounts, which we do not keep.
const IGNORED: [&str; 3] = ["BILLING_DELETED", "METHOD_UPDATED", "CUSTOMER_STATUS_CHANGED"];
const SIGNED: [&str; 2] = ["payout.changed", "seller.changed"];

/// Gives the event's kind and what is done about it.
pub async fn look_into(run: &Run, hook: &Webhook) -> Result<(&'static str, Finding)> {
    // The api lets no other body in.
    let Ok(body) = serde_json::from_slice::<Value>(&hook.body) else {
        return Ok(("none", Finding::over("unreadable")));
    };
    let kind = body.get("eventType").and_then(Value::as_str);
    let known = |kinds: &[&'static str]| kinds.iter().copied().find(|known| Some(*known) == kind);
    if let Some(event) = known(&[PAYMENT, CANCEL]) {
        return Ok((event, payments::look_into(run, hook, &payments::Hint::of_data(&body)).await?));
    }
    if let Some(event) = known(&SIGNED) {
        return Ok((event, payouts::look_into(run, hook, event, &body)));
    }
    if let Some(event) = known(&IGNORED) {
        return Ok((event, Finding::over("ignored")));
    }
    // Flat, without an event type.
    if kind.is_none() && body.get("secret").is_some() && body.get("orderId").is_some() {
        return Ok((DEPOSIT, deposits::look_into(run, hook, &body).await?));
    }
    tracing::warn!(transmission_id = hook.transmission_id, kind, "a webhook of a kind that nobody knows");
    Ok(("other", Finding::over("unknown_event")))
}
