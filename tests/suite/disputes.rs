//! Disputes between the sides: opening, windows, answers, evidence, agreement, deadlines.

use chrono::TimeDelta;
use konnect::job::{EndDisputePhase, Job, ReconcileDisputes};
use konnect_jobs::Ended;
use konnect_tests::{Booking, Person, TestApp};
use serde_json::{Value, json};

const SECOND: TimeDelta = TimeDelta::seconds(1);

async fn answer(app: &TestApp, who: &Person, path: &str, body: Value) -> konnect_tests::Answer {
    app.log_in(who).await.client.post(&format!("{path}/answer"), body).await
}

async fn see(app: &TestApp, who: &Person, path: &str) -> Value {
    app.log_in(who).await.client.get(path).await.ok(200)
}

async fn cancel(app: &TestApp, booking: &Booking) {
    let mentee = app.log_in(&booking.mentee).await;
    let version = mentee.client.get(&booking.path()).await.ok(200)["version"].clone();
    let body = json!({ "reason": "cannot come", "expectedVersion": version });
    mentee.client.post(&format!("{}/cancel", booking.path()), body).await.ok(200);
    app.run_jobs().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f7_the_other_side_agrees_and_the_money_goes_back() {
    let app = TestApp::start().await;
    let booking = app.completed_session().await;
    let path = app.open_dispute(&booking, &booking.mentee, "quality", 20_000).await;
    app.run_jobs_twice().await;
    assert_eq!(app.line_states(booking.id).await, ["frozen"]);
    let seen = see(&app, &booking.mentor, &path).await;
    assert_eq!(seen["actions"], json!(["answer", "add_evidence"]));
    assert_eq!(
        (&seen["openedBy"], &seen["state"], &seen["claim"]),
        (&json!("mentee"), &json!("open"), &json!(20_000))
    );
    for person in [&booking.mentee, &booking.mentor] {
        assert_eq!(app.notices_of(person, "dispute.opened").await, 1);
    }

    let done = answer(&app, &booking.mentor, &path, json!({ "kind": "accept", "text": "I am sorry." }))
        .await
        .ok(200);
    assert_eq!((&done["state"], &done["result"]["refund"]), (&json!("accepted"), &json!(20_000)));
    app.run_jobs_twice().await;
    // 30,000 are left: 4,500 for the platform, 25,500 for the mentor and the tax office.
    assert_eq!(app.ledger(booking.id).await, [30_000, 0, -25_500, -4_500]);
    assert_eq!(app.goodwill(booking.id).await, 0);
    assert_eq!(app.sandbox.payments()[0].balance_amount, 30_000);
    assert!(app.events_of(&booking.mentee).await.contains(&"dispute.accepted".to_owned()));
    assert_eq!(app.notices_of(&booking.mentor, "dispute.accepted").await, 1);
    assert_eq!(app.jobs_of(EndDisputePhase::KIND).await[0].state, "cancelled");

    app.advance(TimeDelta::hours(48));
    app.run_jobs_twice().await;
    assert_eq!(app.line_states(booking.id).await, ["ready", "ready"], "what is left is paid out");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f7_an_offer_is_the_openers_to_take() {
    let app = TestApp::start().await;
    let booking = app.completed_session().await;
    let path = app.open_dispute(&booking, &booking.mentee, "technical", 50_000).await;
    let take = format!("{path}/take-offer");
    let mentee = app.log_in(&booking.mentee).await;
    mentee.client.post(&take, json!({})).await.problem(409, "dispute.not_allowed");
    let offer = json!({ "kind": "accept", "amount": 10_000, "text": "Half of it worked." });
    let seen = answer(&app, &booking.mentor, &path, offer).await.ok(200);
    assert_eq!((&seen["state"], &seen["offer"]), (&json!("answered"), &json!(10_000)));
    app.run_jobs().await;
    assert_eq!(app.ledger(booking.id).await[0], 50_000, "an offer moves nothing");
    let mentor = app.log_in(&booking.mentor).await;
    mentor.client.post(&take, json!({})).await.problem(409, "dispute.not_allowed");

    // The offer stands while an administrator looks at it.
    app.bring_to_review(&path, &booking.mentee).await;
    let mentee = app.log_in(&booking.mentee).await;
    let taken = mentee.client.post(&take, json!({})).await.ok(200);
    assert_eq!((&taken["state"], &taken["result"]["refund"]), (&json!("accepted"), &json!(10_000)));
    app.run_jobs_twice().await;
    assert_eq!(app.ledger(booking.id).await, [40_000, 0, -34_000, -6_000]);
    assert_eq!(app.line_states(booking.id).await, ["ready", "ready"], "the window was over long ago");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f7_the_window_opens_with_the_session_and_closes_to_the_second() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.dispute(&booking, &booking.mentee, "other", 0).await.problem(409, "dispute.not_possible");
    app.pay(&booking).await;
    app.advance_to(booking.starts_at - SECOND);
    app.run_jobs().await;
    app.dispute(&booking, &booking.mentee, "other", 0).await.problem(409, "dispute.not_possible");
    app.advance(SECOND);
    app.run_jobs().await;
    let path = app.open_dispute(&booking, &booking.mentee, "other", 0).await;
    let mentee = app.log_in(&booking.mentee).await;
    mentee.client.post(&format!("{path}/withdraw"), json!({})).await.ok(200);
    app.meet(&booking).await;

    let until = booking.starts_at + TimeDelta::hours(1 + 48);
    app.advance_to(until - SECOND);
    app.run_jobs().await;
    let path = app.open_dispute(&booking, &booking.mentor, "other", 0).await;
    let mentor = app.log_in(&booking.mentor).await;
    mentor.client.post(&format!("{path}/withdraw"), json!({})).await.ok(200);
    app.advance_to(until);
    app.dispute(&booking, &booking.mentee, "other", 0).await.problem(409, "dispute.window_over");
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "completed");
    app.dispute(&booking, &booking.mentee, "other", 0).await.problem(409, "dispute.window_over");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f7_a_cancellation_is_disputed_when_it_kept_money() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.pay(&booking).await;
    app.advance_to(booking.starts_at - TimeDelta::hours(5));
    app.run_jobs().await;
    cancel(&app, &booking).await;
    assert_eq!(app.lines(booking.id).await, [("accrual".to_owned(), "accrued".to_owned(), 25_000)]);
    let cancelled_at = app.now();
    app.advance_to(cancelled_at + TimeDelta::hours(48) - SECOND);
    app.run_jobs().await;
    let path = app.open_dispute(&booking, &booking.mentee, "other", 25_000).await;
    assert_eq!(app.line_states(booking.id).await, ["frozen"]);
    answer(&app, &booking.mentor, &path, json!({ "kind": "accept", "text": "Fair." })).await.ok(200);
    app.run_jobs_twice().await;
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    assert_eq!(app.line_states(booking.id).await, ["reversed", "reversed"]);

    let (mentor, mentee) = (app.log_in(&booking.mentor).await, app.log_in(&booking.mentee).await);
    let later = konnect_tests::monday() + TimeDelta::hours(7 * 24 + 2);
    let whole = app.book(&mentor, &mentee, booking.offering, later).await;
    app.pay(&whole).await;
    cancel(&app, &whole).await;
    app.dispute(&whole, &booking.mentee, "other", 0).await.problem(409, "dispute.not_possible");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f7_one_dispute_at_a_time_by_members_alone() {
    let app = TestApp::start().await;
    let booking = app.completed_session().await;
    let stranger = app.mentee("stranger").await;
    app.dispute(&booking, &stranger, "quality", 0).await.problem(404, "reservation.not_found");
    let (a, b) = tokio::join!(
        app.dispute(&booking, &booking.mentee, "quality", 50_000),
        app.dispute(&booking, &booking.mentor, "other", 0)
    );
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    for person in [&booking.mentee, &booking.mentor] {
        app.dispute(&booking, person, "quality", 0).await.problem(409, "dispute.already_open");
    }
    let list = app.log_in(&booking.mentee).await.client.get("/v1/me/disputes").await.ok(200);
    let path = format!("/v1/disputes/{}", list["items"][0]["id"].as_str().expect("an id"));
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1));
    let stranger = app.log_in(&stranger).await;
    stranger.client.get(&path).await.problem(404, "dispute.not_found");
    assert_eq!(stranger.client.get("/v1/me/disputes").await.ok(200)["items"], json!([]));
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f7_the_same_key_opens_once_and_bad_input_opens_nothing() {
    let app = TestApp::start().await;
    let booking = app.completed_session().await;
    let mentee = app.log_in(&booking.mentee).await;
    let path = format!("{}/disputes", booking.path());
    let good = json!({ "kind": "quality", "description": "Late, and not prepared.", "claim": 50_000 });
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    for (body, status, code) in [
        (with("claim", json!(-1)), 400, "request.invalid"),
        (with("claim", json!(1.5)), 400, "request.invalid"),
        (with("claim", json!("50000")), 400, "request.invalid"),
        (with("claim", json!(50_001)), 422, "dispute.claim_exceeds"),
        (with("kind", json!("revenge")), 400, "request.invalid"),
        (with("description", json!("")), 400, "request.invalid"),
        (with("description", json!("가".repeat(4_001))), 400, "request.invalid"),
        (with("refund", json!(1)), 400, "request.invalid"),
    ] {
        mentee.client.post(&path, body).await.problem(status, code);
    }
    mentee
        .client
        .send(reqwest::Method::POST, &path, Some(good.clone()), &[])
        .await
        .problem(400, "idempotency.key_required");
    let long = with("description", json!("가".repeat(4_000)));
    let first = mentee.client.post_as(&path, long.clone(), "one-and-the-same").await.ok(201);
    let again = mentee.client.post_as(&path, long, "one-and-the-same").await.ok(201);
    assert_eq!((&first["id"], &first["version"]), (&again["id"], &again["version"]));
    mentee.client.post_as(&path, good, "one-and-the-same").await.problem(422, "idempotency.key_reused");

    let path = format!("/v1/disputes/{}", first["id"].as_str().expect("an id"));
    let mentor = app.log_in(&booking.mentor).await;
    for (body, status, code) in [
        (json!({ "kind": "accept", "amount": 50_001, "text": "x" }), 422, "dispute.claim_exceeds"),
        (json!({ "kind": "accept", "amount": 0, "text": "x" }), 400, "request.invalid"),
        (json!({ "kind": "contest", "amount": 5, "text": "x" }), 422, "dispute.amount_unwanted"),
        (json!({ "kind": "contest", "text": "" }), 400, "request.invalid"),
        (json!({ "kind": "contest" }), 400, "request.invalid"),
    ] {
        mentor.client.post(&format!("{path}/answer"), body).await.problem(status, code);
    }
    let contest = json!({ "kind": "contest", "text": "I was prepared." });
    mentee.client.post(&format!("{path}/answer"), contest.clone()).await.problem(409, "dispute.not_allowed");
    mentor.client.post(&format!("{path}/withdraw"), json!({})).await.problem(409, "dispute.not_allowed");
    mentor.client.post(&format!("{path}/answer"), contest.clone()).await.ok(200);
    mentor.client.post(&format!("{path}/answer"), contest).await.problem(409, "dispute.not_allowed");
    app.run_jobs().await;
    assert_eq!(app.ledger(booking.id).await[0], 50_000, "nothing moved");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f7_evidence_is_taken_until_the_deadline_and_stays_as_it_is() {
    let app = TestApp::start().await;
    let booking = app.completed_session().await;
    let path = app.open_dispute(&booking, &booking.mentee, "not_held", 50_000).await;
    let show = format!("{path}/evidence");
    let mentee = app.log_in(&booking.mentee).await;
    for url in
        ["http://example.com/a", "javascript:alert(1)", "https://me@example.com/", "https://example.com/ a"]
    {
        let body = json!({ "text": "see", "url": url });
        mentee.client.post(&show, body).await.problem(422, "dispute.link_invalid");
    }
    let link = json!({ "text": "The recording.", "url": "https://example.com/recording" });
    let shown = mentee.client.post_as(&show, link.clone(), "shown-only-once").await.ok(201);
    assert_eq!((&shown["side"], &shown["kind"]), (&json!("mentee"), &json!("link")));
    let again = mentee.client.post_as(&show, link, "shown-only-once").await.ok(201);
    assert_eq!(shown["id"], again["id"]);
    for n in 1..20 {
        mentee.client.post(&show, json!({ "text": format!("Statement {n}") })).await.ok(201);
    }
    mentee.client.post(&show, json!({ "text": "one more" })).await.problem(409, "dispute.evidence_limit");
    let mentor = app.log_in(&booking.mentor).await;
    mentor.client.post(&show, json!({ "text": "I was there." })).await.ok(201);
    mentor.client.post(&show, json!({ "text": "가".repeat(4_001) })).await.problem(400, "request.invalid");
    let seen = mentor.client.get(&path).await.ok(200);
    assert_eq!(seen["evidence"].as_array().map(Vec::len), Some(21));
    for statement in ["UPDATE dispute_evidence SET body = 'x'", "DELETE FROM dispute_evidence"] {
        let refused = sqlx::query(statement).execute(app.core.db.pool()).await.expect_err("append-only");
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }

    mentor.client.post(&format!("{path}/answer"), json!({ "kind": "contest", "text": "No." })).await.ok(200);
    app.advance(TimeDelta::days(3) - SECOND);
    app.run_jobs().await;
    let mentor = app.log_in(&booking.mentor).await;
    mentor.client.post(&show, json!({ "text": "One second left." })).await.ok(201);
    app.advance(SECOND);
    // The deadline holds whether or not its job has run.
    mentor.client.post(&show, json!({ "text": "Too late." })).await.problem(409, "dispute.evidence_closed");
    app.run_jobs().await;
    mentor.client.post(&show, json!({ "text": "Too late." })).await.problem(409, "dispute.evidence_closed");
    assert_eq!(see(&app, &booking.mentor, &path).await["state"], "in_review");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f7_deadlines_are_jobs_that_bear_a_second_run() {
    let app = TestApp::start().await;
    let booking = app.completed_session().await;
    let path = app.open_dispute(&booking, &booking.mentee, "quality", 50_000).await;
    let job = app.jobs_of(EndDisputePhase::KIND).await.remove(0);
    assert_eq!(job.run_at, app.now() + TimeDelta::days(7), "I20");
    app.advance(TimeDelta::days(7) - SECOND);
    app.run_jobs().await;
    assert_eq!(see(&app, &booking.mentor, &path).await["state"], "open");
    app.advance(SECOND);
    let contest = json!({ "kind": "contest", "text": "A second late." });
    answer(&app, &booking.mentor, &path, contest).await.problem(409, "dispute.not_allowed");
    let ran = app.run_jobs_twice().await;
    let ours = ran.iter().filter(|r| r.kind == EndDisputePhase::KIND && r.ended == Ended::Done).count();
    assert_eq!(ours, 1);
    let seen = see(&app, &booking.mentor, &path).await;
    assert_eq!((&seen["state"], &seen["version"]), (&json!("in_review"), &json!(2)), "moved once");
    assert_eq!(app.notices_of(&booking.mentee, "dispute.in_review").await, 1);
    let delivery = app.deliver_again(job.id).await.expect("delivered again");
    app.executor.execute(delivery).await.expect("the database");
    assert_eq!(see(&app, &booking.mentor, &path).await["version"], 2);
    assert_eq!(app.line_states(booking.id).await, ["frozen"], "until somebody decides");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f7_a_deadline_that_lost_its_job_is_found() {
    let app = TestApp::start().await;
    let booking = app.completed_session().await;
    let path = app.open_dispute(&booking, &booking.mentee, "quality", 50_000).await;
    sqlx::query("DELETE FROM outbox WHERE kind = ?")
        .bind(EndDisputePhase::KIND)
        .execute(app.core.db.pool())
        .await
        .expect("the outbox");
    app.advance(TimeDelta::days(7) + TimeDelta::seconds(61));
    app.run_jobs().await;
    assert_eq!(see(&app, &booking.mentor, &path).await["state"], "open");
    app.reconcile().await;
    let ran = app.run_jobs_twice().await;
    assert!(ran.iter().any(|r| r.kind == ReconcileDisputes::KIND));
    assert_eq!(see(&app, &booking.mentor, &path).await["state"], "in_review");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f7_a_dispute_that_is_withdrawn_lets_go_of_the_line() {
    let app = TestApp::start().await;
    let booking = app.completed_session().await;
    let path = app.open_dispute(&booking, &booking.mentee, "quality", 50_000).await;
    app.advance(TimeDelta::hours(60));
    app.run_jobs().await;
    assert_eq!(app.line_states(booking.id).await, ["frozen"], "the window is over, the dispute is not");
    let mentee = app.log_in(&booking.mentee).await;
    mentee.client.post(&format!("{path}/withdraw"), json!({})).await.ok(200);
    mentee.client.post(&format!("{path}/withdraw"), json!({})).await.problem(409, "dispute.not_allowed");
    app.run_jobs_twice().await;
    assert_eq!(app.line_states(booking.id).await, ["ready"]);
    assert_eq!(app.notices_of(&booking.mentor, "dispute.withdrawn").await, 1);
    let seen = see(&app, &booking.mentor, &path).await;
    assert_eq!((&seen["state"], &seen["actions"]), (&json!("withdrawn"), &json!([])));
    app.dispute(&booking, &booking.mentee, "quality", 0).await.problem(409, "dispute.window_over");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f7_each_side_opens_once() {
    let app = TestApp::start().await;
    let booking = app.completed_session().await;
    for person in [&booking.mentee, &booking.mentor] {
        let path = app.open_dispute(&booking, person, "quality", 0).await;
        app.log_in(person).await.client.post(&format!("{path}/withdraw"), json!({})).await.ok(200);
        let again = app.dispute(&booking, person, "other", 0).await;
        again.problem(409, "dispute.already_withdrawn");
    }
    app.run_jobs().await;
    assert_eq!(app.line_states(booking.id).await, ["accrued"]);
    app.finish().await;
}
