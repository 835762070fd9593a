//! What is forgotten, and when: rows that served their purpose and would only grow.
//!
//! Bookings, money, history, events and dead jobs are not here: they are kept.

use chrono::TimeDelta;

use crate::db::Tx;

/// Rows of a table that go after an age. Every statement takes the instant before which rows go, and a limit, so
/// that no deletion holds many locks.
struct Rule {
    table: &'static str,
    keep: TimeDelta,
    sql: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        table: "outbox",
        keep: TimeDelta::days(7),
        sql: "DELETE FROM outbox WHERE state = 'done' AND finished_at < ? ORDER BY finished_at LIMIT ?",
    },
    Rule {
        table: "outbox",
        keep: TimeDelta::days(30),
        sql: "DELETE FROM outbox WHERE state = 'cancelled' AND finished_at < ? ORDER BY finished_at LIMIT ?",
    },
    // Longer than any client repeats a request.
    Rule {
        table: "idempotency_keys",
        keep: TimeDelta::days(7),
        sql: "DELETE FROM idempotency_keys WHERE created_at < ? ORDER BY created_at LIMIT ?",
    },
    // What was promised stays where it was used: what was given back rests on it.
    Rule {
        table: "cancellation_quotes",
        keep: TimeDelta::days(30),
        sql: "DELETE FROM cancellation_quotes WHERE valid_until < ? AND used_at IS NULL ORDER BY valid_until LIMIT ?",
    },
    // The provider repeats a webhook for 3 days and 19 hours; the rest is for looking back.
    Rule {
        table: "webhook_inbox",
        keep: TimeDelta::days(90),
        sql: "DELETE FROM webhook_inbox WHERE received_at < ? ORDER BY received_at LIMIT ?",
    },
];

/// Deletes up to `limit` rows by each rule; returns how many went. Call it again while it returns many.
pub async fn forget(tx: &mut Tx, limit: u32) -> sqlx::Result<u64> {
    let mut gone = 0;
    for rule in RULES {
        let before = tx.now - rule.keep;
        let deleted =
            sqlx::query(rule.sql).bind(before).bind(limit).execute(tx.conn()).await?.rows_affected();
        metrics::counter!("konnect_rows_forgotten_total", "table" => rule.table).increment(deleted);
        gone += deleted;
    }
    Ok(gone)
}
