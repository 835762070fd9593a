//! The room of a session: who may enter and when, and what is written down of it.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use futures_util::future::join_all;
use konnect::id::ReservationId;
use konnect::mentor::Kind;
use konnect::reservation;
use konnect::session::{self, Admission, Cause, Refused, Role};
use konnect_tests::{Booking, Person, TestApp, instant, monday};
use serde_json::{Value, json};

const SECOND: TimeDelta = TimeDelta::seconds(1);

async fn admit(app: &TestApp, room: ReservationId, who: &Person) -> Result<Admission, Refused> {
    session::admit(app.core.db.pool(), room, who.id, app.now(), &app.core.rules).await
}

fn word<T: std::fmt::Debug>(answer: Result<T, Refused>) -> &'static str {
    answer.expect_err("it is refused").word()
}

#[tokio::test(flavor = "multi_thread")]
async fn s42_the_servers_clock_opens_and_closes_the_room() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    assert_eq!(word(admit(&app, booking.id, &booking.mentee).await), "SESSION_NOT_LIVE", "it is not paid");
    app.pay(&booking).await;
    let (opens, closes) =
        (booking.starts_at - TimeDelta::minutes(10), booking.starts_at + TimeDelta::minutes(60 + 15));

    app.advance_to(opens - SECOND);
    app.run_jobs().await;
    let refused = admit(&app, booking.id, &booking.mentee).await.expect_err("it is early");
    let Refused::NotInWindow { opens_at, closes_at } = refused else { panic!("{refused}") };
    assert_eq!((opens_at, closes_at), (opens, closes));
    // Whatever the client's clock says: it is told what the server's says.
    let seen = app.room(&booking, &booking.mentee).await;
    assert_eq!((&seen["canEnter"], &seen["reason"]), (&json!(false), &json!("NOT_IN_TIME_WINDOW")));
    assert_eq!(instant(&seen["serverNow"]), app.now());
    assert_eq!((instant(&seen["opensAt"]), instant(&seen["closesAt"])), (opens, closes));

    app.advance_to(opens);
    for (who, role, peer) in
        [(&booking.mentee, Role::Mentee, &booking.mentor), (&booking.mentor, Role::Mentor, &booking.mentee)]
    {
        let admission = admit(&app, booking.id, who).await.expect("the room is open");
        assert_eq!((admission.role, admission.peer), (role, peer.id));
        assert_eq!((admission.opens_at, admission.closes_at), (opens, closes));
        assert_eq!(admission.ends_at, booking.starts_at + TimeDelta::hours(1));
    }
    let seen = app.room(&booking, &booking.mentor).await;
    assert_eq!((&seen["canEnter"], &seen["role"]), (&json!(true), &json!("mentor")));
    assert!(seen.get("reason").is_none());

    app.meet(&booking).await;
    app.run_jobs().await;
    app.advance_to(closes - SECOND);
    app.run_jobs().await;
    admit(&app, booking.id, &booking.mentee).await.expect("the grace");
    app.advance_to(closes);
    assert_eq!(word(admit(&app, booking.id, &booking.mentee).await), "NOT_IN_TIME_WINDOW");
    let mentee = app.log_in(&booking.mentee).await;
    mentee.client.post(&format!("{}/complete", booking.path()), json!({})).await.ok(200);
    assert_eq!(word(admit(&app, booking.id, &booking.mentee).await), "SESSION_NOT_LIVE");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i17_a_stranger_cannot_tell_a_room_that_exists_from_one_that_does_not() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.pay(&booking).await;
    app.advance_to(booking.starts_at - TimeDelta::minutes(5));
    app.run_jobs().await;
    let strangers = [app.mentee("stranger").await, app.mentor("other").await, app.admin("admin").await];
    for stranger in &strangers {
        for room in [booking.id, ReservationId::generate()] {
            assert_eq!(word(admit(&app, room, stranger).await), "NOT_PARTICIPANT");
            let path = format!("/v1/reservations/{room}/session");
            stranger.client.get(&path).await.problem(404, "reservation.not_found");
        }
        assert_eq!(word(app.enter(&booking, stranger).await), "NOT_PARTICIPANT");
    }
    assert!(app.stays(&booking).await.is_empty());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_whoever_is_waited_for_hears_of_it_once() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.pay(&booking).await;
    app.advance_to(booking.starts_at - TimeDelta::minutes(10));
    app.run_jobs().await;
    let first = app.enter(&booking, &booking.mentor).await.expect("the room is open");
    app.run_jobs_twice().await;
    assert!(app.leave_room(first, Cause::Closed).await);
    app.advance(SECOND);
    app.enter(&booking, &booking.mentor).await.expect("the room is open");
    app.run_jobs().await;
    assert_eq!(app.notices_of(&booking.mentee, "session.waiting").await, 1);
    assert_eq!(app.notices_of(&booking.mentor, "session.waiting").await, 0);
    let heard = app.events_of(&booking.mentee).await;
    assert_eq!(heard.iter().filter(|kind| *kind == "session.joined").count(), 1);

    // The mentee comes and finds the mentor: nobody is waited for any more.
    app.enter(&booking, &booking.mentee).await.expect("the room is open");
    app.run_jobs().await;
    assert!(app.events_of(&booking.mentor).await.contains(&"session.joined".to_owned()));
    assert_eq!(app.notices_of(&booking.mentor, "session.waiting").await, 0);
    let mentee = app.log_in(&booking.mentee).await;
    let notices = mentee.client.get("/v1/me/notices").await.ok(200);
    let titles: Vec<&str> =
        notices["items"].as_array().expect("items").iter().filter_map(|n| n["title"].as_str()).collect();
    assert!(titles.contains(&"Your mentor is waiting"), "{titles:?}");
    let seen = app.room(&booking, &booking.mentee).await;
    let present: Vec<&Value> =
        seen["present"].as_array().expect("people").iter().map(|p| &p["role"]).collect();
    assert_eq!(present, ["mentor", "mentee"]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s44_a_stay_that_nobody_closes_is_closed_without_blame() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.pay(&booking).await;
    app.advance_to(booking.starts_at - TimeDelta::minutes(10));
    app.run_jobs().await;
    app.keep_alive(booking.starts_at + TimeDelta::minutes(20)).await;
    let pool = app.core.db.pool();

    // The mentor is heard of once; then their process dies.
    let lost = app.enter(&booking, &booking.mentor).await.expect("the room is open");
    app.advance(TimeDelta::seconds(10));
    assert!(session::seen(pool, &[lost], app.now()).await.expect("the database").is_empty());
    let last_sign = app.now();
    app.advance(TimeDelta::seconds(60));
    app.reconcile().await;
    app.run_jobs().await;
    assert!(app.stays(&booking).await[0].left_at.is_none(), "a minute of silence is not too long");
    app.advance(SECOND);
    app.reconcile().await;
    app.run_jobs_twice().await;
    let stay = app.stays(&booking).await.remove(0);
    assert_eq!(stay.left_at, Some(last_sign + TimeDelta::seconds(15)));
    assert_eq!(stay.cause, Some(Cause::Lost));
    assert_eq!(session::seen(pool, &[lost], app.now()).await.expect("the database"), [lost], "join again");
    assert!(!app.leave_room(lost, Cause::Closed).await, "the first word counts");
    assert_eq!(app.stays(&booking).await[0].cause, Some(Cause::Lost));

    // 25 seconds are too few to have come, but whoever was lost is not blamed for it.
    let there = app.enter(&booking, &booking.mentee).await.expect("the room is open");
    while app.now() < booking.starts_at + TimeDelta::minutes(10) {
        app.advance(TimeDelta::seconds(30));
        session::seen(pool, &[there], app.now()).await.expect("the database");
    }
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "in_session", "nobody is marked");
    let disputes = app.log_in(&booking.mentor).await.client.get("/v1/me/disputes").await.ok(200);
    assert_eq!(disputes["items"][0]["openedBy"], "platform", "a person looks at it");
    app.leave_room(there, Cause::Left).await;
    app.finish().await;
}

/// Rounds in which two things race; each is won by one of them.
const ROUNDS: i64 = 12;

/// A confirmed session of `round` whose room is open, with people who are logged in.
async fn open_room(app: &TestApp, first: &Booking, round: i64) -> Booking {
    let (mentor, mentee) = (app.log_in(&first.mentor).await, app.log_in(&first.mentee).await);
    let days = [1, 2, 3, 4, 7, 8, 9, 10, 11, 14, 15, 16][usize::try_from(round).expect("few")];
    let starts_at = monday() + TimeDelta::days(days) + TimeDelta::hours(4);
    let booking = app.book(&mentor, &mentee, first.offering, starts_at).await;
    app.pay(&booking).await;
    app.advance_to(starts_at - TimeDelta::minutes(5));
    app.run_jobs().await;
    Booking { mentor: app.log_in(&mentor).await, mentee: app.log_in(&mentee).await, ..booking }
}

#[tokio::test(flavor = "multi_thread")]
async fn s29_a_cancellation_and_an_entry_know_of_each_other() {
    let app = TestApp::start().await;
    let first = app.booking().await;
    let mut entered = BTreeSet::new();
    for round in 0..ROUNDS {
        let booking = open_room(&app, &first, round).await;
        let version = booking.mentee.client.get(&booking.path()).await.ok(200)["version"].clone();
        let body = json!({ "reason": "cannot come", "expectedVersion": version });
        let path = format!("{}/cancel", booking.path());
        let (cancelled, joined) =
            tokio::join!(booking.mentee.client.post(&path, body), app.enter(&booking, &booking.mentor));
        cancelled.ok(200);
        match &joined {
            Ok(_) => assert_eq!(app.stays(&booking).await.len(), 1, "round {round}"),
            Err(refused) => {
                assert_eq!(refused.word(), "SESSION_NOT_LIVE", "round {round}");
                assert!(app.stays(&booking).await.is_empty(), "round {round}");
            }
        }
        entered.insert(joined.is_ok());
        assert_eq!(word(app.enter(&booking, &booking.mentee).await), "SESSION_NOT_LIVE");
        app.run_jobs().await;
    }
    // Who is faster is the machine's affair; that both were seen is not promised.
    assert!(!entered.is_empty());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s29_a_cancellation_and_the_start_have_one_winner() {
    let app = TestApp::start().await;
    let first = app.booking().await;
    for round in 0..ROUNDS {
        let booking = open_room(&app, &first, round).await;
        let version = booking.mentor.client.get(&booking.path()).await.ok(200)["version"].clone();
        app.advance_to(booking.starts_at);
        let delivery = app.take_due().await.expect("the start is due");
        let body = json!({ "reason": "cannot come", "expectedVersion": version });
        let path = format!("{}/cancel", booking.path());
        let tries = join_all((0..3).map(|_| booking.mentor.client.post(&path, body.clone())));
        let (answers, started) = tokio::join!(tries, app.executor.execute(delivery));
        started.expect("the database");
        let won = answers.iter().filter(|a| a.status.as_u16() == 200).count();
        let found = reservation::find(app.core.db.pool(), booking.id).await.expect("the database");
        let state = found.expect("a reservation").state.name();
        assert!(won <= 1, "round {round}");
        assert_eq!(state, if won == 1 { "cancelled" } else { "in_session" }, "round {round}");
        for lost in answers.into_iter().filter(|a| a.status.as_u16() != 200) {
            assert_eq!(lost.status.as_u16(), 409, "{:#}", lost.body);
            assert!(lost.body["context"]["state"].is_string(), "the loser is told how it stands");
        }
        app.run_jobs().await;
    }
    app.advance(TimeDelta::hours(1));
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_shown_to_its_sides_before_it_is_paid() {
    let app = TestApp::start().await;
    let booking = app.booking_of(Kind::Approval).await;
    let seen = app.room(&booking, &booking.mentor).await;
    assert_eq!((&seen["state"], &seen["reason"]), (&json!("requested"), &json!("SESSION_NOT_LIVE")));
    assert_eq!(seen["endsRequested"], json!([]));
    assert_eq!(seen["room"], json!(booking.id));
    app.run_jobs().await;
    app.finish().await;
}
