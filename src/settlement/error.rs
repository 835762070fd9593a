use crate::{ledger, payment, reservation};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no such reservation")]
    NotFound,
    #[error("the reservation is not finished")]
    NotFinished,
    #[error("reservation")]
    Reservation(#[from] reservation::Error),
    #[error("payment")]
    Payment(#[from] payment::Error),
    #[error("ledger")]
    Ledger(#[from] ledger::Error),
    #[error("database")]
    Database(#[from] sqlx::Error),
}

impl Error {
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "reservation.not_found",
            Self::NotFinished => "reservation.not_allowed",
            Self::Reservation(error) => error.code(),
            Self::Payment(error) => error.code(),
            Self::Ledger(_) | Self::Database(_) => "internal",
        }
    }
}
