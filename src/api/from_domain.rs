//! Errors of the domains that stand before reservations, and of the one that talks to systems outside, with the field that is to blame where there is one.

use super::problem::Problem;
use crate::{auth, availability, mentor, partner, user};

impl From<auth::Error> for Problem {
    fn from(error: auth::Error) -> Self {
        let field = match &error {
            auth::Error::PasswordWrong => Some("currentPassword"),
            auth::Error::FactorWrong | auth::Error::EmailCodeInvalid => Some("code"),
            _ => None,
        };
        let context = match &error {
            auth::Error::Leaving(Some(until)) => Some(serde_json::json!({ "erasedAt": until })),
            _ => None,
        };
        let problem = blame(Self::of(error.code(), error), field);
        match context {
            Some(context) => problem.context(context),
            None => problem,
        }
    }
}

impl From<user::Error> for Problem {
    fn from(error: user::Error) -> Self {
        if let user::Error::Auth(error) = error {
            return error.into();
        }
        let field = match &error {
            user::Error::InvalidEmail | user::Error::EmailTaken | user::Error::EmailSame => Some("email"),
            user::Error::InvalidName => Some("name"),
            user::Error::InvalidTimeZone => Some("timeZone"),
            user::Error::PasswordWeak => Some("password"),
            user::Error::InvalidDeviceToken | user::Error::UndoInvalid => Some("token"),
            _ => None,
        };
        blame(Self::of(error.code(), error), field)
    }
}

impl From<mentor::Error> for Problem {
    fn from(error: mentor::Error) -> Self {
        let (field, rule) = match &error {
            mentor::Error::Invalid(invalid)
            | mentor::Error::Search(invalid)
            | mentor::Error::OfferingInvalid(invalid) => (Some(invalid.field), Some(invalid.rule)),
            _ => (error.field(), None),
        };
        ruled(blame(Self::of(error.code(), error), field), rule)
    }
}

impl From<partner::Error> for Problem {
    fn from(error: partner::Error) -> Self {
        let (field, rule) = match &error {
            partner::Error::Address(refused) => (Some("url"), Some(refused.to_string())),
            partner::Error::UnknownType(kind) => (Some("types"), Some(kind.clone())),
            partner::Error::Stale => (Some("expectedVersion"), None),
            _ => (None, None),
        };
        let problem = blame(Self::of(error.code(), error), field);
        match rule {
            Some(rule) => problem.context(serde_json::json!({ "rule": rule })),
            None => problem,
        }
    }
}

impl From<availability::Error> for Problem {
    fn from(error: availability::Error) -> Self {
        let rule = match &error {
            availability::Error::Invalid(invalid) => Some(invalid.rule),
            _ => None,
        };
        let field = error.field();
        ruled(blame(Self::of(error.code(), error), field), rule)
    }
}

fn blame(problem: Problem, field: Option<&'static str>) -> Problem {
    match field {
        Some(field) => problem.field(field),
        None => problem,
    }
}

/// The rule in words, for whoever writes the client.
fn ruled(problem: Problem, rule: Option<&'static str>) -> Problem {
    match rule {
        Some(rule) => problem.context(serde_json::json!({ "rule": rule })),
        None => problem,
    }
}
