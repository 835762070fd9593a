//! Sessions to which somebody did not come: where the money goes, and how that is appealed.

use chrono::TimeDelta;
use konnect::job::{AccrueSettlement, Job, ReconcileSettlement};
use konnect::{outbox, settlement, transact};
use konnect_sandbox::{Effect, Endpoint, Fault};
use konnect_tests::{Answer, Booking, Person, TestApp};
use serde_json::{Value, json};

const SECOND: TimeDelta = TimeDelta::seconds(1);

async fn mark(app: &TestApp, admin: &Person, booking: &Booking, absent: &str) -> Answer {
    let path = format!("/v1/admin/reservations/{}/no-show", booking.id);
    let body = json!({ "absent": absent, "reason": "By the record of the room." });
    app.log_in(admin).await.client.post(&path, body).await
}

/// A session marked as a no-show, with its jobs done, and who marked it.
async fn no_show(app: &TestApp, absent: &str) -> (Booking, Person) {
    let booking = app.running_session().await;
    let admin = app.admin("judge").await;
    app.advance(TimeDelta::minutes(10));
    let done = mark(app, &admin, &booking, absent).await.ok(200);
    assert_eq!((&done["state"], &done["absent"]), (&json!("no_show"), &json!(absent)));
    app.run_jobs_twice().await;
    assert_eq!(app.claims(booking.id).await, 0, "I4");
    (booking, admin)
}

fn decision(outcome: &str, refund: i64, compensation: i64) -> Value {
    json!({
        "outcome": outcome, "refund": refund, "bearer": "shared", "compensation": compensation,
        "reason": "The record of the room was wrong.",
    })
}

/// What is counted against a booking's mentor.
async fn strikes(app: &TestApp, booking: &Booking) -> usize {
    let all = konnect::reservation::strikes(app.core.db.pool(), booking.mentor.id, 10).await;
    all.expect("the database").len()
}

/// The dispute that is open about a booking.
async fn review_of(app: &TestApp, admin: &Person, booking: &Booking) -> String {
    let all = app.log_in(admin).await.client.get("/v1/admin/disputes").await.ok(200);
    let found =
        all["items"].as_array().expect("items").iter().find(|d| d["reservationId"] == json!(booking.id));
    format!("/v1/disputes/{}", found.expect("a review")["id"].as_str().expect("an id"))
}

#[tokio::test(flavor = "multi_thread")]
async fn s67_nobody_is_absent_before_ten_minutes() {
    let app = TestApp::start().await;
    let booking = app.running_session().await;
    let admin = app.admin("judge").await;
    app.advance(TimeDelta::minutes(10) - SECOND);
    let report = format!("{}/no-show-reports", booking.path());
    let mentor = app.log_in(&booking.mentor).await;
    let absent = json!({ "absent": "mentee", "note": "I waited." });
    mentor.client.post(&report, absent.clone()).await.problem(409, "no_show.too_early");
    mark(&app, &admin, &booking, "mentee").await.problem(409, "no_show.too_early");
    app.advance(SECOND);
    let said = mentor.client.post(&report, absent).await.ok(201);
    assert_eq!((&said["side"], &said["absent"]), (&json!("mentor"), &json!("mentee")));
    let again = mentor.client.post(&report, json!({ "absent": "both" })).await.ok(201);
    assert_eq!(said["id"], again["id"], "the first word counts");
    assert_eq!(again["absent"], "mentee");
    let stranger = app.mentee("stranger").await;
    stranger.client.post(&report, json!({ "absent": "mentor" })).await.problem(404, "reservation.not_found");
    mentor.client.post(&report, json!({ "absent": "everybody" })).await.problem(400, "request.invalid");
    app.run_jobs().await;
    assert_eq!(app.notices_of(&booking.mentee, "reservation.no_show_reported").await, 1);
    assert_eq!(app.notices_of(&booking.mentor, "reservation.no_show_reported").await, 0);
    assert_eq!(app.state(&booking).await, "in_session", "a word decides nothing");

    let client = app.log_in(&admin).await.client;
    let waiting = client.get("/v1/admin/no-show-reports").await.ok(200);
    assert_eq!(waiting["items"][0]["note"], "I waited.");
    mark(&app, &admin, &booking, "mentee").await.ok(200);
    assert_eq!(client.get("/v1/admin/no-show-reports").await.ok(200)["items"], json!([]));
    mark(&app, &admin, &booking, "mentor").await.problem(409, "reservation.not_allowed");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s67_a_mentee_who_does_not_come_pays_the_mentor() {
    let app = TestApp::start().await;
    let (booking, _) = no_show(&app, "mentee").await;
    assert_eq!(app.ledger(booking.id).await, [50_000, 0, -42_500, -7_500]);
    assert_eq!(app.line_states(booking.id).await, ["accrued"]);
    assert_eq!(strikes(&app, &booking).await, 0);
    for person in [&booking.mentee, &booking.mentor] {
        assert_eq!(app.notices_of(person, "reservation.no_show").await, 1);
    }
    app.advance(TimeDelta::hours(48) - SECOND);
    app.run_jobs_twice().await;
    assert_eq!(app.line_states(booking.id).await, ["accrued"], "it may be appealed");
    app.advance(SECOND);
    app.dispute(&booking, &booking.mentee, "no_show", 50_000).await.problem(409, "dispute.window_over");
    app.run_jobs_twice().await;
    assert_eq!(app.line_states(booking.id).await, ["ready"]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s67_a_mentor_who_does_not_come_is_paid_nothing() {
    let app = TestApp::start().await;
    let (booking, _) = no_show(&app, "mentor").await;
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    assert_eq!(app.line_states(booking.id).await, Vec::<String>::new());
    assert_eq!(app.sandbox.payments()[0].balance_amount, 0);
    assert!(app.events_of(&booking.mentee).await.contains(&"payment.refunded".to_owned()));
    assert_eq!(strikes(&app, &booking).await, 1);
    app.advance(TimeDelta::hours(60));
    app.run_jobs_twice().await;
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s67_when_nobody_came_the_money_waits_for_a_review() {
    // Given back, the ledger afterwards.
    for (outcome, refund, accounts) in [
        ("upheld", 50_000, [0, 0, 0, 0]),
        ("partly", 25_000, [25_000, 0, -21_250, -3_750]),
        ("dismissed", 0, [50_000, 0, -42_500, -7_500]),
    ] {
        let app = TestApp::start().await;
        let (booking, admin) = no_show(&app, "both").await;
        assert_eq!(app.ledger(booking.id).await, [50_000, -50_000, 0, 0], "held");
        let path = review_of(&app, &admin, &booking).await;
        let seen = app.log_in(&booking.mentor).await.client.get(&path).await.ok(200);
        assert_eq!(
            (&seen["openedBy"], &seen["kind"], &seen["state"], &seen["claim"]),
            (&json!("platform"), &json!("no_show"), &json!("answered"), &json!(50_000))
        );
        assert_eq!(seen["actions"], json!(["add_evidence"]));
        for person in [&booking.mentee, &booking.mentor] {
            let client = app.log_in(person).await.client;
            client.post(&format!("{path}/evidence"), json!({ "text": "I was there." })).await.ok(201);
            client.post(&format!("{path}/withdraw"), json!({})).await.problem(409, "dispute.not_allowed");
            app.dispute(&booking, person, "no_show", 0).await.problem(409, "dispute.already_open");
        }
        app.bring_to_review(&path, &booking.mentee).await;
        assert_eq!(app.ledger(booking.id).await, [50_000, -50_000, 0, 0], "still held, days later");
        app.judge(&admin, &path, "decide", decision(outcome, refund, 0)).await.ok(200);
        app.run_jobs_twice().await;
        app.advance(TimeDelta::minutes(1));
        app.run_jobs_twice().await;
        assert_eq!(app.ledger(booking.id).await, accounts, "{outcome}");
        assert!(app.line_states(booking.id).await.iter().all(|state| state == "ready"));
        app.finish().await;
    }
}

async fn lose_the_accrual(app: &TestApp) {
    let job = &app.jobs_of(AccrueSettlement::KIND).await[0];
    transact!(app.core.db, app.context(), sqlx::Error, tx => { outbox::cancel(tx, job.id).await })
        .expect("the job is taken away");
}

#[tokio::test(flavor = "multi_thread")]
async fn s67_what_a_review_gives_a_mentor_is_accrued_although_its_job_is_lost() {
    let app = TestApp::start().await;
    let (booking, admin) = no_show(&app, "both").await;
    let path = review_of(&app, &admin, &booking).await;
    app.bring_to_review(&path, &booking.mentee).await;
    app.judge(&admin, &path, "decide", decision("dismissed", 0, 0)).await.ok(200);
    lose_the_accrual(&app).await;
    app.advance(TimeDelta::hours(1));
    let unaccrued = async |since| {
        let found = settlement::unaccrued(app.core.db.pool(), since, app.now(), 10).await;
        found.expect("the database")
    };
    assert_eq!(unaccrued(app.now() - TimeDelta::hours(2)).await, [booking.id]);
    assert_eq!(unaccrued(app.now()).await, [], "no history is gone through");
    let found: Vec<_> = app.audit().await.into_iter().map(|offender| offender.check).collect();
    assert_eq!(found, ["I7-left"], "it is seen");
    app.reconcile_those(|kind| kind == ReconcileSettlement::KIND).await;
    app.run_jobs().await;
    assert_eq!(app.ledger(booking.id).await, [50_000, 0, -42_500, -7_500]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s67_a_dispute_that_was_open_is_the_review() {
    let app = TestApp::start().await;
    let booking = app.running_session().await;
    let admin = app.admin("judge").await;
    app.advance(TimeDelta::minutes(10));
    let path = app.open_dispute(&booking, &booking.mentee, "no_show", 50_000).await;
    mark(&app, &admin, &booking, "both").await.ok(200);
    app.run_jobs_twice().await;
    assert_eq!(review_of(&app, &admin, &booking).await, path);

    // Withdrawn, it leaves the review that nobody else opened.
    let mentee = app.log_in(&booking.mentee).await;
    mentee.client.post(&format!("{path}/withdraw"), json!({})).await.ok(200);
    app.run_jobs_twice().await;
    let review = review_of(&app, &admin, &booking).await;
    assert_ne!(review, path);
    assert_eq!(app.ledger(booking.id).await, [50_000, -50_000, 0, 0]);
    app.bring_to_review(&review, &booking.mentor).await;
    app.judge(&admin, &review, "decide", decision("dismissed", 0, 0)).await.ok(200);
    app.run_jobs_twice().await;
    assert_eq!(app.ledger(booking.id).await, [50_000, 0, -42_500, -7_500]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s67_a_dispute_about_a_mentor_who_did_not_come_can_be_upheld_after_the_refund() {
    let app = TestApp::start().await;
    let booking = app.running_session().await;
    let admin = app.admin("judge").await;
    app.advance(TimeDelta::minutes(10));
    let path = app.open_dispute(&booking, &booking.mentee, "no_show", 50_000).await;
    mark(&app, &admin, &booking, "mentor").await.ok(200);
    app.run_jobs_twice().await;
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    app.bring_to_review(&path, &booking.mentee).await;
    let bad = app.judge(&admin, &path, "decide", decision("upheld", 1, 0)).await;
    bad.problem(422, "refund.exceeds");
    app.judge(&admin, &path, "decide", decision("upheld", 0, 0)).await.ok(200);
    app.run_jobs_twice().await;
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s68_a_mentee_appeals_with_evidence_and_gets_the_money_back() {
    let app = TestApp::start().await;
    let (booking, admin) = no_show(&app, "mentee").await;
    let path = app.open_dispute(&booking, &booking.mentee, "no_show", 50_000).await;
    app.run_jobs_twice().await;
    assert_eq!(app.line_states(booking.id).await, ["frozen"]);
    let mentee = app.log_in(&booking.mentee).await;
    let link = json!({ "text": "My screen at 11:03.", "url": "https://example.com/screen.png" });
    mentee.client.post(&format!("{path}/evidence"), link).await.ok(201);
    app.bring_to_review(&path, &booking.mentee).await;
    assert_eq!(app.line_states(booking.id).await, ["frozen"], "the window is long over");
    app.judge(&admin, &path, "decide", decision("upheld", 50_000, 0)).await.ok(200);
    app.run_jobs_twice().await;
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0], "the postings are reversed");
    assert_eq!(app.line_states(booking.id).await, ["reversed", "reversed"]);
    assert_eq!(app.sandbox.payments()[0].balance_amount, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s68_a_mentee_whose_appeal_fails_has_paid() {
    let app = TestApp::start().await;
    let (booking, admin) = no_show(&app, "mentee").await;
    let path = app.open_dispute(&booking, &booking.mentee, "no_show", 50_000).await;
    app.bring_to_review(&path, &booking.mentee).await;
    app.judge(&admin, &path, "decide", decision("dismissed", 0, 0)).await.ok(200);
    app.run_jobs_twice().await;
    assert_eq!(app.ledger(booking.id).await, [50_000, 0, -42_500, -7_500]);
    assert_eq!(app.line_states(booking.id).await, ["ready"]);
    app.dispute(&booking, &booking.mentee, "no_show", 0).await.problem(409, "dispute.window_over");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s68_a_mentor_appeals_and_is_paid_by_the_platform() {
    let app = TestApp::start().await;
    let (booking, admin) = no_show(&app, "mentor").await;
    let path = app.open_dispute(&booking, &booking.mentor, "no_show", 50_000).await;
    // The mentee agrees that the mentor was there; the money has gone back, so somebody must decide.
    let accept = json!({ "kind": "accept", "text": "They were in the other room." });
    let mentee = app.log_in(&booking.mentee).await;
    let seen = mentee.client.post(&format!("{path}/answer"), accept).await.ok(200);
    assert_eq!(seen["state"], "in_review");
    app.run_jobs_twice().await;
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0], "nothing is moved by agreeing to it");
    let bad = app.judge(&admin, &path, "decide", decision("upheld", 1, 50_000)).await;
    bad.problem(422, "refund.exceeds");
    assert_eq!(strikes(&app, &booking).await, 1);
    app.judge(&admin, &path, "decide", decision("upheld", 0, 50_000)).await.ok(200);
    app.run_jobs_twice().await;
    assert_eq!(app.ledger(booking.id).await, [0, 0, -42_500, -7_500]);
    assert_eq!(app.goodwill(booking.id).await, 50_000);
    assert_eq!(strikes(&app, &booking).await, 0, "it was not so");
    app.advance(TimeDelta::hours(48));
    app.run_jobs_twice().await;
    assert_eq!(app.line_states(booking.id).await, ["ready"], "the payment that is gone holds nothing up");
    let seen = app.log_in(&booking.mentor).await.client.get(&path).await.ok(200);
    assert_eq!(seen["result"]["compensation"], 50_000);
    let seen = app.log_in(&booking.mentee).await.client.get(&path).await.ok(200);
    assert!(
        seen["result"].get("compensation").is_none(),
        "what the mentor is paid is no affair of the mentee"
    );
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s68_a_compensation_is_accrued_although_its_job_is_lost() {
    let app = TestApp::start().await;
    let (booking, admin) = no_show(&app, "mentor").await;
    let path = app.open_dispute(&booking, &booking.mentor, "no_show", 50_000).await;
    let accept = json!({ "kind": "accept", "text": "They were in the other room." });
    app.log_in(&booking.mentee).await.client.post(&format!("{path}/answer"), accept).await.ok(200);
    app.judge(&admin, &path, "decide", decision("upheld", 0, 50_000)).await.ok(200);
    lose_the_accrual(&app).await;
    app.advance(TimeDelta::minutes(5));
    app.run_jobs().await;
    assert_eq!(app.ledger(booking.id).await, [0, -50_000, 0, 0], "held, though the payment is gone");
    app.reconcile_those(|kind| kind == ReconcileSettlement::KIND).await;
    app.run_jobs().await;
    assert_eq!(app.ledger(booking.id).await, [0, 0, -42_500, -7_500]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s67_a_refund_beside_an_award_can_be_given_up_and_is_the_mentors_then() {
    let app = TestApp::start().await;
    let (booking, admin) = no_show(&app, "both").await;
    let path = review_of(&app, &admin, &booking).await;
    app.bring_to_review(&path, &booking.mentee).await;
    app.sandbox.fault(Fault::once(Endpoint::Cancel, Effect::decline("REFUND_REJECTED")));
    app.judge(&admin, &path, "decide", decision("partly", 25_000, 0)).await.ok(200);
    app.run_jobs().await;
    assert_eq!(app.refund_states(&booking).await, ["manual_review"]);
    let id = app.refunds(&booking).await[0].id.to_string();
    app.about_refund(&admin, &id, "give-up", json!({ "reason": "agreed by phone" })).await.ok(200);
    app.advance(TimeDelta::minutes(10));
    app.run_jobs_twice().await;
    assert_eq!(app.refund_states(&booking).await, ["abandoned"]);
    assert_eq!(app.ledger(booking.id).await, [50_000, 0, -42_500, -7_500]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s68_a_compensation_takes_nothing_of_the_refund_beside_it() {
    let app = TestApp::start().await;
    let booking = app.running_session().await;
    let admin = app.admin("judge").await;
    app.advance(TimeDelta::minutes(10));
    app.sandbox.fault(Fault::once(Endpoint::Cancel, Effect::decline("REFUND_REJECTED")));
    mark(&app, &admin, &booking, "mentor").await.ok(200);
    app.run_jobs().await;
    let path = app.open_dispute(&booking, &booking.mentor, "no_show", 50_000).await;
    let accept = json!({ "kind": "accept", "text": "They were there." });
    app.log_in(&booking.mentee).await.client.post(&format!("{path}/answer"), accept).await.ok(200);
    app.judge(&admin, &path, "decide", decision("upheld", 0, 50_000)).await.ok(200);
    app.run_jobs().await;
    let id = app.refunds(&booking).await[0].id.to_string();
    app.about_refund(&admin, &id, "give-up", json!({ "reason": "no" })).await.problem(409, "refund.owed");
    assert_eq!(app.ledger(booking.id).await, [50_000, -100_000, 0, 0], "both sums are held");
    app.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s68_a_compensation_waits_for_a_refund_that_is_on_its_way() {
    let app = TestApp::start().await;
    let booking = app.running_session().await;
    let admin = app.admin("judge").await;
    app.advance(TimeDelta::minutes(10));
    app.sandbox.fault(Fault::always(Endpoint::Cancel, Effect::DropBefore));
    mark(&app, &admin, &booking, "mentor").await.ok(200);
    app.run_jobs().await;
    let path = app.open_dispute(&booking, &booking.mentor, "no_show", 50_000).await;
    let accept = json!({ "kind": "accept", "text": "They were there." });
    app.log_in(&booking.mentee).await.client.post(&format!("{path}/answer"), accept).await.ok(200);
    app.judge(&admin, &path, "decide", decision("upheld", 0, 50_000)).await.ok(200);
    app.run_jobs().await;
    assert_eq!(app.ledger(booking.id).await, [50_000, -100_000, 0, 0], "both sums are held");
    app.sandbox.clear_faults();
    for _ in 0..3 {
        app.advance(TimeDelta::minutes(2));
        app.run_jobs().await;
    }
    assert_eq!(app.ledger(booking.id).await, [0, 0, -42_500, -7_500], "back to one, paid to the other");
    app.finish().await;
}

/// Neither came; a dispute of the mentor's from before that came to nothing keeps nobody from deciding about the price.
#[tokio::test(flavor = "multi_thread")]
async fn s67_a_claim_of_the_mentor_that_comes_to_nothing_leaves_the_review() {
    for is_dismissed in [false, true] {
        let app = TestApp::start().await;
        let booking = app.running_session().await;
        let admin = app.admin("judge").await;
        let path = app.open_dispute(&booking, &booking.mentor, "other", 0).await;
        app.advance(TimeDelta::minutes(10));
        mark(&app, &admin, &booking, "both").await.ok(200);
        if is_dismissed {
            app.bring_to_review(&path, &booking.mentor).await;
            app.judge(&admin, &path, "decide", decision("dismissed", 0, 0)).await.ok(200);
        } else {
            let accept = json!({ "kind": "accept", "text": "I have nothing to say." });
            app.log_in(&booking.mentee).await.client.post(&format!("{path}/answer"), accept).await.ok(200);
        }
        app.run_jobs_twice().await;
        assert_ne!(review_of(&app, &admin, &booking).await, path);
        assert_eq!(app.ledger(booking.id).await, [50_000, -50_000, 0, 0], "nobody decided about the price");
        app.finish().await;
    }
}
