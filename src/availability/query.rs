//! All SQL of the domain.

use sqlx::types::Json;
use sqlx::{MySqlExecutor, QueryBuilder};

use super::cells::{BusyCells, Cell, CellRange};
use super::exceptions::Exceptions;
use super::load::{Limits, Session};
use super::model::{NewSchedule, Schedule, Window};
use crate::clock::Instant;
use crate::db::{Tx, push_list};
use crate::id::{ReservationId, UserId};

pub(super) async fn lock_calendars(tx: &mut Tx, people: &[UserId]) -> sqlx::Result<usize> {
    let mut query = QueryBuilder::new("SELECT person_id FROM calendars WHERE person_id IN (");
    push_list(&mut query, people.iter().copied());
    query.push(") ORDER BY person_id FOR UPDATE");
    let locked: Vec<UserId> = query.build_query_scalar().fetch_all(tx.conn()).await?;
    Ok(locked.len())
}

/// The new version, and whether the person has a card in the catalogue.
pub(super) async fn raise_calendar(tx: &mut Tx, person: UserId) -> sqlx::Result<(i64, bool)> {
    sqlx::query("UPDATE calendars SET version = version + 1 WHERE person_id = ?")
        .bind(person)
        .execute(tx.conn())
        .await?;
    sqlx::query_as(
        "SELECT k.version, c.mentor_id IS NOT NULL FROM calendars k
         LEFT JOIN mentor_cards c ON c.mentor_id = k.person_id WHERE k.person_id = ?",
    )
    .bind(person)
    .fetch_one(tx.conn())
    .await
}

pub(super) async fn calendar_version(db: impl MySqlExecutor<'_>, person: UserId) -> sqlx::Result<i64> {
    sqlx::query_scalar("SELECT version FROM calendars WHERE person_id = ?").bind(person).fetch_one(db).await
}

/// A schedule with one of its windows. The exceptions stand in the first row alone.
#[derive(sqlx::FromRow)]
struct Row {
    #[sqlx(flatten)]
    settings: Settings,
    weekday: Option<u8>,
    from_minute: Option<u16>,
    to_minute: Option<u16>,
}

impl Row {
    fn window(&self) -> Option<Window> {
        Some(Window { weekday: self.weekday?, from_minute: self.from_minute?, to_minute: self.to_minute? })
    }
}

#[derive(sqlx::FromRow)]
struct Settings {
    time_zone: String,
    slot_interval_min: u32,
    slot_offset_min: u32,
    buffer_before_min: u32,
    buffer_after_min: u32,
    min_notice_min: u32,
    horizon_days: u32,
    max_per_day: Option<u32>,
    max_per_week: Option<u32>,
    max_per_mentee_week: Option<u32>,
    exceptions: Option<Json<Exceptions>>,
    version: i64,
}

impl Settings {
    fn with(self, mentor_id: UserId, windows: Vec<Window>) -> Schedule {
        let settings = NewSchedule {
            time_zone: self.time_zone,
            slot_interval_min: self.slot_interval_min,
            slot_offset_min: self.slot_offset_min,
            buffer_before_min: self.buffer_before_min,
            buffer_after_min: self.buffer_after_min,
            min_notice_min: self.min_notice_min,
            horizon_days: self.horizon_days,
            windows,
            exceptions: self.exceptions.map(|exceptions| exceptions.0).unwrap_or_default(),
            limits: Limits {
                per_day: self.max_per_day,
                per_week: self.max_per_week,
                per_mentee_week: self.max_per_mentee_week,
            },
        };
        Schedule { mentor_id, version: self.version, settings }
    }
}

/// One statement, so that settings and windows are of one version without a transaction too.
pub(super) async fn schedule(
    db: impl MySqlExecutor<'_>,
    mentor_id: UserId,
) -> sqlx::Result<Option<Schedule>> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT s.time_zone, s.slot_interval_min, s.slot_offset_min, s.buffer_before_min, s.buffer_after_min,
                s.min_notice_min, s.horizon_days, s.max_per_day, s.max_per_week, s.max_per_mentee_week, s.version,
                CASE WHEN EXISTS (
                    SELECT 1 FROM schedule_windows e WHERE e.mentor_id = s.mentor_id
                    AND (e.weekday < w.weekday OR (e.weekday = w.weekday AND e.from_minute < w.from_minute))
                ) THEN NULL ELSE s.exceptions END AS exceptions,
                w.weekday, w.from_minute, w.to_minute
         FROM schedules s LEFT JOIN schedule_windows w ON w.mentor_id = s.mentor_id
         WHERE s.mentor_id = ? ORDER BY w.weekday, w.from_minute",
    )
    .bind(mentor_id)
    .fetch_all(db)
    .await?;
    let windows = rows.iter().filter_map(Row::window).collect();
    Ok(rows.into_iter().next().map(|row| row.settings.with(mentor_id, windows)))
}

pub(super) async fn insert_schedule(tx: &mut Tx, mentor: UserId, new: &NewSchedule) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO schedules (mentor_id, time_zone, slot_interval_min, slot_offset_min, buffer_before_min,
                                buffer_after_min, min_notice_min, horizon_days, max_per_day, max_per_week,
                                max_per_mentee_week, exceptions, version)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)",
    )
    .bind(mentor)
    .bind(&new.time_zone)
    .bind(new.slot_interval_min)
    .bind(new.slot_offset_min)
    .bind(new.buffer_before_min)
    .bind(new.buffer_after_min)
    .bind(new.min_notice_min)
    .bind(new.horizon_days)
    .bind(new.limits.per_day)
    .bind(new.limits.per_week)
    .bind(new.limits.per_mentee_week)
    .bind(stored(&new.exceptions))
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
        "UPDATE schedules SET time_zone = ?, slot_interval_min = ?, slot_offset_min = ?, buffer_before_min = ?,
                buffer_after_min = ?, min_notice_min = ?, horizon_days = ?, max_per_day = ?, max_per_week = ?,
                max_per_mentee_week = ?, exceptions = ?, version = version + 1
         WHERE mentor_id = ? AND version = ?",
    )
    .bind(&new.time_zone)
    .bind(new.slot_interval_min)
    .bind(new.slot_offset_min)
    .bind(new.buffer_before_min)
    .bind(new.buffer_after_min)
    .bind(new.min_notice_min)
    .bind(new.horizon_days)
    .bind(new.limits.per_day)
    .bind(new.limits.per_week)
    .bind(new.limits.per_mentee_week)
    .bind(stored(&new.exceptions))
    .bind(mentor)
    .bind(version)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// `None` where there are no exceptions.
fn stored(exceptions: &Exceptions) -> Option<Json<&Exceptions>> {
    (*exceptions != Exceptions::default()).then_some(Json(exceptions))
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
    let owned = owned_claims(db, person, range).await?;
    Ok(owned.into_iter().map(|(cell, _)| cell).collect())
}

/// The claimed cells of a person within a range, ascending, with the reservation that each is for.
pub(super) async fn owned_claims(
    db: impl MySqlExecutor<'_>,
    person: UserId,
    range: CellRange,
) -> sqlx::Result<Vec<(Cell, ReservationId)>> {
    let rows: Vec<(Instant, ReservationId)> = sqlx::query_as(
        "SELECT cell_start, reservation_id FROM slot_claims
         WHERE person_id = ? AND cell_start >= ? AND cell_start < ? ORDER BY cell_start",
    )
    .bind(person)
    .bind(range.first.start())
    .bind(range.end.start())
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|(start, reservation)| (Cell::at_or_before(start), reservation)).collect())
}

/// The sessions of a mentor that start from `from` until before `to` and count against limits. The one look into the
/// table of a domain after this one: counting there is right whatever becomes of a reservation, and a copy of ours would
/// have to be kept in step with each of its moves.
pub(super) async fn sessions(
    db: impl MySqlExecutor<'_>,
    mentor: UserId,
    from: Instant,
    to: Instant,
    except: Option<ReservationId>,
) -> sqlx::Result<Vec<Session>> {
    let mut query = QueryBuilder::new(
        "SELECT starts_at, mentee_id FROM reservations
         WHERE extends_id IS NULL AND state IN ('requested', 'awaiting_payment', 'paying', 'confirmed', 'in_session',
            'completed', 'no_show') AND mentor_id = ",
    );
    query
        .push_bind(mentor)
        .push(" AND starts_at >= ")
        .push_bind(from)
        .push(" AND starts_at < ")
        .push_bind(to);
    if let Some(reservation) = except {
        query.push(" AND id <> ").push_bind(reservation);
    }
    query.build_query_as().fetch_all(db).await
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
