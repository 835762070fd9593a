//! Ninety days of bookings, written by the server itself: `INSERT … SELECT` over numbers.

use std::ops::Range;

use anyhow::Result;
use chrono::NaiveDateTime;
use konnect::clock::Instant;
use sqlx::{AssertSqlSafe, MySqlPool, QueryBuilder};

use super::super::world::Mentor;

/// 0 to 999.
const NUMBERS: &str =
    "(SELECT a.n + 10 * b.n + 100 * c.n AS n FROM bench_digits a, bench_digits b, bench_digits c)";
/// Sessions of one statement and mentor.
const CHUNK: usize = 100;
/// Mentors of one statement.
const MENTORS: usize = 500;

/// Bookings of some mentors, written a piece at a time: every session of a mentor has a number, and no row is written
/// twice when the pieces do not overlap.
pub struct History {
    pool: MySqlPool,
    /// The midnight (UTC) before which the 90 days lie and after which the sessions to come do.
    midnight: NaiveDateTime,
}

impl History {
    /// No bookings yet; the mentors get numbers from 1 on, in the order of their ids.
    pub async fn begin(pool: &MySqlPool, mentors: &[Mentor], now: Instant) -> Result<Self> {
        // Those of another part's mentors.
        run(pool, "DROP TABLE IF EXISTS bench_digits, bench_mentors").await?;
        run(pool, "CREATE TABLE bench_digits (n INT NOT NULL PRIMARY KEY)").await?;
        run(pool, "INSERT INTO bench_digits VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)").await?;
        run(pool, "CREATE TABLE bench_mentors (i INT NOT NULL PRIMARY KEY, mentor_id BINARY(16) NOT NULL)")
            .await?;
        let mut ids: Vec<_> = mentors.iter().map(|mentor| mentor.id).collect();
        ids.sort_unstable();
        let numbered: Vec<_> = (1_u32..).zip(ids).collect();
        for some in numbered.chunks(MENTORS) {
            let mut insert = QueryBuilder::new("INSERT INTO bench_mentors (i, mentor_id) ");
            insert.push_values(some, |mut row, (i, id)| {
                row.push_bind(*i).push_bind(*id);
            });
            insert.build().execute(pool).await?;
        }
        let midnight = now.date_naive().and_hms_opt(0, 0, 0).expect("midnight");
        Ok(Self { pool: pool.clone(), midnight })
    }

    /// Gives every mentor the sessions with these numbers, of 1,000 in the last 90 days. No two of one mentor overlap:
    /// 1,000 sessions take an hour each in 2,160 hours.
    pub async fn grow(&self, numbers: Range<usize>) -> Result<()> {
        let start = self.midnight - chrono::TimeDelta::days(90);
        for from in numbers.clone().step_by(CHUNK) {
            let to = (from + CHUNK).min(numbers.end);
            // The id tells the time of the booking, a day before the session, as ids do.
            let reservations = format!(
                "INSERT INTO reservations (id, offering_id, mentor_id, mentee_id, title, price_krw, duration_min, time_zone,
                    policy_version, starts_at, ends_at, schedule_version, state, version, payment_failed, created_at, updated_at)
                 SELECT UNHEX(CONCAT(LPAD(HEX(UNIX_TIMESTAMP(s.at) * 1000 - 86400000), 12, '0'), '7',
                            SUBSTR(s.hash, 1, 3), '8', SUBSTR(s.hash, 4, 15))),
                    s.mentor_id, s.mentor_id, UNHEX(MD5(CONCAT('mentee', s.i * 7 + s.n))), 'A session', 50000, 60,
                    'Asia/Seoul', 1, s.at, s.at + INTERVAL 1 HOUR, 1,
                    CASE WHEN s.n % 20 = 0 THEN 'cancelled' WHEN s.n % 20 = 1 THEN 'expired'
                         WHEN s.n % 50 = 2 THEN 'rejected' ELSE 'completed' END,
                    5, FALSE, s.at - INTERVAL 1 DAY, s.at + INTERVAL 1 HOUR
                 FROM (SELECT m.i, m.mentor_id, k.n, '{start}' + INTERVAL (2 * k.n) HOUR AS at,
                              MD5(CONCAT(m.i, '-', k.n)) AS hash
                       FROM bench_mentors m, {NUMBERS} k WHERE k.n >= {from} AND k.n < {to}) s"
            );
            run(&self.pool, &reservations).await?;
        }
        // Those that were just written, by their hours.
        let written = format!(
            "r.starts_at >= '{start}' + INTERVAL {} HOUR AND r.starts_at < '{start}' + INTERVAL {} HOUR",
            2 * numbers.start,
            2 * numbers.end
        );
        let ended = format!(
            "INSERT INTO reservation_history
                (reservation_id, version, from_state, to_state, cause, actor_kind, request_id, at)
             SELECT r.id, 5, 'in_session', r.state, r.state, 'operator', 'bench', r.updated_at
             FROM reservations r WHERE {written}"
        );
        run(&self.pool, &ended).await?;
        let approved = format!(
            "INSERT INTO reservation_history
                (reservation_id, version, from_state, to_state, cause, actor_kind, request_id, at)
             SELECT r.id, 2, 'requested', CASE WHEN r.state = 'rejected' THEN 'rejected' ELSE 'awaiting_payment' END,
                'approved', 'user', 'bench', r.created_at + INTERVAL 20 MINUTE
             FROM reservations r JOIN offerings o ON o.mentor_id = r.mentor_id AND o.kind = 'approval'
             WHERE {written} GROUP BY r.id, r.state, r.created_at"
        );
        run(&self.pool, &approved).await
    }

    /// Gives every mentor the sessions with these numbers, two a day from tomorrow on, confirmed, with the quarters they
    /// claim.
    pub async fn ahead(&self, numbers: Range<usize>) -> Result<()> {
        let (midnight, Range { start: from, end: to }) = (self.midnight, numbers);
        let reservations = format!(
            "INSERT INTO reservations (id, offering_id, mentor_id, mentee_id, title, price_krw, duration_min, time_zone,
                policy_version, starts_at, ends_at, schedule_version, state, version, payment_failed, created_at, updated_at)
             SELECT UNHEX(CONCAT('0198', SUBSTR(s.hash, 1, 8), '7', SUBSTR(s.hash, 9, 3), '8', SUBSTR(s.hash, 12, 15))),
                s.mentor_id, s.mentor_id, UNHEX(MD5(CONCAT('mentee', s.i * 7 + s.n))), 'A session', 50000, 60,
                'Asia/Seoul', 1, s.at, s.at + INTERVAL 1 HOUR, 1, 'confirmed', 3, FALSE, '{midnight}', '{midnight}'
             FROM (SELECT m.i, m.mentor_id, k.n, MD5(CONCAT('ahead', m.i, '-', k.n)) AS hash,
                          '{midnight}' + INTERVAL (1 + k.n DIV 2) DAY + INTERVAL (1 + 3 * (k.n % 2) + m.i % 2) HOUR AS at
                   FROM bench_mentors m, {NUMBERS} k WHERE k.n >= {from} AND k.n < {to}) s"
        );
        run(&self.pool, &reservations).await?;
        // Those of an earlier piece have theirs.
        run(
            &self.pool,
            "INSERT INTO slot_claims (person_id, cell_start, reservation_id)
             SELECT r.mentor_id, r.starts_at + INTERVAL (15 * d.n) MINUTE, r.id
             FROM reservations r, bench_digits d WHERE r.state = 'confirmed' AND d.n < 5
             AND NOT EXISTS (SELECT 1 FROM slot_claims c WHERE c.reservation_id = r.id)",
        )
        .await
    }

    /// The server counts anew what it plans by.
    pub async fn analyse(&self) -> Result<()> {
        for table in ["reservations", "reservation_history", "slot_claims", "mentor_cards", "offerings"] {
            run(&self.pool, &format!("ANALYZE TABLE {table}")).await?;
        }
        Ok(())
    }
}

async fn run(pool: &MySqlPool, statement: &str) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(pool).await?;
    Ok(())
}
