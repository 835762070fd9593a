//! All SQL of the catalogue: one statement a page.

use chrono::NaiveDateTime;
use sqlx::{MySql, MySqlExecutor, QueryBuilder};

use super::model::{After, Card, Criteria, Sort};
use crate::clock::Instant;
use crate::id::UserId;
use crate::mentor::card::FreeDay;
use crate::mentor::terms::{self, Wanted};
use crate::money::Krw;

/// The cards are walked in the order of the list, by its index, until a page is full: `STRAIGHT_JOIN` keeps either server
/// from sorting them all.
const CARD: &str = "SELECT STRAIGHT_JOIN c.mentor_id, u.name, m.headline, m.bio, m.expertise, m.career,
    CASE WHEN m.company_hidden THEN NULL ELSE m.company END AS company, c.languages, c.approved_at,
    c.lowest_price_krw, c.next_free_at, c.stars_1, c.stars_2, c.stars_3, c.stars_4, c.stars_5, c.rating_rank,
    c.price_order, c.free_order, c.answers, c.answer_min, c.sessions, c.completed, c.absences
    FROM mentor_cards c
    JOIN mentors m ON m.user_id = c.mentor_id AND m.state = 'approved'
    JOIN users u ON u.id = c.mentor_id AND u.state = 'active'
    WHERE ";

pub(super) async fn find(db: impl MySqlExecutor<'_>, mentor: UserId) -> sqlx::Result<Option<Card>> {
    let mut query = QueryBuilder::new(CARD);
    query.push("c.mentor_id = ").push_bind(mentor);
    query.build_query_as().fetch_optional(db).await
}

pub(super) async fn page(
    db: impl MySqlExecutor<'_>,
    criteria: &Criteria,
    free: Option<(Instant, Instant)>,
    after: Option<After>,
    limit: u32,
) -> sqlx::Result<Vec<Card>> {
    let mut query = QueryBuilder::new(CARD);
    let order = order(criteria.sort);
    query.push("TRUE");
    if let Some(after) = after {
        go_on(&mut query, &order, after);
    }
    if let Some(tenths) = criteria.rating_from {
        query.push(" AND c.rating_tenths >= ").push_bind(tenths);
    }
    if !criteria.languages.is_empty() {
        for (i, language) in criteria.languages.iter().enumerate() {
            query.push(if i == 0 { " AND (" } else { " OR " });
            query.push("FIND_IN_SET(").push_bind(language).push(", c.languages) > 0");
        }
        query.push(")");
    }
    if let Some((from, to)) = free {
        free_within(&mut query, from, to);
    }
    if let Some(text) = &criteria.text {
        about(&mut query, text);
    }
    offers(&mut query, criteria);
    query.push(format!(" ORDER BY c.{0} {1}, c.mentor_id {1} LIMIT ", order.column, order.direction()));
    query.push_bind(limit);
    query.build_query_as().fetch_all(db).await
}

/// A column that an index begins with, followed by the mentor's id.
struct Order {
    column: &'static str,
    is_instant: bool,
    is_descending: bool,
}

impl Order {
    fn direction(&self) -> &'static str {
        if self.is_descending { "DESC" } else { "ASC" }
    }
}

fn order(sort: Sort) -> Order {
    let (column, is_instant, is_descending) = match sort {
        Sort::Newest => ("approved_at", true, true),
        Sort::Rating => ("rating_rank", false, true),
        Sort::Price => ("price_order", false, false),
        Sort::NextFree => ("free_order", true, false),
    };
    Order { column, is_instant, is_descending }
}

/// Both bounds name the first column alone, so that the index is entered where the page before ended.
fn go_on(query: &mut QueryBuilder<MySql>, order: &Order, after: After) {
    let column = order.column;
    let (past, from) = if order.is_descending { ("<", "<=") } else { (">", ">=") };
    let value = |query: &mut QueryBuilder<MySql>| {
        if order.is_instant {
            query.push_bind(moment(Instant::from_timestamp_micros(after.value).unwrap_or_default()));
        } else {
            query.push_bind(after.value);
        }
    };
    query.push(format!(" AND c.{column} {from} "));
    value(query);
    query.push(format!(" AND (c.{column} {past} "));
    value(query);
    query.push(format!(" OR c.mentor_id {past} ")).push_bind(after.mentor).push(")");
}

/// As a DATETIME: the driver sends an instant as a TIMESTAMP, which MariaDB takes for none at all from 2038 on, and "never"
/// is the last day of 9999.
fn moment(at: Instant) -> NaiveDateTime {
    at.naive_utc()
}

/// What is offered in the category has to have the price, for one of its durations.
fn offers(query: &mut QueryBuilder<MySql>, criteria: &Criteria) {
    if criteria.category.is_none() && criteria.price_from.is_none() && criteria.price_to.is_none() {
        return;
    }
    let prices = (criteria.price_from.is_some() || criteria.price_to.is_some())
        .then(|| (criteria.price_from.unwrap_or(Krw(0)), criteria.price_to.unwrap_or(Krw(i64::MAX))));
    query.push(" AND EXISTS (SELECT 1 FROM offerings o");
    if prices.is_some() {
        query.push(
            " LEFT JOIN JSON_TABLE(o.more_options, '$[*]' COLUMNS (price_krw BIGINT PATH '$.priceKrw')) p ON TRUE",
        );
    }
    query.push(" WHERE o.mentor_id = c.mentor_id AND o.is_public = TRUE AND o.is_active = TRUE");
    if let Some(category) = &criteria.category {
        query.push(" AND o.category = ").push_bind(category.clone());
    }
    if let Some((from, to)) = prices {
        query.push(" AND (o.price_krw BETWEEN ").push_bind(from).push(" AND ").push_bind(to);
        query.push(" OR p.price_krw BETWEEN ").push_bind(from).push(" AND ").push_bind(to).push(")");
    }
    query.push(")");
}

/// The terms rule most cards out by an index, the words what has the terms in another order. Nothing in either means more
/// than itself: there is no LIKE here.
fn about(query: &mut QueryBuilder<MySql>, text: &str) {
    let (words, wanted) = terms::wanted(text);
    for wanted in wanted {
        query.push(" AND EXISTS (SELECT 1 FROM mentor_terms t WHERE t.mentor_id = c.mentor_id AND t.term ");
        match wanted {
            Wanted::Term(term) => query.push("= ").push_bind(term),
            Wanted::Beginning(start) => {
                let end = terms::end_of(&start);
                query.push(">= ").push_bind(start).push(" AND t.term < ").push_bind(end)
            }
        };
        query.push(")");
    }
    for word in words {
        query.push(" AND LOCATE(").push_bind(word).push(", c.search_text) > 0");
    }
}

fn free_within(query: &mut QueryBuilder<MySql>, from: Instant, to: Instant) {
    let (first, last) = FreeDay::edges(from, to);
    query.push(" AND c.next_free_at < ").push_bind(moment(to));
    query.push(" AND EXISTS (SELECT 1 FROM mentor_free_days f WHERE f.mentor_id = c.mentor_id AND f.day >= ");
    query.push_bind(first.day).push(" AND f.day <= ").push_bind(last.day).push(" AND ((f.day > ");
    query.push_bind(first.day).push(" AND f.day < ").push_bind(last.day).push(")");
    for edge in [first, last] {
        query.push(" OR (f.day = ").push_bind(edge.day);
        query.push(" AND ((f.forenoon & ").push_bind(edge.forenoon).push(") <> 0 OR (f.afternoon & ");
        query.push_bind(edge.afternoon).push(") <> 0))");
    }
    query.push("))");
}
