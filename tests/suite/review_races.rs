//! Reviews when things happen at the same moment, and when jobs and figures are lost.

use chrono::TimeDelta;
use konnect::job::{Job, PublishReviews, ReconcileReviews};
use konnect::review::{self, Side};
use konnect_tests::{Booking, Person, TestApp, instant};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

async fn publications(app: &TestApp, booking: &Booking) -> usize {
    let all = app.events_of(&booking.mentee).await;
    all.iter().filter(|kind| *kind == "review.published").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_both_write_at_the_same_moment_and_are_published_once() {
    let app = TestApp::start().await;
    let bookings = app.completed_sessions(6).await;
    for booking in &bookings {
        let (a, b) = tokio::join!(
            app.review(booking, &booking.mentee, 4, "At the same moment."),
            app.review(booking, &booking.mentor, 5, "At the same moment too.")
        );
        assert_eq!((a.status.as_u16(), b.status.as_u16()), (200, 200), "{} {}", a.body, b.body);
        assert_eq!(publications(&app, booking).await, 1);
        for person in [&booking.mentee, &booking.mentor] {
            let seen = app.reviews(booking, person).await;
            assert_eq!(seen["mine"]["state"], "published");
            assert!(seen["theirs"]["text"].is_string());
        }
    }
    assert_eq!(
        app.public_reviews(&bookings[0].mentor, "").await["rating"]["distribution"],
        json!([0, 0, 0, 6, 0])
    );
    app.run_jobs_twice().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r1_the_same_side_writes_twice_at_once_and_one_of_them_counts() {
    let app = TestApp::start().await;
    let bookings = app.completed_sessions(4).await;
    for booking in &bookings {
        let (a, b) = tokio::join!(
            app.review(booking, &booking.mentee, 1, "From the phone."),
            app.review(booking, &booking.mentee, 5, "From the desk.")
        );
        let mut statuses = [a.status.as_u16(), b.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409]);
        let (won, lost) = if a.status == 200 { (a, b) } else { (b, a) };
        lost.problem(409, "review.exists");
        let seen = app.reviews(booking, &booking.mentee).await;
        assert_eq!(seen["mine"], won.ok(200)["mine"]);
    }
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_a_review_races_the_end_of_its_window() {
    let app = TestApp::start().await;
    let bookings = app.completed_sessions(5).await;
    for booking in &bookings {
        app.review(booking, &booking.mentee, 2, "Written in time.").await.ok(200);
    }
    let until = instant(&app.reviews(&bookings[0], &bookings[0].mentee).await["until"]);
    app.run_jobs().await;
    app.advance_to(until - TimeDelta::microseconds(1));
    app.run_jobs().await;
    let late = async |booking: &Booking| app.review(booking, &booking.mentor, 5, "At the last moment.").await;
    let end = async {
        app.advance(TimeDelta::microseconds(1));
        app.run_jobs().await;
    };
    let (a, b, c, d, e, ()) = tokio::join!(
        late(&bookings[0]),
        late(&bookings[1]),
        late(&bookings[2]),
        late(&bookings[3]),
        late(&bookings[4]),
        end
    );
    app.run_jobs().await;
    for (booking, answer) in bookings.iter().zip([a, b, c, d, e]) {
        let seen = app.reviews(booking, &booking.mentee).await;
        assert_eq!(seen["mine"]["state"], "published");
        assert_eq!(publications(&app, booking).await, 1, "both at once, or one alone");
        if answer.status == 200 {
            assert_eq!(seen["theirs"]["publishedAt"], seen["mine"]["publishedAt"]);
        } else {
            answer.problem(409, "review.window_over");
            assert_eq!(seen["theirs"], Value::Null);
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s70_an_edit_races_the_publication_and_is_in_it_or_refused() {
    let app = TestApp::start().await;
    let bookings = app.completed_sessions(6).await;
    for booking in &bookings {
        app.review(booking, &booking.mentee, 5, "Lovely.").await.ok(200);
        let edit = json!({ "stars": 1, "text": "On second thought.", "expectedVersion": 1 });
        let (edited, _) = tokio::join!(
            app.put_review(booking, &booking.mentee, edit),
            app.review(booking, &booking.mentor, 1, "He never looked up.")
        );
        let seen = app.reviews(booking, &booking.mentee).await;
        assert_eq!(seen["mine"]["state"], "published");
        if edited.status == 200 {
            assert_eq!(
                (&seen["mine"]["stars"], &seen["mine"]["text"]),
                (&json!(1), &json!("On second thought."))
            );
        } else {
            edited.problem(409, "review.window_over");
            assert_eq!((&seen["mine"]["stars"], &seen["mine"]["text"]), (&json!(5), &json!("Lovely.")));
        }
    }
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_a_review_that_lost_its_job_is_published_all_the_same() {
    let app = TestApp::start().await;
    let booking = app.completed_session().await;
    app.review(&booking, &booking.mentee, 3, "Fine.").await.ok(200);
    let until = instant(&app.reviews(&booking, &booking.mentee).await["until"]);
    sqlx::query("DELETE FROM outbox WHERE kind = ?")
        .bind(PublishReviews::KIND)
        .execute(app.core.db.pool())
        .await
        .expect("the database");
    app.advance_to(until + TimeDelta::seconds(59));
    app.run_jobs().await;
    let only = |kind: &str| kind == ReconcileReviews::KIND;
    app.reconcile_those(only).await;
    app.run_jobs().await;
    assert_eq!(
        app.reviews(&booking, &booking.mentee).await["mine"]["state"],
        "sealed",
        "a job may still come"
    );
    app.advance(TimeDelta::seconds(2));
    app.reconcile_those(only).await;
    app.run_jobs_twice().await;
    assert_eq!(app.reviews(&booking, &booking.mentee).await["mine"]["state"], "published");
    assert_eq!(publications(&app, &booking).await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s70_figures_that_drift_are_counted_again_from_the_rows() {
    let app = TestApp::start().await;
    let bookings = app.completed_sessions(2).await;
    for booking in &bookings {
        app.published_review(booking, 4).await;
    }
    app.run_jobs().await;
    let mentor = &bookings[0].mentor;
    let whole = app.public_reviews(mentor, "").await["rating"].clone();
    let only = |kind: &str| kind == ReconcileReviews::KIND;
    for damage in [
        "UPDATE review_sums SET stars_5 = 9, reviews = reviews + 9, total = total + 45 WHERE side = 'mentor'",
        "UPDATE review_sums SET stars_4 = 1, stars_5 = 1, total = 9 WHERE side = 'mentor'",
        "DELETE FROM review_sums",
    ] {
        let done = sqlx::query(damage).execute(app.core.db.pool()).await.expect("the database");
        assert!(done.rows_affected() > 0, "{damage}");
        assert_ne!(app.public_reviews(mentor, "").await["rating"], whole, "{damage}");
        app.reconcile_those(only).await;
        app.run_jobs_twice().await;
        assert_eq!(app.public_reviews(mentor, "").await["rating"], whole, "{damage}");
        app.expect_sound().await;
    }
    // Nobody looks at it every time: what was looked at last comes last.
    let turn = review::unchecked_figures(&app.core.db, 1).await.expect("the database");
    assert!(!turn.is_empty());
    app.finish().await;
}

/// One random act upon one of the reviews; refusals are part of it.
async fn act(app: &TestApp, admin: &Person, booking: &Booking, dice: &mut StdRng) {
    let seen = app.reviews(booking, &booking.mentee).await;
    let version = seen["mine"]["version"].as_i64();
    let stars = dice.random_range(1..=5);
    match (seen["mine"]["state"].as_str(), dice.random_range(0..8)) {
        (Some("published"), roll @ 0..=5) => {
            let id = seen["mine"]["id"].as_str().expect("an id");
            let why = ["abusive", "personal_data", "illegal", "off_topic", "fake", "spam"][roll];
            let hidden = !seen["mine"]["hidden"].is_null();
            let (verb, body) = if hidden {
                ("restore", json!({ "part": "review", "reason": "looked at again" }))
            } else {
                ("hide", json!({ "part": "review", "why": why, "reason": "looked at" }))
            };
            let client = app.log_in(admin).await.client;
            client.post(&format!("/v1/admin/reviews/{id}/{verb}"), body).await.ok(200);
        }
        (Some("published"), 6) | (Some("sealed"), 0) => {
            app.withdraw_review(booking, &booking.mentee, version.expect("a version")).await.ok(204);
        }
        (Some("sealed"), 1..=3) => {
            let edit = json!({ "stars": stars, "text": "Again.", "expectedVersion": version });
            app.put_review(booking, &booking.mentee, edit).await.ok(200);
        }
        (Some("sealed"), _) => drop(app.review(booking, &booking.mentor, 5, "Good.").await),
        (None, _) => drop(app.review(booking, &booking.mentee, stars, "A word.").await),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r1_whatever_happens_the_figures_are_those_of_the_rows() {
    let app = TestApp::start().await;
    let bookings = app.completed_sessions(9).await;
    let (admin, mentor) = (app.admin("admin").await, &bookings[0].mentor);
    let mut dice = StdRng::seed_from_u64(70);
    for step in 0..120 {
        let booking = &bookings[dice.random_range(0..bookings.len())];
        act(&app, &admin, booking, &mut dice).await;
        let rows: Vec<u8> = sqlx::query_scalar(
            "SELECT stars FROM reviews WHERE subject_id = ? AND state = 'published'
                AND (hidden IS NULL OR hidden IN ('abusive', 'personal_data', 'illegal'))",
        )
        .bind(mentor.id)
        .fetch_all(app.core.db.pool())
        .await
        .expect("the database");
        let kept = review::figures(app.core.db.pool(), mentor.id, Side::Mentor).await.expect("the database");
        assert_eq!(kept.count(), i64::try_from(rows.len()).expect("few"), "step {step}");
        assert_eq!(kept.total(), rows.iter().map(|stars| i64::from(*stars)).sum::<i64>(), "step {step}");
        for stars in 1..=5_u8 {
            let gave = rows.iter().filter(|given| **given == stars).count();
            assert_eq!(kept.distribution()[usize::from(stars) - 1], i64::try_from(gave).expect("few"));
        }
        let public = app.public_reviews(mentor, "").await;
        assert_eq!(public["rating"]["count"].as_u64(), public["items"].as_array().map(|i| i.len() as u64));
    }
    app.run_jobs().await;
    app.finish().await;
}
