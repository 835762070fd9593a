//! Every check of the audit finds its fault, planted by hand past all guards, and is silent once the fault is gone.

use chrono::{DateTime, TimeDelta, Utc};
use konnect::mentor::Kind;
use konnect_tests::{Booking, TestApp, monday};
use uuid::Uuid;

/// An id that no row has.
const NOBODY: Uuid = Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_00ff);
/// The entry that a fault adds to the ledger.
const ENTRY: Uuid = Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_00ee);
const PAYOUT: Uuid = Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_00dd);

#[derive(Clone)]
struct Fault {
    check: &'static str,
    plant: Vec<String>,
    undo: Vec<String>,
}

fn fault(check: &'static str, plant: impl Into<String>, undo: impl Into<String>) -> Fault {
    Fault { check, plant: vec![plant.into()], undo: vec![undo.into()] }
}

fn hex(id: Uuid) -> String {
    format!("x'{}'", id.simple())
}

/// Sessions in every state that matters: two that lie ahead, one that is settled, one that is cancelled, one that is
/// not paid and one that was asked for.
struct World {
    ahead: Booking,
    settled: Booking,
    /// One whose mentor wants another time.
    moving: Booking,
    now: DateTime<Utc>,
}

impl World {
    async fn build(app: &TestApp) -> Self {
        let (mentor, mentee) = (app.mentor("mentor").await, app.mentee("mentee").await);
        let instant = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
        let approval = app.offering(&mentor, Kind::Approval, 60, 50_000).await;
        let settled = app.book(&mentor, &mentee, instant, monday() + TimeDelta::hours(26)).await;
        app.pay(&settled).await;
        let cancelled = app.book(&mentor, &mentee, instant, monday() + TimeDelta::hours(28)).await;
        app.pay(&cancelled).await;
        let body = serde_json::json!({ "reason": "ill", "expectedVersion": 3 });
        mentee.client.post(&format!("{}/cancel", cancelled.path()), body).await.ok(200);
        app.run_jobs().await;
        app.meet(&settled).await;
        app.advance_to(settled.starts_at + TimeDelta::hours(50));
        app.run_jobs().await;
        // Longer than what is settled may be on its way.
        app.advance(TimeDelta::hours(2));
        app.run_jobs().await;

        let (mentor, mentee) = (app.log_in(&mentor).await, app.log_in(&mentee).await);
        let mut paid = Vec::new();
        for hours in [7 * 24 + 2, 7 * 24 + 3, 7 * 24 + 6] {
            let booking = app.book(&mentor, &mentee, instant, monday() + TimeDelta::hours(hours)).await;
            app.pay(&booking).await;
            paid.push(booking);
        }
        let moving = paid.remove(2);
        app.propose(&moving, &mentor, monday() + TimeDelta::hours(8 * 24 + 6)).await.ok(201);
        app.book(&mentor, &mentee, approval, monday() + TimeDelta::hours(8 * 24 + 2)).await;
        app.book(&mentor, &app.mentee("other").await, instant, monday() + TimeDelta::hours(8 * 24 + 4)).await;
        app.advance(TimeDelta::minutes(5));
        app.run_jobs().await;
        Self { ahead: paid.swap_remove(0), settled, moving, now: app.now() }
    }

    /// An entry about a reservation, with postings `(account, amount)`.
    fn entry(&self, kind: &str, about: Uuid, postings: &[(&str, i64)]) -> Fault {
        let id = hex(ENTRY);
        // Older than what may still be on its way.
        let at = (self.now - TimeDelta::hours(1)).format("%Y-%m-%d %H:%M:%S");
        let mut plant = vec![format!(
            "INSERT INTO ledger_entries (id, posting_key, kind, reservation_id, at)
             VALUES ({id}, 'planted', '{kind}', {}, '{at}')",
            hex(about)
        )];
        for (line, (account, amount)) in (1..).zip(postings) {
            let owner =
                if *account == "mentor_payable" { hex(self.settled.mentor.id.0) } else { "NULL".into() };
            plant.push(format!(
                "INSERT INTO ledger_postings (entry_id, line, account, owner_id, reservation_id, amount_krw)
                 VALUES ({id}, {line}, '{account}', {owner}, {}, {amount})",
                hex(about)
            ));
        }
        let undo = vec![
            format!("DELETE FROM ledger_postings WHERE entry_id = {id}"),
            format!("DELETE FROM ledger_entries WHERE id = {id}"),
        ];
        Fault { check: "", plant, undo }
    }

    /// A payout of the settled session's mentor.
    fn payout(&self, state: &str, amount: i64) -> Fault {
        let (id, mentor) = (hex(PAYOUT), hex(self.settled.mentor.id.0));
        let at = self.now.format("%Y-%m-%d %H:%M:%S");
        let plant = format!(
            "INSERT INTO payouts (id, batch_id, mentor_id, account_id, destination, amount_krw, carried_krw, state,
                idempotency_key, created_at, updated_at)
             VALUES ({id}, {0}, {mentor}, {0}, 'seller', {amount}, 0, '{state}', 'key', '{at}', '{at}')",
            hex(NOBODY)
        );
        fault("", plant, format!("DELETE FROM payouts WHERE id = {id}"))
    }

    fn bookings(&self) -> Vec<Fault> {
        let (ahead, settled) = (hex(self.ahead.id.0), hex(self.settled.id.0));
        let reservation = |set: &str| format!("UPDATE reservations SET {set} WHERE id = {ahead}");
        let move_id = format!("(SELECT move_id FROM reservations WHERE id = {})", hex(self.moving.id.0));
        let longer = "ends_at = ends_at + INTERVAL 2 HOUR";
        let shorter = "ends_at = ends_at - INTERVAL 2 HOUR";
        // Jobs that were really cancelled say when.
        let job = |kind: &str, from: &str, to: &str| {
            format!(
                "UPDATE outbox SET state = '{to}'
                 WHERE kind = 'reservation.{kind}.v1' AND state = '{from}' AND finished_at IS NULL"
            )
        };
        let mut faults = vec![
            fault("I1", reservation(longer), reservation(shorter)),
            fault("I2", reservation(longer), reservation(shorter)),
            fault(
                "I1-claims",
                format!(
                    "UPDATE slot_claims SET reservation_id = {} WHERE reservation_id = {ahead}",
                    hex(NOBODY)
                ),
                format!(
                    "UPDATE slot_claims SET reservation_id = {ahead} WHERE reservation_id = {}",
                    hex(NOBODY)
                ),
            ),
            fault(
                "I1-move",
                format!(
                    "UPDATE slot_claims SET reservation_id = {} WHERE reservation_id = {move_id}",
                    hex(NOBODY)
                ),
                format!(
                    "UPDATE slot_claims SET reservation_id = {move_id} WHERE reservation_id = {}",
                    hex(NOBODY)
                ),
            ),
            fault(
                "I4",
                format!(
                    "INSERT INTO slot_claims (person_id, cell_start, reservation_id)
                     VALUES ({}, '2026-03-02 00:00:00', {settled})",
                    hex(NOBODY)
                ),
                format!("DELETE FROM slot_claims WHERE reservation_id = {settled}"),
            ),
            fault("I5", reservation("version = version + 1"), reservation("version = version - 1")),
        ];
        for (check, kind) in [
            ("I20-hold", "expire_hold"),
            ("I20-move", "expire_move"),
            ("I20-request", "expire_request"),
            ("I20-start", "start"),
        ] {
            faults.push(fault(check, job(kind, "pending", "cancelled"), job(kind, "cancelled", "pending")));
        }
        faults
    }

    fn captures(&self) -> Vec<Fault> {
        let (ahead, settled) = (self.ahead.id.0, self.settled.id.0);
        let reservation =
            |state: &str| format!("UPDATE reservations SET state = '{state}' WHERE id = {}", hex(ahead));
        let payment = |state: &str| {
            format!("UPDATE payments SET state = '{state}' WHERE reservation_id = {}", hex(ahead))
        };
        let taken = |change: &str| {
            format!(
                "UPDATE payment_attempts SET captured_krw = captured_krw {change}
                 WHERE payment_id = (SELECT id FROM payments WHERE reservation_id = {}) AND state = 'done'",
                hex(ahead)
            )
        };
        let refund = format!(
            "INSERT INTO refunds (id, payment_id, attempt_id, reservation_id, amount_krw, cause, state,
                idempotency_key, created_at, updated_at)
             SELECT {}, p.id, a.id, p.reservation_id, 60000, 'planted', 'queued', 'key', '2026-03-02', '2026-03-02'
             FROM payments p JOIN payment_attempts a ON a.payment_id = p.id AND a.state = 'done'
             WHERE p.reservation_id = {}",
            hex(NOBODY),
            hex(ahead)
        );
        vec![
            fault("I6", payment("ready"), payment("done")),
            fault("I6-amount", taken("+ 1"), taken("- 1")),
            fault("I7-refunds", refund, "DELETE FROM refunds WHERE cause = 'planted'"),
            Fault { check: "I7-captured", ..self.entry("capture", ahead, &[("provider", 7), ("held", -7)]) },
            Fault { check: "I7-refunded", ..self.entry("refund", ahead, &[("provider", -7), ("held", 7)]) },
            Fault { check: "I7-held", ..self.entry("refund", settled, &[("provider", -7), ("held", 7)]) },
            Fault { check: "I7-left", ..self.entry("goodwill", settled, &[("goodwill", 7), ("held", -7)]) },
            fault("I8", reservation("awaiting_payment"), reservation("confirmed")),
            fault("I9", reservation("expired"), reservation("confirmed")),
        ]
    }

    fn entries(&self) -> Vec<Fault> {
        let settled = self.settled.id.0;
        let pair = [("provider", 7), ("held", -7)];
        vec![
            Fault {
                check: "I7-balance",
                ..self.entry("goodwill", settled, &[("goodwill", 7), ("held", -6)])
            },
            Fault { check: "ledger-kind", ..self.entry("present", settled, &pair) },
            Fault { check: "ledger-orphan", ..self.entry("goodwill", NOBODY, &pair) },
            Fault {
                check: "ledger-split",
                ..self.entry("split", settled, &[("held", 7), ("platform_revenue", -7)])
            },
            Fault {
                check: "ledger-payable",
                ..self.entry("goodwill", settled, &[("goodwill", 7), ("mentor_payable", -7)])
            },
        ]
    }

    fn lines(&self) -> Vec<Fault> {
        let (settled, payout) = (hex(self.settled.id.0), hex(PAYOUT));
        let line = |set: &str| format!("UPDATE settlement_lines SET {set} WHERE reservation_id = {settled}");
        let ready = "state = 'ready', payout_id = NULL";
        let freeze = format!(
            "INSERT INTO settlement_freezes (reservation_id, holder, at) VALUES ({settled}, 'planted', '2026-03-02')"
        );
        let early =
            format!("state = 'paying', payout_id = {payout}, release_at = release_at + INTERVAL 30 DAY");
        let in_time = format!("{ready}, release_at = release_at - INTERVAL 30 DAY");
        let mut before_its_time = Fault { check: "I10", ..self.payout("queued", 41_098) };
        before_its_time.plant.push(line(&early));
        before_its_time.undo.push(line(&in_time));
        vec![
            fault(
                "line-posting",
                line("net_krw = net_krw - 1, fee_krw = fee_krw + 1"),
                line("net_krw = net_krw + 1, fee_krw = fee_krw - 1"),
            ),
            fault(
                "I11",
                line("state = 'paid', net_krw = net_krw + 1, fee_krw = fee_krw - 1"),
                line("state = 'ready', net_krw = net_krw - 1, fee_krw = fee_krw + 1"),
            ),
            before_its_time,
            fault("I10-frozen", freeze, "DELETE FROM settlement_freezes"),
            fault("line-payout", line(&format!("payout_id = {payout}")), line(ready)),
            fault("line-reversed", line("state = 'reversed'"), line(ready)),
            Fault { check: "payout-lines", ..self.payout("queued", 7) },
            Fault { check: "payout-posting", ..self.payout("sent", 7) },
        ]
    }

    fn reviews(&self) -> Vec<Fault> {
        let write = |about: &Booking, side: &str, state: &str, published_at: &str| {
            let (author, subject) = (hex(about.mentee.id.0), hex(about.mentor.id.0));
            let id = hex(if side == "mentee" { NOBODY } else { PAYOUT });
            format!(
                "INSERT INTO reviews (id, reservation_id, author_id, subject_id, side, stars, body, state, version,
                    publish_at, published_at, created_at, updated_at)
                 VALUES ({id}, {}, {author}, {subject}, '{side}', 5, 'planted', '{state}', 1, '2026-03-02',
                    {published_at}, '2026-03-02', '2026-03-02')",
                hex(about.id.0)
            )
        };
        let gone = "DELETE FROM reviews";
        let figures = format!(
            "INSERT INTO review_sums (person_id, side, stars_5, reviews, total, checked_at)
             VALUES ({}, 'mentor', 1, 1, 5, '2026-03-02')",
            hex(self.settled.mentor.id.0)
        );
        let mut half_blind = fault("review-blind", write(&self.settled, "mentee", "sealed", "NULL"), gone);
        half_blind.plant.push(write(&self.settled, "mentor", "published", "'2026-03-03'"));
        vec![
            fault("review-figures", figures, "DELETE FROM review_sums"),
            fault("review-sealed", write(&self.settled, "mentee", "sealed", "NULL"), gone),
            half_blind,
            fault("review-session", write(&self.ahead, "mentee", "withdrawn", "NULL"), gone),
        ]
    }
}

async fn run(app: &TestApp, statements: &[String]) {
    for statement in statements {
        let done = sqlx::raw_sql(sqlx::AssertSqlSafe(statement.clone())).execute(app.core.db.pool()).await;
        let done = done.unwrap_or_else(|error| panic!("{statement}: {error}"));
        assert!(done.rows_affected() > 0, "changed nothing: {statement}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_check_finds_its_fault_and_nothing_else_is_wrong() {
    let app = TestApp::start().await;
    let world = World::build(&app).await;
    app.expect_sound().await;
    // The guards that no program gets past: a person with the rights of the schema's owner does.
    for trigger in ["ledger_entries_no_delete", "ledger_postings_no_delete"] {
        let drop = format!("DROP TRIGGER {trigger}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(drop)).execute(app.core.db.pool()).await.expect("the trigger");
    }
    let faults =
        [world.bookings(), world.captures(), world.entries(), world.lines(), world.reviews()].concat();
    let mut tried = Vec::new();
    for fault in &faults {
        run(&app, &fault.plant).await;
        let found = app.audit().await;
        assert!(found.iter().any(|o| o.check == fault.check), "{} is not seen: {found:#?}", fault.check);
        for offender in &found {
            assert!(offender.facts.is_object(), "{offender:?}");
        }
        run(&app, &fault.undo).await;
        assert_eq!(app.audit().await, [], "after {}", fault.check);
        tried.push(fault.check);
    }
    tried.sort_unstable();
    tried.dedup();
    let mut known = konnect::audit::check_names();
    known.sort_unstable();
    assert_eq!(tried, known, "a check without a fault to find");
    app.finish().await;
}
