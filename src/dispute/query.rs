//! All SQL of disputes, their evidence, and reports of no-shows.

use sqlx::mysql::MySqlExecutor;
use sqlx::{MySqlPool, QueryBuilder};

use super::model::{Dispute, Evidence, HistoryRow, NoShowReport, Party, State};
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::{DisputeId, NoShowReportId, ReservationId, UserId};

macro_rules! disputes {
    ($rest:literal) => {
        concat!(
            "SELECT id, reservation_id, mentor_id, mentee_id, opened_by, kind, description, claim_krw, state, version,
                deadline, answer, offer_krw, answered_at, outcome, refund_krw, compensation_krw, bearer,
                decision_reason, decided_by, approved_by, closed_at, created_at, updated_at FROM disputes ",
            $rest
        )
    };
}

pub async fn insert(tx: &mut Tx, d: &Dispute) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO disputes (id, reservation_id, mentor_id, mentee_id, opened_by, kind, description, claim_krw,
            state, version, deadline, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(d.id)
    .bind(d.reservation_id)
    .bind(d.mentor_id)
    .bind(d.mentee_id)
    .bind(d.opened_by)
    .bind(d.kind)
    .bind(&d.description)
    .bind(d.claim_krw)
    .bind(d.state)
    .bind(d.version)
    .bind(d.deadline)
    .bind(d.created_at)
    .bind(d.updated_at)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// For administrators. Members use [`find_for_member`].
pub async fn find(executor: impl MySqlExecutor<'_>, id: DisputeId) -> sqlx::Result<Option<Dispute>> {
    sqlx::query_as(disputes!("WHERE id = ?")).bind(id).fetch_optional(executor).await
}

/// Every dispute about a reservation, oldest first.
pub async fn of_reservation(pool: &MySqlPool, id: ReservationId) -> sqlx::Result<Vec<Dispute>> {
    sqlx::query_as(disputes!("WHERE reservation_id = ? ORDER BY id")).bind(id).fetch_all(pool).await
}

pub async fn find_for_member(
    executor: impl MySqlExecutor<'_>,
    id: DisputeId,
    member: UserId,
) -> sqlx::Result<Option<Dispute>> {
    sqlx::query_as(disputes!("WHERE id = ? AND (mentor_id = ? OR mentee_id = ?)"))
        .bind(id)
        .bind(member)
        .bind(member)
        .fetch_optional(executor)
        .await
}

/// The caller holds the reservation's lock.
pub async fn lock(tx: &mut Tx, id: DisputeId) -> sqlx::Result<Option<Dispute>> {
    sqlx::query_as(disputes!("WHERE id = ? FOR UPDATE")).bind(id).fetch_optional(tx.conn()).await
}

/// The dispute that is open about a reservation.
pub async fn live_of(tx: &mut Tx, id: ReservationId) -> sqlx::Result<Option<Dispute>> {
    sqlx::query_as(disputes!("WHERE live_reservation = ?")).bind(id).fetch_optional(tx.conn()).await
}

/// Whether a dispute was decided or settled since `since`.
pub async fn is_judged(tx: &mut Tx, id: ReservationId, since: Instant) -> sqlx::Result<bool> {
    let judged: Option<i8> = sqlx::query_scalar(
        "SELECT 1 FROM disputes WHERE reservation_id = ? AND state IN ('decided', 'accepted') AND closed_at >= ?
         LIMIT 1",
    )
    .bind(id)
    .bind(since)
    .fetch_optional(tx.conn())
    .await?;
    Ok(judged.is_some())
}

/// Whether one side has opened a dispute since `since`.
pub async fn has_opened(tx: &mut Tx, id: ReservationId, side: Party, since: Instant) -> sqlx::Result<bool> {
    let opened: Option<i8> = sqlx::query_scalar(
        "SELECT 1 FROM disputes WHERE reservation_id = ? AND opened_by = ? AND created_at >= ? LIMIT 1",
    )
    .bind(id)
    .bind(side)
    .bind(since)
    .fetch_optional(tx.conn())
    .await?;
    Ok(opened.is_some())
}

/// The compare-and-set of every change. `false`: somebody was faster.
pub async fn compare_and_set(tx: &mut Tx, was: &Dispute, is: &Dispute) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "UPDATE disputes SET state = ?, version = ?, deadline = ?, answer = ?, offer_krw = ?, answered_at = ?,
            outcome = ?, refund_krw = ?, compensation_krw = ?, bearer = ?, decision_reason = ?, decided_by = ?,
            approved_by = ?, closed_at = ?, updated_at = ? WHERE id = ? AND version = ? AND state = ?",
    )
    .bind(is.state)
    .bind(is.version)
    .bind(is.deadline)
    .bind(&is.answer)
    .bind(is.offer_krw)
    .bind(is.answered_at)
    .bind(is.outcome)
    .bind(is.refund_krw)
    .bind(is.compensation_krw)
    .bind(is.bearer)
    .bind(&is.decision_reason)
    .bind(is.decided_by)
    .bind(is.approved_by)
    .bind(is.closed_at)
    .bind(is.updated_at)
    .bind(was.id)
    .bind(was.version)
    .bind(was.state)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn add_history(
    tx: &mut Tx,
    from: Option<State>,
    d: &Dispute,
    cause: &str,
    reason: Option<&str>,
) -> sqlx::Result<()> {
    tx.moved("dispute", d.id.0, from.map(State::name), d.state.name());
    let (now, cx) = (tx.now, tx.cx.clone());
    sqlx::query(
        "INSERT INTO dispute_history
            (dispute_id, version, from_state, to_state, cause, reason, actor_kind, actor_id, request_id, at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(d.id)
    .bind(d.version)
    .bind(from)
    .bind(d.state)
    .bind(cause)
    .bind(reason)
    .bind(cx.actor.kind())
    .bind(cx.actor.id())
    .bind(cx.request_id)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn history(pool: &MySqlPool, id: DisputeId) -> sqlx::Result<Vec<HistoryRow>> {
    sqlx::query_as(
        "SELECT version, from_state, to_state, cause, reason, actor_kind, actor_id, request_id, at
         FROM dispute_history WHERE dispute_id = ? ORDER BY version",
    )
    .bind(id)
    .fetch_all(pool)
    .await
}

pub async fn insert_evidence(tx: &mut Tx, e: &Evidence) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO dispute_evidence (id, dispute_id, side, author_id, kind, body, url, at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(e.id)
    .bind(e.dispute_id)
    .bind(e.side)
    .bind(e.author_id)
    .bind(e.kind)
    .bind(&e.body)
    .bind(&e.url)
    .bind(e.at)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// How much one side has shown.
pub async fn count_evidence(tx: &mut Tx, id: DisputeId, side: Party) -> sqlx::Result<i64> {
    sqlx::query_scalar("SELECT COUNT(*) FROM dispute_evidence WHERE dispute_id = ? AND side = ?")
        .bind(id)
        .bind(side)
        .fetch_one(tx.conn())
        .await
}

/// Oldest first.
pub async fn evidence_of(executor: impl MySqlExecutor<'_>, id: DisputeId) -> sqlx::Result<Vec<Evidence>> {
    sqlx::query_as(
        "SELECT id, dispute_id, side, author_id, kind, body, url, at FROM dispute_evidence WHERE dispute_id = ?
         ORDER BY id",
    )
    .bind(id)
    .fetch_all(executor)
    .await
}

/// A member's disputes, newest first, from before `before`.
pub async fn page_for_member(
    pool: &MySqlPool,
    member: UserId,
    before: Option<DisputeId>,
    limit: u32,
) -> sqlx::Result<Vec<Dispute>> {
    // Two index ranges, merged: an OR over two keys would read everything.
    let mut query = QueryBuilder::new("");
    for (i, column) in ["mentor_id", "mentee_id"].into_iter().enumerate() {
        query.push(if i == 0 { "(" } else { " UNION (" });
        query.push(disputes!("WHERE ")).push(column).push(" = ").push_bind(member);
        if let Some(before) = before {
            query.push(" AND id < ").push_bind(before);
        }
        query.push(" ORDER BY id DESC LIMIT ").push_bind(limit).push(")");
    }
    query.push(" ORDER BY id DESC LIMIT ").push_bind(limit);
    query.build_query_as().fetch_all(pool).await
}

/// All disputes, newest first, from before `before`.
pub async fn page(
    pool: &MySqlPool,
    state: Option<State>,
    before: Option<DisputeId>,
    limit: u32,
) -> sqlx::Result<Vec<Dispute>> {
    sqlx::query_as(disputes!(
        "WHERE (? IS NULL OR state = ?) AND (? IS NULL OR id < ?) ORDER BY id DESC LIMIT ?"
    ))
    .bind(state)
    .bind(state)
    .bind(before)
    .bind(before)
    .bind(limit)
    .fetch_all(pool)
    .await
}

/// Live disputes whose deadline passed before `late` and which no job of this kind will move on.
pub async fn overdue(
    pool: &MySqlPool,
    late: Instant,
    kind: &str,
    limit: u32,
) -> sqlx::Result<Vec<DisputeId>> {
    sqlx::query_scalar(
        "SELECT d.id FROM disputes d
         WHERE d.deadline < ? AND d.state IN ('open', 'answered')
            AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.subject = d.id AND o.kind = ?
                            AND o.state IN ('pending', 'published'))
         ORDER BY d.deadline LIMIT ?",
    )
    .bind(late)
    .bind(kind)
    .bind(limit)
    .fetch_all(pool)
    .await
}

pub async fn insert_report(tx: &mut Tx, report: &NoShowReport) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO no_show_reports (id, reservation_id, side, reporter_id, absent, note, at)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(report.id)
    .bind(report.reservation_id)
    .bind(report.side)
    .bind(report.reporter_id)
    .bind(report.absent)
    .bind(&report.note)
    .bind(report.at)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The word of one person about a session.
pub async fn report_by(
    tx: &mut Tx,
    id: ReservationId,
    reporter: UserId,
) -> sqlx::Result<Option<NoShowReport>> {
    sqlx::query_as(
        "SELECT id, reservation_id, side, reporter_id, absent, note, at FROM no_show_reports
         WHERE reservation_id = ? AND reporter_id = ?",
    )
    .bind(id)
    .bind(reporter)
    .fetch_optional(tx.conn())
    .await
}

/// What both sides of a reservation said of who came, oldest first.
pub async fn reports_of(
    executor: impl MySqlExecutor<'_>,
    id: ReservationId,
) -> sqlx::Result<Vec<NoShowReport>> {
    sqlx::query_as(
        "SELECT id, reservation_id, side, reporter_id, absent, note, at FROM no_show_reports
         WHERE reservation_id = ? ORDER BY id",
    )
    .bind(id)
    .fetch_all(executor)
    .await
}

/// Reports of sessions that nothing became of yet, newest first, from before `before`.
pub async fn undecided_reports(
    pool: &MySqlPool,
    before: Option<NoShowReportId>,
    limit: u32,
) -> sqlx::Result<Vec<NoShowReport>> {
    sqlx::query_as(
        "SELECT n.id, n.reservation_id, n.side, n.reporter_id, n.absent, n.note, n.at
         FROM no_show_reports n JOIN reservations r ON r.id = n.reservation_id AND r.state = 'in_session'
         WHERE (? IS NULL OR n.id < ?) ORDER BY n.id DESC LIMIT ?",
    )
    .bind(before)
    .bind(before)
    .bind(limit)
    .fetch_all(pool)
    .await
}
