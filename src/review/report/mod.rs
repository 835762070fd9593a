//! Reports: anybody who can read words can say that they should not be there.

mod model;
mod query;

use chrono::TimeDelta;
use serde_json::json;
use sqlx::MySqlPool;

use super::error::Error;
use super::model::Part;
use super::query as reviews;
use crate::db::Tx;
use crate::event;
use crate::id::{ReviewId, ReviewReportId, UserId};

pub use model::{Outcome, Reason, Report};

/// What one person may report in a day. Counted without a lock: requests at the very same moment can go a little beyond.
const MOST_A_DAY: i64 = 20;

/// What somebody says is wrong.
#[derive(Clone, Debug)]
pub struct NewReport {
    pub part: Part,
    pub reason: Reason,
    pub note: Option<String>,
}

/// Notes that somebody thinks words should not be shown. It changes nothing by itself; an administrator looks at it. The
/// first report of a person about a part counts, and is what they get when they report it again.
///
/// # Errors
/// `NotFound` for what is not shown to the person: sealed, hidden, or about a mentee they are not; `Own`; `ReportLimit`.
pub async fn report(tx: &mut Tx, id: ReviewId, reporter: UserId, new: &NewReport) -> Result<Report, Error> {
    let review = reviews::lock_published(tx, id).await?.filter(|review| review.is_shown_to(reporter));
    let review = review.ok_or(Error::NotFound)?;
    if let Some(known) = query::by_reporter(tx, id, new.part, reporter).await? {
        return Ok(known);
    }
    let words = match new.part {
        Part::Review => review.shown_words(),
        Part::Reply => review.shown_reply(),
    };
    words.ok_or(Error::NotFound)?;
    if review.author_of(new.part) == reporter {
        return Err(Error::Own);
    }
    let day_ago = tx.now - TimeDelta::hours(24);
    if query::count_since(tx, reporter, day_ago).await? >= MOST_A_DAY {
        return Err(Error::ReportLimit);
    }
    let report = Report {
        id: ReviewReportId::generate(),
        review_id: id,
        part: new.part,
        reporter_id: reporter,
        reason: new.reason,
        note: new.note.clone(),
        at: tx.now,
        closed_at: None,
        outcome: None,
    };
    query::insert(tx, &report).await?;
    query::count_open(tx, id).await?;
    let data = json!({ "reviewId": id, "reportId": report.id, "part": report.part, "reason": report.reason });
    event::append(tx, &[reporter], "review.reported", data).await?;
    metrics::counter!("konnect_review_reports_total", "reason" => report.reason.name()).increment(1);
    Ok(report)
}

/// Closes what is open about a part, or about both; returns how many there were. The caller holds the review's lock and
/// writes down that fewer are open.
pub(super) async fn close(
    tx: &mut Tx,
    id: ReviewId,
    part: Option<Part>,
    outcome: Outcome,
) -> sqlx::Result<i32> {
    query::close(tx, id, part, outcome).await
}

/// For administrators: oldest first.
pub async fn reports_of(pool: &MySqlPool, id: ReviewId) -> sqlx::Result<Vec<Report>> {
    query::of_review(pool, id).await
}
