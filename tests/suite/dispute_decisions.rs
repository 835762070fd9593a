//! Disputes that an administrator decides, and what they do to payouts.

use chrono::TimeDelta;
use konnect::config::Rules;
use konnect::dispute::{self, Kind, NewDispute};
use konnect::job::Job;
use konnect::job::ReleaseSettlement;
use konnect::money::Krw;
use konnect::{ledger, settlement, transact};
use konnect_tests::{Booking, Person, TestApp};
use serde_json::{Value, json};

const SECOND: TimeDelta = TimeDelta::seconds(1);

fn decision(outcome: &str, refund: i64, bearer: &str) -> Value {
    json!({ "outcome": outcome, "refund": refund, "bearer": bearer, "reason": "By what both sides showed." })
}

/// A completed session whose dispute waits for a decision: its path, and who decides.
async fn in_review(app: &TestApp, claim: i64) -> (Booking, String, Person) {
    let booking = app.completed_session().await;
    let path = app.open_dispute(&booking, &booking.mentee, "quality", claim).await;
    let admin = app.admin("judge").await;
    app.judge(&admin, &path, "decide", decision("dismissed", 0, "shared"))
        .await
        .problem(409, "dispute.not_allowed");
    app.bring_to_review(&path, &booking.mentee).await;
    (booking, path, admin)
}

#[tokio::test(flavor = "multi_thread")]
async fn f7_a_claim_that_is_dismissed_moves_nothing() {
    let app = TestApp::start().await;
    let (booking, path, admin) = in_review(&app, 50_000).await;
    let bad = app.judge(&admin, &path, "decide", decision("dismissed", 1, "shared")).await;
    bad.problem(422, "dispute.decision_invalid");
    let bad = app.judge(&admin, &path, "decide", decision("upheld", 0, "shared")).await;
    bad.problem(422, "dispute.decision_invalid");
    app.judge(&admin, &path, "decide", decision("dismissed", 0, "shared")).await.ok(200);
    app.run_jobs_twice().await;
    assert_eq!(app.line_states(booking.id).await, ["ready"], "the release job looked again");
    assert_eq!(app.ledger(booking.id).await, [50_000, 0, -42_500, -7_500]);
    for person in [&booking.mentee, &booking.mentor] {
        assert_eq!(app.notices_of(person, "dispute.decided").await, 1);
        assert!(app.events_of(person).await.contains(&"dispute.decided".to_owned()));
    }
    app.judge(&admin, &path, "decide", decision("upheld", 1_000, "shared"))
        .await
        .problem(409, "dispute.not_allowed");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f7_what_is_given_back_is_borne_as_decided() {
    // Refund, bearer, the ledger's accounts, what the platform paid, the lines.
    let cases = [
        (50_000, "shared", [0, 0, 0, 0], 0, vec!["reversed", "reversed"]),
        (30_000, "shared", [20_000, 0, -17_000, -3_000], 0, vec!["ready", "ready"]),
        (30_000, "platform", [20_000, 0, -42_500, -7_500], 30_000, vec!["ready"]),
        (50_000, "platform", [0, 0, -42_500, -7_500], 50_000, vec!["ready"]),
    ];
    for (refund, bearer, accounts, goodwill, lines) in cases {
        let app = TestApp::start().await;
        let (booking, path, admin) = in_review(&app, 50_000).await;
        let outcome = if refund == 50_000 { "upheld" } else { "partly" };
        let file = app.judge(&admin, &path, "decide", decision(outcome, refund, bearer)).await.ok(200);
        assert_eq!((&file["state"], &file["refund"]), (&json!("decided"), &json!(refund)));
        app.run_jobs_twice().await;
        assert_eq!(app.ledger(booking.id).await, accounts, "{refund} {bearer}");
        assert_eq!(app.goodwill(booking.id).await, goodwill);
        assert_eq!(app.line_states(booking.id).await, lines, "{refund} {bearer}");
        assert_eq!(app.sandbox.payments()[0].balance_amount, 50_000 - refund);
        assert!(app.events_of(&booking.mentee).await.contains(&"payment.refunded".to_owned()));

        let seen = app.log_in(&booking.mentee).await.client.get(&path).await.ok(200);
        assert_eq!(seen["result"]["refund"], refund);
        assert!(seen["result"].get("bearer").is_none(), "who bears it is no affair of the mentee");
        let seen = app.log_in(&booking.mentor).await.client.get(&path).await.ok(200);
        assert_eq!(seen["result"]["bearer"], bearer);
        app.dispute(&booking, &booking.mentee, "other", 0).await.problem(409, "dispute.window_over");
        app.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f7_two_administrators_at_once_decide_once() {
    let app = TestApp::start().await;
    let (booking, path, admin) = in_review(&app, 50_000).await;
    let other = app.admin("other").await;
    let (a, b) = tokio::join!(
        app.judge(&admin, &path, "decide", decision("upheld", 50_000, "shared")),
        app.judge(&other, &path, "decide", decision("partly", 10_000, "shared"))
    );
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let refund = if a.status == 200 { 50_000 } else { 10_000 };
    app.run_jobs_twice().await;
    assert_eq!(app.ledger(booking.id).await[0], 50_000 - refund);
    assert_eq!(app.sandbox.payments()[0].balance_amount, 50_000 - refund);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f6_f7_what_costs_the_platform_much_needs_a_second_pair_of_eyes() {
    let app = TestApp::start_with(Rules { goodwill_limit_krw: 30_000, ..Rules::default() }).await;
    let (booking, path, admin) = in_review(&app, 50_000).await;
    let second = app.admin("second").await;
    app.judge(&admin, &path, "approve", json!({})).await.problem(409, "dispute.not_allowed");
    let file = app.judge(&admin, &path, "decide", decision("partly", 30_001, "platform")).await.ok(200);
    assert_eq!(file["state"], "proposed");
    app.run_jobs().await;
    assert_eq!(app.ledger(booking.id).await[0], 50_000, "a proposal moves nothing");
    let seen = app.log_in(&booking.mentee).await.client.get(&path).await.ok(200);
    assert_eq!(seen["state"], "in_review", "and is told to nobody");
    assert!(seen.get("result").is_none());
    assert!(!app.events_of(&booking.mentee).await.contains(&"dispute.proposed".to_owned()));

    app.judge(&admin, &path, "approve", json!({})).await.problem(403, "dispute.same_person");
    let file = app.judge(&second, &path, "send-back", json!({ "reason": "Too much." })).await.ok(200);
    assert_eq!((&file["state"], file.get("refund")), (&json!("in_review"), None));
    app.judge(&admin, &path, "decide", decision("partly", 30_001, "platform")).await.ok(200);
    let (a, b) = tokio::join!(
        app.judge(&second, &path, "approve", json!({})),
        app.judge(&second, &path, "approve", json!({}))
    );
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    app.run_jobs_twice().await;
    assert_eq!(app.ledger(booking.id).await, [19_999, 0, -42_500, -7_500]);
    assert_eq!(app.goodwill(booking.id).await, 30_001);

    let file = app.log_in(&admin).await.client.get(&path.replace("/v1/", "/v1/admin/")).await.ok(200);
    let causes: Vec<_> =
        file["history"].as_array().expect("rows").iter().map(|h| h["cause"].clone()).collect();
    assert_eq!(causes, ["opened", "in_review", "proposed", "returned", "proposed", "decided"]);
    assert_eq!((&file["decidedBy"], &file["approvedBy"]), (&json!(admin.id), &json!(second.id)));
    assert_eq!(file["refunds"][0]["cause"], "dispute");
    assert!(file["notices"].as_array().expect("notices").iter().any(|n| n["kind"] == "dispute.decided"));
    assert!(file["postings"].as_array().expect("postings").iter().any(|p| p["account"] == "goodwill"));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f7_no_more_is_given_back_than_is_left() {
    let app = TestApp::start().await;
    let (booking, path, admin) = in_review(&app, 50_000).await;
    let bad = app.judge(&admin, &path, "decide", decision("upheld", 50_001, "shared")).await;
    bad.problem(422, "refund.exceeds");
    let mut body = decision("upheld", 50_000, "shared");
    body["compensation"] = json!(50_001);
    app.judge(&admin, &path, "decide", body).await.problem(422, "dispute.decision_invalid");
    for (field, value) in
        [("refund", json!(-1)), ("bearer", json!("mentee")), ("reason", json!("")), ("x", json!(1))]
    {
        let mut body = decision("upheld", 50_000, "shared");
        body[field] = value;
        app.judge(&admin, &path, "decide", body).await.problem(400, "request.invalid");
    }
    let mentee = app.log_in(&booking.mentee).await;
    app.judge(&mentee, &path, "decide", decision("upheld", 50_000, "shared"))
        .await
        .problem(403, "auth.forbidden");
    app.run_jobs().await;
    assert_eq!(
        (app.ledger(booking.id).await[0], app.line_states(booking.id).await),
        (50_000, vec!["frozen".into()])
    );
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i08_a_session_of_which_everything_goes_back_is_over() {
    for (wait, state) in [(TimeDelta::minutes(20), "cancelled"), (TimeDelta::hours(2), "completed")] {
        let app = TestApp::start().await;
        let booking = app.running_session().await;
        app.advance(wait);
        let path = app.open_dispute(&booking, &booking.mentee, "technical", 50_000).await;
        let accept = json!({ "kind": "accept", "text": "My line was down." });
        let mentor = app.log_in(&booking.mentor).await;
        mentor.client.post(&format!("{path}/answer"), accept).await.ok(200);
        assert_eq!(app.state(&booking).await, state);
        app.run_jobs_twice().await;
        assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
        app.advance(TimeDelta::hours(60));
        app.run_jobs_twice().await;
        assert_eq!(app.state(&booking).await, state);
        app.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f7_a_part_given_back_while_the_session_waits_to_be_completed() {
    let app = TestApp::start().await;
    let booking = app.running_session().await;
    let path = app.open_dispute(&booking, &booking.mentee, "technical", 20_000).await;
    let mentor = app.log_in(&booking.mentor).await;
    mentor.client.post(&format!("{path}/answer"), json!({ "kind": "accept", "text": "Yes." })).await.ok(200);
    app.run_jobs_twice().await;
    assert_eq!(app.state(&booking).await, "in_session");
    assert_eq!(app.ledger(booking.id).await, [30_000, -30_000, 0, 0]);
    app.advance(TimeDelta::hours(49));
    app.run_jobs_twice().await;
    assert_eq!(app.ledger(booking.id).await, [30_000, 0, -25_500, -4_500]);
    assert_eq!(app.line_states(booking.id).await, ["ready"]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s39_a_dispute_one_second_before_the_settlement_job_freezes_its_line_alone() {
    let app = TestApp::start().await;
    let booking = app.completed_session().await;
    // Another session of the same mentor, completed an hour later.
    let other = app.mentee("other").await;
    let (mentor, other) = (app.log_in(&booking.mentor).await, app.log_in(&other).await);
    let next = app.book(&mentor, &other, booking.offering, booking.starts_at + TimeDelta::hours(4)).await;
    app.pay(&next).await;
    app.meet(&next).await;
    app.advance_to(next.starts_at + TimeDelta::hours(1));
    app.run_jobs().await;
    let other = app.log_in(&other).await;
    other.client.post(&format!("{}/complete", next.path()), json!({})).await.ok(200);
    app.run_jobs().await;

    let until = booking.starts_at + TimeDelta::hours(49);
    let release = app.jobs_of(ReleaseSettlement::KIND).await;
    assert!(release.iter().any(|j| j.run_at == until && j.subject == Some(booking.id.0)), "it is due then");
    app.advance_to(until - SECOND);
    app.run_jobs().await;
    assert_eq!(app.line_states(booking.id).await, ["accrued"]);
    let path = app.open_dispute(&booking, &booking.mentee, "quality", 50_000).await;
    app.advance_to(next.starts_at + TimeDelta::hours(49));
    app.run_jobs_twice().await;

    assert_eq!(app.line_states(booking.id).await, ["frozen"]);
    assert_eq!(app.line_states(next.id).await, ["ready"], "no other line is frozen");
    let ready = transact!(app.core.db, app.context(), anyhow::Error, tx => {
        Ok(settlement::lock_ready(tx, mentor.id, 100).await?)
    })
    .expect("the database");
    assert_eq!(ready.iter().map(|l| l.reservation_id).collect::<Vec<_>>(), [next.id], "payouts exclude it");
    let deadline = app.jobs_of("dispute.end_phase.v1").await.remove(0);
    assert_eq!(
        (deadline.state.as_str(), deadline.run_at),
        ("pending", until - SECOND + TimeDelta::days(7)),
        "I20"
    );
    app.bring_to_review(&path, &booking.mentee).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s39_a_dispute_and_the_settlement_job_at_once_end_frozen_or_too_late() {
    let app = TestApp::start().await;
    let mut booking = app.completed_session().await;
    let mut outcomes = std::collections::BTreeSet::new();
    for round in 0..8 {
        let until = booking.starts_at + TimeDelta::hours(49);
        app.advance_to(until - SECOND);
        app.run_jobs().await;
        let mentee = app.log_in(&booking.mentee).await;
        let body = json!({ "kind": "quality", "description": "Just in time?", "claim": 1_000 });
        let path = format!("{}/disputes", booking.path());
        // The clock passes the end of the window while the request is on its way.
        let passes = async {
            for _ in 0..round * 3 {
                tokio::task::yield_now().await;
            }
            app.advance(SECOND);
            app.run_jobs().await;
        };
        let (answer, ()) = tokio::join!(mentee.client.post(&path, body), passes);
        app.run_jobs().await;
        let states = app.line_states(booking.id).await;
        match answer.status.as_u16() {
            201 => assert_eq!(states, ["frozen"], "round {round}"),
            _ => {
                answer.clone().problem(409, "dispute.window_over");
                assert_eq!(states, ["ready"], "round {round}");
            }
        }
        outcomes.insert(answer.status.as_u16());
        let (mentor, mentee) = (app.log_in(&booking.mentor).await, app.log_in(&booking.mentee).await);
        booking = app.book(&mentor, &mentee, booking.offering, booking.starts_at + TimeDelta::days(7)).await;
        app.pay(&booking).await;
        app.meet(&booking).await;
        app.advance_to(booking.starts_at + TimeDelta::hours(1));
        app.run_jobs().await;
        let mentee = app.log_in(&booking.mentee).await;
        mentee.client.post(&format!("{}/complete", booking.path()), json!({})).await.ok(200);
        app.run_jobs().await;
    }
    assert!(outcomes.contains(&409), "the clock was faster at least once: {outcomes:?}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s39_a_dispute_that_began_in_time_freezes_a_line_that_was_released_meanwhile() {
    let app = TestApp::start().await;
    let booking = app.completed_session().await;
    app.advance_to(booking.starts_at + TimeDelta::hours(49) - SECOND);
    app.run_jobs().await;
    let new = NewDispute { kind: Kind::Quality, description: "Just in time.".into(), claim: Krw(1_000) };
    let opened = transact!(app.core.db, app.context(), anyhow::Error, tx => {
        // The transaction has its instant, but no lock yet.
        app.advance(SECOND);
        app.run_jobs().await;
        assert_eq!(app.line_states(booking.id).await, ["ready"]);
        Ok(dispute::open(tx, &app.core.rules, booking.id, booking.mentee.id, &new).await?)
    });
    opened.expect("it began in time");
    app.run_jobs_twice().await;
    assert_eq!(app.line_states(booking.id).await, ["frozen"]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i11_what_was_in_a_payout_before_the_dispute_is_netted_later() {
    let app = TestApp::start().await;
    let booking = app.completed_session().await;
    app.open_account(&booking.mentor).await;
    app.advance_to(booking.starts_at + TimeDelta::hours(49) - SECOND);
    app.run_jobs().await;
    let new = NewDispute { kind: Kind::Quality, description: "Just in time.".into(), claim: Krw(50_000) };
    let dispute = transact!(app.core.db, app.context(), anyhow::Error, tx => {
        // The transaction has its instant, but no lock yet: the release job and a batch are faster.
        app.advance(SECOND);
        app.run_jobs().await;
        app.run_batch().await;
        Ok(dispute::open(tx, &app.core.rules, booking.id, booking.mentee.id, &new).await?)
    })
    .expect("it began in time");
    assert_eq!(app.line_states(booking.id).await, ["paying"]);
    assert_eq!(app.payouts_of(&booking.mentor).await[0].amount_krw, Krw(41_098));
    app.money_arrives(&booking.mentor).await;
    let (path, admin) = (format!("/v1/disputes/{}", dispute.id), app.admin("judge").await);
    app.bring_to_review(&path, &booking.mentee).await;
    app.judge(&admin, &path, "decide", decision("upheld", 50_000, "shared")).await.ok(200);
    app.run_jobs_twice().await;
    let lines = app.lines(booking.id).await;
    assert_eq!(lines[0], ("accrual".to_owned(), "paid".to_owned(), 50_000), "I11: what was paid stays");
    assert_eq!((lines[1].1.as_str(), lines[1].2), ("ready", -50_000), "clawback");
    let owed = transact!(app.core.db, app.context(), anyhow::Error, tx => {
        Ok(ledger::payable(tx, booking.mentor.id).await?)
    });
    assert_eq!(owed.expect("the database"), Krw(-41_098), "the mentor owes what was paid");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f7_an_administrator_decides_no_case_of_their_own() {
    let app = TestApp::start_with(Rules { goodwill_limit_krw: 0, ..Rules::default() }).await;
    let (booking, path, admin) = in_review(&app, 50_000).await;
    transact!(app.core.db, app.context(), anyhow::Error, tx => {
        Ok(konnect::user::make_admin(tx, booking.mentor.id).await?)
    })
    .expect("the mentor is an administrator too");
    let upheld = decision("upheld", 50_000, "platform");
    app.judge(&booking.mentor, &path, "decide", upheld.clone()).await.problem(403, "dispute.own_case");
    app.judge(&admin, &path, "decide", upheld).await.ok(200);
    app.judge(&booking.mentor, &path, "approve", json!({})).await.problem(403, "dispute.own_case");
    let because = json!({ "reason": "mine" });
    app.judge(&booking.mentor, &path, "send-back", because).await.problem(403, "dispute.own_case");
    app.run_jobs().await;
    assert_eq!(app.ledger(booking.id).await[0], 50_000);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f7_lists_are_pages_for_administrators() {
    let app = TestApp::start().await;
    let (_, path, admin) = in_review(&app, 50_000).await;
    let client = app.log_in(&admin).await.client;
    let all = client.get("/v1/admin/disputes?state=in_review&limit=1").await.ok(200);
    let id = all["items"][0]["id"].as_str().expect("one").to_owned();
    assert!(path.ends_with(&id));
    assert_eq!(all["next"], json!(id));
    let rest = client.get(&format!("/v1/admin/disputes?state=in_review&limit=1&before={id}")).await.ok(200);
    assert_eq!((&rest["items"], rest.get("next")), (&json!([]), None));
    assert_eq!(client.get("/v1/admin/disputes?state=open").await.ok(200)["items"], json!([]));
    client.get("/v1/admin/disputes?state=lost").await.problem(400, "request.invalid");
    client.get("/v1/admin/disputes?limit=0").await.problem(400, "request.invalid");
    app.finish().await;
}
