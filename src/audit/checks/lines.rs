//! Settlement lines against the ledger, their freezes and the rules of paying out.

use chrono::TimeDelta;

use super::super::model::{Check, Driver};

const NONE: TimeDelta = TimeDelta::zero();

const fn line(name: &'static str, en: &'static str, ko: &'static str, sql: &'static str) -> Check {
    Check { name, driver: Driver::Line, is_money: true, grace: NONE, en, ko, sql }
}

/// A line with the posting of its own key. Lines of rule 1 are older than the keys.
macro_rules! line_and_posting {
    ($states:literal) => {
        concat!(
            "SELECT t.id, CAST(JSON_OBJECT('state', t.state, 'reservation', HEX(t.reservation_id), 'key', t.line_key,
                'gross', t.gross_krw, 'net', t.net_krw, 'fee', t.fee_krw, 'vat', t.vat_krw,
                'withholding', t.withholding_krw, 'postedGross', t.held, 'postedNet', t.payable,
                'postedFee', t.revenue + t.tax, 'postedVat', t.tax, 'postedWithholding', t.withheld) AS CHAR)
             FROM (SELECT d.id, d.state, d.reservation_id, d.line_key, d.gross_krw, d.net_krw, d.fee_krw, d.vat_krw,
                      d.withholding_krw, d.mentor_id,
                      COALESCE(SUM(CASE WHEN g.account = 'held' THEN g.amount_krw END), 0) AS held,
                      COALESCE(-SUM(CASE WHEN g.account = 'mentor_payable' AND g.owner_id = d.mentor_id
                                         THEN g.amount_krw END), 0) AS payable,
                      COALESCE(-SUM(CASE WHEN g.account = 'withholding_payable' THEN g.amount_krw END), 0)
                          AS withheld,
                      COALESCE(-SUM(CASE WHEN g.account = 'platform_revenue' THEN g.amount_krw END), 0) AS revenue,
                      COALESCE(-SUM(CASE WHEN g.account = 'vat_payable' THEN g.amount_krw END), 0) AS tax
                   FROM settlement_lines d
                      LEFT JOIN ledger_entries e
                         ON e.posting_key = CONCAT('split:', {text:d.reservation_id}, ':', d.line_key)
                      LEFT JOIN ledger_postings g ON g.entry_id = e.id
                   WHERE {scope} AND d.rule_version >= 2 AND d.state ",
            $states,
            " GROUP BY d.id, d.state, d.reservation_id, d.line_key, d.gross_krw, d.net_krw, d.fee_krw, d.vat_krw,
                      d.withholding_krw, d.mentor_id) t
             WHERE t.held <> t.gross_krw OR t.payable <> t.net_krw OR t.withheld <> t.withholding_krw
                OR t.tax <> t.vat_krw OR t.revenue + t.tax <> t.fee_krw"
        )
    };
}

pub const CHECKS: &[Check] = &[
    line(
        "line-posting",
        "A settlement line is not what the ledger posted for it.",
        "정산 줄이 장부에 기록된 내용과 다릅니다.",
        line_and_posting!("<> 'paid'"),
    ),
    line(
        "I11",
        "A settlement line was changed after it was paid.",
        "지급된 뒤에 바뀐 정산 줄입니다.",
        line_and_posting!("= 'paid'"),
    ),
    line(
        "I10",
        "Money left, or is leaving, before the session was over and the window for problems had closed.",
        "세션이 끝나고 문제 제기 기간이 지나기 전에 지급되는 금액입니다.",
        "SELECT d.id, CAST(JSON_OBJECT('state', d.state, 'reservation', HEX(d.reservation_id),
            'session', r.state, 'releaseAt', CAST(d.release_at AS CHAR), 'payout', HEX(d.payout_id),
            'payoutAt', CAST(o.created_at AS CHAR)) AS CHAR)
         FROM settlement_lines d
            JOIN reservations r ON r.id = d.reservation_id
            LEFT JOIN payouts o ON o.id = d.payout_id
         WHERE {scope} AND d.state IN ('paying', 'paid')
            AND (r.state NOT IN ('completed', 'cancelled', 'no_show') OR o.created_at < d.release_at)",
    ),
    // What is taken back is netted whoever holds the rest.
    line(
        "I10-frozen",
        "A line is not frozen although a dispute or an operator holds it, or frozen although nobody does.",
        "분쟁이나 운영자가 보류했는데 동결되지 않았거나, 이유 없이 동결된 정산 줄입니다.",
        "SELECT t.id, CAST(JSON_OBJECT('state', t.state, 'reservation', HEX(t.reservation_id), 'holders', t.holders)
            AS CHAR)
         FROM (SELECT d.id, d.state, d.reservation_id,
                  (SELECT COUNT(*) FROM settlement_freezes f WHERE f.reservation_id = d.reservation_id) AS holders,
                  EXISTS (SELECT 1 FROM settlement_freezes f WHERE f.reservation_id = d.reservation_id
                          AND f.at < (SELECT o.created_at FROM payouts o WHERE o.id = d.payout_id)) AS sent_anyway
               FROM settlement_lines d
               WHERE {scope} AND d.state <> 'reversed' AND (d.net_krw > 0 OR d.state = 'frozen')) t
         WHERE (t.state IN ('accrued', 'held', 'ready') AND t.holders > 0)
            OR (t.state = 'frozen' AND t.holders = 0)
            OR (t.state IN ('paying', 'paid') AND t.sent_anyway)",
    ),
    line(
        "line-payout",
        "A settlement line and its payout do not say the same.",
        "정산 줄과 지급 건의 상태가 서로 다릅니다.",
        "SELECT d.id, CAST(JSON_OBJECT('state', d.state, 'reservation', HEX(d.reservation_id),
            'payout', HEX(d.payout_id), 'payoutState', o.state) AS CHAR)
         FROM settlement_lines d LEFT JOIN payouts o ON o.id = d.payout_id
         WHERE {scope}
            AND ((d.state IN ('paying', 'paid')) <> (d.payout_id IS NOT NULL)
                 OR d.payout_id IS NOT NULL AND o.id IS NULL
                 OR d.mentor_id <> o.mentor_id
                 OR d.state = 'paid' AND o.state <> 'paid'
                 OR d.state = 'paying' AND o.state NOT IN ('queued', 'sent', 'unknown', 'in_progress',
                    'manual_review'))",
    ),
    Check {
        name: "line-reversed",
        driver: Driver::Reservation,
        is_money: true,
        grace: NONE,
        en: "The lines of a reservation that were closed do not cancel each other out.",
        ko: "취소된 정산 줄들의 합이 0이 아닙니다.",
        sql: "SELECT d.id, CAST(JSON_OBJECT('gross', SUM(l.gross_krw), 'net', SUM(l.net_krw)) AS CHAR)
         FROM reservations d JOIN settlement_lines l ON l.reservation_id = d.id AND l.state = 'reversed'
         WHERE {scope} GROUP BY d.id HAVING SUM(l.gross_krw) <> 0 OR SUM(l.net_krw) <> 0",
    },
];
