//! The one way a review changes.

use super::error::Error;
use super::model::Review;
use super::query;
use crate::db::Tx;

/// What a change leaves in the history.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trace<'a> {
    /// The word of the change.
    pub cause: &'a str,
    /// What was written.
    pub words: Option<&'a str>,
    /// Why an administrator did it.
    pub reason: Option<&'a str>,
}

/// Changes a row under its lock by a compare-and-set, and writes the history. The figures follow by the caller.
pub(super) async fn shift(
    tx: &mut Tx,
    was: &Review,
    trace: Trace<'_>,
    change: impl FnOnce(&mut Review),
) -> Result<Review, Error> {
    let mut is = was.clone();
    is.version += 1;
    is.updated_at = tx.now;
    change(&mut is);
    if !query::compare_and_set(tx, was, &is).await? {
        return Err(Error::Stale);
    }
    query::add_history(tx, &is, trace.cause, trace.words, trace.reason).await?;
    Ok(is)
}
