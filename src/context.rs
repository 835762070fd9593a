//! Who asks, under which request and from where: goes into history rows, events, jobs and logs.

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{JobId, UserId};

/// Whoever causes a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "id")]
pub enum Actor {
    /// Not logged in.
    Anonymous,
    User(UserId),
    Admin(UserId),
    /// A worker running this job.
    Job(JobId),
    /// A person with the `admin` command.
    Operator,
}

impl Actor {
    /// The word that stands in history rows.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::User(_) => "user",
            Self::Admin(_) => "admin",
            Self::Job(_) => "job",
            Self::Operator => "operator",
        }
    }

    pub fn id(self) -> Option<uuid::Uuid> {
        match self {
            Self::User(id) | Self::Admin(id) => Some(id.0),
            Self::Job(id) => Some(id.0),
            Self::Anonymous | Self::Operator => None,
        }
    }
}

/// From where a change is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// A process of ours, by itself; the request id says which.
    #[default]
    Inside,
    /// Somebody on the network, as the api saw them. Personal data: see `retention`.
    Client {
        ip: Option<IpAddr>,
        /// At most [`LONGEST_USER_AGENT`] printable ASCII characters.
        user_agent: Option<Arc<str>>,
    },
    /// A worker that runs a job of this kind.
    Worker { name: Arc<str>, job: &'static str },
}

/// Characters of a user agent that are kept.
pub const LONGEST_USER_AGENT: usize = 200;

/// The context of one transaction.
#[derive(Clone, Debug)]
pub struct Context {
    pub actor: Actor,
    /// At most 64 printable ASCII characters; handed from the request to the jobs it causes.
    pub request_id: String,
    pub origin: Origin,
    /// Of operators: what they are doing, which [`crate::act`] keeps.
    pub deed: Option<Arc<Deed>>,
}

/// What an operator asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deed {
    /// Such as `POST /v1/admin/users/{id}/suspend`; at most 120 characters.
    pub operation: String,
    pub object_kind: Option<String>,
    pub object_id: Option<uuid::Uuid>,
    pub reason: Option<String>,
}

impl Context {
    /// Of a process of ours; [`Context::with_origin`] says otherwise.
    pub fn new(actor: Actor, request_id: impl Into<String>) -> Self {
        Self { actor, request_id: request_id.into(), origin: Origin::Inside, deed: None }
    }

    #[must_use]
    pub fn with_origin(self, origin: Origin) -> Self {
        Self { origin, ..self }
    }

    /// An operator's: each transaction is written down as this.
    #[must_use]
    pub fn doing(self, deed: Option<Arc<Deed>>) -> Self {
        Self { deed, ..self }
    }
}
