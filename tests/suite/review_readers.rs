//! Who writes what of reviews, and who reads it: bad words, strangers, people who are gone, pages.

use chrono::TimeDelta;
use konnect_tests::TestApp;
use reqwest::Method;
use serde_json::{Value, json};

const SECOND: TimeDelta = TimeDelta::seconds(1);

#[tokio::test(flavor = "multi_thread")]
async fn hostile_reviews_are_refused_and_nothing_is_written() {
    let app = TestApp::start().await;
    let booking = app.completed_session().await;
    let good = json!({ "stars": 5, "text": "Good." });
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    for (body, status, code) in [
        (with("stars", json!(0)), 400, "request.invalid"),
        (with("stars", json!(6)), 400, "request.invalid"),
        (with("stars", json!(4.5)), 400, "request.invalid"),
        (with("stars", json!("5")), 400, "request.invalid"),
        (with("text", json!("")), 400, "request.invalid"),
        (with("text", json!(17)), 400, "request.invalid"),
        (with("text", json!("가".repeat(2_001))), 400, "request.invalid"),
        (with("side", json!("mentor")), 400, "request.invalid"),
        (with("text", json!(" \n\t ")), 422, "review.invalid"),
        (with("text", json!("\u{200b}\u{feff}")), 422, "review.invalid"),
        (with("text", json!("a\u{0}b")), 422, "review.invalid"),
        (with("text", json!("a\u{1b}[2Jb")), 422, "review.invalid"),
        (with("text", json!("\u{202e}reversed")), 422, "review.invalid"),
    ] {
        let problem = app.put_review(&booking, &booking.mentee, body.clone()).await.problem(status, code);
        assert!(status != 422 || problem["field"] == "text", "{body}");
    }
    let rows: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM reviews")
        .fetch_one(app.core.db.pool())
        .await
        .expect("the database");
    assert_eq!(rows, 0);
    // What is text is text, and comes back as it was.
    let text = "<img src=x onerror=alert(1)> '; DROP TABLE reviews; -- {{7*7}} 👩‍💻";
    app.review(&booking, &booking.mentee, 5, text).await.ok(200);
    app.review(&booking, &booking.mentor, 5, &"가".repeat(2_000)).await.ok(200);
    assert_eq!(app.public_reviews(&booking.mentor, "").await["items"][0]["text"], text);
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_suspended_people_do_not_review() {
    let app = TestApp::start().await;
    let booking = app.completed_session().await;
    let stranger = app.mentor("stranger").await;
    app.review(&booking, &stranger, 1, "I was not there.").await.problem(404, "reservation.not_found");
    app.withdraw_review(&booking, &stranger, 1).await.problem(404, "reservation.not_found");
    let path = format!("{}/review", booking.path());
    app.log_in(&stranger).await.client.get(&path).await.problem(404, "reservation.not_found");
    app.anonymous().get(&path).await.problem(401, "auth.required");

    let id = app.published_review(&booking, 2).await;
    let body = Some(json!({ "text": "Thank you." }));
    for client in [app.log_in(&stranger).await.client, app.log_in(&booking.mentee).await.client] {
        let reply = client.send(Method::PUT, &format!("/v1/reviews/{id}/reply"), body.clone(), &[]).await;
        reply.problem(404, "review.not_found");
    }
    // What a suspended person said stays; they say nothing more.
    let mentee = app.log_in(&booking.mentee).await.client;
    let admin = app.log_in(&app.admin("admin").await).await.client;
    let suspend = format!("/v1/admin/users/{}/suspend", booking.mentee.id);
    admin.post(&suspend, json!({ "reason": "misuse" })).await.ok(200);
    mentee.get(&path).await.problem(401, "auth.session_revoked");
    assert_eq!(app.public_reviews(&booking.mentor, "").await["items"][0]["author"]["name"], "mentee");
    // A mentor who is suspended has no page.
    sqlx::query("UPDATE mentors SET state = 'suspended' WHERE user_id = ?")
        .bind(booking.mentor.id)
        .execute(app.core.db.pool())
        .await
        .expect("the database");
    let page = app.anonymous().get(&format!("/v1/mentors/{}/reviews", booking.mentor.id)).await;
    page.problem(404, "mentor.not_found");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s70_who_deleted_their_account_has_no_name_and_their_stars_count() {
    let app = TestApp::start().await;
    let booking = app.completed_session().await;
    app.published_review(&booking, 4).await;
    app.run_jobs().await;
    sqlx::query("UPDATE users SET state = 'deleted' WHERE id = ?")
        .bind(booking.mentee.id)
        .execute(app.core.db.pool())
        .await
        .expect("the database");
    let path = format!("/v1/mentors/{}/reviews", booking.mentor.id);
    for (language, name) in [("en", "Deleted user"), ("ko", "탈퇴한 사용자")] {
        let headers = [("accept-language", language)];
        let public = app.anonymous().send(Method::GET, &path, None, &headers).await.ok(200);
        assert_eq!(public["items"][0]["author"], json!({ "name": name, "isDeleted": true }));
        assert_eq!(public["rating"]["count"], 1);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r1_pages_are_whole_in_either_order() {
    let app = TestApp::start().await;
    let bookings = app.completed_sessions(7).await;
    let mentor = &bookings[0].mentor;
    for (booking, stars) in bookings.iter().zip([3, 5, 1, 5, 3, 4, 5]) {
        app.published_review(booking, stars).await;
        app.advance(SECOND);
    }
    // Two at the same instant.
    sqlx::query("UPDATE reviews SET published_at = ? WHERE side = 'mentee' AND stars = 3")
        .bind(app.now())
        .execute(app.core.db.pool())
        .await
        .expect("the database");
    sqlx::query("UPDATE reviews SET published_at = ? WHERE side = 'mentor' AND reservation_id IN (?, ?)")
        .bind(app.now())
        .bind(bookings[0].id)
        .bind(bookings[4].id)
        .execute(app.core.db.pool())
        .await
        .expect("the database");
    for (order, expected) in [("newest", [3, 3, 5, 4, 5, 1, 5]), ("highest", [5, 5, 5, 4, 3, 3, 1])] {
        let whole = app.public_reviews(mentor, &format!("?order={order}")).await;
        let items = whole["items"].as_array().expect("items");
        let stars: Vec<_> = items.iter().map(|item| item["stars"].as_i64().expect("stars")).collect();
        assert_eq!(stars, expected, "{order}");
        let (mut pages, mut after) = (Vec::new(), String::new());
        loop {
            let page = app.public_reviews(mentor, &format!("?order={order}&limit=2{after}")).await;
            pages.extend(page["items"].as_array().expect("items").clone());
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        assert_eq!(&pages, items, "{order}");
    }
    for nonsense in ["x", "MTIz", "NS54LnkK"] {
        let path = format!("/v1/mentors/{}/reviews?after={nonsense}", mentor.id);
        app.anonymous().get(&path).await.problem(422, "page.invalid");
    }
    app.run_jobs().await;
    app.finish().await;
}
