use crate::user;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no such notice, or not the caller's")]
    NotFound,
    #[error("user")]
    User(#[from] user::Error),
    #[error("database")]
    Database(#[from] sqlx::Error),
}

impl Error {
    /// The stable problem code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "notice.not_found",
            Self::User(error) => error.code(),
            Self::Database(_) => "internal",
        }
    }
}
