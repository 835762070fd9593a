//! What can go wrong with people.

use crate::auth;
use crate::db::DbError;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no such user")]
    NotFound,
    #[error("the e-mail address is taken")]
    EmailTaken,
    #[error("it is their address already")]
    EmailSame,
    /// Unknown, used or too old: they must look alike.
    #[error("the way back to an old address is closed")]
    UndoInvalid,
    /// Somebody changed the user since the caller read it.
    #[error("the user was changed meanwhile")]
    Stale,
    /// The act does not fit the account's state, such as suspending a suspended one.
    #[error("the account's state does not allow this")]
    WrongState,
    #[error("the provider does not say which address is theirs")]
    IdentityWithoutEmail,
    /// The account of the address may be somebody else's: nobody has proven the mailbox.
    #[error("there is an account of this address whose mailbox nobody has proven")]
    IdentityNotLinked,
    #[error("the identity leads to another account, or the account has another one of the provider")]
    IdentityTaken,
    #[error("there is no such identity")]
    IdentityNotFound,
    #[error("it is the last way into the account")]
    LastWayIn,
    #[error("there is no such picture")]
    PictureNotFound,
    #[error("not an e-mail address")]
    InvalidEmail,
    #[error("a name has 1 to 80 characters and no control characters")]
    InvalidName,
    #[error("not an IANA time zone")]
    InvalidTimeZone,
    #[error("a password has 10 to 128 characters and is not the e-mail address")]
    PasswordWeak,
    #[error("a device token has 1 to 512 printable ASCII characters")]
    InvalidDeviceToken,
    #[error("authentication")]
    Auth(#[from] auth::Error),
    #[error("database")]
    Database(#[from] sqlx::Error),
}

impl Error {
    /// The stable problem code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "user.not_found",
            Self::EmailTaken => "user.email_taken",
            Self::EmailSame => "user.email_same",
            Self::UndoInvalid => "user.undo_invalid",
            Self::Stale => "user.stale",
            Self::WrongState => "user.wrong_state",
            Self::IdentityWithoutEmail => "user.identity_without_email",
            Self::IdentityNotLinked => "user.identity_not_linked",
            Self::IdentityTaken => "user.identity_taken",
            Self::IdentityNotFound => "user.identity_not_found",
            Self::LastWayIn => "user.last_way_in",
            Self::PictureNotFound => "user.picture_not_found",
            Self::InvalidEmail => "user.invalid_email",
            Self::InvalidName => "user.invalid_name",
            Self::InvalidTimeZone => "user.invalid_time_zone",
            Self::PasswordWeak => "user.password_weak",
            Self::InvalidDeviceToken => "user.invalid_device_token",
            Self::Auth(error) => error.code(),
            Self::Database(_) => "internal",
        }
    }
}

impl DbError for Error {
    fn database(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Auth(error) => error.database(),
            Self::Database(error) => Some(error),
            _ => None,
        }
    }
}
