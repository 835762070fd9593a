//! When people are left alone, and when their digest comes, by the wall clock of the time zone in their profile.

mod model;
mod query;

use std::collections::HashMap;

use sqlx::MySqlExecutor;

use super::error::Error;
use crate::db::Tx;
use crate::id::UserId;

pub use model::{Hours, QuietHours};

/// What somebody chose.
pub async fn hours(executor: impl MySqlExecutor<'_>, user: UserId) -> Result<Hours, Error> {
    Ok(query::of_people(executor, &[user]).await?.first().map_or_else(Hours::default, |(_, hours)| *hours))
}

/// What those of these people chose who chose anything.
pub(super) async fn hours_of(
    executor: impl MySqlExecutor<'_>,
    people: &[UserId],
) -> Result<HashMap<UserId, Hours>, Error> {
    Ok(query::of_people(executor, people).await?.into_iter().collect())
}

/// Chooses anew. It counts from the next delivery on, also for notices that wait for it.
pub async fn set_hours(tx: &mut Tx, user: UserId, hours: &Hours) -> Result<(), Error> {
    Ok(query::upsert(tx, user, hours).await?)
}
