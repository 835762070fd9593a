//! What a move may do and may not, and what it takes along.

use chrono::TimeDelta;
use konnect::job::{ExpireMove, Job, RemindReservation, StartReservation};
use konnect::mentor::Kind;
use konnect_tests::{TestApp, instant, monday, weekdays};
use serde_json::json;

use super::{action, hours, waiting};

#[tokio::test(flavor = "multi_thread")]
async fn d06_a_booking_is_moved_twice_at_most_and_not_at_the_last_minute() {
    let app = TestApp::start().await;
    let booking = app.paid_booking().await;
    let at = |n| booking.starts_at + hours(n);
    app.propose(&booking, &booking.mentee, at(1)).await.ok(201);
    app.propose(&booking, &booking.mentee, at(1)).await.problem(422, "reservation.reschedule_same");
    app.propose(&booking, &booking.mentee, at(0)).await.ok(201);
    for who in [&booking.mentee, &booking.mentor] {
        app.propose(&booking, who, at(2)).await.problem(409, "reservation.reschedule_limit");
        assert!(action(&app.seen(&booking, who).await, "reschedule").is_none());
    }

    let second = app.book(&booking.mentor, &booking.mentee, booking.offering, at(3)).await;
    app.pay(&second).await;
    for _ in 0..6 {
        app.propose(&second, &booking.mentor, at(4)).await.ok(201);
        app.about_move(&second, &booking.mentee, "decline").await.ok(200);
    }
    app.propose(&second, &booking.mentor, at(4)).await.problem(409, "reservation.reschedule_limit");

    let third = app.book(&booking.mentor, &booking.mentee, booking.offering, at(2)).await;
    let unpaid = app.propose(&third, &booking.mentee, at(4)).await;
    assert_eq!(unpaid.problem(409, "reservation.not_allowed")["context"]["state"], "awaiting_payment");
    app.pay(&third).await;
    app.advance_to(at(2) - hours(1));
    app.run_jobs().await;
    for who in [&booking.mentee, &booking.mentor] {
        app.propose(&third, who, at(24)).await.problem(409, "reservation.reschedule_too_late");
    }
    app.advance_to(at(2));
    app.run_jobs().await;
    app.propose(&third, &booking.mentor, at(24)).await.problem(409, "reservation.not_allowed");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d06_the_new_time_passes_the_rules_of_any_booking() {
    let app = TestApp::start().await;
    let booking = app.paid_booking().await;
    let busy = app
        .book(&booking.mentor, &app.mentee("other").await, booking.offering, booking.starts_at + hours(2))
        .await;
    let taken = app.propose(&booking, &booking.mentee, busy.starts_at).await.problem(409, "slot.taken");
    assert!(!taken["context"]["alternatives"].as_array().expect("others").is_empty());
    let elsewhere = app.mentor("elsewhere").await;
    let offering = app.offering(&elsewhere, Kind::Instant, 60, 50_000).await;
    app.book(&elsewhere, &booking.mentee, offering, booking.starts_at + hours(4)).await;
    for (to, status, code) in [
        (booking.starts_at + hours(4), 409, "slot.own_conflict"),
        (monday() - hours(24), 422, "slot.past"),
        (monday() + hours(1), 422, "slot.too_soon"),
        (booking.starts_at + hours(12), 422, "slot.outside_hours"),
        (booking.starts_at + TimeDelta::minutes(15), 422, "slot.misaligned"),
        (booking.starts_at + TimeDelta::days(70), 422, "slot.beyond_horizon"),
    ] {
        app.propose(&booking, &booking.mentee, to).await.problem(status, code);
    }
    let stale = json!({ "startsAt": booking.starts_at + hours(5), "reason": "x", "expectedVersion": 1 });
    let path = format!("{}/reschedules", booking.path());
    let told = booking.mentee.client.post(&path, stale).await.problem(409, "reservation.stale");
    assert_eq!(told["context"]["state"], "confirmed");
    for bad in [
        json!({ "startsAt": busy.starts_at, "expectedVersion": 3 }),
        json!({ "startsAt": busy.starts_at, "reason": "", "expectedVersion": 3 }),
        json!({ "startsAt": "soon", "reason": "x", "expectedVersion": 3 }),
        json!({ "startsAt": busy.starts_at, "reason": "x".repeat(501), "expectedVersion": 3 }),
        json!({ "startsAt": busy.starts_at, "reason": "x", "expectedVersion": 3, "price": 0 }),
    ] {
        booking.mentee.client.post(&path, bad).await.problem(400, "request.invalid");
    }
    assert_eq!((app.claims(booking.id).await, app.stray_claims().await), (8, 0));
    assert_eq!(app.causes(&booking).await, ["reserved", "paying", "confirmed"], "nothing was written");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d06_buffers_move_with_the_session() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mentor").await;
    let mut with_buffers = weekdays();
    (with_buffers.buffer_before_min, with_buffers.buffer_after_min) = (30, 15);
    app.set_hours(&mentor, with_buffers).await;
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let (mentee, other) = (app.mentee("mentee").await, app.mentee("other").await);
    let booking = app.book(&mentor, &mentee, offering, monday() + hours(74)).await;
    app.pay(&booking).await;
    assert_eq!(app.claims(booking.id).await, 4 + 4 + 3);
    app.propose(&booking, &mentor, booking.starts_at + TimeDelta::minutes(30)).await.ok(201);
    let row = app.row(&booking).await;
    assert_eq!(app.claims_of_proposal(row.move_id).await, 2 + 2, "what the old time does not give");
    // The mentor changes the buffers before the answer.
    app.set_hours(&mentor, weekdays()).await;
    app.about_move(&booking, &mentee, "accept").await.ok(200);
    assert_eq!(app.stray_claims().await, 0);
    app.reserve(&other, offering, booking.starts_at + TimeDelta::minutes(90))
        .await
        .problem(409, "slot.taken");
    app.reserve(&other, offering, booking.starts_at - TimeDelta::minutes(30)).await.ok(201);
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d06_asked_twice_with_one_key_it_moves_once() {
    let app = TestApp::start().await;
    let booking = app.paid_booking().await;
    let path = format!("{}/reschedules", booking.path());
    let version = app.row(&booking).await.version;
    let body = json!({ "startsAt": booking.starts_at + hours(1), "reason": "x", "expectedVersion": version });
    let first = booking.mentee.client.post_as(&path, body.clone(), "the-same-key").await.ok(201);
    let again = booking.mentee.client.post_as(&path, body.clone(), "the-same-key").await.ok(201);
    assert_eq!(first["version"], again["version"]);
    booking
        .mentee
        .client
        .send(reqwest::Method::POST, &path, Some(body), &[])
        .await
        .problem(400, "idempotency.key_required");
    assert_eq!(app.row(&booking).await.moves(), 1);
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s57_reminders_and_start_of_the_old_time_do_nothing() {
    let app = TestApp::start().await;
    let booking = app.paid_booking().await;
    let to = booking.starts_at + hours(24);
    app.advance_to(booking.starts_at - hours(24));
    // The reminder is on its way to a worker when the booking moves.
    let reminder = app.take_due().await.expect("the reminder");
    assert_eq!(app.job(reminder.job_id).await.kind, RemindReservation::KIND);
    app.propose(&booking, &booking.mentee, to).await.ok(201);
    app.run_delivery(reminder).await;
    app.run_jobs().await;
    for person in [&booking.mentor, &booking.mentee] {
        assert_eq!(app.notices_of(person, "reservation.reminder").await, 0);
    }
    // So is a start that an operator replays.
    let old = app.jobs_of(StartReservation::KIND).await.into_iter().find(|job| job.state == "cancelled");
    let again = app.deliver_again(old.expect("the old start").id).await.expect("no twin waits");
    app.advance_to(booking.starts_at);
    app.run_delivery(again).await;
    assert_eq!(app.state(&booking).await, "confirmed");
    app.run_jobs().await;
    assert_eq!(app.notices_of(&booking.mentee, "reservation.reminder").await, 1, "a day before the new time");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d06_s26_a_move_does_not_win_a_lost_refund_back() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mentor").await;
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    // Hours left when it is moved by whom, and what a cancellation gives back five days before the new time.
    for (i, (left, by_mentee, refund)) in
        [(30, true, 50_000), (23, true, 25_000), (2, true, 0), (23, false, 50_000)].into_iter().enumerate()
    {
        let mentee = app.mentee(&format!("mentee{i}")).await;
        let mentor = app.log_in(&mentor).await;
        let starts_at = app.now() + TimeDelta::days(2) + hours(2);
        let starts_at = if i == 0 {
            starts_at
        } else {
            monday() + TimeDelta::days(7 * i64::try_from(i).expect("few") + 2) + hours(2)
        };
        let booking = app.book(&mentor, &mentee, offering, starts_at).await;
        app.pay(&booking).await;
        app.advance_to(starts_at - hours(left));
        app.run_jobs().await;
        let to = starts_at + TimeDelta::days(7);
        let (asks, answers) = if by_mentee { (&mentee, &mentor) } else { (&mentor, &mentee) };
        let view = app.propose(&booking, asks, to).await.ok(201);
        if view.get("reschedule").is_some() {
            app.about_move(&booking, answers, "accept").await.ok(200);
        }
        app.run_jobs().await;
        let view = app.seen(&booking, &mentee).await;
        assert_eq!(
            action(&view, "cancel").expect("it can be cancelled")["refund"],
            refund,
            "{left} h, {by_mentee}"
        );
        let best = view["refundTiers"][0].clone();
        assert_eq!(best["refund"], refund, "{best}");
        let until = if refund == 25_000 {
            to - hours(3)
        } else if refund == 0 {
            to
        } else {
            to - hours(24)
        };
        assert_eq!(instant(&best["until"]), until);
        let cancelled = app.cancel(&booking, &mentee).await;
        assert_eq!(cancelled["refund"], refund);
        app.run_jobs().await;
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d06_a_booking_that_ends_takes_its_proposal_along() {
    let app = TestApp::start().await;
    let booking = app.paid_booking().await;
    app.propose(&booking, &booking.mentor, booking.starts_at + hours(3)).await.ok(201);
    app.cancel(&booking, &booking.mentee).await;
    app.run_jobs().await;
    assert_eq!((app.claims(booking.id).await, app.stray_claims().await), (0, 0));
    assert!(waiting(&app, ExpireMove::KIND).await.is_empty());
    app.about_move(&booking, &booking.mentee, "accept").await.problem(409, "reservation.reschedule_over");
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    app.finish().await;
}
