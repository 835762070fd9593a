//! A booking that is to be at another time (D6).

#[path = "reschedules/rules.rs"]
mod rules;

use chrono::{DateTime, TimeDelta, Utc};
use konnect::job::{ExpireMove, Job, RemindReservation, StartReservation};
use konnect::mentor::Kind;
use konnect_tests::{Booking, TestApp, instant, monday};
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
