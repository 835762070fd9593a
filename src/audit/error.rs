use crate::payment;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no such day was compared")]
    DayNotFound,
    #[error("payment")]
    Payment(#[from] payment::Error),
    #[error("database")]
    Database(#[from] sqlx::Error),
}

impl Error {
    pub fn code(&self) -> &'static str {
        match self {
            Self::DayNotFound => "reconciliation.not_found",
            Self::Payment(error) => error.code(),
            Self::Database(_) => "internal",
        }
    }
}
