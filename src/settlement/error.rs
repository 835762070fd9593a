use crate::{ledger, payment, reservation, user};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no such reservation")]
    NotFound,
    #[error("an administrator would decide about their own session")]
    OwnCase,
    #[error("the reservation is not finished")]
    NotFinished,
    #[error("more would be taken back than was settled")]
    NothingToTakeBack,
    #[error("a line changed meanwhile")]
    Stale,
    /// Of somebody who wants to go.
    #[error("there are bookings in which they are awaited")]
    BookingsOpen,
    #[error("there are earnings or debts that are not settled")]
    MoneyOpen,
    #[error("user")]
    User(#[from] user::Error),
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
            Self::OwnCase => "dispute.own_case",
            Self::NotFinished => "reservation.not_allowed",
            Self::NothingToTakeBack => "refund.exceeds",
            Self::BookingsOpen => "account.bookings_open",
            Self::MoneyOpen => "account.money_open",
            Self::User(error) => error.code(),
            Self::Reservation(error) => error.code(),
            Self::Payment(error) => error.code(),
            Self::Stale | Self::Ledger(_) | Self::Database(_) => "internal",
        }
    }
}
