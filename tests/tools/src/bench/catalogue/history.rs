//! Ninety days of bookings, written by the server itself: `INSERT … SELECT` over numbers.

use anyhow::Result;
use konnect::clock::Instant;
use sqlx::{AssertSqlSafe, MySqlPool};

/// 0 to 999.
const NUMBERS: &str =
    "(SELECT a.n + 10 * b.n + 100 * c.n AS n FROM bench_digits a, bench_digits b, bench_digits c)";
/// Sessions of one statement and mentor.
const CHUNK: usize = 100;

/// Gives every mentor `each` sessions of the last 90 days, 1,000 at most, and some ahead that claim their slots. No two of
/// one mentor overlap: 1,000 sessions take an hour each in 2,160 hours.
pub async fn write(pool: &MySqlPool, each: usize, now: Instant) -> Result<()> {
    run(pool, "CREATE TABLE bench_digits (n INT NOT NULL PRIMARY KEY)").await?;
    run(pool, "INSERT INTO bench_digits VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)").await?;
    run(pool, "CREATE TABLE bench_mentors (i INT NOT NULL AUTO_INCREMENT PRIMARY KEY, mentor_id BINARY(16) NOT NULL)")
        .await?;
    run(pool, "INSERT INTO bench_mentors (mentor_id) SELECT mentor_id FROM mentor_cards ORDER BY mentor_id")
        .await?;
    let midnight = now.date_naive().and_hms_opt(0, 0, 0).expect("midnight");
    let start = midnight - chrono::TimeDelta::days(90);
    for from in (0..each).step_by(CHUNK) {
        let to = (from + CHUNK).min(each);
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
        run(pool, &reservations).await?;
    }
    run(
        pool,
        "INSERT INTO reservation_history
            (reservation_id, version, from_state, to_state, cause, actor_kind, request_id, at)
         SELECT id, 5, 'in_session', state, state, 'operator', 'bench', updated_at FROM reservations",
    )
    .await?;
    run(
        pool,
        "INSERT INTO reservation_history
            (reservation_id, version, from_state, to_state, cause, actor_kind, request_id, at)
         SELECT r.id, 2, 'requested', CASE WHEN r.state = 'rejected' THEN 'rejected' ELSE 'awaiting_payment' END,
            'approved', 'user', 'bench', r.created_at + INTERVAL 20 MINUTE
         FROM reservations r JOIN offerings o ON o.mentor_id = r.mentor_id AND o.kind = 'approval'
         GROUP BY r.id, r.state, r.created_at",
    )
    .await?;
    ahead(pool, &midnight.to_string()).await?;
    for table in ["reservations", "reservation_history", "slot_claims", "mentor_cards", "offerings"] {
        run(pool, &format!("ANALYZE TABLE {table}")).await?;
    }
    Ok(())
}

/// Forty sessions of each mentor in the next month, confirmed, with the quarters they claim.
async fn ahead(pool: &MySqlPool, midnight: &str) -> Result<()> {
    let reservations = format!(
        "INSERT INTO reservations (id, offering_id, mentor_id, mentee_id, title, price_krw, duration_min, time_zone,
            policy_version, starts_at, ends_at, schedule_version, state, version, payment_failed, created_at, updated_at)
         SELECT UNHEX(CONCAT('0198', SUBSTR(s.hash, 1, 8), '7', SUBSTR(s.hash, 9, 3), '8', SUBSTR(s.hash, 12, 15))),
            s.mentor_id, s.mentor_id, UNHEX(MD5(CONCAT('mentee', s.i * 7 + s.n))), 'A session', 50000, 60,
            'Asia/Seoul', 1, s.at, s.at + INTERVAL 1 HOUR, 1, 'confirmed', 3, FALSE, '{midnight}', '{midnight}'
         FROM (SELECT m.i, m.mentor_id, k.n, MD5(CONCAT('ahead', m.i, '-', k.n)) AS hash,
                      '{midnight}' + INTERVAL (1 + k.n DIV 2) DAY + INTERVAL (1 + 3 * (k.n % 2) + m.i % 2) HOUR AS at
               FROM bench_mentors m, {NUMBERS} k WHERE k.n < 40) s"
    );
    run(pool, &reservations).await?;
    run(
        pool,
        "INSERT INTO slot_claims (person_id, cell_start, reservation_id)
         SELECT r.mentor_id, r.starts_at + INTERVAL (15 * d.n) MINUTE, r.id
         FROM reservations r, bench_digits d WHERE r.state = 'confirmed' AND d.n < 5",
    )
    .await
}

async fn run(pool: &MySqlPool, statement: &str) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(pool).await?;
    Ok(())
}
