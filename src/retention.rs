//! What is forgotten, and when: rows that served their purpose and would only grow, and personal data that nobody
//! needs any more.
//!
//! Bookings, money, history, events and dead jobs are not here: they are kept. Of an event only the address and the
//! user agent of whoever caused it are forgotten, when its entry leaves the activity log.

use chrono::TimeDelta;

use crate::db::Tx;

/// How long the activity log keeps an entry, in days, by the beginning of its type. These are copies: bookings, money
/// and their histories stay in the database.
///
/// Korea's Act on the Consumer Protection in Electronic Commerce (전자상거래 등에서의 소비자보호에 관한 법률), article
/// 6, with article 6 of its Enforcement Decree, wants records of payment and supply kept for five years and those of
/// complaints and disputes for three; disputes are about money here, and stay as long as it.
const ACTIVITY: &[(&str, i64)] = &[
    ("payment.", FIVE_YEARS),
    ("refund.", FIVE_YEARS),
    ("settlement.", FIVE_YEARS),
    ("payout.", FIVE_YEARS),
    ("dispute.", FIVE_YEARS),
    ("reservation.", THREE_YEARS),
    ("session.", THREE_YEARS),
    ("chat.", THREE_YEARS),
    ("review.", THREE_YEARS),
    ("auth.", 365),
];
/// Days of any such stretch, leap days and all.
const FIVE_YEARS: i64 = 1_827;
const THREE_YEARS: i64 = 1_096;
/// Days of everything else.
const OTHER_ACTIVITY: i64 = 90;

/// How long the activity log keeps an entry of this type.
pub fn of_activity(kind: &str) -> TimeDelta {
    let named = ACTIVITY.iter().find(|(beginning, _)| kind.starts_with(beginning));
    TimeDelta::days(named.map_or(OTHER_ACTIVITY, |(_, days)| *days))
}

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
    // Whatever rested on it was decided and appealed long ago.
    Rule {
        table: "session_outages",
        keep: TimeDelta::days(180),
        sql: "DELETE FROM session_outages WHERE ended_at < ? ORDER BY ended_at LIMIT ?",
    },
    // Each start of a process leaves one. As long as the last of all processes is looked for.
    Rule {
        table: "session_nodes",
        keep: TimeDelta::days(30),
        sql: "DELETE FROM session_nodes WHERE beat_at < ? ORDER BY beat_at LIMIT ?",
    },
    // Long after the code was good.
    Rule {
        table: "email_codes",
        keep: TimeDelta::days(1),
        sql: "DELETE FROM email_codes WHERE expires_at < ? ORDER BY expires_at LIMIT ?",
    },
    Rule {
        table: "email_changes",
        keep: TimeDelta::days(1),
        sql: "DELETE FROM email_changes WHERE expires_at < ? ORDER BY expires_at LIMIT ?",
    },
    // Nobody can be taken back there any more.
    Rule {
        table: "former_emails",
        keep: TimeDelta::zero(),
        sql: "DELETE FROM former_emails WHERE expires_at < ? ORDER BY expires_at LIMIT ?",
    },
    Rule {
        table: "login_challenges",
        keep: TimeDelta::days(1),
        sql: "DELETE FROM login_challenges WHERE expires_at < ? ORDER BY expires_at LIMIT ?",
    },
    // One that comes again after that ends no session, and is good for nothing either.
    Rule {
        table: "refresh_tokens",
        keep: TimeDelta::days(7),
        sql: "DELETE FROM refresh_tokens WHERE expires_at < ? ORDER BY expires_at LIMIT ?",
    },
    // After their tokens. As long as `auth::news` remembers devices.
    Rule {
        table: "sessions",
        keep: TimeDelta::days(365),
        sql: "DELETE FROM sessions WHERE last_seen_at < ?
                AND NOT EXISTS (SELECT 1 FROM refresh_tokens t WHERE t.session_id = sessions.id)
              ORDER BY last_seen_at LIMIT ?",
    },
    // As long as refusals of a mailbox count.
    Rule {
        table: "mail_refusals",
        keep: TimeDelta::days(30),
        sql: "DELETE FROM mail_refusals WHERE at < ? ORDER BY at LIMIT ?",
    },
    // One that is off stays off.
    Rule {
        table: "mail_addresses",
        keep: TimeDelta::days(30),
        sql: "DELETE FROM mail_addresses WHERE off_since IS NULL AND updated_at < ? ORDER BY updated_at LIMIT ?",
    },
    // The provider repeats a webhook for 3 days and 19 hours; the rest is for looking back.
    Rule {
        table: "webhook_inbox",
        keep: TimeDelta::days(90),
        sql: "DELETE FROM webhook_inbox WHERE received_at < ? ORDER BY received_at LIMIT ?",
    },
    // Long enough to send again what failed; the events stay as long as any delivery of theirs.
    Rule {
        table: "webhook_deliveries",
        keep: TimeDelta::days(30),
        sql: "DELETE FROM webhook_deliveries WHERE created_at < ? AND state <> 'pending' ORDER BY created_at LIMIT ?",
    },
    Rule {
        table: "webhook_events",
        keep: TimeDelta::days(45),
        sql: "DELETE FROM webhook_events WHERE at < ? AND fanned_out_at IS NOT NULL
                AND NOT EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.event_id = webhook_events.id)
              ORDER BY at LIMIT ?",
    },
    // Whoever reports again after that is heard again.
    Rule {
        table: "review_reports",
        keep: TimeDelta::days(1_096),
        sql: "DELETE FROM review_reports WHERE closed_at < ? ORDER BY closed_at LIMIT ?",
    },
    // The words of a review that was taken back, and of versions that were overwritten. The rows stay; their own
    // instants say when.
    Rule {
        table: "reviews",
        keep: TimeDelta::zero(),
        sql: "UPDATE reviews SET body = '', reply = NULL, forget_at = NULL WHERE forget_at < ? ORDER BY forget_at LIMIT ?",
    },
    Rule {
        table: "review_history",
        keep: TimeDelta::zero(),
        sql: "UPDATE review_history SET words = NULL, words_until = NULL
              WHERE words_until < ? ORDER BY words_until LIMIT ?",
    },
    // What came of it is told by its reservation.
    Rule {
        table: "waitlist_entries",
        keep: TimeDelta::days(90),
        sql: "DELETE FROM waitlist_entries WHERE to_at < ? AND state IN ('taken', 'passed', 'left', 'over')
              ORDER BY to_at LIMIT ?",
    },
    // What was told in it has its own rows.
    Rule {
        table: "notice_digests",
        keep: TimeDelta::days(90),
        sql: "DELETE FROM notice_digests WHERE closed_at < ? ORDER BY closed_at LIMIT ?",
    },
    // The row stays; its own instant says when.
    Rule {
        table: "events",
        keep: TimeDelta::zero(),
        sql: "UPDATE events SET client_ip = NULL, user_agent = NULL, origin_until = NULL
              WHERE origin_until < ? ORDER BY origin_until LIMIT ?",
    },
];

/// Forgets up to `limit` rows by each rule; returns how many. Call it again while it returns many.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activity_is_kept_by_its_type() {
        let days = |kind| of_activity(kind).num_days();
        for kind in ["payment.refunded", "payout.paid", "settlement.accrued", "dispute.opened"] {
            assert!(days(kind) >= 5 * 365 + 2, "{kind}");
        }
        for kind in ["reservation.confirmed", "review.hidden"] {
            assert_eq!(days(kind), 1_096, "{kind}");
        }
        assert_eq!(days("auth.session_revoked"), 365);
        for kind in ["notice.created", "payments.x", "payment", ""] {
            assert_eq!(days(kind), 90, "{kind}");
        }
    }
}
