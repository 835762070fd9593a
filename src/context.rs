//! Who asks, and under which request: goes into history rows, jobs and logs.

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

/// The context of one transaction.
#[derive(Clone, Debug)]
pub struct Context {
    pub actor: Actor,
    /// At most 64 printable ASCII characters; handed from the request to the jobs it causes.
    pub request_id: String,
}

impl Context {
    pub fn new(actor: Actor, request_id: impl Into<String>) -> Self {
        Self { actor, request_id: request_id.into() }
    }
}
