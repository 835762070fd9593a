//! The SQL of lists and files.

use chrono::TimeDelta;
use sqlx::mysql::MySql;
use sqlx::{MySqlPool, QueryBuilder};
use uuid::Uuid;

use super::{
    ListedMentor, ListedOffering, ListedPayment, ListedPayout, ListedReservation, ListedUser, MentorFilter,
    OfferingFilter, PaymentFilter, ReservationFilter, Span,
};
use crate::clock::Instant;

/// Reservations with their people and their payment; `by` is a hint for the index, or nothing.
macro_rules! reservations {
    ($by:literal) => {
        concat!(
            "SELECT r.id, r.offering_id, r.mentor_id, m.name AS mentor_name, r.mentee_id, e.name AS mentee_name, r.title,
                r.price_krw, r.state, r.version, r.refund_krw, r.absent, r.extends_id, p.state AS payment_state,
                r.starts_at, r.ends_at, r.created_at, r.updated_at
             FROM reservations r ",
            $by,
            " JOIN users m ON m.id = r.mentor_id
             JOIN users e ON e.id = r.mentee_id
             LEFT JOIN payments p ON p.reservation_id = r.id
             WHERE 1 = 1"
        )
    };
}

impl ReservationFilter {
    /// Days long ago are found by their index alone; by themselves the servers read every later reservation first.
    fn is_span(&self) -> bool {
        let others =
            self.state.is_some() || self.mentor.is_some() || self.mentee.is_some() || self.prefix.is_some();
        let short = self.from.zip(self.to).is_some_and(|(from, to)| to - from <= TimeDelta::days(31));
        short && !others
    }
}

pub async fn reservations(
    pool: &MySqlPool,
    filter: &ReservationFilter,
    limit: u32,
) -> sqlx::Result<Vec<ListedReservation>> {
    let mut query = QueryBuilder::new(match filter.is_span() {
        true => reservations!("FORCE INDEX (reservations_starts)"),
        false => reservations!(""),
    });
    if let Some(state) = filter.state {
        query.push(" AND r.state = ").push_bind(state);
    }
    if let Some(mentor) = filter.mentor {
        query.push(" AND r.mentor_id = ").push_bind(mentor);
    }
    if let Some(mentee) = filter.mentee {
        query.push(" AND r.mentee_id = ").push_bind(mentee);
    }
    if let Some(from) = filter.from {
        query.push(" AND r.starts_at >= ").push_bind(from);
    }
    if let Some(to) = filter.to {
        query.push(" AND r.starts_at < ").push_bind(to);
    }
    if let Some(prefix) = filter.prefix {
        query.push(" AND r.id >= ").push_bind(prefix.first).push(" AND r.id <= ").push_bind(prefix.last);
    }
    if let Some(before) = filter.before {
        query.push(" AND r.id < ").push_bind(before);
    }
    query.push(" ORDER BY r.id DESC LIMIT ").push_bind(limit);
    query.build_query_as().fetch_all(pool).await
}

const PAYMENTS: &str =
    "SELECT p.id, p.reservation_id, p.mentee_id, u.name AS mentee_name, p.amount_krw, p.state,
        (SELECT CAST(COALESCE(SUM(f.amount_krw), 0) AS SIGNED) FROM refunds f
         WHERE f.reservation_id = p.reservation_id AND f.state IN ('done', 'by_hand')) AS refunded_krw,
        (SELECT a.method FROM payment_attempts a WHERE a.success_of = p.id LIMIT 1) AS method,
        p.created_at, p.updated_at
     FROM payments p JOIN users u ON u.id = p.mentee_id WHERE 1 = 1";

pub async fn payments(
    pool: &MySqlPool,
    filter: &PaymentFilter,
    limit: u32,
) -> sqlx::Result<Vec<ListedPayment>> {
    let mut query = QueryBuilder::new(PAYMENTS);
    if let Some(state) = filter.state {
        query.push(" AND p.state = ").push_bind(state);
    }
    if let Some(mentee) = filter.mentee {
        query.push(" AND p.mentee_id = ").push_bind(mentee);
    }
    if let Some(from) = filter.from {
        query.push(" AND p.created_at >= ").push_bind(from);
    }
    if let Some(to) = filter.to {
        query.push(" AND p.created_at < ").push_bind(to);
    }
    if let Some(before) = filter.before {
        query.push(" AND p.id < ").push_bind(before);
    }
    query.push(" ORDER BY p.id DESC LIMIT ").push_bind(limit);
    query.build_query_as().fetch_all(pool).await
}

pub async fn mentors(pool: &MySqlPool, filter: &MentorFilter, limit: u32) -> sqlx::Result<Vec<ListedMentor>> {
    let mut query = QueryBuilder::new(
        "SELECT m.user_id, u.name, m.state, m.headline, m.company, m.company_hidden, m.applied_at, m.decided_at,
            (SELECT COUNT(*) FROM offerings o WHERE o.mentor_id = m.user_id AND o.is_active = TRUE) AS offerings,
            (SELECT COUNT(*) FROM mentor_strikes s WHERE s.mentor_id = m.user_id) AS strikes
         FROM mentors m JOIN users u ON u.id = m.user_id WHERE 1 = 1",
    );
    if let Some(state) = filter.state {
        query.push(" AND m.state = ").push_bind(state.name());
    }
    if let Some(before) = filter.before {
        query.push(" AND m.user_id < ").push_bind(before);
    }
    query.push(" ORDER BY m.user_id DESC LIMIT ").push_bind(limit);
    query.build_query_as().fetch_all(pool).await
}

pub async fn offerings(
    pool: &MySqlPool,
    filter: &OfferingFilter,
    limit: u32,
) -> sqlx::Result<Vec<ListedOffering>> {
    let mut query = QueryBuilder::new(
        "SELECT o.id, o.mentor_id, u.name AS mentor_name, o.title, o.price_krw, o.duration_min, o.category, o.kind,
            o.is_public, o.is_active, o.created_at
         FROM offerings o JOIN users u ON u.id = o.mentor_id WHERE 1 = 1",
    );
    if let Some(mentor) = filter.mentor {
        query.push(" AND o.mentor_id = ").push_bind(mentor);
    }
    if let Some(is_active) = filter.is_active {
        query.push(" AND o.is_active = ").push_bind(is_active);
    }
    if let Some(before) = filter.before {
        query.push(" AND o.id < ").push_bind(before);
    }
    query.push(" ORDER BY o.id DESC LIMIT ").push_bind(limit);
    query.build_query_as().fetch_all(pool).await
}

// ---- Files: a span of creation, oldest first, page by page ---------------------------------------------------

/// Where a page begins: after this row.
pub type Key = (Instant, Uuid);

/// The span and the page of one table, whose letter is given: a range of its index over (created_at, id).
fn page(query: &mut QueryBuilder<MySql>, letter: &str, span: Span, after: Option<Key>, limit: u32) {
    query.push(format!(" AND {letter}.created_at >= ")).push_bind(after.map_or(span.from, |(at, _)| at));
    query.push(format!(" AND {letter}.created_at < ")).push_bind(span.to);
    if let Some((at, id)) = after {
        query.push(format!(" AND ({letter}.created_at > ")).push_bind(at);
        query.push(format!(" OR {letter}.id > ")).push_bind(id).push(")");
    }
    query.push(format!(" ORDER BY {letter}.created_at, {letter}.id LIMIT ")).push_bind(limit);
}

pub async fn users_page(
    pool: &MySqlPool,
    span: Span,
    after: Option<Key>,
    limit: u32,
) -> sqlx::Result<Vec<ListedUser>> {
    let mut query = QueryBuilder::new(
        "SELECT u.id, u.email, u.name, u.state, u.is_admin, m.state AS mentor_state,
            CASE WHEN m.company_hidden = FALSE THEN m.company END AS company, u.created_at
         FROM users u LEFT JOIN mentors m ON m.user_id = u.id WHERE 1 = 1",
    );
    page(&mut query, "u", span, after, limit);
    query.build_query_as().fetch_all(pool).await
}

pub async fn reservations_page(
    pool: &MySqlPool,
    span: Span,
    after: Option<Key>,
    limit: u32,
) -> sqlx::Result<Vec<ListedReservation>> {
    let mut query = QueryBuilder::new(reservations!(""));
    page(&mut query, "r", span, after, limit);
    query.build_query_as().fetch_all(pool).await
}

pub async fn payments_page(
    pool: &MySqlPool,
    span: Span,
    after: Option<Key>,
    limit: u32,
) -> sqlx::Result<Vec<ListedPayment>> {
    let mut query = QueryBuilder::new(PAYMENTS);
    page(&mut query, "p", span, after, limit);
    query.build_query_as().fetch_all(pool).await
}

pub async fn payouts_page(
    pool: &MySqlPool,
    span: Span,
    after: Option<Key>,
    limit: u32,
) -> sqlx::Result<Vec<ListedPayout>> {
    let mut query = QueryBuilder::new(
        "SELECT o.id, o.mentor_id, u.name AS mentor_name, o.amount_krw, o.carried_krw, o.state, o.error_code,
            o.created_at, o.concluded_at
         FROM payouts o JOIN users u ON u.id = o.mentor_id WHERE 1 = 1",
    );
    page(&mut query, "o", span, after, limit);
    query.build_query_as().fetch_all(pool).await
}

/// How many rows of a table lie in a span, counted up to one more than `most`.
pub async fn count_up_to(pool: &MySqlPool, table: &str, span: Span, most: u32) -> sqlx::Result<i64> {
    let mut query = QueryBuilder::new("SELECT COUNT(*) FROM (SELECT 1 AS one FROM ");
    query.push(table).push(" WHERE created_at >= ").push_bind(span.from);
    query.push(" AND created_at < ").push_bind(span.to);
    query.push(" LIMIT ").push_bind(most.saturating_add(1)).push(") AS counted");
    query.build_query_scalar().fetch_one(pool).await
}
