//! Why a socket is not opened.

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the user has as many sockets open as one may")]
    TooMany,
    #[error("the access token has expired")]
    TokenExpired,
    #[error("the session has been ended")]
    SessionRevoked,
    /// This process stops; another one takes the connection.
    #[error("the process is stopping")]
    Stopping,
    #[error("database")]
    Database(#[from] sqlx::Error),
}

impl Error {
    /// The stable problem code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooMany => "socket.too_many",
            Self::TokenExpired => "auth.token_expired",
            Self::SessionRevoked => "auth.session_revoked",
            Self::Stopping | Self::Database(_) => "service.unavailable",
        }
    }
}
