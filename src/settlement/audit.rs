//! The auditor: the invariants of FEATURES as queries over live data. Each answers with the rows that break it.

use chrono::TimeDelta;
use sqlx::MySqlPool;
use uuid::Uuid;

use crate::clock::Instant;

/// A row that breaks an invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// `I4` and so on.
    pub invariant: &'static str,
    pub id: Uuid,
}

struct Check {
    invariant: &'static str,
    /// Selects the ids of offenders; `?` is the instant before which things must be in order.
    sql: &'static str,
    /// How long a follow-up may take.
    grace: TimeDelta,
}

/// I1 and I2 (no overlapping claims) are the primary key of `slot_claims`; here is what a key cannot say.
const CHECKS: &[Check] = &[
    Check {
        invariant: "I1",
        sql: "SELECT a.id FROM reservations a JOIN reservations b
                ON a.mentor_id = b.mentor_id AND a.id < b.id AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at
              WHERE a.state IN ('requested', 'awaiting_payment', 'paying', 'confirmed', 'in_session')
                AND b.state IN ('requested', 'awaiting_payment', 'paying', 'confirmed', 'in_session')
                AND a.created_at < ?",
        grace: TimeDelta::zero(),
    },
    Check {
        invariant: "I2",
        sql: "SELECT a.id FROM reservations a JOIN reservations b
                ON a.mentee_id = b.mentee_id AND a.id < b.id AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at
              WHERE a.state IN ('requested', 'awaiting_payment', 'paying', 'confirmed', 'in_session')
                AND b.state IN ('requested', 'awaiting_payment', 'paying', 'confirmed', 'in_session')
                AND a.created_at < ?",
        grace: TimeDelta::zero(),
    },
    Check {
        invariant: "I4",
        sql: "SELECT DISTINCT r.id FROM reservations r JOIN slot_claims c ON c.reservation_id = r.id
              WHERE r.state IN ('rejected', 'expired', 'payment_failed', 'cancelled', 'no_show', 'completed')
                AND r.updated_at < ?",
        grace: TimeDelta::zero(),
    },
    Check {
        invariant: "I1-claims",
        sql: "SELECT r.id FROM reservations r
              WHERE r.state IN ('requested', 'awaiting_payment', 'paying', 'confirmed', 'in_session')
                AND NOT EXISTS (SELECT 1 FROM slot_claims c WHERE c.reservation_id = r.id)
                AND r.updated_at < ?",
        grace: TimeDelta::zero(),
    },
    Check {
        invariant: "I5",
        sql: "SELECT r.id FROM reservations r
              WHERE r.version <> (SELECT COUNT(*) FROM reservation_history h WHERE h.reservation_id = r.id)
                AND r.updated_at < ?",
        grace: TimeDelta::zero(),
    },
    Check {
        invariant: "I6",
        sql: "SELECT p.id FROM payments p
              WHERE p.state IN ('done', 'partial_canceled', 'canceled')
                AND (SELECT COUNT(*) FROM payment_attempts a WHERE a.payment_id = p.id AND a.state = 'done') <> 1
                AND p.updated_at < ?",
        grace: TimeDelta::zero(),
    },
    Check {
        invariant: "I7-refunds",
        sql: "SELECT p.id FROM payments p
              WHERE p.amount_krw < (SELECT COALESCE(SUM(f.amount_krw), 0) FROM refunds f
                                    JOIN payment_attempts a ON a.id = f.attempt_id AND a.state = 'done'
                                    WHERE f.payment_id = p.id
                                        AND f.state NOT IN ('awaiting_approval', 'rejected', 'abandoned'))
                AND p.updated_at < ?",
        grace: TimeDelta::zero(),
    },
    Check {
        invariant: "I7-balance",
        sql: "SELECT e.id FROM ledger_entries e
              WHERE (SELECT COALESCE(SUM(p.amount_krw), 1) FROM ledger_postings p WHERE p.entry_id = e.id) <> 0
                AND e.at < ?",
        grace: TimeDelta::zero(),
    },
    Check {
        invariant: "I7-held",
        sql: "SELECT p.reservation_id FROM ledger_postings p JOIN ledger_entries e ON e.id = p.entry_id
              WHERE p.account = 'held' AND e.at < ?
              GROUP BY p.reservation_id HAVING SUM(p.amount_krw) > 0",
        grace: TimeDelta::zero(),
    },
    Check {
        invariant: "I8",
        sql: "SELECT r.id FROM reservations r LEFT JOIN payments p ON p.reservation_id = r.id
              WHERE r.state IN ('confirmed', 'in_session') AND r.price_krw > 0
                AND (p.id IS NULL OR p.state NOT IN ('done', 'partial_canceled'))
                AND r.updated_at < ?",
        grace: TimeDelta::zero(),
    },
    Check {
        invariant: "I9",
        sql: "SELECT p.id FROM payments p JOIN reservations r ON r.id = p.reservation_id
              WHERE p.state = 'done' AND r.state IN ('expired', 'payment_failed', 'rejected')
                AND NOT EXISTS (SELECT 1 FROM refunds f WHERE f.payment_id = p.id)
                AND p.updated_at < ?",
        grace: TimeDelta::seconds(60),
    },
    Check {
        invariant: "I20-hold",
        sql: "SELECT r.id FROM reservations r
              WHERE r.state = 'awaiting_payment' AND r.updated_at < ?
                AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.subject = r.id AND o.kind = 'reservation.expire_hold.v1'
                                AND o.state IN ('pending', 'published') AND o.run_at = r.hold_until)",
        grace: TimeDelta::seconds(60),
    },
    Check {
        invariant: "I20-request",
        sql: "SELECT r.id FROM reservations r
              WHERE r.state = 'requested' AND r.updated_at < ?
                AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.subject = r.id AND o.kind = 'reservation.expire_request.v1'
                                AND o.state IN ('pending', 'published') AND o.run_at = r.request_deadline)",
        grace: TimeDelta::seconds(60),
    },
    Check {
        invariant: "I20-start",
        sql: "SELECT r.id FROM reservations r
              WHERE r.state = 'confirmed' AND r.updated_at < ?
                AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.subject = r.id AND o.kind = 'reservation.start.v1'
                                AND o.state IN ('pending', 'published') AND o.run_at >= r.starts_at)",
        grace: TimeDelta::seconds(60),
    },
];

/// The offenders of every invariant, at most 100 each. `now` is UTC.
pub async fn audit(pool: &MySqlPool, now: Instant) -> sqlx::Result<Vec<Violation>> {
    let mut violations = Vec::new();
    for check in CHECKS {
        // The bound excludes what is being written right now.
        let before = now - check.grace + TimeDelta::microseconds(1);
        let ids: Vec<Uuid> = sqlx::query_scalar(check.sql).bind(before).fetch_all(pool).await?;
        violations.extend(ids.into_iter().take(100).map(|id| Violation { invariant: check.invariant, id }));
    }
    Ok(violations)
}
