//! People as rows, and the moves of an account.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::values::{Email, TimeZone};
use crate::auth::Role;
use crate::clock::Instant;
use crate::id::{PictureId, UserId};

/// The language of texts for this person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "lowercase")]
#[oai(rename_all = "lowercase")]
pub enum Locale {
    Ko,
    En,
}

/// Where a push token comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "lowercase")]
#[oai(rename_all = "lowercase")]
pub enum Platform {
    Web,
    Android,
    Ios,
}

/// The state of an account. One that is `leaving` is erased after a while, unless its owner comes back; nothing leads out of
/// `deleted`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "lowercase")]
#[oai(rename_all = "lowercase")]
pub enum State {
    Active,
    Suspended,
    Leaving,
    Deleted,
}

crate::words!(Locale { Ko => "ko", En => "en" });
crate::words!(Platform { Web => "web", Android => "android", Ios => "ios" });
crate::words!(State { Active => "active", Suspended => "suspended", Leaving => "leaving", Deleted => "deleted" });

/// What is done to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Suspend,
    Reinstate,
    Leave,
    Stay,
    Erase,
}

impl Act {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Suspend => "suspended",
            Self::Reinstate => "reinstated",
            Self::Leave => "leaving",
            Self::Stay => "stayed",
            Self::Erase => "erased",
        }
    }
}

impl State {
    /// The table of allowed moves.
    pub(super) fn after(self, act: Act) -> Option<Self> {
        match (self, act) {
            (Self::Active | Self::Leaving, Act::Suspend) => Some(Self::Suspended),
            (Self::Suspended, Act::Reinstate) => Some(Self::Active),
            (Self::Active, Act::Leave) => Some(Self::Leaving),
            (Self::Leaving, Act::Stay) => Some(Self::Active),
            (Self::Leaving, Act::Erase) => Some(Self::Deleted),
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
    pub locale: Locale,
    #[sqlx(try_from = "String")]
    pub time_zone: TimeZone,
    pub is_admin: bool,
    pub state: State,
    /// When its owner had proven that they read the mailbox.
    pub email_verified_at: Option<Instant>,
    /// When it is erased, while it is leaving. Of a suspended account: when it would have been, so that it goes on leaving
    /// once it is reinstated.
    pub erase_at: Option<Instant>,
    /// The one that is shown of them.
    pub picture_id: Option<PictureId>,
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
    /// Absent for whoever came by a provider and never set one.
    pub password_hash: Option<SecretString>,
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
    pub user_id: UserId,
    pub token: String,
    pub platform: Platform,
    pub created_at: Instant,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_listed_moves_are_allowed() {
        use State::{Active, Deleted, Leaving, Suspended};
        let allowed = [
            (Active, Act::Suspend, Suspended),
            (Leaving, Act::Suspend, Suspended),
            (Suspended, Act::Reinstate, Active),
            (Active, Act::Leave, Leaving),
            (Leaving, Act::Stay, Active),
            (Leaving, Act::Erase, Deleted),
        ];
        for from in [Active, Suspended, Leaving, Deleted] {
            for act in [Act::Suspend, Act::Reinstate, Act::Leave, Act::Stay, Act::Erase] {
                let to = allowed.iter().find(|(f, a, _)| (*f, *a) == (from, act)).map(|m| m.2);
                assert_eq!(from.after(act), to, "{from:?} {act:?}");
            }
        }
    }

    #[test]
    fn the_word_in_a_row_is_the_word_in_json() {
        for locale in Locale::ALL {
            assert_eq!(serde_json::to_value(locale).unwrap(), locale.name());
        }
        for state in State::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
        }
    }
}
