//! Endpoints, deliveries, and what an answer means. Pure.

use std::time::Duration;

use chrono::TimeDelta;
use secrecy::SecretString;
use sqlx::types::Json;

use super::error::Error;
use crate::clock::Instant;
use crate::id::{EventId, WebhookDeliveryId, WebhookEndpointId};
use crate::snapshot;

/// An endpoint of which nothing but failures came for so long is disabled.
pub const PATIENCE: TimeDelta = TimeDelta::days(5);
/// The most names and beginnings that an endpoint chooses by.
pub const MOST_TYPES: usize = 50;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, poem_openapi::Enum)]
#[oai(rename = "WebhookEndpointState", rename_all = "snake_case")]
pub enum EndpointState {
    Enabled,
    Disabled,
    /// For good; its deliveries can still be read.
    Deleted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, poem_openapi::Enum)]
#[oai(rename = "WebhookDeliveryState", rename_all = "snake_case")]
pub enum DeliveryState {
    /// A job will call the endpoint.
    Pending,
    /// The endpoint took it.
    Delivered,
    /// Given up; can be asked for again.
    Failed,
}

crate::words!(EndpointState { Enabled => "enabled", Disabled => "disabled", Deleted => "deleted" });
crate::words!(DeliveryState { Pending => "pending", Delivered => "delivered", Failed => "failed" });

/// What can be done about an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Change,
    Rotate,
    Enable,
    Disable,
    /// By us: it is gone, or has only failed.
    GiveUp,
    Delete,
}

impl Act {
    pub(super) fn cause(self) -> &'static str {
        match self {
            Self::Change => "changed",
            Self::Rotate => "secret_rotated",
            Self::Enable => "enabled",
            Self::Disable => "disabled",
            Self::GiveUp => "given_up",
            Self::Delete => "deleted",
        }
    }
}

impl EndpointState {
    /// Where an act leads; `None` where it is not allowed.
    pub(super) fn after(self, act: Act) -> Option<Self> {
        match (self, act) {
            (Self::Deleted, _) => None,
            (_, Act::Change | Act::Rotate) => Some(self),
            (Self::Disabled, Act::Enable) => Some(Self::Enabled),
            (Self::Enabled, Act::Disable | Act::GiveUp) => Some(Self::Disabled),
            (_, Act::Delete) => Some(Self::Deleted),
            _ => None,
        }
    }
}

/// A row of `webhook_endpoints`. All instants are UTC.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Endpoint {
    pub id: WebhookEndpointId,
    pub url: String,
    pub description: String,
    /// Names, or beginnings such as `payment.*`; empty: all.
    pub types: Json<Vec<String>>,
    pub state: EndpointState,
    pub disabled_reason: Option<String>,
    #[sqlx(default)]
    pub(super) secret_sealed: Option<Vec<u8>>,
    #[sqlx(default)]
    pub(super) old_sealed: Option<Vec<u8>>,
    /// Until when the secrets before the present one are good as well.
    pub old_until: Option<Instant>,
    /// Since when nothing but failures came of it.
    pub failing_since: Option<Instant>,
    pub enabled_at: Instant,
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

impl Endpoint {
    /// Whether it wants to hear of this type. Tests are heard by all.
    pub fn hears(&self, kind: &str) -> bool {
        let hears = |choice: &String| match choice.strip_suffix('*') {
            Some(beginning) => kind.starts_with(beginning),
            None => choice == kind,
        };
        self.types.is_empty() || kind == TEST || self.types.iter().any(hears)
    }
}

/// What an administrator says of an endpoint.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub url: String,
    pub description: String,
    pub types: Vec<String>,
}

/// The type of the events that administrators make up.
pub const TEST: &str = "webhook.test";

/// Names of events that exist, and beginnings of some that do; in order, once each.
///
/// # Errors
/// `UnknownType`
pub(super) fn check_types(mut types: Vec<String>) -> Result<Vec<String>, Error> {
    types.sort();
    types.dedup();
    let exists = |choice: &str| match choice.strip_suffix(".*") {
        Some(family) => snapshot::TYPES.iter().any(|kind| kind.split('.').next() == Some(family)),
        None => snapshot::TYPES.contains(&choice),
    };
    match types.iter().position(|choice| !exists(choice)) {
        Some(at) => Err(Error::UnknownType(types.swap_remove(at))),
        None => Ok(types),
    }
}

/// A row of `webhook_deliveries` with what it brings. All instants are UTC.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Delivery {
    pub id: WebhookDeliveryId,
    /// The `webhook-id` of every attempt.
    pub event_id: EventId,
    pub endpoint_id: WebhookEndpointId,
    #[sqlx(rename = "type")]
    pub kind: String,
    pub subject_kind: String,
    pub subject_id: uuid::Uuid,
    pub seq: i64,
    pub state: DeliveryState,
    pub is_test: bool,
    pub attempts: u32,
    pub error: Option<String>,
    pub created_at: Instant,
    pub updated_at: Instant,
    pub delivered_at: Option<Instant>,
}

/// One call of an endpoint.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Attempt {
    pub number: u32,
    /// UTC.
    pub started_at: Instant,
    /// Absent, like all that follows, where nobody knows what became of it.
    pub millis: Option<u32>,
    pub status: Option<u16>,
    pub error: Option<String>,
    /// The beginning of the answer.
    pub answer: Option<Vec<u8>>,
}

/// What to list; an absent field does not filter.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub endpoint: Option<WebhookEndpointId>,
    pub state: Option<DeliveryState>,
    pub kind: Option<String>,
    /// The reservation, payout or endpoint that it is about.
    pub subject: Option<uuid::Uuid>,
    /// Deliveries older than this one: the key of the next page.
    pub before: Option<WebhookDeliveryId>,
}

/// What a delivery has to do.
pub enum Step {
    /// There is no such delivery, or its outcome is known.
    Over,
    /// The endpoint listens no more.
    Off,
    Send(Box<Message>),
}

/// One message, ready to be sent.
pub struct Message {
    pub url: String,
    pub id: EventId,
    pub body: String,
    /// The present one, and those before while they are good.
    pub secrets: Vec<SecretString>,
    /// When it is sent (UTC).
    pub at: Instant,
    /// From 1, over all replays.
    pub attempt: u32,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    pub millis: u32,
    pub status: Option<u16>,
    /// Why there is no status.
    pub error: Option<String>,
    pub answer: Vec<u8>,
    /// How long the endpoint asks us to wait.
    pub retry_after: Option<Duration>,
}

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Taken,
    /// The endpoint will never be there again.
    Gone,
    /// Not taken, or nobody knows: the message is sent again under the same id.
    NotTaken {
        why: String,
        wait: Option<TimeDelta>,
    },
}

impl Heard {
    pub(super) fn meaning(&self) -> Meaning {
        match self.status {
            Some(200..=299) => Meaning::Taken,
            Some(410) => Meaning::Gone,
            Some(status) => {
                let asks = matches!(status, 429 | 503);
                let wait = self.retry_after.filter(|_| asks).and_then(|wait| TimeDelta::from_std(wait).ok());
                Meaning::NotTaken { why: format!("status {status}"), wait }
            }
            None => {
                let why = self.error.clone().unwrap_or_else(|| "no answer".to_owned());
                Meaning::NotTaken { why, wait: None }
            }
        }
    }
}

/// What becomes of a delivery after a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum After {
    Over,
    /// By the schedule of its job.
    Again(String),
    /// Not before this instant (UTC): the endpoint asked for it.
    NotBefore(Instant),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(types: &[&str]) -> Endpoint {
        let at = "2026-03-02T00:00:00Z".parse().unwrap();
        Endpoint {
            id: WebhookEndpointId::generate(),
            url: "https://a.example/".into(),
            description: String::new(),
            types: Json(types.iter().map(|t| (*t).to_owned()).collect()),
            state: EndpointState::Enabled,
            disabled_reason: None,
            secret_sealed: None,
            old_sealed: None,
            old_until: None,
            failing_since: None,
            enabled_at: at,
            version: 1,
            created_at: at,
            updated_at: at,
        }
    }

    #[test]
    fn endpoints_hear_what_they_chose() {
        assert!(endpoint(&[]).hears("payout.paid"));
        let some = endpoint(&["payment.*", "reservation.confirmed"]);
        for (kind, hears) in [
            ("payment.captured", true),
            ("reservation.confirmed", true),
            ("reservation.cancelled", false),
            ("payments.captured", false),
            (TEST, true),
        ] {
            assert_eq!(some.hears(kind), hears, "{kind}");
        }
    }

    #[test]
    fn only_types_that_exist_are_chosen() {
        let check = |types: &[&str]| check_types(types.iter().map(|t| (*t).to_owned()).collect());
        assert_eq!(
            check(&["payout.paid", "payment.*", "payout.paid"]).unwrap(),
            ["payment.*", "payout.paid"]
        );
        for bad in
            ["", "*", ".*", "pay.*", "payment", "payment.", "payment.captured.*", "webhook.test", "x y"]
        {
            assert!(matches!(check(&[bad]), Err(Error::UnknownType(_))), "{bad}");
        }
    }

    #[test]
    fn an_answer_means_what_its_status_says() {
        let heard = |status| Heard {
            millis: 1,
            status,
            error: None,
            answer: Vec::new(),
            retry_after: Some(Duration::from_secs(60)),
        };
        assert_eq!(heard(Some(204)).meaning(), Meaning::Taken);
        assert_eq!(heard(Some(410)).meaning(), Meaning::Gone);
        let wait = |status| match heard(status).meaning() {
            Meaning::NotTaken { wait, .. } => wait,
            _ => panic!("{status:?} is no failure"),
        };
        assert_eq!(wait(Some(429)), Some(TimeDelta::seconds(60)));
        assert_eq!(wait(Some(503)), Some(TimeDelta::seconds(60)));
        for status in [Some(500), Some(301), Some(404), None] {
            assert_eq!(wait(status), None, "{status:?}");
        }
    }
}
