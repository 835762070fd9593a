//! A booking that is to be at another time (D6).

use chrono::{DateTime, TimeDelta, Utc};
use konnect::job::{ExpireMove, Job, RemindReservation, StartReservation};
use konnect::mentor::Kind;
use konnect_tests::{Booking, TestApp, instant, monday, weekdays};
use serde_json::{Value, json};

const MOVED: &str = "reservation.rescheduled";

fn hours(hours: i64) -> TimeDelta {
    TimeDelta::hours(hours)
}

/// The instants of the waiting jobs of a kind, ascending.
async fn waiting(app: &TestApp, kind: &str) -> Vec<DateTime<Utc>> {
    let rows = app.jobs_of(kind).await.into_iter().filter(|job| job.state == "pending");
    let mut at: Vec<_> = rows.map(|job| job.run_at).collect();
    at.sort_unstable();
    at
}

fn action<'a>(view: &'a Value, name: &str) -> Option<&'a Value> {
    view["actions"].as_array().expect("actions").iter().find(|a| a["action"] == name)
}

#[tokio::test(flavor = "multi_thread")]
async fn d06_a_mentee_moves_a_booking_at_once_while_it_is_far() {
    let app = TestApp::start().await;
    let booking = app.paid_booking().await;
    let to = booking.starts_at + hours(2);
    let before = app.row(&booking).await;

    let moved = app.propose(&booking, &booking.mentee, to).await.ok(201);

    assert_eq!((instant(&moved["startsAt"]), instant(&moved["endsAt"])), (to, to + hours(1)));
    assert_eq!((&moved["state"], &moved["movesLeft"]), (&json!("confirmed"), &json!(1)));
    assert!(moved.get("reschedule").is_none());
    let after = app.row(&booking).await;
    assert_eq!((after.schedule_version, after.version), (2, before.version + 1));
    assert_eq!((app.claims(booking.id).await, app.stray_claims().await), (8, 0));
    assert_eq!(waiting(&app, StartReservation::KIND).await, [to]);
    let leads = [hours(24), hours(1), TimeDelta::minutes(10)].map(|lead| to - lead);
    assert_eq!(waiting(&app, RemindReservation::KIND).await, leads);
    // The old time is free for others, the new one is not.
    let other = app.mentee("other").await;
    app.reserve(&other, booking.offering, to).await.problem(409, "slot.taken");
    app.reserve(&other, booking.offering, booking.starts_at).await.ok(201);

    let lines = booking.mentor.client.get(&format!("{}/history", booking.path())).await.ok(200);
    let line = lines.as_array().and_then(|lines| lines.last()).expect("a line").clone();
    assert_eq!((&line["cause"], &line["reason"]), (&json!("rescheduled"), &json!("a dentist")));
    assert_eq!((instant(&line["fromStartsAt"]), instant(&line["toStartsAt"])), (booking.starts_at, to));
    assert_eq!((&line["from"], &line["to"]), (&json!("confirmed"), &json!("confirmed")));
    assert_eq!((&line["actorKind"], &line["actorId"]), (&json!("user"), &json!(booking.mentee.id)));
    assert!(line["requestId"].as_str().is_some_and(|id| !id.is_empty()));

    app.run_jobs_twice().await;
    for person in [&booking.mentor, &booking.mentee] {
        assert_eq!(app.notices_of(person, MOVED).await, 1);
        let mail = &app.mails_about(person, MOVED).await[0];
        let calendar = mail.calendar.as_deref().expect("an invitation");
        assert!(calendar.contains(&format!("SEQUENCE:{}", after.version)), "{calendar}");
        assert!(calendar.contains(&format!("DTSTART:{}", to.format("%Y%m%dT%H%M%SZ"))), "{calendar}");
        assert!(app.events_of(person).await.contains(&MOVED.to_owned()));
    }
    assert_eq!(app.ledger(booking.id).await, [50_000, -50_000, 0, 0], "nothing is paid again");

    // At the old time nothing happens.
    app.advance_to(booking.starts_at + TimeDelta::minutes(30));
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "confirmed");
    app.complete(&Booking { starts_at: to, ..booking.clone() }).await;
    assert_eq!(app.ledger(booking.id).await, [50_000, 0, -42_500, -7_500]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d06_what_a_mentor_proposes_waits_for_the_mentee() {
    let app = TestApp::start().await;
    let booking = app.paid_booking().await;
    // Half an hour later: the session's own cells are not in its way.
    let to = booking.starts_at + TimeDelta::minutes(30);
    let asked = app.propose(&booking, &booking.mentor, to).await.ok(201);
    assert_eq!(instant(&asked["startsAt"]), booking.starts_at, "nothing has moved yet");
    let proposal = &asked["reschedule"];
    assert_eq!((&proposal["by"], instant(&proposal["startsAt"])), (&json!("mentor"), to));
    assert_eq!(instant(&proposal["answerBy"]), app.now() + hours(48));
    assert_eq!(waiting(&app, ExpireMove::KIND).await, [app.now() + hours(48)]);
    let row = app.row(&booking).await;
    assert_eq!((app.claims(booking.id).await, app.claims_of_proposal(row.move_id).await), (8, 4));
    app.run_jobs().await;
    assert_eq!(app.notices_of(&booking.mentee, "reservation.reschedule_proposed").await, 1);

    // Old and new time are kept while it waits, and nobody answers for the other side.
    let other = app.mentee("other").await;
    for taken in [booking.starts_at, to, to - hours(1) + TimeDelta::minutes(30)] {
        app.reserve(&other, booking.offering, taken).await.problem(409, "slot.taken");
    }
    app.about_move(&booking, &booking.mentor, "accept").await.problem(409, "reservation.reschedule_over");
    app.about_move(&booking, &booking.mentor, "decline").await.problem(409, "reservation.reschedule_over");
    app.about_move(&booking, &booking.mentee, "withdraw").await.problem(409, "reservation.reschedule_over");
    for who in [&booking.mentor, &booking.mentee] {
        let again = app.propose(&booking, who, to + hours(1)).await;
        again.problem(409, "reservation.reschedule_pending");
    }
    let mentees = app.seen(&booking, &booking.mentee).await;
    assert!(action(&mentees, "accept_reschedule").is_some() && action(&mentees, "reschedule").is_none());
    let mentors = app.seen(&booking, &booking.mentor).await;
    assert!(
        action(&mentors, "withdraw_reschedule").is_some() && action(&mentors, "accept_reschedule").is_none()
    );

    let moved = app.about_move(&booking, &booking.mentee, "accept").await.ok(200);
    assert_eq!(instant(&moved["startsAt"]), to);
    assert_eq!((app.claims(booking.id).await, app.stray_claims().await), (8, 0));
    assert!(waiting(&app, ExpireMove::KIND).await.is_empty());
    assert_eq!(waiting(&app, StartReservation::KIND).await, [to]);
    app.run_jobs_twice().await;
    for person in [&booking.mentor, &booking.mentee] {
        assert_eq!(app.notices_of(person, MOVED).await, 1);
    }
    assert_eq!(app.row(&booking).await.refund_cap_bps, None, "the mentor's wish costs the mentee nothing");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d06_a_proposal_that_is_declined_or_taken_back_frees_its_time() {
    let app = TestApp::start().await;
    let booking = app.paid_booking().await;
    let to = booking.starts_at + hours(3);
    for (what, who, event) in [
        ("decline", &booking.mentee, "reservation.reschedule_declined"),
        ("withdraw", &booking.mentor, "reservation.reschedule_withdrawn"),
    ] {
        app.propose(&booking, &booking.mentor, to).await.ok(201);
        let claim = app.row(&booking).await.move_id;
        assert_eq!(app.claims_of_proposal(claim).await, 8);
        let view = app.about_move(&booking, who, what).await.ok(200);
        assert_eq!((instant(&view["startsAt"]), view.get("reschedule")), (booking.starts_at, None));
        assert_eq!((app.claims_of_proposal(claim).await, app.claims(booking.id).await), (0, 8));
        assert!(waiting(&app, ExpireMove::KIND).await.is_empty());
        assert_eq!(waiting(&app, StartReservation::KIND).await, [booking.starts_at]);
        app.run_jobs().await;
        for person in [&booking.mentor, &booking.mentee] {
            assert_eq!(app.notices_of(person, event).await, 1);
        }
        app.about_move(&booking, who, what).await.problem(409, "reservation.reschedule_over");
    }
    let other = app.mentee("other").await;
    app.reserve(&other, booking.offering, to).await.ok(201);
    assert_eq!(
        app.causes(&booking).await[3..],
        ["reschedule_proposed", "reschedule_declined", "reschedule_proposed", "reschedule_withdrawn"]
    );
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d06_a_proposal_that_nobody_answers_ends_by_itself() {
    let app = TestApp::start().await;
    let booking = app.paid_booking().await;
    app.propose(&booking, &booking.mentor, booking.starts_at + hours(3)).await.ok(201);
    let claim = app.row(&booking).await.move_id;
    app.advance(hours(48) - TimeDelta::seconds(1));
    app.run_jobs_twice().await;
    assert_eq!(app.claims_of_proposal(claim).await, 8);
    app.advance(TimeDelta::seconds(1));
    app.about_move(&booking, &booking.mentee, "accept").await.problem(409, "reservation.reschedule_over");
    let ran = app.run_jobs_twice().await;
    assert!(ran.iter().any(|r| r.kind == ExpireMove::KIND));
    assert_eq!((app.claims_of_proposal(claim).await, app.claims(booking.id).await), (0, 8));
    assert_eq!(app.row(&booking).await.starts_at, booking.starts_at);
    for person in [&booking.mentor, &booking.mentee] {
        assert_eq!(app.notices_of(person, "reservation.reschedule_expired").await, 1);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d06_i20_the_answer_is_due_an_hour_before_either_start_and_a_lost_deadline_is_written_again() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.pay(&booking).await;
    // In 26 hours; earlier, in 24 hours.
    for (to, due) in [(booking.starts_at + hours(3), hours(25)), (booking.starts_at - hours(2), hours(23))] {
        let view = app.propose(&booking, &booking.mentor, to).await.ok(201);
        assert_eq!(instant(&view["reschedule"]["answerBy"]), monday() + due);
        app.about_move(&booking, &booking.mentor, "withdraw").await.ok(200);
    }
    app.propose(&booking, &booking.mentor, booking.starts_at - hours(2)).await.ok(201);
    sqlx::query("DELETE FROM outbox WHERE kind = ?")
        .bind(ExpireMove::KIND)
        .execute(app.core.db.pool())
        .await
        .expect("the outbox");
    app.advance_to(monday() + hours(23) + TimeDelta::minutes(2));
    app.run_jobs().await;
    let broken = app.audit().await;
    assert_eq!(broken.iter().map(|v| v.check).collect::<Vec<_>>(), ["I20-move"]);
    app.reconcile().await;
    app.run_jobs().await;
    assert_eq!((app.row(&booking).await.proposal(), app.stray_claims().await), (None, 0));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d06_who_must_be_asked() {
    let app = TestApp::start().await;
    let booking = app.booking_of(Kind::Approval).await;
    booking.mentor.client.post(&format!("{}/approve", booking.path()), json!({})).await.ok(200);
    app.pay(&booking).await;
    let seen = app.seen(&booking, &booking.mentee).await;
    assert_eq!(action(&seen, "reschedule").map(|a| a.get("freeUntil").is_some()), Some(false));
    let asked = app.propose(&booking, &booking.mentee, booking.starts_at + hours(2)).await.ok(201);
    assert_eq!(asked["reschedule"]["by"], "mentee", "an offering that its mentor approves");

    let mentee = app.mentee("second").await;
    let instant_one = app.offering(&booking.mentor, Kind::Instant, 60, 50_000).await;
    let second = app.book(&booking.mentor, &mentee, instant_one, monday() + hours(50)).await;
    app.pay(&second).await;
    let seen = app.seen(&second, &mentee).await;
    let free_until = instant(&action(&seen, "reschedule").expect("it can be moved")["freeUntil"]);
    assert_eq!(free_until, second.starts_at - hours(24));
    // The last instant at which nobody is asked, and the first at which somebody is.
    app.advance_to(free_until);
    app.run_jobs().await;
    let moved = app.propose(&second, &mentee, second.starts_at + hours(1)).await.ok(201);
    assert_eq!(instant(&moved["startsAt"]), second.starts_at + hours(1));
    app.advance_to(second.starts_at + hours(1) - hours(24) + TimeDelta::microseconds(1));
    app.run_jobs().await;
    let asked = app.propose(&second, &mentee, second.starts_at + hours(3)).await.ok(201);
    assert_eq!(asked["reschedule"]["by"], "mentee");
    app.run_jobs().await;
    app.finish().await;
}

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
