//! Days are counted once, when they are over; the present one when it is asked for.

mod query;

use chrono::{Days, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Asia::Seoul;
use sqlx::MySqlPool;

use super::error::Error;
use super::model::{Dashboard, Load, OpenMoney};
use crate::clock::Instant;
use crate::db::{Db, Tx};
use crate::job::Queue;
use crate::outbox;

/// Days of the longest stretch, with the present one.
const MONTH: u64 = 30;
const WEEK: u64 = 7;
/// A day is counted so long after its end: what was about to be committed then is.
const AFTER: TimeDelta = TimeDelta::minutes(10);

/// The day in Korea at an instant.
fn day_of(at: Instant) -> NaiveDate {
    at.with_timezone(&Seoul).date_naive()
}

/// When a day of Korea begins (UTC).
fn start_of(day: NaiveDate) -> Instant {
    let local = Seoul.from_local_datetime(&day.and_time(NaiveTime::MIN));
    local.earliest().expect("Korea has no summer time").with_timezone(&Utc)
}

fn before(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_sub_days(Days::new(days)).unwrap_or(day)
}

fn after(day: NaiveDate) -> NaiveDate {
    day.checked_add_days(Days::new(1)).unwrap_or(day)
}

/// Everything of one screen.
pub async fn dashboard(db: &Db) -> Result<Dashboard, Error> {
    let (pool, now) = (db.pool(), db.now());
    let today = day_of(now);
    let day = query::count(pool, start_of(today), start_of(after(today))).await?;
    let kept = query::kept(pool, before(today, MONTH - 1), today).await?;
    let (mut week, mut month) = (day.clone(), day.clone());
    let mut counted: Vec<NaiveDate> = Vec::new();
    for (date, figure, amount) in kept {
        if counted.last() != Some(&date) {
            counted.push(date);
        }
        month.add(&figure, amount);
        if date > before(today, WEEK) {
            week.add(&figure, amount);
        }
    }
    let missing = usize::try_from(MONTH - 1).expect("a month is short") - counted.len();
    let waiting = query::waiting(pool).await?;
    Ok(Dashboard { at: now, today, day, week, month, waiting, queues: loads(pool, now).await?, missing })
}

async fn loads(pool: &MySqlPool, now: Instant) -> Result<Vec<Load>, Error> {
    let mut loads = Vec::new();
    for queue in Queue::ALL {
        loads.push(Load { queue: queue.name(), lag: outbox::oldest_due_age(pool, queue, now).await? });
    }
    Ok(loads)
}

/// Refunds that a person must decide, or of which the provider has not said what became.
const OPEN_REFUNDS: [&str; 3] = ["awaiting_approval", "manual_review", "unknown"];
/// Payouts without an end.
const OPEN_PAYOUTS: [&str; 5] = ["queued", "sent", "unknown", "in_progress", "manual_review"];

/// What has no end yet, by states.
pub async fn open_money(pool: &MySqlPool) -> sqlx::Result<OpenMoney> {
    let (payments_unknown, unknown_since) = query::unknown_payments(pool).await?;
    let refunds = by_state(&OPEN_REFUNDS, query::refunds_by_state(pool, &OPEN_REFUNDS).await?);
    let payouts = by_state(&OPEN_PAYOUTS, query::payouts_by_state(pool, &OPEN_PAYOUTS).await?);
    Ok(OpenMoney { payments_unknown, unknown_since, refunds, payouts })
}

fn by_state(states: &[&'static str], counted: Vec<(String, i64)>) -> Vec<(&'static str, i64)> {
    let count = |state: &str| counted.iter().find(|(name, _)| name == state).map_or(0, |(_, count)| *count);
    states.iter().map(|state| (*state, count(state))).collect()
}

/// Counts one of the days of the last month that are over and were not counted, the latest first. `false`: there is none
/// left.
pub async fn count_days(tx: &mut Tx) -> Result<bool, Error> {
    let today = day_of(tx.now - AFTER);
    let known = query::counted(tx, before(today, MONTH), today).await?;
    let lacking = (1..MONTH).map(|days| before(today, days)).find(|day| !known.contains(day));
    let Some(day) = lacking else { return Ok(false) };
    let figures = query::count(tx.conn(), start_of(day), start_of(after(day))).await?;
    query::keep(tx, day, &figures).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_korea() {
        let at: Instant = "2026-03-02T15:00:00Z".parse().unwrap();
        let day = day_of(at);
        assert_eq!(day.to_string(), "2026-03-03");
        assert_eq!(start_of(day), at);
        assert_eq!(day_of(at - TimeDelta::seconds(1)).to_string(), "2026-03-02");
        assert_eq!(start_of(after(day)) - start_of(day), TimeDelta::hours(24));
    }
}
