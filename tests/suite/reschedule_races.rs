//! Moves of a booking that race with everything else: one wins, the other hears how it stands, no cell is claimed twice.

use chrono::TimeDelta;
use konnect::job::{ExpireMove, Job, StartReservation};
use konnect::mentor::Kind;
use konnect::outbox::Delivery;
use konnect_tests::{Answer, Booking, Client, Person, TestApp, monday};
use serde_json::{Value, json};

const ROUNDS: i64 = 8;

/// A mentor and an offering, for many bookings.
struct Stage {
    mentor: Person,
    offering: konnect::id::OfferingId,
}

async fn stage(app: &TestApp) -> Stage {
    let mentor = app.mentor("mentor").await;
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    Stage { mentor, offering }
}

impl Stage {
    /// A paid booking of this round, at noon in Seoul on a day of its own, and a time five hours later.
    async fn booking(&self, app: &TestApp, round: i64) -> Booking {
        let days = [2, 3, 4, 7, 8, 9, 10, 11][usize::try_from(round).expect("few")];
        let mentee = app.mentee(&format!("mentee{round}")).await;
        let starts_at = monday() + TimeDelta::days(days) + TimeDelta::hours(3);
        let booking = app.book(&app.log_in(&self.mentor).await, &mentee, self.offering, starts_at).await;
        app.pay(&booking).await;
        booking
    }
}

fn later(booking: &Booking) -> chrono::DateTime<chrono::Utc> {
    booking.starts_at + TimeDelta::hours(5)
}

/// The mentor has proposed a later time: the version to answer.
async fn proposed(app: &TestApp, booking: &Booking) -> i64 {
    app.propose(booking, &booking.mentor, later(booking)).await.ok(201)["version"]
        .as_i64()
        .expect("a version")
}

async fn accept(client: &Client, booking: &Booking, version: i64) -> Answer {
    let body = json!({ "expectedVersion": version });
    client.post(&format!("{}/reschedules/accept", booking.path()), body).await
}

/// Whoever was too late is told so by a code, and how it stands.
fn lost(answer: Answer) -> Value {
    assert_eq!(answer.status, 409, "{:#}", answer.body);
    let code = answer.body["code"].as_str().expect("a code").to_owned();
    let known = [
        "reservation.stale",
        "reservation.not_allowed",
        "reservation.reschedule_over",
        "reservation.reschedule_pending",
    ];
    assert!(known.contains(&code.as_str()), "{code}");
    answer.body
}

async fn nothing_strays(app: &TestApp, booking: &Booking) {
    let row = app.row(booking).await;
    assert_eq!(app.claims(booking.id).await, if row.state.holds_slot() { 8 } else { 0 });
    assert_eq!(app.stray_claims().await, 0);
}

/// Takes what is due from the outbox until a job of this kind, which is not run.
async fn take(app: &TestApp, kind: &str) -> Delivery {
    loop {
        let delivery = app.take_due().await.expect("one of this kind is due");
        if app.job(delivery.job_id).await.kind == kind {
            return delivery;
        }
        app.run_delivery(delivery).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn d06_an_agreement_and_a_cancellation_have_one_winner() {
    let app = TestApp::start().await;
    let stage = stage(&app).await;
    for round in 0..ROUNDS {
        let booking = stage.booking(&app, round).await;
        let version = proposed(&app, &booking).await;
        let cancel = json!({ "reason": "cannot come", "expectedVersion": version });
        let path = format!("{}/cancel", booking.path());
        let (cancelled, accepted) = tokio::join!(
            booking.mentor.client.post(&path, cancel),
            accept(&booking.mentee.client, &booking, version)
        );
        match (cancelled.status == 200, accepted.status == 200) {
            (true, false) => {
                lost(accepted);
                assert_eq!(app.state(&booking).await, "cancelled", "round {round}");
            }
            (false, true) => {
                lost(cancelled);
                let row = app.row(&booking).await;
                assert_eq!(
                    (row.state.name(), row.starts_at),
                    ("confirmed", later(&booking)),
                    "round {round}"
                );
            }
            both => panic!("round {round}: {both:?}"),
        }
        nothing_strays(&app, &booking).await;
        app.run_jobs().await;
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d06_an_agreement_and_the_end_of_the_proposal_have_one_winner() {
    let app = TestApp::start().await;
    let stage = stage(&app).await;
    for round in 0..ROUNDS {
        let booking = stage.booking(&app, round).await;
        let version = proposed(&app, &booking).await;
        let until = app.row(&booking).await.move_until.expect("a proposal");
        app.advance_to(until);
        let expiry = take(&app, ExpireMove::KIND).await;
        // The worker's clock is a moment ahead of the api's.
        app.advance(TimeDelta::milliseconds(-1));
        let mentee = app.log_in(&booking.mentee).await;
        let (accepted, _) = tokio::join!(accept(&mentee.client, &booking, version), app.run_delivery(expiry));
        let row = app.row(&booking).await;
        if accepted.status == 200 {
            assert_eq!(row.starts_at, later(&booking), "round {round}");
        } else {
            lost(accepted);
            assert_eq!((row.starts_at, row.proposal()), (booking.starts_at, None), "round {round}");
        }
        nothing_strays(&app, &booking).await;
        app.advance(TimeDelta::milliseconds(1));
        app.run_jobs().await;
        app.cancel(&booking, &booking.mentor).await;
        app.run_jobs().await;
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d06_of_two_proposals_at_once_one_stands() {
    let app = TestApp::start().await;
    let stage = stage(&app).await;
    for round in 0..ROUNDS {
        let booking = stage.booking(&app, round).await;
        // Less than a day before the start both sides have to ask.
        app.advance_to(booking.starts_at - TimeDelta::hours(20));
        app.run_jobs().await;
        let (mentor, mentee) = (app.log_in(&booking.mentor).await, app.log_in(&booking.mentee).await);
        let version = app.row(&booking).await.version;
        let ask = async |who: &Person, hours: i64| {
            let to = booking.starts_at + TimeDelta::hours(hours);
            let body = json!({ "startsAt": to, "reason": "a dentist", "expectedVersion": version });
            who.client.post(&format!("{}/reschedules", booking.path()), body).await
        };
        let answers = tokio::join!(ask(&mentor, 2), ask(&mentee, 3), ask(&mentor, 4));
        let answers = [answers.0, answers.1, answers.2];
        let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|a| a.status == 201);
        assert_eq!(made.len(), 1, "round {round}");
        refused.into_iter().for_each(|answer| drop(lost(answer)));
        let row = app.row(&booking).await;
        assert_eq!((app.claims(booking.id).await, app.claims_of_proposal(row.move_id).await), (8, 8));
        assert_eq!((app.stray_claims().await, row.version), (0, version + 1));
        app.cancel(&booking, &booking.mentor).await;
        app.run_jobs().await;
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d06_s01_a_proposed_time_and_anothers_booking_of_it_have_one_winner() {
    let app = TestApp::start().await;
    let stage = stage(&app).await;
    for round in 0..ROUNDS {
        let booking = stage.booking(&app, round).await;
        let other = app.mentee(&format!("other{round}")).await;
        let (proposed, reserved) = tokio::join!(
            app.propose(&booking, &booking.mentor, later(&booking)),
            app.reserve(&other, stage.offering, later(&booking))
        );
        let won = [proposed.status == 201, reserved.status == 201];
        assert_eq!(won.iter().filter(|won| **won).count(), 1, "round {round}: {won:?}");
        for loser in [proposed, reserved].into_iter().filter(|a| a.status != 201) {
            loser.problem(409, "slot.taken");
        }
        assert_eq!(app.stray_claims().await, 0);
        app.advance(TimeDelta::minutes(15));
        app.run_jobs().await;
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d06_what_is_agreed_to_is_not_lost_to_whoever_books_meanwhile() {
    let app = TestApp::start().await;
    let stage = stage(&app).await;
    for round in 0..ROUNDS {
        let booking = stage.booking(&app, round).await;
        let version = proposed(&app, &booking).await;
        let (one, two) = (app.mentee(&format!("one{round}")).await, app.mentee(&format!("two{round}")).await);
        let (accepted, of_new, of_old) = tokio::join!(
            accept(&booking.mentee.client, &booking, version),
            app.reserve(&one, stage.offering, later(&booking)),
            app.reserve(&two, stage.offering, booking.starts_at)
        );
        accepted.ok(200);
        of_new.problem(409, "slot.taken");
        // The old time is taken until the very moment it is free.
        assert!([201, 409].contains(&of_old.status.as_u16()), "{:#}", of_old.body);
        nothing_strays(&app, &booking).await;
        app.advance(TimeDelta::minutes(15));
        app.run_jobs().await;
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s29_an_agreement_and_the_start_of_the_session_have_one_winner() {
    let app = TestApp::start().await;
    let stage = stage(&app).await;
    for round in 0..ROUNDS {
        let booking = stage.booking(&app, round).await;
        // Both jobs are on their way to workers whose clocks are ahead.
        app.advance_to(booking.starts_at - TimeDelta::hours(3));
        app.run_jobs().await;
        let version = proposed(&app, &booking).await;
        let back = app.now();
        app.advance_to(booking.starts_at);
        let expiry = take(&app, ExpireMove::KIND).await;
        let start = take(&app, StartReservation::KIND).await;
        app.advance_to(back);
        let mentee = app.log_in(&booking.mentee).await;
        let (accepted, _) = tokio::join!(accept(&mentee.client, &booking, version), app.run_delivery(start));
        let row = app.row(&booking).await;
        if accepted.status == 200 {
            assert_eq!((row.state.name(), row.starts_at), ("confirmed", later(&booking)), "round {round}");
        } else {
            lost(accepted);
            assert_eq!((row.state.name(), row.proposal()), ("in_session", None), "round {round}");
        }
        app.run_delivery(expiry).await;
        nothing_strays(&app, &booking).await;
        let (admin, path) =
            (app.admin(&format!("admin{round}")).await, format!("/v1/admin{}/cancel", &booking.path()[3..]));
        admin.client.post(&path, json!({ "reason": "because", "refund": "full" })).await.ok(200);
        app.run_jobs().await;
    }
    app.finish().await;
}
