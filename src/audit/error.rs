use crate::payout;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no such day was compared")]
    DayNotFound,
    #[error("payout")]
    Payout(#[from] payout::Error),
    #[error("database")]
    Database(#[from] sqlx::Error),
}

impl Error {
    pub fn code(&self) -> &'static str {
        match self {
            Self::DayNotFound => "reconciliation.not_found",
            Self::Payout(error) => error.code(),
            Self::Database(_) => "internal",
        }
    }
}
