//! The ledger by itself, entry by entry, and by mentor.

use chrono::TimeDelta;

use super::super::model::{Check, Driver};

const NONE: TimeDelta = TimeDelta::zero();

const fn entry(name: &'static str, en: &'static str, ko: &'static str, sql: &'static str) -> Check {
    Check { name, driver: Driver::Entry, is_money: true, grace: NONE, en, ko, sql }
}

pub const CHECKS: &[Check] = &[
    entry(
        "I7-balance",
        "An entry of the ledger does not sum to zero.",
        "합이 0이 아닌 장부 항목입니다.",
        "SELECT d.id, CAST(JSON_OBJECT('key', d.posting_key, 'sum', COALESCE(SUM(g.amount_krw), 0),
            'postings', COUNT(g.entry_id)) AS CHAR)
         FROM ledger_entries d LEFT JOIN ledger_postings g ON g.entry_id = d.id
         WHERE {scope} GROUP BY d.id, d.posting_key
         HAVING COALESCE(SUM(g.amount_krw), 0) <> 0 OR COUNT(g.entry_id) < 2",
    ),
    entry(
        "ledger-kind",
        "An entry of the ledger is of no kind that is known.",
        "알 수 없는 종류의 장부 항목입니다.",
        "SELECT d.id, CAST(JSON_OBJECT('key', d.posting_key, 'kind', d.kind) AS CHAR)
         FROM ledger_entries d
         WHERE {scope} AND d.kind NOT IN ('capture', 'uncapture', 'refund', 'refund_by_hand', 'goodwill',
            'goodwill_undone', 'split', 'reversal', 'payout_sent', 'payout_returned', 'payout_paid')",
    ),
    entry(
        "ledger-orphan",
        "An entry of the ledger is about nothing that exists, or its lines are about something else.",
        "존재하지 않는 것에 대한 장부 항목이거나, 항목과 줄이 서로 다른 것을 가리킵니다.",
        "SELECT d.id, CAST(JSON_OBJECT('key', d.posting_key, 'reservation', HEX(d.reservation_id),
            'payout', HEX(d.payout_id)) AS CHAR)
         FROM ledger_entries d
            LEFT JOIN reservations r ON r.id = d.reservation_id
            LEFT JOIN payouts o ON o.id = d.payout_id
         WHERE {scope}
            AND ((r.id IS NULL) = (o.id IS NULL)
                 OR EXISTS (SELECT 1 FROM ledger_postings g WHERE g.entry_id = d.id
                            AND NOT (g.reservation_id <=> d.reservation_id)))",
    ),
    entry(
        "ledger-split",
        "What was earned is posted without a settlement line.",
        "정산 줄 없이 기록된 수익입니다.",
        "SELECT d.id, CAST(JSON_OBJECT('key', d.posting_key, 'reservation', HEX(d.reservation_id)) AS CHAR)
         FROM ledger_entries d
         WHERE {scope} AND d.kind IN ('split', 'reversal')
            AND NOT EXISTS (SELECT 1 FROM settlement_lines l WHERE l.reservation_id = d.reservation_id
                            AND CONCAT('split:', {text:l.reservation_id}, ':', l.line_key) = d.posting_key)",
    ),
    Check {
        name: "ledger-payable",
        driver: Driver::Mentor,
        is_money: true,
        grace: NONE,
        en: "What the ledger owes a mentor is not the sum of the lines that were not sent.",
        ko: "장부상 멘토에게 줄 금액이 아직 보내지 않은 정산 줄의 합과 다릅니다.",
        // A line of a payout that waits is still owed; with `payout_sent` it is on its way.
        sql: "SELECT t.id, CAST(JSON_OBJECT('ledger', t.owed, 'lines', t.lines_net) AS CHAR)
         FROM (SELECT d.user_id AS id,
                  (SELECT COALESCE(-SUM(g.amount_krw), 0) FROM ledger_postings g
                   WHERE g.owner_id = d.user_id AND g.account = 'mentor_payable') AS owed,
                  (SELECT COALESCE(SUM(l.net_krw), 0) FROM settlement_lines l
                      LEFT JOIN payouts o ON o.id = l.payout_id
                   WHERE l.mentor_id = d.user_id
                      AND (l.state NOT IN ('paying', 'paid') OR o.state = 'queued')) AS lines_net
               FROM mentors d WHERE {scope}) t
         WHERE t.owed <> t.lines_net",
    },
];
