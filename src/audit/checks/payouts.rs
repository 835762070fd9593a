//! Payouts against their lines and the ledger.

use chrono::TimeDelta;

use super::super::model::{Check, Driver};

const fn payout(name: &'static str, en: &'static str, ko: &'static str, sql: &'static str) -> Check {
    Check { name, driver: Driver::Payout, is_money: true, grace: TimeDelta::zero(), en, ko, sql }
}

pub const CHECKS: &[Check] = &[
    payout(
        "payout-lines",
        "A payout is not the sum of its lines.",
        "지급액이 정산 줄의 합과 다릅니다.",
        "SELECT t.id, CAST(JSON_OBJECT('state', t.state, 'amount', t.amount_krw, 'lines', t.lines_net) AS CHAR)
         FROM (SELECT d.id, d.state, d.amount_krw,
                  (SELECT COALESCE(SUM(l.net_krw), 0) FROM settlement_lines l WHERE l.payout_id = d.id) AS lines_net
               FROM payouts d WHERE {scope}) t
         WHERE t.lines_net <> CASE WHEN t.state IN ('failed', 'cancelled') THEN 0 ELSE t.amount_krw END",
    ),
    payout(
        "payout-posting",
        "The ledger does not say of a payout what its state says.",
        "지급 건의 상태와 장부 기록이 다릅니다.",
        // `owed` has left what the mentor is owed; `arrived` has left the provider.
        "SELECT t.id, CAST(JSON_OBJECT('state', t.state, 'amount', t.amount_krw, 'owed', t.owed,
            'inTransit', t.transit, 'arrived', t.arrived) AS CHAR)
         FROM (SELECT d.id, d.state, d.amount_krw, d.mentor_id,
                  COALESCE(SUM(CASE WHEN g.account = 'mentor_payable' AND g.owner_id = d.mentor_id
                                    THEN g.amount_krw END), 0) AS owed,
                  COALESCE(-SUM(CASE WHEN g.account = 'payout_transit' THEN g.amount_krw END), 0) AS transit,
                  COALESCE(-SUM(CASE WHEN g.account = 'provider' THEN g.amount_krw END), 0) AS arrived
               FROM payouts d
                  LEFT JOIN ledger_entries e ON e.payout_id = d.id
                  LEFT JOIN ledger_postings g ON g.entry_id = e.id
               WHERE {scope} GROUP BY d.id, d.state, d.amount_krw, d.mentor_id) t
         WHERE t.owed <> CASE WHEN t.state IN ('queued', 'failed', 'cancelled') THEN 0 ELSE t.amount_krw END
            OR t.transit <> CASE WHEN t.state IN ('sent', 'unknown', 'in_progress', 'manual_review')
                                 THEN t.amount_krw ELSE 0 END
            OR t.arrived <> CASE WHEN t.state = 'paid' THEN t.amount_krw ELSE 0 END",
    ),
];
