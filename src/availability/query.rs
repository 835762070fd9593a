//! All SQL of the domain.

use sqlx::{MySqlExecutor, QueryBuilder};

use super::cells::{BusyCells, Cell, CellRange};
use super::model::{NewSchedule, Schedule, Window};
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::{ReservationId, UserId};

pub(super) async fn lock_calendars(tx: &mut Tx, people: &[UserId]) -> sqlx::Result<usize> {
    let mut query = QueryBuilder::new("SELECT person_id FROM calendars WHERE person_id IN (");
    let mut list = query.separated(", ");
    for person in people {
        list.push_bind(*person);
    }
    query.push(") ORDER BY person_id FOR UPDATE");
    let locked: Vec<UserId> = query.build_query_scalar().fetch_all(tx.conn()).await?;
    Ok(locked.len())
}

pub(super) async fn raise_calendar(tx: &mut Tx, person: UserId) -> sqlx::Result<i64> {
    sqlx::query("UPDATE calendars SET version = version + 1 WHERE person_id = ?")
        .bind(person)
        .execute(tx.conn())
        .await?;
    calendar_version(tx.conn(), person).await
}

pub(super) async fn calendar_version(db: impl MySqlExecutor<'_>, person: UserId) -> sqlx::Result<i64> {
    sqlx::query_scalar("SELECT version FROM calendars WHERE person_id = ?").bind(person).fetch_one(db).await
}

/// A schedule with one of its windows.
#[derive(sqlx::FromRow)]
struct Row {
    time_zone: String,
    slot_interval_min: u32,
    buffer_before_min: u32,
    buffer_after_min: u32,
    min_notice_min: u32,
    horizon_days: u32,
    version: i64,
    weekday: Option<u8>,
    from_minute: Option<u16>,
    to_minute: Option<u16>,
}

/// One statement, so that settings and windows are of one version without a transaction too.
pub(super) async fn schedule(
    db: impl MySqlExecutor<'_>,
    mentor_id: UserId,
) -> sqlx::Result<Option<Schedule>> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT s.time_zone, s.slot_interval_min, s.buffer_before_min, s.buffer_after_min, s.min_notice_min,
                s.horizon_days, s.version, w.weekday, w.from_minute, w.to_minute
         FROM schedules s LEFT JOIN schedule_windows w ON w.mentor_id = s.mentor_id
         WHERE s.mentor_id = ? ORDER BY w.weekday, w.from_minute",
    )
    .bind(mentor_id)
    .fetch_all(db)
    .await?;
    let windows = rows
        .iter()
        .filter_map(|row| {
            Some(Window { weekday: row.weekday?, from_minute: row.from_minute?, to_minute: row.to_minute? })
        })
        .collect();
    Ok(rows.into_iter().next().map(|row| Schedule {
        mentor_id,
        version: row.version,
        settings: NewSchedule {
            time_zone: row.time_zone,
            slot_interval_min: row.slot_interval_min,
            buffer_before_min: row.buffer_before_min,
            buffer_after_min: row.buffer_after_min,
            min_notice_min: row.min_notice_min,
            horizon_days: row.horizon_days,
            windows,
        },
    }))
}

pub(super) async fn insert_schedule(tx: &mut Tx, mentor: UserId, new: &NewSchedule) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO schedules (mentor_id, time_zone, slot_interval_min, buffer_before_min, buffer_after_min,
                                min_notice_min, horizon_days, version)
         VALUES (?, ?, ?, ?, ?, ?, ?, 1)",
    )
    .bind(mentor)
    .bind(&new.time_zone)
    .bind(new.slot_interval_min)
    .bind(new.buffer_before_min)
    .bind(new.buffer_after_min)
    .bind(new.min_notice_min)
    .bind(new.horizon_days)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(super) async fn update_schedule(
    tx: &mut Tx,
    mentor: UserId,
    new: &NewSchedule,
    version: i64,
) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "UPDATE schedules SET time_zone = ?, slot_interval_min = ?, buffer_before_min = ?, buffer_after_min = ?,
                min_notice_min = ?, horizon_days = ?, version = version + 1
         WHERE mentor_id = ? AND version = ?",
    )
    .bind(&new.time_zone)
    .bind(new.slot_interval_min)
    .bind(new.buffer_before_min)
    .bind(new.buffer_after_min)
    .bind(new.min_notice_min)
    .bind(new.horizon_days)
    .bind(mentor)
    .bind(version)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn replace_windows(tx: &mut Tx, mentor: UserId, windows: &[Window]) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM schedule_windows WHERE mentor_id = ?").bind(mentor).execute(tx.conn()).await?;
    if windows.is_empty() {
        return Ok(());
    }
    let mut query =
        QueryBuilder::new("INSERT INTO schedule_windows (mentor_id, weekday, from_minute, to_minute) ");
    query.push_values(windows, |mut row, window| {
        row.push_bind(mentor)
            .push_bind(window.weekday)
            .push_bind(window.from_minute)
            .push_bind(window.to_minute);
    });
    query.build().execute(tx.conn()).await?;
    Ok(())
}

/// The claimed cells of a person within a range.
pub(super) async fn claims(
    db: impl MySqlExecutor<'_>,
    person: UserId,
    range: CellRange,
) -> sqlx::Result<BusyCells> {
    let starts: Vec<Instant> = sqlx::query_scalar(
        "SELECT cell_start FROM slot_claims WHERE person_id = ? AND cell_start >= ? AND cell_start < ?",
    )
    .bind(person)
    .bind(range.first.start())
    .bind(range.end.start())
    .fetch_all(db)
    .await?;
    Ok(starts.into_iter().map(Cell::at_or_before).collect())
}

/// One row per cell, ascending, in one statement.
pub(super) async fn insert_claims(
    tx: &mut Tx,
    person: UserId,
    range: CellRange,
    reservation: ReservationId,
) -> sqlx::Result<()> {
    let mut query = QueryBuilder::new("INSERT INTO slot_claims (person_id, cell_start, reservation_id) ");
    query.push_values(range.iter(), |mut row, cell| {
        row.push_bind(person).push_bind(cell.start()).push_bind(reservation);
    });
    query.build().execute(tx.conn()).await?;
    Ok(())
}

/// The claimed cells of a person within a range, but for those of one reservation.
pub(super) async fn claims_of_others(
    tx: &mut Tx,
    person: UserId,
    but: ReservationId,
    range: CellRange,
) -> sqlx::Result<BusyCells> {
    let starts: Vec<Instant> = sqlx::query_scalar(
        "SELECT cell_start FROM slot_claims
         WHERE person_id = ? AND cell_start >= ? AND cell_start < ? AND reservation_id <> ?",
    )
    .bind(person)
    .bind(range.first.start())
    .bind(range.end.start())
    .bind(but)
    .fetch_all(tx.conn())
    .await?;
    Ok(starts.into_iter().map(Cell::at_or_before).collect())
}

/// The cells of a person that one reservation claims within a range.
pub(super) async fn claims_of(
    tx: &mut Tx,
    person: UserId,
    reservation: ReservationId,
    range: CellRange,
) -> sqlx::Result<BusyCells> {
    let starts: Vec<Instant> = sqlx::query_scalar(
        "SELECT cell_start FROM slot_claims
         WHERE person_id = ? AND cell_start >= ? AND cell_start < ? AND reservation_id = ?",
    )
    .bind(person)
    .bind(range.first.start())
    .bind(range.end.start())
    .bind(reservation)
    .fetch_all(tx.conn())
    .await?;
    Ok(starts.into_iter().map(Cell::at_or_before).collect())
}

/// One row per cell, in one statement; none for none.
pub(super) async fn insert_cells(
    tx: &mut Tx,
    person: UserId,
    cells: &[Cell],
    reservation: ReservationId,
) -> sqlx::Result<()> {
    if cells.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::new("INSERT INTO slot_claims (person_id, cell_start, reservation_id) ");
    query.push_values(cells, |mut row, cell| {
        row.push_bind(person).push_bind(cell.start()).push_bind(reservation);
    });
    query.build().execute(tx.conn()).await?;
    Ok(())
}

/// Frees the cells of a person that a reservation claims before and after a range.
pub(super) async fn delete_claims_outside(
    tx: &mut Tx,
    person: UserId,
    reservation: ReservationId,
    range: CellRange,
) -> sqlx::Result<()> {
    sqlx::query(
        "DELETE FROM slot_claims
         WHERE reservation_id = ? AND person_id = ? AND (cell_start < ? OR cell_start >= ?)",
    )
    .bind(reservation)
    .bind(person)
    .bind(range.first.start())
    .bind(range.end.start())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Everything that is claimed under one id belongs to another from now on.
pub(super) async fn hand_over(tx: &mut Tx, from: ReservationId, to: ReservationId) -> sqlx::Result<()> {
    sqlx::query("UPDATE slot_claims SET reservation_id = ? WHERE reservation_id = ?")
        .bind(to)
        .bind(from)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// How many cells a reservation claims of a person from `from` on.
pub(super) async fn count_claims(
    tx: &mut Tx,
    person: UserId,
    reservation: ReservationId,
    from: Instant,
) -> sqlx::Result<i64> {
    sqlx::query_scalar(
        "SELECT COUNT(*) FROM slot_claims WHERE reservation_id = ? AND person_id = ? AND cell_start >= ?",
    )
    .bind(reservation)
    .bind(person)
    .bind(from)
    .fetch_one(tx.conn())
    .await
}

/// Gives the cells of a range that one reservation claims of a person to another one: how many.
pub(super) async fn move_claims(
    tx: &mut Tx,
    person: UserId,
    from: ReservationId,
    to: ReservationId,
    range: CellRange,
) -> sqlx::Result<i64> {
    let done = sqlx::query(
        "UPDATE slot_claims SET reservation_id = ?
         WHERE reservation_id = ? AND person_id = ? AND cell_start >= ? AND cell_start < ?",
    )
    .bind(to)
    .bind(from)
    .bind(person)
    .bind(range.first.start())
    .bind(range.end.start())
    .execute(tx.conn())
    .await?;
    Ok(i64::try_from(done.rows_affected()).unwrap_or(i64::MAX))
}

pub(super) async fn claimants(tx: &mut Tx, reservation: ReservationId) -> sqlx::Result<Vec<UserId>> {
    sqlx::query_scalar("SELECT DISTINCT person_id FROM slot_claims WHERE reservation_id = ?")
        .bind(reservation)
        .fetch_all(tx.conn())
        .await
}

pub(super) async fn delete_claims(tx: &mut Tx, reservation: ReservationId) -> sqlx::Result<u64> {
    let done = sqlx::query("DELETE FROM slot_claims WHERE reservation_id = ?")
        .bind(reservation)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected())
}
