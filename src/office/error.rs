#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no beginning of an id: 8 to 36 hexadecimal digits")]
    Prefix,
    #[error("the span of time ends before it begins, or is longer than a year")]
    Span,
    #[error("there is more in the span of time than one file holds")]
    TooMany,
    #[error("no such user")]
    UserNotFound,
    #[error("database")]
    Database(#[from] sqlx::Error),
}

impl Error {
    /// The stable problem code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Prefix => "office.prefix_invalid",
            Self::Span => "office.span_invalid",
            Self::TooMany => "office.too_many",
            Self::UserNotFound => "user.not_found",
            Self::Database(_) => "internal",
        }
    }
}
