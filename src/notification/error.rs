use crate::user;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no such notice, or not the caller's")]
    NotFound,
    #[error("this topic cannot be switched off on this channel")]
    PreferenceLocked,
    #[error("this topic is not told on this channel")]
    PreferenceUnknown,
    #[error("this topic cannot wait for a digest on this channel")]
    DigestUnknown,
    #[error("these are no quiet hours")]
    QuietHoursInvalid,
    #[error("this is no hour of the day")]
    DigestHourInvalid,
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
            Self::PreferenceLocked => "notice.preference_locked",
            Self::PreferenceUnknown => "notice.preference_unknown",
            Self::DigestUnknown => "notice.digest_unknown",
            Self::QuietHoursInvalid => "notice.quiet_hours_invalid",
            Self::DigestHourInvalid => "notice.digest_hour_invalid",
            Self::User(error) => error.code(),
            Self::Database(_) => "internal",
        }
    }
}
