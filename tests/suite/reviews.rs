//! Reviews between the sides of a session: sealed, published, taken back.

use chrono::{DateTime, TimeDelta, Utc};
use konnect::job::{Job, PublishReviews};
use konnect_tests::{Booking, Person, TestApp, instant};
use reqwest::Method;
use serde_json::{Value, json};

const SECOND: TimeDelta = TimeDelta::seconds(1);

/// The events about reviews in somebody's feed, oldest first.
async fn told(app: &TestApp, person: &Person) -> Vec<String> {
    app.events_of(person).await.into_iter().filter(|kind| kind.starts_with("review.")).collect()
}

async fn until(app: &TestApp, booking: &Booking) -> DateTime<Utc> {
    instant(&app.reviews(booking, &booking.mentee).await["until"])
}

#[tokio::test(flavor = "multi_thread")]
async fn r1_r3_both_write_and_both_are_published_at_once() {
    let app = TestApp::start().await;
    let booking = app.completed_session().await;
    let seen = app.reviews(&booking, &booking.mentee).await;
    assert_eq!((&seen["standing"], &seen["actions"]), (&json!("open"), &json!(["write"])));
    assert_eq!(instant(&seen["until"]), app.now() + TimeDelta::days(14));

    let seen = app.review(&booking, &booking.mentee, 4, "  Clear answers.\r\nThank you! ").await.ok(200);
    assert_eq!(seen["mine"]["text"], "Clear answers.\nThank you!");
    assert_eq!((&seen["mine"]["state"], &seen["actions"]), (&json!("sealed"), &json!(["edit", "withdraw"])));
    app.run_jobs_twice().await;
    assert_eq!(app.notices_of(&booking.mentor, "review.received").await, 1);
    assert_eq!(app.notices_of(&booking.mentee, "review.received").await, 0);

    app.advance(TimeDelta::hours(5));
    let seen = app.review(&booking, &booking.mentor, 5, "Well prepared.").await.ok(200);
    assert_eq!(seen["mine"]["state"], "published");
    assert_eq!((&seen["theirs"]["stars"], &seen["theirs"]["author"]["name"]), (&json!(4), &json!("mentee")));
    assert_eq!(seen["actions"], json!(["withdraw", "reply"]));
    assert_eq!(instant(&seen["theirs"]["publishedAt"]), app.now());
    app.run_jobs_twice().await;
    assert_eq!(told(&app, &booking.mentee).await, ["review.written", "review.published"]);
    assert_eq!(told(&app, &booking.mentor).await, ["review.published"]);
    for person in [&booking.mentee, &booking.mentor] {
        assert_eq!(app.notices_of(person, "review.published").await, 1);
    }
    assert_eq!(app.jobs_of(PublishReviews::KIND).await[0].state, "cancelled");

    let public = app.public_reviews(&booking.mentor, "").await;
    assert_eq!(public["rating"], json!({ "average": 4.0, "count": 1, "distribution": [0, 0, 0, 1, 0] }));
    assert_eq!(public["record"], json!({ "completedSessions": 1, "cancelledSessions": 0, "noShows": 0 }));
    assert_eq!(public["items"][0]["text"], "Clear answers.\nThank you!");
    assert_eq!(public["items"].as_array().map(Vec::len), Some(1), "what the mentor says is the mentee's");
    for secret in [booking.id.to_string(), booking.mentee.id.to_string(), booking.mentee.email.clone()] {
        assert!(!public.to_string().contains(&secret), "{secret}");
    }
    let anonymous = app.anonymous();
    let profile = anonymous.get(&format!("/v1/mentors/{}", booking.mentor.id)).await.ok(200);
    assert_eq!((&profile["rating"], &profile["record"]), (&public["rating"], &public["record"]));
    let list = anonymous.get("/v1/mentors").await.ok(200);
    assert_eq!(list["items"][0]["rating"]["average"], 4.0);
    assert_eq!(app.reviews(&booking, &booking.mentor).await["theirRating"]["average"], 5.0);

    let mentor = app.log_in(&booking.mentor).await.client;
    let written = mentor.get("/v1/me/reviews?which=written").await.ok(200);
    assert_eq!(written["items"][0]["own"]["text"], "Well prepared.");
    let received = mentor.get("/v1/me/reviews?which=received").await.ok(200);
    assert_eq!(received["items"][0]["received"]["stars"], 4);
    assert_eq!(received["items"][0]["reservationId"], json!(booking.id));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_nobody_but_the_author_learns_what_is_sealed() {
    let app = TestApp::start().await;
    let booking = app.completed_session().await;
    let text = "Nothing of this is read by anybody.";
    let own = app.review(&booking, &booking.mentee, 1, text).await.ok(200);
    let id = own["mine"]["id"].as_str().expect("an id");
    app.run_jobs().await;

    let seen = app.reviews(&booking, &booking.mentor).await;
    assert_eq!((&seen["haveTheyWritten"], &seen["theirs"]), (&json!(true), &Value::Null));
    assert_eq!(seen["actions"], json!(["write"]));
    let admin = app.log_in(&app.admin("admin").await).await.client;
    let mentor = app.log_in(&booking.mentor).await.client;
    let stranger = app.mentee("stranger").await.client;
    let public = app.public_reviews(&booking.mentor, "").await;
    assert_eq!((&public["items"], &public["rating"]["count"]), (&json!([]), &json!(0)));
    let highest = app.public_reviews(&booking.mentor, "?order=highest").await;
    let mut shown = vec![seen, public, highest];
    for (client, path) in [
        (&mentor, "/v1/me/reviews?which=received"),
        (&mentor, "/v1/me/reviews?which=written"),
        (&mentor, "/v1/me/notices"),
        (&mentor, booking.path().as_str()),
        (&admin, "/v1/admin/reviews?queue=all"),
        (&admin, "/v1/admin/reviews?queue=reported"),
        (&stranger, "/v1/mentors"),
        (&stranger, format!("/v1/mentors/{}", booking.mentor.id).as_str()),
    ] {
        shown.push(client.get(path).await.ok(200));
    }
    for answer in &shown {
        let answer = answer.to_string();
        assert!(!answer.contains(text) && !answer.contains(id), "{answer}");
        assert!(!answer.contains("\"stars\":1") && !answer.contains("\"average\""), "{answer}");
    }
    admin.get(&format!("/v1/admin/reviews/{id}")).await.problem(404, "review.not_found");
    let hide = json!({ "part": "review", "why": "spam", "reason": "x" });
    admin.post(&format!("/v1/admin/reviews/{id}/hide"), hide).await.problem(404, "review.not_found");
    let report = json!({ "part": "review", "reason": "spam" });
    let reply = Some(json!({ "text": "No." }));
    for client in [&mentor, &stranger] {
        client
            .post(&format!("/v1/reviews/{id}/reports"), report.clone())
            .await
            .problem(404, "review.not_found");
        let path = format!("/v1/reviews/{id}/reply");
        client.send(Method::PUT, &path, reply.clone(), &[]).await.problem(404, "review.not_found");
    }
    // What lies in the feeds and the notices of the other side, and in the notices of all.
    let topic = konnect::event::user_topic(booking.mentor.id);
    let feed = konnect::event::after(app.core.db.pool(), &topic, 0, 500).await.expect("the database");
    assert!(feed.iter().all(|event| !event.kind.starts_with("review.")), "{feed:?}");
    let leaks: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM notices WHERE data LIKE ? OR data LIKE '%stars%'")
            .bind(format!("%{text}%"))
            .fetch_one(app.core.db.pool())
            .await
            .expect("the database");
    assert_eq!(leaks, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_the_window_ends_to_the_second_and_one_side_is_published_alone() {
    let app = TestApp::start().await;
    let booking = app.completed_session().await;
    let until = until(&app, &booking).await;
    app.review(&booking, &booking.mentor, 2, "Late, and unprepared.").await.ok(200);
    let jobs = app.jobs_of(PublishReviews::KIND).await;
    assert_eq!(jobs.iter().map(|job| job.run_at).collect::<Vec<_>>(), [until], "I20");

    app.advance_to(until - SECOND);
    app.run_jobs_twice().await;
    assert_eq!(app.reviews(&booking, &booking.mentor).await["mine"]["state"], "sealed");
    app.advance(SECOND);
    app.review(&booking, &booking.mentee, 5, "Too late.").await.problem(409, "review.window_over");
    let ran = app.run_jobs_twice().await;
    assert_eq!(ran.iter().filter(|run| run.kind == PublishReviews::KIND).count(), 1);
    let seen = app.reviews(&booking, &booking.mentee).await;
    assert_eq!((&seen["standing"], &seen["theirs"]["stars"]), (&json!("over"), &json!(2)));
    assert_eq!(seen["actions"], json!(["reply"]));
    assert_eq!(app.public_reviews(&booking.mentor, "").await["rating"]["count"], 0, "it is about the mentee");
    assert_eq!(told(&app, &booking.mentee).await, ["review.published"]);
    assert_eq!(app.notices_of(&booking.mentee, "review.published").await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s70_what_is_published_is_edited_no_more_whatever_the_clock_says() {
    let app = TestApp::start().await;
    let booking = app.completed_session().await;
    app.published_review(&booking, 3).await;
    let edit = json!({ "stars": 1, "text": "Now that I know.", "expectedVersion": 2 });
    app.put_review(&booking, &booking.mentee, edit.clone()).await.problem(409, "review.window_over");
    // The same again is an answer that was lost.
    let again = app.review(&booking, &booking.mentee, 3, "It was as it was.").await.ok(200);
    assert_eq!(again["mine"]["version"], 2);
    app.run_jobs().await;

    // One side alone, published by the job of a clock that is ahead of whoever writes.
    let second = next_session(&app, &booking).await;
    app.review(&second, &second.mentee, 3, "Fine.").await.ok(200);
    app.advance_to(until(&app, &second).await);
    app.run_jobs().await;
    app.advance(-TimeDelta::hours(1));
    let edit = json!({ "stars": 5, "text": "Better.", "expectedVersion": 2 });
    app.put_review(&second, &second.mentee, edit).await.problem(409, "review.window_over");
    app.review(&second, &second.mentor, 1, "As you said.").await.problem(409, "review.window_over");
    app.advance(TimeDelta::hours(1));
    app.finish().await;
}

/// Another completed session of the same two people.
async fn next_session(app: &TestApp, booking: &Booking) -> Booking {
    let (mentor, mentee) = (app.log_in(&booking.mentor).await, app.log_in(&booking.mentee).await);
    let starts_at = konnect_tests::monday() + TimeDelta::days(7) + TimeDelta::hours(2);
    let next = app.book(&mentor, &mentee, booking.offering, starts_at).await;
    app.pay(&next).await;
    app.meet(&next).await;
    app.advance_to(starts_at + TimeDelta::hours(1 + 48));
    app.run_jobs().await;
    assert_eq!(app.state(&next).await, "completed");
    next
}

#[tokio::test(flavor = "multi_thread")]
async fn r1_a_sealed_review_is_written_anew_by_its_version_and_taken_back() {
    let app = TestApp::start().await;
    let booking = app.completed_session().await;
    let (mentee, write) = (&booking.mentee, "First thoughts.");
    let stale = json!({ "stars": 2, "text": write, "expectedVersion": 1 });
    app.put_review(&booking, mentee, stale).await.problem(409, "review.stale");
    app.review(&booking, mentee, 2, write).await.ok(200);
    app.review(&booking, mentee, 2, write).await.ok(200);
    app.review(&booking, mentee, 3, write).await.problem(409, "review.exists");
    let edit = |version: i64| json!({ "stars": 4, "text": "Second thoughts.", "expectedVersion": version });
    app.put_review(&booking, mentee, edit(2)).await.problem(409, "review.stale");
    let seen = app.put_review(&booking, mentee, edit(1)).await.ok(200);
    assert_eq!((&seen["mine"]["version"], &seen["mine"]["stars"]), (&json!(2), &json!(4)));
    app.put_review(&booking, mentee, edit(1)).await.ok(200);

    app.withdraw_review(&booking, mentee, 1).await.problem(409, "review.stale");
    app.withdraw_review(&booking, mentee, 2).await.ok(204);
    app.withdraw_review(&booking, mentee, 3).await.problem(404, "review.not_found");
    assert_eq!(app.jobs_of(PublishReviews::KIND).await[0].state, "cancelled");
    let seen = app.reviews(&booking, &booking.mentor).await;
    assert_eq!(seen["haveTheyWritten"], false);
    assert_eq!(app.reviews(&booking, mentee).await["actions"], json!(["write"]));

    // The hundredth version is the last one.
    let versions = async |to: i64| {
        sqlx::query("UPDATE reviews SET version = ?").bind(to).execute(app.core.db.pool()).await.expect("set")
    };
    versions(100).await;
    app.review(&booking, mentee, 5, "Again and again.").await.problem(409, "review.edit_limit");
    versions(3).await;

    // Written again: the other side is not told a second time.
    app.review(&booking, mentee, 5, "Third thoughts.").await.ok(200);
    app.run_jobs_twice().await;
    assert_eq!(app.notices_of(&booking.mentor, "review.received").await, 1);
    app.review(&booking, &booking.mentor, 5, "Good.").await.ok(200);
    let public = app.public_reviews(&booking.mentor, "").await;
    assert_eq!(
        (&public["items"][0]["stars"], &public["items"][0]["text"]),
        (&json!(5), &json!("Third thoughts."))
    );
    let admin = app.log_in(&app.admin("admin").await).await.client;
    let path = format!("/v1/admin/reviews/{}", public["items"][0]["id"].as_str().expect("an id"));
    let file = admin.get(&path).await.ok(200);
    let history: Vec<_> = file["history"].as_array().expect("rows").iter().map(|row| &row["cause"]).collect();
    assert_eq!(history, ["written", "edited", "withdrawn", "written", "published"]);
    assert_eq!(file["history"][0]["text"], write, "what was overwritten is kept for complaints");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r1_a_published_review_that_is_taken_back_takes_its_stars_along_for_good() {
    let app = TestApp::start().await;
    let bookings = app.completed_sessions(2).await;
    for (booking, stars) in bookings.iter().zip([5, 2]) {
        app.published_review(booking, stars).await;
    }
    let mentor = &bookings[0].mentor;
    assert_eq!(app.public_reviews(mentor, "").await["rating"]["average"], 3.5);
    let seen = app.reviews(&bookings[1], &bookings[1].mentee).await;
    let version = seen["mine"]["version"].as_i64().expect("a version");
    app.withdraw_review(&bookings[1], &bookings[1].mentee, version).await.ok(204);
    let public = app.public_reviews(mentor, "").await;
    assert_eq!(public["rating"], json!({ "average": 5.0, "count": 1, "distribution": [0, 0, 0, 0, 1] }));
    assert_eq!(public["items"].as_array().map(Vec::len), Some(1));
    app.review(&bookings[1], &bookings[1].mentee, 5, "Again.").await.problem(409, "review.window_over");
    let seen = app.reviews(&bookings[1], mentor).await;
    assert_eq!((&seen["theirs"], &seen["mine"]["state"]), (&Value::Null, &json!("published")));

    // Its words go after 90 days; those that are still to be read do not.
    app.run_jobs().await;
    let words = async || -> i64 {
        transact_forget(&app).await;
        sqlx::query_scalar(
            "SELECT (SELECT COUNT(*) FROM reviews WHERE body <> '') * 100 +
            (SELECT COUNT(*) FROM review_history WHERE words IS NOT NULL)",
        )
        .fetch_one(app.core.db.pool())
        .await
        .expect("the database")
    };
    app.advance(TimeDelta::days(90) - SECOND);
    assert_eq!(words().await, 404);
    app.advance(SECOND + SECOND);
    assert_eq!(words().await, 303);
    app.advance(TimeDelta::days(300));
    assert_eq!(words().await, 300, "versions go after a year; what is published stays");
    app.run_jobs().await;
    app.finish().await;
}

async fn transact_forget(app: &TestApp) {
    konnect::transact!(app.core.db, app.context(), sqlx::Error, tx => {
        konnect::retention::forget(tx, 1_000).await
    })
    .expect("the database");
}
