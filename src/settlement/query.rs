//! All SQL of settlement lines.

use sqlx::MySqlPool;
use sqlx::mysql::MySqlExecutor;

use super::model::{LineState, SettlementLine};
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::{PayoutId, ReservationId, SettlementLineId, UserId};
use crate::money::Krw;

macro_rules! lines {
    ($rest:literal) => {
        concat!(
            "SELECT id, reservation_id, mentor_id, line_key, gross_krw, fee_krw, vat_krw, withholding_krw, net_krw,
                fee_bps, vat_bps, withholding_bps, rule_version, state, release_at, held_reason, payout_id, created_at
             FROM settlement_lines ",
            $rest
        )
    };
}

pub async fn insert_line(tx: &mut Tx, line: &SettlementLine) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO settlement_lines (id, reservation_id, mentor_id, line_key, gross_krw, fee_krw, vat_krw,
            withholding_krw, net_krw, fee_bps, vat_bps, withholding_bps, rule_version, state, release_at, created_at,
            updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(line.id)
    .bind(line.reservation_id)
    .bind(line.mentor_id)
    .bind(&line.line_key)
    .bind(line.gross_krw)
    .bind(line.fee_krw)
    .bind(line.vat_krw)
    .bind(line.withholding_krw)
    .bind(line.net_krw)
    .bind(line.fee_bps)
    .bind(line.vat_bps)
    .bind(line.withholding_bps)
    .bind(line.rule_version)
    .bind(line.state)
    .bind(line.release_at)
    .bind(line.created_at)
    .bind(line.created_at)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The lines of a reservation, oldest first, locked. The caller holds the reservation's lock.
pub async fn lock_lines(tx: &mut Tx, id: ReservationId) -> sqlx::Result<Vec<SettlementLine>> {
    sqlx::query_as(lines!("WHERE reservation_id = ? ORDER BY id FOR UPDATE"))
        .bind(id)
        .fetch_all(tx.conn())
        .await
}

/// Compare and set of a line's state; the reason is that of `held`, absent in every other state.
pub async fn set_state(
    tx: &mut Tx,
    was: &SettlementLine,
    state: LineState,
    held_reason: Option<&str>,
) -> sqlx::Result<bool> {
    let now = tx.now;
    let done = sqlx::query(
        "UPDATE settlement_lines SET state = ?, held_reason = ?, updated_at = ? WHERE id = ? AND state = ?",
    )
    .bind(state)
    .bind(held_reason)
    .bind(now)
    .bind(was.id)
    .bind(was.state)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The lines of one reservation that its mentor may see, oldest first.
pub async fn lines_of_reservation(
    executor: impl MySqlExecutor<'_>,
    id: ReservationId,
    mentor: UserId,
) -> sqlx::Result<Vec<SettlementLine>> {
    sqlx::query_as(lines!("WHERE reservation_id = ? AND mentor_id = ? ORDER BY id"))
        .bind(id)
        .bind(mentor)
        .fetch_all(executor)
        .await
}

/// Newest first, from before `before`.
pub async fn lines_of_mentor(
    pool: &MySqlPool,
    mentor: UserId,
    before: Option<SettlementLineId>,
    limit: u32,
) -> sqlx::Result<Vec<SettlementLine>> {
    sqlx::query_as(lines!("WHERE mentor_id = ? AND (? IS NULL OR id < ?) ORDER BY id DESC LIMIT ?"))
        .bind(mentor)
        .bind(before)
        .bind(before)
        .bind(limit)
        .fetch_all(pool)
        .await
}

/// A mentor's lines written from `from` until before `to`, oldest first, after the line `after`.
pub async fn lines_between(
    pool: &MySqlPool,
    mentor: UserId,
    from: Instant,
    to: Instant,
    after: Option<SettlementLineId>,
    limit: u32,
) -> sqlx::Result<Vec<SettlementLine>> {
    sqlx::query_as(lines!(
        "WHERE mentor_id = ? AND created_at >= ? AND created_at < ? AND (? IS NULL OR id > ?) ORDER BY id LIMIT ?"
    ))
    .bind(mentor)
    .bind(from)
    .bind(to)
    .bind(after)
    .bind(after)
    .bind(limit)
    .fetch_all(pool)
    .await
}

/// The sums of a mentor's lines in one state.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Sum {
    pub state: LineState,
    pub count: i64,
    pub gross_krw: Krw,
    pub fee_krw: Krw,
    pub withholding_krw: Krw,
    pub net_krw: Krw,
}

/// By state, over all time.
pub async fn sums_of_mentor(pool: &MySqlPool, mentor: UserId) -> sqlx::Result<Vec<Sum>> {
    sqlx::query_as(
        "SELECT state, COUNT(*) AS count, CAST(SUM(gross_krw) AS SIGNED) AS gross_krw,
            CAST(SUM(fee_krw) AS SIGNED) AS fee_krw, CAST(SUM(withholding_krw) AS SIGNED) AS withholding_krw,
            CAST(SUM(net_krw) AS SIGNED) AS net_krw
         FROM settlement_lines WHERE mentor_id = ? GROUP BY state",
    )
    .bind(mentor)
    .fetch_all(pool)
    .await
}

pub async fn insert_freeze(tx: &mut Tx, id: ReservationId, holder: &str) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "INSERT INTO settlement_freezes (reservation_id, holder, at) VALUES (?, ?, ?)
         ON DUPLICATE KEY UPDATE holder = VALUES(holder)",
    )
    .bind(id)
    .bind(holder)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn delete_freeze(tx: &mut Tx, id: ReservationId, holder: &str) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM settlement_freezes WHERE reservation_id = ? AND holder = ?")
        .bind(id)
        .bind(holder)
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub async fn is_frozen(tx: &mut Tx, id: ReservationId) -> sqlx::Result<bool> {
    let frozen: Option<i8> =
        sqlx::query_scalar("SELECT 1 FROM settlement_freezes WHERE reservation_id = ? LIMIT 1")
            .bind(id)
            .fetch_optional(tx.conn())
            .await?;
    Ok(frozen.is_some())
}

pub async fn insert_award(tx: &mut Tx, id: ReservationId, key: &str) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "INSERT INTO settlement_awards (reservation_id, award_key, at) VALUES (?, ?, ?)
         ON DUPLICATE KEY UPDATE award_key = VALUES(award_key)",
    )
    .bind(id)
    .bind(key)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Whether a decision gave the mentor what is held.
pub async fn is_awarded(tx: &mut Tx, id: ReservationId) -> sqlx::Result<bool> {
    let awarded: Option<i8> =
        sqlx::query_scalar("SELECT 1 FROM settlement_awards WHERE reservation_id = ? LIMIT 1")
            .bind(id)
            .fetch_optional(tx.conn())
            .await?;
    Ok(awarded.is_some())
}

/// Every line of a mentor that may be paid, locked, oldest first: accruals and reversals alike. Nothing of a frozen
/// reservation is among them, whatever its line says.
pub async fn lock_ready(tx: &mut Tx, mentor: UserId, limit: u32) -> sqlx::Result<Vec<SettlementLine>> {
    sqlx::query_as(lines!(
        "WHERE state = 'ready' AND mentor_id = ?
            AND NOT EXISTS (SELECT 1 FROM settlement_freezes f WHERE f.reservation_id = settlement_lines.reservation_id)
         ORDER BY id LIMIT ? FOR UPDATE"
    ))
    .bind(mentor)
    .bind(limit)
    .fetch_all(tx.conn())
    .await
}

/// The lines of a payout whose outcome is not known, locked, oldest first. Before the lock of the payout itself.
pub async fn lock_paying(tx: &mut Tx, payout: PayoutId) -> sqlx::Result<Vec<SettlementLine>> {
    sqlx::query_as(lines!("WHERE payout_id = ? AND state = 'paying' ORDER BY id FOR UPDATE"))
        .bind(payout)
        .fetch_all(tx.conn())
        .await
}

/// The lines of a payout, oldest first; those of one that failed went elsewhere.
pub async fn lines_of_payout(pool: &MySqlPool, payout: PayoutId) -> sqlx::Result<Vec<SettlementLine>> {
    sqlx::query_as(lines!("WHERE payout_id = ? ORDER BY id")).bind(payout).fetch_all(pool).await
}

/// Whether somebody froze one of these lines' reservations since they were ready.
pub async fn any_frozen(tx: &mut Tx, lines: &[SettlementLine]) -> sqlx::Result<bool> {
    for line in lines {
        if is_frozen(tx, line.reservation_id).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Mentors with something to pay out, after the mentor `after`.
pub async fn mentors_ready(pool: &MySqlPool, after: Option<UserId>, limit: u32) -> sqlx::Result<Vec<UserId>> {
    sqlx::query_scalar(
        "SELECT DISTINCT mentor_id FROM settlement_lines WHERE state = 'ready' AND (? IS NULL OR mentor_id > ?)
         ORDER BY mentor_id LIMIT ?",
    )
    .bind(after)
    .bind(after)
    .bind(limit)
    .fetch_all(pool)
    .await
}

/// Puts a ready line into a payout.
pub async fn assign(tx: &mut Tx, id: SettlementLineId, payout: PayoutId) -> sqlx::Result<bool> {
    let now = tx.now;
    let done = sqlx::query(
        "UPDATE settlement_lines SET state = 'paying', payout_id = ?, updated_at = ? WHERE id = ? AND state = 'ready'",
    )
    .bind(payout)
    .bind(now)
    .bind(id)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The lines of a payout that is over: paid, or ready again for the next one. What was frozen meanwhile is frozen from
/// now on.
pub async fn conclude(tx: &mut Tx, payout: PayoutId, paid: bool) -> sqlx::Result<u64> {
    let now = tx.now;
    let sql = if paid {
        "UPDATE settlement_lines SET state = 'paid', updated_at = ? WHERE payout_id = ? AND state = 'paying'"
    } else {
        "UPDATE settlement_lines SET payout_id = NULL, updated_at = ?,
            state = CASE WHEN EXISTS (SELECT 1 FROM settlement_freezes f
                                      WHERE f.reservation_id = settlement_lines.reservation_id)
                         THEN 'frozen' ELSE 'ready' END
         WHERE payout_id = ? AND state = 'paying'"
    };
    Ok(sqlx::query(sql).bind(now).bind(payout).execute(tx.conn()).await?.rows_affected())
}

/// Of each reservation that changed, was awarded or had a refund change since `since`, and did not change since
/// `before`: over, no line although money is held for its mentor, and none is on its way back. Older ones are the
/// audit's.
pub async fn unaccrued(
    pool: &MySqlPool,
    since: Instant,
    before: Instant,
    limit: u32,
) -> sqlx::Result<Vec<ReservationId>> {
    sqlx::query_scalar(
        "SELECT r.id FROM (SELECT id FROM reservations WHERE updated_at >= ?
                           UNION SELECT reservation_id FROM refunds WHERE updated_at >= ?
                           UNION SELECT reservation_id FROM settlement_awards WHERE at >= ?) t
         JOIN reservations r ON r.id = t.id
         WHERE (r.state IN ('completed', 'cancelled') OR (r.state = 'no_show' AND r.absent = 'mentee')
                OR EXISTS (SELECT 1 FROM settlement_awards w WHERE w.reservation_id = r.id))
            AND r.updated_at < ?
            AND NOT EXISTS (SELECT 1 FROM settlement_lines l WHERE l.reservation_id = r.id)
            AND NOT EXISTS (SELECT 1 FROM refunds f WHERE f.reservation_id = r.id
                            AND f.state IN ('queued', 'needs_account', 'sent', 'unknown', 'manual_review'))
            AND (SELECT COALESCE(SUM(g.amount_krw), 0) FROM ledger_postings g
                 WHERE g.reservation_id = r.id AND g.account = 'held') < 0
         ORDER BY r.id LIMIT ?",
    )
    .bind(since)
    .bind(since)
    .bind(since)
    .bind(before)
    .bind(limit)
    .fetch_all(pool)
    .await
}

/// Reservations with lines whose window was over before `before` and which no job releases.
pub async fn unreleased(
    pool: &MySqlPool,
    before: Instant,
    kind: &str,
    limit: u32,
) -> sqlx::Result<Vec<ReservationId>> {
    sqlx::query_scalar(
        "SELECT DISTINCT l.reservation_id FROM settlement_lines l
         WHERE l.state IN ('accrued', 'held') AND COALESCE(l.release_at, l.created_at) < ?
            AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.subject = l.reservation_id AND o.kind = ?
                            AND o.state IN ('pending', 'published'))
         LIMIT ?",
    )
    .bind(before)
    .bind(kind)
    .bind(limit)
    .fetch_all(pool)
    .await
}

pub async fn is_business(tx: &mut Tx, mentor: UserId) -> sqlx::Result<bool> {
    let known: Option<bool> = sqlx::query_scalar("SELECT is_business FROM tax_profiles WHERE mentor_id = ?")
        .bind(mentor)
        .fetch_optional(tx.conn())
        .await?;
    Ok(known.unwrap_or(false))
}

pub async fn set_tax_profile(tx: &mut Tx, mentor: UserId, is_business: bool) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "INSERT INTO tax_profiles (mentor_id, is_business, updated_at) VALUES (?, ?, ?)
         ON DUPLICATE KEY UPDATE is_business = VALUES(is_business), updated_at = VALUES(updated_at)",
    )
    .bind(mentor)
    .bind(is_business)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Whether a mentor's lines leave something to be settled. Ready ones that sum to zero do not: no batch will ever have
/// something to pay or to net of them.
pub async fn has_open_line(tx: &mut Tx, mentor: UserId) -> sqlx::Result<bool> {
    let (under_way, ready): (i64, Krw) = sqlx::query_as(
        "SELECT COUNT(CASE WHEN state <> 'ready' THEN 1 END),
            CAST(COALESCE(SUM(CASE WHEN state = 'ready' THEN net_krw ELSE 0 END), 0) AS SIGNED)
         FROM settlement_lines WHERE mentor_id = ? AND state NOT IN ('paid', 'reversed')",
    )
    .bind(mentor)
    .fetch_one(tx.conn())
    .await?;
    Ok(under_way > 0 || ready != Krw::ZERO)
}
