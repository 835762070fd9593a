//! All SQL of cards: what the catalogue lists mentors by.

use std::collections::BTreeSet;

use sqlx::types::Json;
use sqlx::{MySqlPool, QueryBuilder, Row};

use super::model::{Facts, Free, FreeDay, Freshness, Sources, Stars};
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::UserId;
use crate::mentor::PriceOption;
use crate::money::Krw;

/// Offerings whose titles are searched: a mentor's newest.
const MOST_TITLES: u32 = 50;

/// What was said of a mentor, to be made into a card.
#[derive(sqlx::FromRow)]
pub(super) struct Said {
    pub approved_at: Instant,
    pub name: String,
    pub headline: String,
    pub expertise: Json<Vec<String>>,
    pub languages: String,
}

/// `None`: nobody who was ever approved.
pub(super) async fn said(tx: &mut Tx, mentor: UserId) -> sqlx::Result<Option<Said>> {
    sqlx::query_as(
        "SELECT COALESCE(m.decided_at, m.applied_at) AS approved_at, u.name, m.headline, m.expertise, m.languages
         FROM mentors m JOIN users u ON u.id = m.user_id
         WHERE m.user_id = ? AND m.state IN ('approved', 'suspended')",
    )
    .bind(mentor)
    .fetch_optional(tx.conn())
    .await
}

/// Prices and durations of what everybody can book.
pub(super) async fn offered(tx: &mut Tx, mentor: UserId) -> sqlx::Result<Vec<PriceOption>> {
    type More = Option<Json<Vec<PriceOption>>>;
    let rows: Vec<(Krw, u32, More)> = sqlx::query_as(
        "SELECT price_krw, duration_min, more_options FROM offerings
         WHERE mentor_id = ? AND is_public = TRUE AND is_active = TRUE",
    )
    .bind(mentor)
    .fetch_all(tx.conn())
    .await?;
    let options = |(price_krw, duration_min, more): (Krw, u32, More)| {
        let more = more.map(|more| more.0).unwrap_or_default();
        std::iter::once(PriceOption { duration_min, price_krw }).chain(more)
    };
    Ok(rows.into_iter().flat_map(options).collect())
}

pub(super) async fn titles(tx: &mut Tx, mentor: UserId) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(
        "SELECT title FROM offerings WHERE mentor_id = ? AND is_public = TRUE AND is_active = TRUE
         ORDER BY id DESC LIMIT ?",
    )
    .bind(mentor)
    .bind(MOST_TITLES)
    .fetch_all(tx.conn())
    .await
}

/// Whether a mentor offers everybody something, and nothing that is booked at once.
pub(super) async fn is_by_request(tx: &mut Tx, mentor: UserId) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "SELECT COUNT(*) > 0 AND SUM(kind = 'instant') = 0 FROM offerings
         WHERE mentor_id = ? AND is_public = TRUE AND is_active = TRUE",
    )
    .bind(mentor)
    .fetch_one(tx.conn())
    .await
}

/// Makes the row where there is none; it is checked as soon as it is filled.
pub(super) async fn ensure(tx: &mut Tx, mentor: UserId, approved_at: Instant) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "INSERT INTO mentor_cards (mentor_id, approved_at, languages, search_text, checked_at)
         VALUES (?, ?, '', '', ?) ON DUPLICATE KEY UPDATE checked_at = checked_at",
    )
    .bind(mentor)
    .bind(approved_at)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(super) async fn lock_sources(tx: &mut Tx, mentor: UserId) -> sqlx::Result<Sources> {
    let row = sqlx::query(
        "SELECT approved_at, languages, search_text, lowest_price_krw, shortest_min, by_request FROM mentor_cards
         WHERE mentor_id = ? FOR UPDATE",
    )
    .bind(mentor)
    .fetch_one(tx.conn())
    .await?;
    Ok(Sources {
        approved_at: row.try_get("approved_at")?,
        languages: row.try_get("languages")?,
        search_text: row.try_get("search_text")?,
        lowest_price_krw: row.try_get("lowest_price_krw")?,
        shortest_min: row.try_get("shortest_min")?,
        by_request: row.try_get("by_request")?,
    })
}

/// `rises`: whether the slots depend on what changed.
pub(super) async fn set_sources(tx: &mut Tx, mentor: UserId, to: &Sources, rises: bool) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "UPDATE mentor_cards SET approved_at = ?, languages = ?, search_text = ?, lowest_price_krw = ?,
            shortest_min = ?, by_request = ?, revision = revision + ?, checked_at = ? WHERE mentor_id = ?",
    )
    .bind(to.approved_at)
    .bind(&to.languages)
    .bind(&to.search_text)
    .bind(to.lowest_price_krw)
    .bind(to.shortest_min)
    .bind(to.by_request)
    .bind(i64::from(rises))
    .bind(now)
    .bind(mentor)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(super) async fn checked(tx: &mut Tx, mentor: UserId) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query("UPDATE mentor_cards SET checked_at = ? WHERE mentor_id = ?")
        .bind(now)
        .bind(mentor)
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub(super) async fn terms(tx: &mut Tx, mentor: UserId) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar("SELECT term FROM mentor_terms WHERE mentor_id = ?")
        .bind(mentor)
        .fetch_all(tx.conn())
        .await
}

pub(super) async fn delete_terms(tx: &mut Tx, mentor: UserId, terms: &[&String]) -> sqlx::Result<()> {
    let mut query = QueryBuilder::new("DELETE FROM mentor_terms WHERE mentor_id = ");
    query.push_bind(mentor).push(" AND term IN (");
    let mut list = query.separated(", ");
    for term in terms {
        list.push_bind(*term);
    }
    query.push(")").build().execute(tx.conn()).await?;
    Ok(())
}

pub(super) async fn insert_terms(tx: &mut Tx, mentor: UserId, terms: &[&String]) -> sqlx::Result<()> {
    let mut query = QueryBuilder::new("INSERT INTO mentor_terms (mentor_id, term) ");
    query.push_values(terms, |mut row, term| {
        row.push_bind(mentor).push_bind(*term);
    });
    query.build().execute(tx.conn()).await?;
    Ok(())
}

/// `false`: there is no such card.
pub(super) async fn set_stars(tx: &mut Tx, mentor: UserId, stars: Stars) -> sqlx::Result<bool> {
    let [one, two, three, four, five] = stars.0;
    let done = sqlx::query(
        "UPDATE mentor_cards SET stars_1 = ?, stars_2 = ?, stars_3 = ?, stars_4 = ?, stars_5 = ?,
            rating_tenths = ?, rating_rank = ? WHERE mentor_id = ?",
    )
    .bind(one)
    .bind(two)
    .bind(three)
    .bind(four)
    .bind(five)
    .bind(stars.tenths())
    .bind(stars.rank())
    .bind(mentor)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() > 0)
}

pub(super) async fn lock_freshness(tx: &mut Tx, mentor: UserId) -> sqlx::Result<Option<Freshness>> {
    sqlx::query_as(
        "SELECT shortest_min, by_request, revision, free_calendar, free_revision, refresh_at FROM mentor_cards
         WHERE mentor_id = ? FOR UPDATE",
    )
    .bind(mentor)
    .fetch_optional(tx.conn())
    .await
}

pub(super) async fn free_days(tx: &mut Tx, mentor: UserId) -> sqlx::Result<Vec<FreeDay>> {
    sqlx::query_as("SELECT day, forenoon, afternoon FROM mentor_free_days WHERE mentor_id = ? ORDER BY day")
        .bind(mentor)
        .fetch_all(tx.conn())
        .await
}

/// Writes the days that changed and deletes those that have nothing any more.
pub(super) async fn replace_days(
    tx: &mut Tx,
    mentor: UserId,
    was: &[FreeDay],
    is: &[FreeDay],
) -> sqlx::Result<()> {
    let kept: BTreeSet<_> = is.iter().map(|day| day.day).collect();
    let gone: Vec<_> = was.iter().filter(|day| !kept.contains(&day.day)).collect();
    if !gone.is_empty() {
        let mut query = QueryBuilder::new("DELETE FROM mentor_free_days WHERE mentor_id = ");
        query.push_bind(mentor).push(" AND day IN (");
        let mut list = query.separated(", ");
        for day in gone {
            list.push_bind(day.day);
        }
        query.push(")").build().execute(tx.conn()).await?;
    }
    let changed: Vec<_> = is.iter().filter(|day| !was.contains(day)).collect();
    if !changed.is_empty() {
        let mut query =
            QueryBuilder::new("INSERT INTO mentor_free_days (mentor_id, day, forenoon, afternoon) ");
        query.push_values(changed, |mut row, day| {
            row.push_bind(mentor).push_bind(day.day).push_bind(day.forenoon).push_bind(day.afternoon);
        });
        query.push(" ON DUPLICATE KEY UPDATE forenoon = VALUES(forenoon), afternoon = VALUES(afternoon)");
        query.build().execute(tx.conn()).await?;
    }
    Ok(())
}

pub(super) async fn set_free(tx: &mut Tx, mentor: UserId, free: &Free) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE mentor_cards SET next_free_at = ?, free_calendar = ?, free_revision = ?, refresh_at = ?
         WHERE mentor_id = ?",
    )
    .bind(free.next)
    .bind(free.calendar)
    .bind(free.revision)
    .bind(free.refresh_at)
    .bind(mentor)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(super) async fn set_facts(tx: &mut Tx, mentor: UserId, facts: &Facts) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "UPDATE mentor_cards SET answers = ?, answer_min = ?, sessions = ?, completed = ?, absences = ?, facts_at = ?
         WHERE mentor_id = ?",
    )
    .bind(facts.answers)
    .bind(facts.answer_min)
    .bind(facts.sessions)
    .bind(facts.completed)
    .bind(facts.absences)
    .bind(now)
    .bind(mentor)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Those whose facts were never counted first, then the oldest ones from before `before`.
pub(super) async fn facts_due(pool: &MySqlPool, before: Instant, limit: u32) -> sqlx::Result<Vec<UserId>> {
    sqlx::query_scalar(
        "SELECT mentor_id FROM mentor_cards WHERE facts_at IS NULL OR facts_at < ? ORDER BY facts_at LIMIT ?",
    )
    .bind(before)
    .bind(limit)
    .fetch_all(pool)
    .await
}

pub(super) async fn oldest_checked(pool: &MySqlPool, limit: u32) -> sqlx::Result<Vec<UserId>> {
    sqlx::query_scalar("SELECT mentor_id FROM mentor_cards ORDER BY checked_at LIMIT ?")
        .bind(limit)
        .fetch_all(pool)
        .await
}

/// Approved mentors without a card.
pub(super) async fn missing(pool: &MySqlPool, limit: u32) -> sqlx::Result<Vec<UserId>> {
    sqlx::query_scalar(
        "SELECT m.user_id FROM mentors m LEFT JOIN mentor_cards c ON c.mentor_id = m.user_id
         WHERE m.state = 'approved' AND c.mentor_id IS NULL LIMIT ?",
    )
    .bind(limit)
    .fetch_all(pool)
    .await
}
