use crate::availability;
use crate::clock::Instant;
use crate::mentor;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no such reservation, or not the caller's")]
    NotFound,
    #[error("the state does not allow this")]
    NotAllowed,
    #[error("the reservation changed meanwhile")]
    Stale,
    #[error("the slot is taken")]
    SlotTaken { alternatives: Vec<Instant> },
    #[error("a mentor cannot book their own offering")]
    OwnOffering,
    #[error("too many unpaid reservations")]
    HoldLimit,
    #[error("the price the caller saw is not the price")]
    PriceChanged,
    #[error("availability")]
    Availability(#[from] availability::Error),
    #[error("mentor")]
    Mentor(#[from] mentor::Error),
    #[error("database")]
    Database(#[from] sqlx::Error),
}

impl Error {
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "reservation.not_found",
            Self::NotAllowed => "reservation.not_allowed",
            Self::Stale => "reservation.stale",
            Self::SlotTaken { .. } => "slot.taken",
            Self::OwnOffering => "reservation.own_offering",
            Self::HoldLimit => "reservation.hold_limit",
            Self::PriceChanged => "reservation.price_changed",
            Self::Availability(error) => error.code(),
            Self::Mentor(error) => error.code(),
            Self::Database(_) => "internal",
        }
    }
}
