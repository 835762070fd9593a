//! What was taken, held and given back, reservation by reservation.

use chrono::TimeDelta;

use super::super::model::{Check, Driver};

const NONE: TimeDelta = TimeDelta::zero();
/// A capture without a live reservation has its refund by then (I9).
const MINUTE: TimeDelta = TimeDelta::seconds(60);
/// What is held for a session that is over is split by then, whatever its job met on the way.
const HALF_AN_HOUR: TimeDelta = TimeDelta::minutes(30);

const fn money(
    name: &'static str,
    grace: TimeDelta,
    en: &'static str,
    ko: &'static str,
    sql: &'static str,
) -> Check {
    Check { name, driver: Driver::Reservation, is_money: true, grace, en, ko, sql }
}

pub const CHECKS: &[Check] = &[
    money(
        "I6",
        NONE,
        "A paid payment has not exactly one successful attempt.",
        "결제된 건에 성공한 시도가 정확히 하나가 아닙니다.",
        "SELECT t.id, CAST(JSON_OBJECT('payment', HEX(t.payment_id), 'state', t.state, 'successes', t.successes)
            AS CHAR)
         FROM (SELECT d.id, p.id AS payment_id, p.state,
                  (SELECT COUNT(*) FROM payment_attempts a WHERE a.payment_id = p.id AND a.state = 'done')
                      AS successes
               FROM reservations d JOIN payments p ON p.reservation_id = d.id
               WHERE {scope} AND p.updated_at < {before}) t
         WHERE (t.state IN ('done', 'partial_canceled', 'canceled')) <> (t.successes = 1) OR t.successes > 1",
    ),
    money(
        "I6-amount",
        NONE,
        "What was taken is not the price that was agreed.",
        "결제된 금액이 예약 당시의 가격과 다릅니다.",
        "SELECT d.id, CAST(JSON_OBJECT('price', d.price_krw, 'due', p.amount_krw, 'taken', a.captured_krw,
            'attempt', HEX(a.id)) AS CHAR)
         FROM reservations d JOIN payments p ON p.reservation_id = d.id
            JOIN payment_attempts a ON a.payment_id = p.id AND a.state = 'done'
         WHERE {scope} AND (p.amount_krw <> d.price_krw OR COALESCE(a.captured_krw, 0) <> p.amount_krw)",
    ),
    money(
        "I7-refunds",
        NONE,
        "More is given back than was taken.",
        "결제된 금액보다 많이 환불됩니다.",
        "SELECT t.id, CAST(JSON_OBJECT('attempt', HEX(t.attempt_id), 'taken', t.taken, 'refunds', t.refunds) AS CHAR)
         FROM (SELECT d.id, a.id AS attempt_id,
                  CASE WHEN a.state IN ('done', 'surplus') THEN COALESCE(a.captured_krw, 0) ELSE 0 END AS taken,
                  (SELECT COALESCE(SUM(f.amount_krw), 0) FROM refunds f
                   WHERE f.attempt_id = a.id AND f.state NOT IN ('awaiting_approval', 'rejected', 'abandoned')) AS refunds
               FROM reservations d JOIN payments p ON p.reservation_id = d.id
                  JOIN payment_attempts a ON a.payment_id = p.id
               WHERE {scope}) t
         WHERE t.refunds > t.taken",
    ),
    money(
        "I7-captured",
        NONE,
        "The ledger's captures are not those of the attempts.",
        "장부의 결제 금액이 결제 시도의 합과 다릅니다.",
        "SELECT t.id, CAST(JSON_OBJECT('ledger', t.posted, 'attempts', t.taken) AS CHAR)
         FROM (SELECT d.id,
                  (SELECT COALESCE(SUM(g.amount_krw), 0) FROM ledger_postings g
                      JOIN ledger_entries e ON e.id = g.entry_id
                   WHERE g.reservation_id = d.id AND g.account = 'provider'
                      AND e.kind IN ('capture', 'uncapture')) AS posted,
                  (SELECT COALESCE(SUM(a.captured_krw), 0) FROM payments p
                      JOIN payment_attempts a ON a.payment_id = p.id AND a.state IN ('done', 'surplus')
                   WHERE p.reservation_id = d.id) AS taken
               FROM reservations d WHERE {scope}) t
         WHERE t.posted <> t.taken",
    ),
    money(
        "I7-refunded",
        NONE,
        "The ledger's refunds are not those that were made.",
        "장부의 환불 금액이 완료된 환불의 합과 다릅니다.",
        "SELECT t.id, CAST(JSON_OBJECT('ledger', t.posted, 'refunds', t.refunds, 'ledgerByHand', t.by_hand,
            'refundsByHand', t.refunds_by_hand) AS CHAR)
         FROM (SELECT d.id,
                  (SELECT COALESCE(-SUM(g.amount_krw), 0) FROM ledger_postings g
                      JOIN ledger_entries e ON e.id = g.entry_id
                   WHERE g.reservation_id = d.id AND g.account = 'provider'
                      AND e.kind NOT IN ('capture', 'uncapture')) AS posted,
                  (SELECT COALESCE(-SUM(g.amount_krw), 0) FROM ledger_postings g
                   WHERE g.reservation_id = d.id AND g.account = 'platform_bank') AS by_hand,
                  (SELECT COALESCE(SUM(f.amount_krw), 0) FROM refunds f
                   WHERE f.reservation_id = d.id AND f.state = 'done') AS refunds,
                  (SELECT COALESCE(SUM(f.amount_krw), 0) FROM refunds f
                   WHERE f.reservation_id = d.id AND f.state = 'by_hand') AS refunds_by_hand
               FROM reservations d WHERE {scope}) t
         WHERE t.posted <> t.refunds OR t.by_hand <> t.refunds_by_hand",
    ),
    money(
        "I7-held",
        NONE,
        "More went out of what is held for a reservation than came in.",
        "예약을 위해 보관한 금액보다 많이 나갔습니다.",
        "SELECT d.id, CAST(JSON_OBJECT('held', -SUM(g.amount_krw)) AS CHAR)
         FROM reservations d JOIN ledger_postings g ON g.reservation_id = d.id AND g.account = 'held'
         WHERE {scope} GROUP BY d.id HAVING SUM(g.amount_krw) > 0",
    ),
    money(
        "I7-left",
        HALF_AN_HOUR,
        "Money is held for a session that is over, and no refund is on its way; or less than the refunds need.",
        "끝난 예약에 보관금이 남아 있는데 진행 중인 환불이 없거나, 보관금이 진행 중인 환불보다 적습니다.",
        // What is kept beside a refund is split once that is done.
        "SELECT t.id, CAST(JSON_OBJECT('state', t.state, 'held', t.held, 'refunds', t.promised) AS CHAR)
         FROM (SELECT d.id, d.state,
                  (SELECT COALESCE(-SUM(g.amount_krw), 0) FROM ledger_postings g
                   WHERE g.reservation_id = d.id AND g.account = 'held') AS held,
                  (SELECT COALESCE(SUM(f.amount_krw), 0) FROM refunds f WHERE f.reservation_id = d.id
                      AND f.state IN ('queued', 'needs_account', 'sent', 'unknown', 'manual_review')) AS promised
               FROM reservations d
               WHERE {scope} AND d.updated_at < {before}
                  AND (d.state IN ('completed', 'cancelled', 'expired', 'payment_failed', 'rejected')
                       OR d.state = 'no_show' AND d.absent IN ('mentee', 'mentor')
                       OR EXISTS (SELECT 1 FROM settlement_awards w
                                  WHERE w.reservation_id = d.id AND w.at < {before}))
                  AND NOT EXISTS (SELECT 1 FROM ledger_entries e
                                  WHERE e.reservation_id = d.id AND e.at >= {before})) t
         WHERE t.held < t.promised
            OR t.held > t.promised AND (t.promised = 0 OR t.state IN ('expired', 'payment_failed', 'rejected'))",
    ),
    money(
        "I8",
        NONE,
        "A session is confirmed without money, or paid and not confirmed.",
        "결제 없이 확정되었거나, 결제되었는데 확정되지 않은 예약입니다.",
        "SELECT d.id, CAST(JSON_OBJECT('state', d.state, 'payment', p.state) AS CHAR)
         FROM reservations d LEFT JOIN payments p ON p.reservation_id = d.id
         WHERE {scope} AND d.price_krw > 0 AND d.updated_at < {before}
            AND (d.state IN ('confirmed', 'in_session')
                    AND (p.id IS NULL OR p.state NOT IN ('done', 'partial_canceled'))
                 OR d.state IN ('requested', 'awaiting_payment', 'paying')
                    AND p.state IN ('done', 'partial_canceled'))",
    ),
    money(
        "I9",
        MINUTE,
        "Money was taken for nothing, and nobody gives it back.",
        "예약 없이 결제된 금액인데 환불이 없습니다.",
        "SELECT t.id, CAST(JSON_OBJECT('attempt', HEX(t.attempt_id), 'taken', t.taken, 'refunds', t.refunds) AS CHAR)
         FROM (SELECT d.id, a.id AS attempt_id, COALESCE(a.captured_krw, 0) AS taken,
                  (SELECT COALESCE(SUM(f.amount_krw), 0) FROM refunds f
                   WHERE f.attempt_id = a.id AND f.state NOT IN ('rejected', 'abandoned')) AS refunds
               FROM reservations d JOIN payments p ON p.reservation_id = d.id
                  JOIN payment_attempts a ON a.payment_id = p.id
               WHERE {scope} AND a.updated_at < {before} AND p.updated_at < {before} AND d.updated_at < {before}
                  AND (a.state = 'surplus'
                       OR a.state = 'done' AND d.state IN ('expired', 'payment_failed', 'rejected'))) t
         WHERE t.refunds < t.taken",
    ),
];
