//! What the back office shows of accounts and applications.

use chrono::{DateTime, Utc};
use poem_openapi::Object;

use super::page_key::page_text;
use crate::id::UserId;
use crate::mentor::{Mentor, PageKey};
use crate::user::{Locale, State, User};

/// An account, as administrators see it.
#[derive(Debug, Object)]
#[oai(rename_all = "camelCase")]
pub(super) struct Account {
    id: UserId,
    email: String,
    name: String,
    locale: Locale,
    time_zone: String,
    is_admin: bool,
    state: State,
    /// UTC.
    created_at: DateTime<Utc>,
    version: i64,
}

impl From<User> for Account {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            email: user.email,
            name: user.name,
            locale: user.locale,
            time_zone: user.time_zone.to_string(),
            is_admin: user.is_admin,
            state: user.state,
            created_at: user.created_at,
            version: user.version,
        }
    }
}

#[derive(Debug, Object)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct Accounts {
    items: Vec<Account>,
    /// `before` of the next page; absent on the last one.
    next: Option<UserId>,
}

impl Accounts {
    pub fn new(users: Vec<User>, limit: u32) -> Self {
        let next = users.last().filter(|_| users.len() == limit as usize).map(|u| u.id);
        Self { items: users.into_iter().map(Account::from).collect(), next }
    }
}

/// Somebody who applied to be a mentor, with what only administrators may see.
#[derive(Debug, Object)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct Applicant {
    user_id: UserId,
    state: crate::mentor::State,
    headline: String,
    bio: String,
    expertise: Vec<String>,
    career: String,
    company: Option<String>,
    company_hidden: bool,
    rejection_reason: Option<String>,
    decided_by: Option<UserId>,
    /// UTC.
    decided_at: Option<DateTime<Utc>>,
    /// UTC.
    applied_at: DateTime<Utc>,
    /// Send it back as `expectedVersion`.
    version: i64,
}

impl From<Mentor> for Applicant {
    fn from(mentor: Mentor) -> Self {
        Self {
            user_id: mentor.user_id,
            state: mentor.state,
            headline: mentor.headline,
            bio: mentor.bio,
            expertise: mentor.expertise.0,
            career: mentor.career,
            company: mentor.company,
            company_hidden: mentor.company_hidden,
            rejection_reason: mentor.rejection_reason,
            decided_by: mentor.decided_by,
            decided_at: mentor.decided_at,
            applied_at: mentor.applied_at,
            version: mentor.version,
        }
    }
}

#[derive(Debug, Object)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct Applicants {
    items: Vec<Applicant>,
    /// `after` of the next page; absent on the last one.
    next: Option<String>,
}

impl Applicants {
    pub fn new(mentors: Vec<Mentor>, limit: u32) -> Self {
        let full = mentors.len() == limit as usize;
        let next =
            mentors.last().filter(|_| full).map(|m| page_text(PageKey { at: m.applied_at, user: m.user_id }));
        Self { items: mentors.into_iter().map(Applicant::from).collect(), next }
    }
}
