use crate::clock::Instant;
use crate::db::{DbError, database_error};
use crate::{availability, dispute, payment, reservation};

/// Why the gate lets somebody not in. The words are those of the sockets' protocol.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// A stranger, who learns nothing: also where there is no such room.
    #[error("no such room, or not the caller's")]
    NotParticipant,
    /// Not paid, cancelled, over: the state has no session.
    #[error("the reservation has no live session")]
    NotLive,
    #[error("the room is not open now")]
    NotInWindow { opens_at: Instant, closes_at: Instant },
    #[error("database")]
    Database(#[from] sqlx::Error),
}

impl Refused {
    /// The protocol's code.
    pub fn word(&self) -> &'static str {
        match self {
            Self::NotParticipant => "NOT_PARTICIPANT",
            Self::NotLive => "SESSION_NOT_LIVE",
            Self::NotInWindow { .. } => "NOT_IN_TIME_WINDOW",
            Self::Database(_) => "UNAVAILABLE",
        }
    }
}

impl DbError for Refused {
    fn database(&self) -> Option<&sqlx::Error> {
        database_error(self)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no such session, or not the caller's")]
    NotFound,
    #[error("the session is not running, or the side may not do this")]
    NotAllowed,
    #[error("an extension is asked for already")]
    ExtensionPending,
    #[error("an extension is being paid")]
    ExtensionPaying,
    #[error("the time after the session is taken")]
    ExtensionTaken {
        /// Whole minutes until the session ends.
        minutes_left: i64,
        /// The longest extension that is possible now.
        minutes_free: u32,
    },
    #[error("reservation")]
    Reservation(#[from] reservation::Error),
    #[error("payment")]
    Payment(#[from] payment::Error),
    #[error("dispute")]
    Dispute(#[from] dispute::Error),
    #[error("availability")]
    Availability(#[from] availability::Error),
    #[error("database")]
    Database(#[from] sqlx::Error),
}

impl Error {
    /// The stable problem code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "reservation.not_found",
            Self::NotAllowed => "reservation.not_allowed",
            Self::ExtensionPending => "session.extension_pending",
            Self::ExtensionPaying => "session.extension_paying",
            Self::ExtensionTaken { .. } => "session.extension_taken",
            Self::Reservation(error) => error.code(),
            Self::Payment(error) => error.code(),
            Self::Dispute(error) => error.code(),
            Self::Availability(error) => error.code(),
            Self::Database(_) => "internal",
        }
    }
}
