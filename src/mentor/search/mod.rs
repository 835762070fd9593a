//! The catalogue: mentors by what is asked for, in pages (`docs/CATALOGUE.md`). Reads alone, one statement each.

mod model;
mod query;

use sqlx::MySqlExecutor;

use super::error::Error;
use crate::clock::Instant;
use crate::id::UserId;

pub use model::{After, Card, Criteria, Sort};

/// Approved mentors that meet the criteria, in their order.
///
/// # Errors
/// `search.invalid` with its field.
pub async fn search(
    db: impl MySqlExecutor<'_>,
    criteria: &Criteria,
    after: Option<After>,
    limit: u32,
    now: Instant,
) -> Result<Vec<Card>, Error> {
    criteria.check().map_err(Error::Search)?;
    // What lies behind us is free for nobody.
    let free = criteria.free.map(|(from, to)| (from.max(now), to));
    if free.is_some_and(|(from, to)| to <= from) {
        return Ok(Vec::new());
    }
    Ok(query::page(db, criteria, free, after, limit).await?)
}

/// What everybody may see of one mentor.
///
/// # Errors
/// `mentor.not_found`, also for applicants and for those who are suspended.
pub async fn card(db: impl MySqlExecutor<'_>, mentor: UserId) -> Result<Card, Error> {
    query::find(db, mentor).await?.ok_or(Error::NotFound)
}
