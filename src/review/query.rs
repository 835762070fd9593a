//! All SQL of reviews and their history. That of figures and reports stands with them.

use sqlx::mysql::MySqlExecutor;
use sqlx::{MySqlPool, QueryBuilder};

use super::model::{HistoryRow, KEPT_IN_HISTORY, Review, Side};
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::{ReservationId, ReviewId, UserId};

macro_rules! reviews {
    ($rest:literal) => {
        concat!(
            "SELECT id, reservation_id, author_id, subject_id, side, stars, body, state, version, publish_at,
                published_at, hidden, reply, replied_at, reply_edited_at, reply_hidden, open_reports, forget_at,
                created_at, updated_at FROM reviews ",
            $rest
        )
    };
}

/// In which order everybody reads the reviews of a mentor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Newest,
    /// Most stars first, the newest among equals.
    Highest,
}

/// The last entry of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageKey {
    pub stars: u8,
    pub at: Instant,
    pub id: ReviewId,
}

/// Whose reviews somebody lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    Written,
    /// Published ones about the person.
    Received,
}

/// Which reviews administrators list: always published ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    Reported,
    Hidden,
    All,
}

pub async fn insert(tx: &mut Tx, r: &Review) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO reviews (id, reservation_id, author_id, subject_id, side, stars, body, state, version,
            publish_at, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(r.id)
    .bind(r.reservation_id)
    .bind(r.author_id)
    .bind(r.subject_id)
    .bind(r.side)
    .bind(r.stars)
    .bind(&r.body)
    .bind(r.state)
    .bind(r.version)
    .bind(r.publish_at)
    .bind(r.created_at)
    .bind(r.updated_at)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Both reviews of a session, whatever became of them. The caller holds the reservation's lock.
pub async fn lock_of(tx: &mut Tx, id: ReservationId) -> sqlx::Result<Vec<Review>> {
    sqlx::query_as(reviews!("WHERE reservation_id = ? ORDER BY side FOR UPDATE"))
        .bind(id)
        .fetch_all(tx.conn())
        .await
}

/// Both reviews of a session, for the two people alone: what is sealed is among them.
pub async fn of_member(
    executor: impl MySqlExecutor<'_>,
    id: ReservationId,
    member: UserId,
) -> sqlx::Result<Vec<Review>> {
    sqlx::query_as(reviews!("WHERE reservation_id = ? AND (author_id = ? OR subject_id = ?) ORDER BY side"))
        .bind(id)
        .bind(member)
        .bind(member)
        .fetch_all(executor)
        .await
}

/// A published one, locked.
pub async fn lock_published(tx: &mut Tx, id: ReviewId) -> sqlx::Result<Option<Review>> {
    sqlx::query_as(reviews!("WHERE id = ? AND state = 'published' FOR UPDATE"))
        .bind(id)
        .fetch_optional(tx.conn())
        .await
}

/// A published one about somebody, locked.
pub async fn lock_for_subject(tx: &mut Tx, id: ReviewId, subject: UserId) -> sqlx::Result<Option<Review>> {
    sqlx::query_as(reviews!("WHERE id = ? AND subject_id = ? AND state = 'published' FOR UPDATE"))
        .bind(id)
        .bind(subject)
        .fetch_optional(tx.conn())
        .await
}

/// For administrators: what is sealed or withdrawn is nobody's business.
pub async fn find_published(executor: impl MySqlExecutor<'_>, id: ReviewId) -> sqlx::Result<Option<Review>> {
    sqlx::query_as(reviews!("WHERE id = ? AND state = 'published'")).bind(id).fetch_optional(executor).await
}

/// The compare-and-set of every change. `false`: somebody was faster.
pub async fn compare_and_set(tx: &mut Tx, was: &Review, is: &Review) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "UPDATE reviews SET stars = ?, body = ?, state = ?, version = ?, publish_at = ?, published_at = ?, hidden = ?,
            reply = ?, replied_at = ?, reply_edited_at = ?, reply_hidden = ?, open_reports = ?, forget_at = ?,
            updated_at = ? WHERE id = ? AND version = ? AND state = ?",
    )
    .bind(is.stars)
    .bind(&is.body)
    .bind(is.state)
    .bind(is.version)
    .bind(is.publish_at)
    .bind(is.published_at)
    .bind(is.hidden)
    .bind(&is.reply)
    .bind(is.replied_at)
    .bind(is.reply_edited_at)
    .bind(is.reply_hidden)
    .bind(is.open_reports)
    .bind(is.forget_at)
    .bind(is.updated_at)
    .bind(was.id)
    .bind(was.version)
    .bind(was.state)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// `words`: what was written, where something was.
pub async fn add_history(
    tx: &mut Tx,
    r: &Review,
    cause: &str,
    words: Option<&str>,
    reason: Option<&str>,
) -> sqlx::Result<()> {
    tx.moved("review", r.id.0, None, cause);
    let (now, cx) = (tx.now, tx.cx.clone());
    sqlx::query(
        "INSERT INTO review_history
            (review_id, version, cause, stars, words, words_until, reason, actor_kind, actor_id, request_id, at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(r.id)
    .bind(r.version)
    .bind(cause)
    .bind(r.stars)
    .bind(words)
    .bind(words.map(|_| now + KEPT_IN_HISTORY))
    .bind(reason)
    .bind(cx.actor.kind())
    .bind(cx.actor.id())
    .bind(cx.request_id)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Lets the words of a withdrawn review go together.
pub async fn shorten_history(tx: &mut Tx, id: ReviewId, until: Instant) -> sqlx::Result<()> {
    sqlx::query("UPDATE review_history SET words_until = ? WHERE review_id = ? AND words_until > ?")
        .bind(until)
        .bind(id)
        .bind(until)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Oldest first.
pub async fn history(pool: &MySqlPool, id: ReviewId) -> sqlx::Result<Vec<HistoryRow>> {
    sqlx::query_as(
        "SELECT version, cause, stars, words, reason, actor_kind, actor_id, request_id, at FROM review_history
         WHERE review_id = ? ORDER BY version",
    )
    .bind(id)
    .fetch_all(pool)
    .await
}

/// What everybody may see of what mentees say of a mentor.
pub async fn page_of_mentor(
    pool: &MySqlPool,
    mentor: UserId,
    order: Order,
    after: Option<PageKey>,
    limit: u32,
) -> sqlx::Result<Vec<Review>> {
    let mut query = QueryBuilder::new(reviews!("WHERE side = 'mentee' AND counted = 1 AND subject_id = "));
    query.push_bind(mentor);
    if let Some(PageKey { stars, at, id }) = after {
        query.push(" AND ");
        if order == Order::Highest {
            query.push("(stars < ").push_bind(stars).push(" OR stars = ").push_bind(stars).push(" AND ");
        }
        query.push("(published_at < ").push_bind(at).push(" OR published_at = ").push_bind(at);
        query.push(" AND id < ").push_bind(id).push(")");
        query.push(if order == Order::Highest { ")" } else { "" });
    }
    query.push(match order {
        Order::Newest => " ORDER BY published_at DESC, id DESC LIMIT ",
        Order::Highest => " ORDER BY stars DESC, published_at DESC, id DESC LIMIT ",
    });
    query.push_bind(limit).build_query_as().fetch_all(pool).await
}

/// What somebody wrote, or was written about them and published; newest first, from before `before`.
pub async fn page_for_member(
    pool: &MySqlPool,
    member: UserId,
    own: Own,
    before: Option<ReviewId>,
    limit: u32,
) -> sqlx::Result<Vec<Review>> {
    let mut query = QueryBuilder::new(match own {
        Own::Written => reviews!("WHERE state <> 'withdrawn' AND author_id = "),
        Own::Received => reviews!("WHERE state = 'published' AND subject_id = "),
    });
    query.push_bind(member);
    if let Some(before) = before {
        query.push(" AND id < ").push_bind(before);
    }
    query.push(" ORDER BY id DESC LIMIT ").push_bind(limit);
    query.build_query_as().fetch_all(pool).await
}

/// For administrators: newest first, from before `before`.
pub async fn page(
    pool: &MySqlPool,
    queue: Queue,
    before: Option<ReviewId>,
    limit: u32,
) -> sqlx::Result<Vec<Review>> {
    let mut query = QueryBuilder::new(match queue {
        Queue::Reported => reviews!("WHERE is_reported = 1 AND state = 'published'"),
        Queue::Hidden => reviews!("WHERE is_hidden = 1 AND state = 'published'"),
        Queue::All => reviews!("WHERE state = 'published'"),
    });
    if let Some(before) = before {
        query.push(" AND id < ").push_bind(before);
    }
    query.push(" ORDER BY id DESC LIMIT ").push_bind(limit);
    query.build_query_as().fetch_all(pool).await
}

/// Sessions with a sealed review whose window ended before `late` and which no job of this kind will publish; with the
/// end of the window.
pub async fn overdue(
    pool: &MySqlPool,
    late: Instant,
    kind: &str,
    limit: u32,
) -> sqlx::Result<Vec<(ReservationId, Instant)>> {
    sqlx::query_as(
        "SELECT r.reservation_id, MIN(r.publish_at) FROM reviews r
         WHERE r.state = 'sealed' AND r.publish_at < ?
            AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.subject = r.reservation_id AND o.kind = ?
                            AND o.state IN ('pending', 'published'))
         GROUP BY r.reservation_id ORDER BY r.reservation_id LIMIT ?",
    )
    .bind(late)
    .bind(kind)
    .bind(limit)
    .fetch_all(pool)
    .await
}

/// The side that cancelled a reservation; `None` when neither did.
pub async fn canceller(executor: impl MySqlExecutor<'_>, id: ReservationId) -> sqlx::Result<Option<Side>> {
    let side: Option<Side> = sqlx::query_scalar(
        "SELECT CASE h.actor_id WHEN r.mentor_id THEN 'mentor' WHEN r.mentee_id THEN 'mentee' END AS side
         FROM reservations r JOIN reservation_history h ON h.reservation_id = r.id AND h.to_state = 'cancelled'
         WHERE r.id = ? AND h.actor_kind = 'user' ORDER BY h.version DESC LIMIT 1",
    )
    .bind(id)
    .fetch_optional(executor)
    .await?
    .flatten();
    Ok(side)
}
