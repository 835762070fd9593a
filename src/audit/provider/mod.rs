//! The provider's list of transactions against our books, one day in Korea after the other (S37).
//!
//! A row that has nothing of ours beside it, or something else, is asked about once: a job reads the payment again
//! and books what was missed. What is still unexplained after that is a finding, and stops payouts.

mod model;
mod query;

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, TimeDelta, Timelike};
use chrono_tz::Asia::Seoul;
use serde_json::json;
use sqlx::MySqlPool;

use super::error::Error;
use super::model::{Offender, PROVIDER};
use super::record;
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::AttemptId;
use crate::job::{RequeryPayment, SyncPayment};
use crate::outbox;

pub use model::{DayReport, MatchState, ProviderRow, StoredRow, TransactionKind};

/// Days are read with so much of their neighbours: what is taken a moment before midnight is booked after it.
const OVERLAP: TimeDelta = TimeDelta::minutes(10);
/// How long a job has to close a gap before it is a finding.
const REPAIR: TimeDelta = TimeDelta::minutes(5);
/// Days that are read again while something in them is unexplained.
const AGAIN: u64 = 7;
/// From this hour in Korea the day before is compared.
const FROM_HOUR: u32 = 1;

/// The stretch of a day's list that is read, in Korean time.
pub fn stretch(day: NaiveDate) -> (NaiveDateTime, NaiveDateTime) {
    let start = day.and_time(chrono::NaiveTime::MIN);
    (start - OVERLAP, start + TimeDelta::days(1) + OVERLAP)
}

/// The day in Korea of an instant.
pub fn day_of(at: Instant) -> NaiveDate {
    at.with_timezone(&Seoul).date_naive()
}

/// The instant at which a day in Korea begins.
fn beginning(day: NaiveDate) -> Instant {
    let midnight = day.and_time(chrono::NaiveTime::MIN).and_local_timezone(Seoul);
    midnight.earliest().expect("Korea has no summer time").to_utc()
}

/// The days that should be compared now: yesterday from one o'clock on, and those of the last week that were missed or
/// hold something unexplained.
pub async fn due(pool: &MySqlPool, now: Instant) -> sqlx::Result<Vec<NaiveDate>> {
    let here: DateTime<_> = now.with_timezone(&Seoul);
    if here.hour() < FROM_HOUR {
        return Ok(Vec::new());
    }
    let today = here.date_naive();
    let known = query::days(pool, today - Days::new(AGAIN), today).await?;
    let began = query::first_day(pool).await?;
    let mut due = Vec::new();
    for back in 1..=AGAIN {
        let day = today - Days::new(back);
        let wanted = match known.iter().find(|report| report.day == day) {
            Some(report) => report.unexplained > 0,
            None => back == 1 || began.is_some_and(|first| first < day),
        };
        if wanted {
            due.push(day);
        }
    }
    Ok(due)
}

/// Keeps rows of the provider's list as they were read.
pub async fn store(tx: &mut Tx, rows: &[ProviderRow]) -> sqlx::Result<()> {
    for row in rows {
        query::upsert(tx, row, row.order_id.parse::<AttemptId>().ok(), day_of(row.at)).await?;
    }
    Ok(())
}

/// Compares what was stored of a day with our books, asks about what is new and unexplained, and writes the report.
/// `true`: jobs are on their way, compare again after [`REPAIR`].
pub async fn compare(tx: &mut Tx, day: NaiveDate) -> Result<bool, Error> {
    let now = tx.now;
    let (from, to) = (beginning(day), beginning(day + Days::new(1)));
    query::match_approvals(tx, day).await?;
    query::match_reversals(tx, day).await?;
    query::match_cancels(tx, day).await?;
    query::match_cancels_of_nothing(tx, day).await?;
    // Ours of the last minutes may have the date of tomorrow there.
    replace_missing(tx, day, from - OVERLAP, to - OVERLAP).await?;

    let mut asked = false;
    for row in query::unexplained(tx, day).await? {
        match row.asked_at {
            None => {
                query::mark_asked(tx, &row.transaction_key).await?;
                asked |= ask(tx, &row).await?;
            }
            Some(at) if now - at >= REPAIR => {
                record::note_all(tx, &[finding(&row)]).await?;
            }
            Some(_) => asked = true,
        }
    }
    query::resolve(tx, day).await?;
    query::write_report(tx, day).await?;
    Ok(asked)
}

/// When a day with jobs on their way is compared again.
pub fn again_at(now: Instant) -> Instant {
    now + REPAIR
}

/// Has a job close the gap. `false`: the order is none of ours, or nobody can.
async fn ask(tx: &mut Tx, row: &StoredRow) -> Result<bool, Error> {
    let Some(attempt_id) = row.attempt_id else { return Ok(false) };
    if !query::attempt_exists(tx, attempt_id).await? {
        return Ok(false);
    }
    metrics::counter!("konnect_provider_gaps_total", "kind" => row.kind.name()).increment(1);
    tracing::warn!(
        transaction = row.transaction_key,
        state = row.match_state.name(),
        "the provider's list and our books differ; reading the payment again"
    );
    if query::is_captured(tx, attempt_id).await? {
        outbox::enqueue_or_hasten(tx, &SyncPayment { attempt_id }).await?;
    } else {
        outbox::enqueue_or_hasten(tx, &RequeryPayment { attempt_id }).await?;
    }
    Ok(true)
}

fn finding(row: &StoredRow) -> Offender {
    let facts = json!({
        "state": row.match_state.name(), "kind": row.kind.name(), "status": row.status, "provider": row.amount_krw,
        "ledger": row.ledger_krw, "order": row.order_id, "paymentKey": row.payment_key, "at": row.at,
    });
    Offender { check: PROVIDER, subject: row.transaction_key.clone(), facts }
}

/// Ours without a row there. Those known before keep when they were asked about.
async fn replace_missing(tx: &mut Tx, day: NaiveDate, from: Instant, to: Instant) -> sqlx::Result<()> {
    let known = query::take_missing(tx, day).await?;
    let mut missing = query::captures_without_row(tx, from, to).await?;
    missing.extend(query::refunds_without_row(tx, from, to).await?);
    for row in missing {
        let asked_at =
            known.iter().find(|k| k.transaction_key == row.transaction_key).and_then(|k| k.asked_at);
        query::insert_missing(tx, day, &row, asked_at).await?;
    }
    Ok(())
}

/// The reports of days, newest first.
pub async fn reports(pool: &MySqlPool, from: NaiveDate, to: NaiveDate) -> sqlx::Result<Vec<DayReport>> {
    query::days(pool, from, to).await
}

/// One day, with its rows that are unexplained (or all of them) after `after`, in the order of their keys.
///
/// # Errors
/// `DayNotFound` when that day was not compared.
pub async fn day(
    pool: &MySqlPool,
    day: NaiveDate,
    all: bool,
    after: Option<&str>,
    limit: u32,
) -> Result<(DayReport, Vec<StoredRow>), Error> {
    let report = query::days(pool, day, day).await?.pop().ok_or(Error::DayNotFound)?;
    Ok((report, query::rows(pool, day, all, after.unwrap_or(""), limit).await?))
}
