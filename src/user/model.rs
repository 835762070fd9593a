//! People as rows, and the moves of an account.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::values::{Email, TimeZone};
use crate::auth::Role;
use crate::clock::Instant;
use crate::id::UserId;

/// A word in the database that this program does not know.
#[derive(Debug, thiserror::Error)]
#[error("unknown word '{0}'")]
pub struct UnknownWord(String);

/// An enum that stands in the database, in JSON and in the API's schema as the same lower-case word.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, poem_openapi::Enum)]
        #[serde(rename_all = "lowercase")]
        #[oai(rename_all = "lowercase")]
        pub enum $name { $($variant),* }

        impl $name {
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }

        impl TryFrom<String> for $name {
            type Error = UnknownWord;
            fn try_from(word: String) -> Result<Self, UnknownWord> {
                match word.as_str() { $($word => Ok(Self::$variant),)* _ => Err(UnknownWord(word)) }
            }
        }
    )*};
}

words! {
    /// The language of texts for this person.
    Locale { Ko = "ko", En = "en" }
    /// Where a push token comes from.
    Platform { Web = "web", Android = "android", Ios = "ios" }
    /// The state of an account. Nothing leads out of `deleted`.
    State { Active = "active", Suspended = "suspended", Deleted = "deleted" }
}

/// What an administrator does to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Suspend,
    Reinstate,
}

impl Act {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Suspend => "suspended",
            Self::Reinstate => "reinstated",
        }
    }
}

impl State {
    /// The table of allowed moves.
    pub(super) fn after(self, act: Act) -> Option<Self> {
        match (self, act) {
            (Self::Active, Act::Suspend) => Some(Self::Suspended),
            (Self::Suspended, Act::Reinstate) => Some(Self::Active),
            _ => None,
        }
    }
}

/// A person. The password hash is not among it: see [`Credentials`].
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct User {
    pub id: UserId,
    /// Normalised.
    pub email: String,
    pub name: String,
    #[sqlx(try_from = "String")]
    pub locale: Locale,
    #[sqlx(try_from = "String")]
    pub time_zone: TimeZone,
    pub is_admin: bool,
    #[sqlx(try_from = "String")]
    pub state: State,
    pub created_at: Instant,
    /// Grows by one with every change.
    pub version: i64,
}

impl User {
    /// The roles for an access token. Whether somebody is a mentor is known to the caller alone.
    pub fn roles(&self, mentor: bool) -> Vec<Role> {
        let mut roles = vec![Role::Mentee];
        if mentor {
            roles.push(Role::Mentor);
        }
        if self.is_admin {
            roles.push(Role::Admin);
        }
        roles
    }
}

/// What a password is checked against.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub user: User,
    pub password_hash: SecretString,
}

/// Somebody who wants to register; every part is checked.
#[derive(Clone, Debug)]
pub struct NewUser {
    pub email: Email,
    pub name: String,
    pub locale: Locale,
    pub time_zone: TimeZone,
}

/// What a person changes about themselves; an absent part stays.
#[derive(Clone, Debug, Default)]
pub struct ProfileChange {
    /// Checked by [`super::check_name`].
    pub name: Option<String>,
    pub locale: Option<Locale>,
    pub time_zone: Option<TimeZone>,
}

/// Which users an administrator lists; an absent part does not filter.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub state: Option<State>,
    /// Users that registered before this one: the key of the next page.
    pub before: Option<UserId>,
}

/// Where pushes for a person go.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct DeviceToken {
    pub token: String,
    #[sqlx(try_from = "String")]
    pub platform: Platform,
    pub created_at: Instant,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_listed_moves_are_allowed() {
        use State::{Active, Deleted, Suspended};
        let allowed = [(Active, Act::Suspend, Suspended), (Suspended, Act::Reinstate, Active)];
        for from in [Active, Suspended, Deleted] {
            for act in [Act::Suspend, Act::Reinstate] {
                let to = allowed.iter().find(|(f, a, _)| (*f, *a) == (from, act)).map(|m| m.2);
                assert_eq!(from.after(act), to, "{from:?} {act:?}");
            }
        }
    }

    #[test]
    fn words_read_back() {
        for locale in [Locale::Ko, Locale::En] {
            assert_eq!(Locale::try_from(locale.as_str().to_owned()).unwrap(), locale);
            assert_eq!(serde_json::to_value(locale).unwrap(), locale.as_str());
        }
        assert!(State::try_from("Active".to_owned()).is_err());
    }
}
