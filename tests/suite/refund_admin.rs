//! Administrators cancel and give back: the same engine, two pairs of eyes, and never more than was taken.

use chrono::TimeDelta;
use konnect::mentor::Kind;
use konnect::{transact, user};
use konnect_tests::{Answer, Booking, Person, TestApp};
use serde_json::{Value, json};

async fn cancel(app: &TestApp, admin: &Person, booking: &Booking, body: Value) -> Answer {
    let admin = app.log_in(admin).await;
    let path = format!("/v1/admin{}/cancel", booking.path().trim_start_matches("/v1"));
    admin.client.post(&path, body).await
}

fn because(refund: &str) -> Value {
    json!({ "reason": "the mentor is ill", "refund": refund })
}

#[tokio::test(flavor = "multi_thread")]
async fn s31_an_administrator_cancels_in_every_live_state() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let mentor = app.mentor("mentor").await;
    let instant = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let approval = app.offering(&mentor, Kind::Approval, 60, 50_000).await;
    let start = konnect_tests::monday() + TimeDelta::hours(48);
    let mut bookings = Vec::new();
    for i in 0..6 {
        let mentee = app.mentee(&format!("mentee{i}")).await;
        let offering = if i == 0 { approval } else { instant };
        bookings.push(app.book(&mentor, &mentee, offering, start + TimeDelta::hours(i)).await);
    }
    let [requested, unpaid, full, part, nothing, begun] = &bookings[..] else { unreachable!() };
    for booking in [full, part, nothing, begun] {
        app.pay(booking).await;
    }
    let amount = |won: i64| json!({ "reason": "the mentor is ill", "refund": "amount", "amount": won });
    cancel(&app, &admin, requested, because("full")).await.ok(200);
    cancel(&app, &admin, unpaid, amount(1)).await.problem(422, "refund.exceeds");
    cancel(&app, &admin, unpaid, because("full")).await.ok(200);
    assert_eq!(cancel(&app, &admin, full, because("full")).await.ok(200)["refund"], 50_000);
    for won in [-1, 50_001] {
        let refused = cancel(&app, &admin, part, amount(won)).await;
        assert_eq!(refused.status, 422, "{won}");
    }
    cancel(&app, &admin, part, because("amount")).await.problem(422, "refund.amount_invalid");
    assert_eq!(cancel(&app, &admin, part, amount(10_000)).await.ok(200)["refund"], 10_000);
    assert_eq!(cancel(&app, &admin, nothing, amount(0)).await.ok(200)["refund"], 0);
    app.run_jobs().await;
    app.meet(begun).await;
    app.advance_to(begun.starts_at + TimeDelta::minutes(30));
    app.run_jobs().await;
    assert_eq!(app.state(begun).await, "in_session");
    let view = cancel(&app, &admin, begun, because("full")).await.ok(200);
    assert_eq!((&view["state"], &view["refund"]), (&json!("cancelled"), &json!(50_000)));
    app.run_jobs().await;

    let split = |kept: i64| [kept, 0, -(kept - kept * 15 / 100), -(kept * 15 / 100)];
    for (booking, kept) in
        [(requested, 0), (unpaid, 0), (full, 0), (part, 40_000), (nothing, 50_000), (begun, 0)]
    {
        assert_eq!(app.state(booking).await, "cancelled");
        assert_eq!(app.claims(booking.id).await, 0);
        assert_eq!(app.ledger(booking.id).await, split(kept));
        for person in [&booking.mentor, &booking.mentee] {
            assert!(app.events_of(person).await.contains(&"reservation.cancelled".to_owned()));
        }
        let mentee = app.log_in(&booking.mentee).await;
        let history = mentee.client.get(&format!("{}/history", booking.path())).await.ok(200);
        let last = history.as_array().and_then(|lines| lines.last()).expect("a history").clone();
        assert_eq!((&last["actorKind"], &last["actorId"]), (&json!("admin"), &json!(admin.id)));
        assert_eq!(last["reason"], "the mentor is ill");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s31_what_is_over_cannot_be_cancelled_and_the_answer_says_how_it_stands() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let booking = app.paid_booking().await;
    let path = format!("/v1/admin{}/cancel", booking.path().trim_start_matches("/v1"));
    for person in [&booking.mentee, &booking.mentor] {
        person.client.post(&path, because("full")).await.problem(403, "auth.forbidden");
    }
    let mut stale = because("full");
    stale["expectedVersion"] = json!(1);
    let refused = cancel(&app, &admin, &booking, stale).await.problem(409, "reservation.stale");
    assert_eq!(refused["context"]["state"], "confirmed");
    app.complete(&booking).await;
    let refused =
        cancel(&app, &admin, &booking, because("full")).await.problem(409, "reservation.not_allowed");
    assert_eq!(refused["context"]["state"], "completed");
    assert!(app.refunds(&booking).await.is_empty());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s30_a_cancellation_that_races_the_completion_wins_or_hears_of_it() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let mentor = app.mentor("mentor").await;
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let mut bookings = Vec::new();
    for i in 0..5 {
        let mentee = app.mentee(&format!("mentee{i}")).await;
        let at = konnect_tests::monday() + TimeDelta::hours(48 + i);
        let booking = app.book(&mentor, &mentee, offering, at).await;
        app.pay(&booking).await;
        bookings.push(booking);
    }
    let last = bookings.last().expect("five").starts_at;
    app.advance_to(last);
    app.run_jobs().await;
    app.advance_to(last + TimeDelta::hours(49));
    let admin = app.log_in(&admin).await;
    let cancel = async |booking: &Booking| {
        let path = format!("/v1/admin{}/cancel", booking.path().trim_start_matches("/v1"));
        admin.client.post(&path, because("full")).await
    };
    let (_, a, b, c, d, e) = tokio::join!(
        app.run_jobs(),
        cancel(&bookings[0]),
        cancel(&bookings[1]),
        cancel(&bookings[2]),
        cancel(&bookings[3]),
        cancel(&bookings[4])
    );
    app.run_jobs().await;
    for (booking, answer) in bookings.iter().zip([a, b, c, d, e]) {
        if app.state(booking).await == "cancelled" {
            answer.ok(200);
            assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
        } else {
            let refused = answer.problem(409, "reservation.not_allowed");
            assert_eq!(refused["context"]["state"], "completed");
            assert_eq!(app.ledger(booking.id).await, [50_000, 0, -42_500, -7_500]);
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f06_a_part_is_given_back_before_the_session_and_the_rest_by_cancelling() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let booking = app.paid_booking().await;
    // I8: a confirmed booking has money behind it.
    app.refund(&admin, &booking, 50_000, "shared").await.problem(409, "refund.use_cancel");
    let refund = app.refund(&admin, &booking, 10_000, "shared").await.ok(201);
    assert_eq!((&refund["state"], &refund["cause"]), (&json!("queued"), &json!("goodwill")));
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "confirmed");
    assert_eq!(app.ledger(booking.id).await, [40_000, -40_000, 0, 0]);
    app.refund(&admin, &booking, 40_000, "platform").await.problem(409, "refund.use_cancel");

    let mentee = app.log_in(&booking.mentee).await;
    let view = mentee.client.get(&booking.path()).await.ok(200);
    let list = mentee.client.get("/v1/reservations").await.ok(200);
    for view in [&view, &list["items"][0]] {
        let actions = view["actions"].as_array().expect("actions");
        let cancel = actions.iter().find(|a| a["action"] == "cancel").expect("it can be cancelled");
        assert_eq!(cancel["refund"], 40_000, "what is left");
    }
    assert_eq!(app.cancel(&booking, &booking.mentee).await["refund"], 40_000);
    app.run_jobs().await;
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    assert_eq!(app.refund_states(&booking).await, ["done", "done"]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f06_after_the_settlement_mentor_and_platform_bear_a_refund_by_their_shares() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let booking = app.paid_booking().await;
    app.complete(&booking).await;
    app.refund(&admin, &booking, 20_000, "shared").await.ok(201);
    app.run_jobs_twice().await;
    assert_eq!(app.ledger(booking.id).await, [30_000, 0, -25_500, -4_500]);
    // After a session the whole rest may go back too.
    app.refund(&admin, &booking, 30_001, "shared").await.problem(422, "refund.exceeds");
    app.refund(&admin, &booking, 30_000, "shared").await.ok(201);
    app.run_jobs().await;
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    assert_eq!(app.balance_at_provider(&booking).await, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f06_what_the_platform_bears_leaves_the_mentors_earnings_alone() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let booking = app.paid_booking().await;
    app.refund(&admin, &booking, 10_000, "platform").await.ok(201);
    app.run_jobs().await;
    app.complete(&booking).await;
    app.refund(&admin, &booking, 5_000, "platform").await.ok(201);
    app.run_jobs().await;
    // 15,000 of the platform's own money stands in its account for goodwill.
    assert_eq!(app.ledger(booking.id).await, [35_000, 0, -42_500, -7_500]);
    assert_eq!(app.balance_at_provider(&booking).await, 35_000);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i07_refunds_never_sum_to_more_than_was_taken() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let booking = app.paid_booking().await;
    for amount in [0, -1, -50_000] {
        app.refund(&admin, &booking, amount, "shared").await.problem(422, "refund.amount_invalid");
    }
    app.refund(&admin, &booking, 50_001, "shared").await.problem(422, "refund.exceeds");
    app.refund(&booking.mentee, &booking, 1, "shared").await.problem(403, "auth.forbidden");
    let unpaid = app
        .book(&booking.mentor, &booking.mentee, booking.offering, booking.starts_at + TimeDelta::hours(1))
        .await;
    app.refund(&admin, &unpaid, 1, "shared").await.problem(409, "refund.nothing_captured");
    app.cancel(&unpaid, &booking.mentee).await;
    assert!(app.refunds(&booking).await.is_empty(), "nothing moved");

    // The same request twice is one refund.
    let admin = app.log_in(&admin).await;
    let path = format!("/v1/admin{}/refunds", booking.path().trim_start_matches("/v1"));
    let body = json!({ "amount": 1_000, "bearer": "shared", "reason": "a poor line" });
    let first = admin.client.post_as(&path, body.clone(), "one-refund").await.ok(201);
    let again = admin.client.post_as(&path, body, "one-refund").await.ok(201);
    assert_eq!(first["id"], again["id"]);
    app.run_jobs().await;
    assert_eq!(app.ledger(booking.id).await, [49_000, -49_000, 0, 0]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s27_two_refunds_at_once_cannot_give_back_more_than_there_is() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let booking = app.paid_booking().await;
    app.complete(&booking).await;
    let (a, b) = tokio::join!(
        app.refund(&admin, &booking, 30_000, "shared"),
        app.refund(&admin, &booking, 30_000, "shared")
    );
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 422]);
    app.run_jobs().await;
    assert_eq!(app.ledger(booking.id).await, [20_000, 0, -17_000, -3_000]);
    assert_eq!(app.balance_at_provider(&booking).await, 20_000);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s30_a_refund_that_races_the_settlement_leaves_the_books_right() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let mentor = app.mentor("mentor").await;
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let mut bookings = Vec::new();
    for i in 0..4 {
        let mentee = app.mentee(&format!("mentee{i}")).await;
        let at = konnect_tests::monday() + TimeDelta::hours(48 + i);
        let booking = app.book(&mentor, &mentee, offering, at).await;
        app.pay(&booking).await;
        bookings.push(booking);
    }
    let last = bookings.last().expect("four").starts_at;
    app.advance_to(last);
    app.run_jobs().await;
    // Completion, accrual and release are all due while the refunds are asked for.
    app.advance_to(last + TimeDelta::hours(50));
    let (_, a, b, c, d) = tokio::join!(
        app.run_jobs(),
        app.refund(&admin, &bookings[0], 20_000, "shared"),
        app.refund(&admin, &bookings[1], 20_000, "platform"),
        app.refund(&admin, &bookings[2], 20_000, "shared"),
        app.refund(&admin, &bookings[3], 20_000, "platform")
    );
    for answer in [a, b, c, d] {
        answer.ok(201);
    }
    app.run_jobs().await;
    app.advance(TimeDelta::minutes(10));
    app.run_jobs().await;
    for (i, booking) in bookings.iter().enumerate() {
        let expected = if i % 2 == 0 { [30_000, 0, -25_500, -4_500] } else { [30_000, 0, -42_500, -7_500] };
        assert_eq!(app.ledger(booking.id).await, expected, "booking {i}");
        assert_eq!(app.balance_at_provider(booking).await, 30_000);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s23_i07_what_the_platform_gave_comes_home_when_all_is_due_anyway() {
    let app = TestApp::start().await;
    let booking = app.paid_booking().await;
    let admin = app.admin("kind").await;
    app.refund(&admin, &booking, 20_000, "platform").await.ok(201);
    app.run_jobs().await;
    assert_eq!(app.goodwill(booking.id).await, 20_000);
    app.cancel(&booking, &booking.mentor).await;
    app.run_jobs_twice().await;
    assert_eq!(app.goodwill(booking.id).await, 0, "the mentee is owed all of it");
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    assert_eq!(app.balance_at_provider(&booking).await, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s26_i07_goodwill_beside_what_the_policy_gives_stays_the_platforms() {
    let app = TestApp::start().await;
    let booking = app.paid_booking().await;
    let admin = app.admin("kind").await;
    app.refund(&admin, &booking, 40_000, "platform").await.ok(201);
    app.run_jobs().await;
    app.advance_to(booking.starts_at - TimeDelta::hours(23));
    app.run_jobs().await;
    // Half is due, and a fifth is left: 15,000 of the platform's 40,000 stand for the rest of the half.
    app.cancel(&booking, &booking.mentee).await;
    app.run_jobs_twice().await;
    assert_eq!(app.goodwill(booking.id).await, 25_000);
    assert_eq!(app.ledger(booking.id).await, [0, 0, -21_250, -3_750], "the mentor has the other half");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f6_small_steps_pass_no_limit_and_nobody_gives_to_themselves() {
    let app = TestApp::start().await;
    let (one, other) = (app.admin("one").await, app.admin("other").await);
    let booking = app.paid_booking_for(120_000).await;
    app.meet(&booking).await;
    app.advance_to(booking.starts_at + TimeDelta::minutes(90));
    app.run_jobs().await;
    // Half of the limit of ₩50,000, twice, is within it; a won more is not.
    for _ in 0..2 {
        assert_ne!(
            app.refund(&one, &booking, 25_000, "platform").await.ok(201)["state"],
            "awaiting_approval"
        );
    }
    let more = app.refund(&one, &booking, 1_000, "platform").await.ok(201);
    assert_eq!(more["state"], "awaiting_approval", "{more}");
    let id = more["id"].as_str().expect("an id");
    app.about_refund(&other, id, "approve", json!({})).await.ok(200);
    app.run_jobs().await;
    // A mentee who is an administrator, too.
    transact!(app.core.db, app.context(), anyhow::Error, tx => {
        Ok(user::make_admin(tx, booking.mentee.id).await?)
    })
    .expect("an administrator");
    app.refund(&booking.mentee, &booking, 1_000, "platform").await.problem(403, "dispute.own_case");
    app.expect_sound().await;
    app.leave().await;
}
