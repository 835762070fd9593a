//! Replies, reports, and what administrators make of them.

use chrono::TimeDelta;
use konnect::job::Job;
use konnect::{transact, user};
use konnect_tests::{Answer, Booking, Person, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

const SECOND: TimeDelta = TimeDelta::seconds(1);

async fn report(app: &TestApp, who: &Person, id: &str, part: &str, reason: &str) -> Answer {
    let body = json!({ "part": part, "reason": reason, "note": "Look at it." });
    app.log_in(who).await.client.post(&format!("/v1/reviews/{id}/reports"), body).await
}

async fn reply(app: &TestApp, who: &Person, id: &str, text: &str) -> Answer {
    let path = format!("/v1/reviews/{id}/reply");
    app.log_in(who).await.client.send(Method::PUT, &path, Some(json!({ "text": text })), &[]).await
}

async fn moderate(app: &TestApp, admin: &Person, id: &str, verb: &str, body: Value) -> Answer {
    app.log_in(admin).await.client.post(&format!("/v1/admin/reviews/{id}/{verb}"), body).await
}

fn hide(part: &str, why: &str) -> Value {
    json!({ "part": part, "why": why, "reason": "Against the rules." })
}

fn restore(part: &str) -> Value {
    json!({ "part": part, "reason": "Looked at again." })
}

/// The reviews of a queue of administrators.
async fn queue(app: &TestApp, admin: &Person, name: &str) -> Vec<Value> {
    let path = format!("/v1/admin/reviews?queue={name}");
    let page = app.log_in(admin).await.client.get(&path).await.ok(200);
    page["items"].as_array().expect("items").clone()
}

async fn rating(app: &TestApp, booking: &Booking) -> (Value, i64) {
    let rating = app.public_reviews(&booking.mentor, "").await["rating"].clone();
    (rating["average"].clone(), rating["count"].as_i64().expect("a count"))
}

#[tokio::test(flavor = "multi_thread")]
async fn r4_what_is_reported_is_looked_at_hidden_and_shown_again() {
    let app = TestApp::start().await;
    let bookings = app.completed_sessions(2).await;
    let (bad, _) = (app.published_review(&bookings[0], 1).await, app.published_review(&bookings[1], 5).await);
    let (admin, reader) = (app.admin("admin").await, app.mentee("reader").await);
    assert!(queue(&app, &admin, "reported").await.is_empty());
    report(&app, &reader, &bad, "review", "abusive").await.ok(201);
    report(&app, &bookings[0].mentor, &bad, "review", "fake").await.ok(201);
    let waiting = queue(&app, &admin, "reported").await;
    assert_eq!(waiting.len(), 1);
    assert_eq!((&waiting[0]["id"], &waiting[0]["openReports"]), (&json!(bad), &json!(2)));
    app.run_jobs().await;
    assert_eq!(app.notices_of(&bookings[0].mentee, "review.hidden").await, 0, "a report changes nothing");

    // Insults: the words go, the vote stays.
    let file = moderate(&app, &admin, &bad, "hide", hide("review", "abusive")).await.ok(200);
    assert_eq!(
        (&file["hidden"], &file["isCounted"], &file["openReports"]),
        (&json!("abusive"), &json!(true), &json!(0))
    );
    for report in file["reports"].as_array().expect("reports") {
        assert_eq!(report["outcome"], "hidden");
    }
    let last = file["history"].as_array().and_then(|rows| rows.last()).expect("a history").clone();
    assert_eq!((&last["cause"], &last["reason"]), (&json!("hidden"), &json!("Against the rules.")));
    assert_eq!((&last["actorKind"], &last["actorId"]), (&json!("admin"), &json!(admin.id)));
    assert_eq!(rating(&app, &bookings[0]).await, (json!(3.0), 2));
    let public = app.public_reviews(&bookings[0].mentor, "?order=highest").await;
    assert_eq!(public["items"][1]["hidden"], "abusive");
    assert!(public["items"][1]["text"].is_null());
    assert_eq!(app.reviews(&bookings[0], &bookings[0].mentee).await["mine"]["text"], "It was as it was.");
    assert_eq!(app.reviews(&bookings[0], &bookings[0].mentor).await["theirs"]["text"], Value::Null);
    app.run_jobs_twice().await;
    assert_eq!(app.notices_of(&bookings[0].mentee, "review.hidden").await, 1);
    assert_eq!(app.notices_of(&bookings[0].mentor, "review.hidden").await, 0);
    assert!(app.events_of(&bookings[0].mentor).await.contains(&"review.hidden".to_owned()));
    moderate(&app, &admin, &bad, "hide", hide("review", "spam")).await.problem(409, "review.not_allowed");
    report(&app, &app.mentee("late").await, &bad, "review", "spam").await.problem(404, "review.not_found");
    reply(&app, &bookings[0].mentor, &bad, "How dare you.").await.problem(409, "review.not_allowed");

    assert!(queue(&app, &admin, "reported").await.is_empty());
    assert_eq!(queue(&app, &admin, "hidden").await.len(), 1);
    assert_eq!(queue(&app, &admin, "all").await.len(), 4);
    moderate(&app, &admin, &bad, "restore", restore("review")).await.ok(200);
    moderate(&app, &admin, &bad, "restore", restore("review")).await.problem(409, "review.not_allowed");
    assert!(queue(&app, &admin, "hidden").await.is_empty());
    let public = app.public_reviews(&bookings[0].mentor, "?order=highest").await;
    assert_eq!(public["items"][1]["text"], "It was as it was.");
    app.run_jobs_twice().await;
    assert_eq!(app.notices_of(&bookings[0].mentee, "review.restored").await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r4_the_reason_says_whether_hidden_stars_count() {
    let app = TestApp::start().await;
    let bookings = app.completed_sessions(2).await;
    let (id, _) = (app.published_review(&bookings[0], 1).await, app.published_review(&bookings[1], 5).await);
    let admin = app.admin("admin").await;
    for why in konnect::review::Hidden::ALL {
        let file = moderate(&app, &admin, &id, "hide", hide("review", why.name())).await.ok(200);
        let expected = if why.still_counts() { (json!(3.0), 2) } else { (json!(5.0), 1) };
        assert_eq!(rating(&app, &bookings[0]).await, expected, "{}", why.name());
        assert_eq!(file["isCounted"], why.still_counts());
        let listed = app.public_reviews(&bookings[0].mentor, "").await["items"].as_array().map(Vec::len);
        assert_eq!(listed, Some(usize::try_from(expected.1).expect("few")), "{}", why.name());
        app.expect_sound().await;
        moderate(&app, &admin, &id, "restore", restore("review")).await.ok(200);
        assert_eq!(rating(&app, &bookings[0]).await, (json!(3.0), 2));
    }
    // Hidden and then taken back: it is gone either way, and nothing is subtracted twice.
    moderate(&app, &admin, &id, "hide", hide("review", "spam")).await.ok(200);
    let mentee = &bookings[0].mentee;
    let version = app.reviews(&bookings[0], mentee).await["mine"]["version"].as_i64().expect("a version");
    app.withdraw_review(&bookings[0], mentee, version).await.ok(204);
    assert_eq!(rating(&app, &bookings[0]).await, (json!(5.0), 1));
    moderate(&app, &admin, &id, "restore", restore("review")).await.problem(404, "review.not_found");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r4_a_person_reports_a_part_once_and_nobody_their_own() {
    let app = TestApp::start().await;
    let booking = app.completed_session().await;
    let id = app.published_review(&booking, 2).await;
    let about_mentee = app.reviews(&booking, &booking.mentor).await["mine"]["id"].clone();
    let about_mentee = about_mentee.as_str().expect("an id");
    let (admin, reader) = (app.admin("admin").await, app.mentee("reader").await);

    let (a, b) = tokio::join!(
        report(&app, &reader, &id, "review", "abusive"),
        report(&app, &reader, &id, "review", "spam")
    );
    let (a, b) = (a.ok(201), b.ok(201));
    assert_eq!((&a["id"], &a["reason"]), (&b["id"], &b["reason"]), "the first one counts");
    assert_eq!(queue(&app, &admin, "reported").await[0]["openReports"], 1);
    report(&app, &booking.mentee, &id, "review", "fake").await.problem(409, "review.own");
    report(&app, &reader, &id, "reply", "fake").await.problem(404, "review.not_found");
    // What a mentor says of a mentee is for the two of them.
    report(&app, &reader, about_mentee, "review", "fake").await.problem(404, "review.not_found");
    report(&app, &booking.mentee, about_mentee, "review", "abusive").await.ok(201);
    report(&app, &booking.mentor, about_mentee, "review", "abusive").await.problem(409, "review.own");
    let path = format!("/v1/reviews/{id}/reports");
    let client = app.log_in(&reader).await.client;
    for (body, status, code) in [
        (json!({ "part": "review", "reason": "boring" }), 400, "request.invalid"),
        (json!({ "part": "stars", "reason": "spam" }), 400, "request.invalid"),
        (json!({ "part": "review", "reason": "spam", "note": "x".repeat(1_001) }), 400, "request.invalid"),
        (json!({ "part": "review", "reason": "spam", "note": "a\u{0}b" }), 422, "review.invalid"),
    ] {
        client.post(&path, body).await.problem(status, code);
    }

    // Nothing wrong: the reports are closed, and nobody hears of it.
    let kept = moderate(&app, &admin, &id, "keep", json!({ "reason": "An opinion." })).await.ok(200);
    assert_eq!((&kept["openReports"], &kept["reports"][0]["outcome"]), (&json!(0), &json!("kept")));
    moderate(&app, &admin, &id, "keep", json!({ "reason": "Again." }))
        .await
        .problem(409, "review.not_allowed");
    report(&app, &reader, &id, "review", "spam").await.ok(201);
    assert_eq!(queue(&app, &admin, "reported").await.len(), 1, "said again, it changes nothing");

    // What was closed three years ago is forgotten; what is open is not.
    sqlx::query("UPDATE review_reports SET closed_at = ? WHERE closed_at IS NOT NULL")
        .bind(app.now() - TimeDelta::days(1_097))
        .execute(app.core.db.pool())
        .await
        .expect("the database");
    transact!(app.core.db, app.context(), sqlx::Error, tx => { konnect::retention::forget(tx, 1_000).await })
        .expect("the database");
    let left: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM review_reports")
        .fetch_one(app.core.db.pool())
        .await
        .expect("the database");
    assert_eq!(left, 1);
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r4_a_person_reports_twenty_things_a_day() {
    let app = TestApp::start().await;
    let booking = app.completed_session().await;
    let id = app.published_review(&booking, 2).await;
    let reader = app.mentee("reader").await;
    for _ in 0..20 {
        sqlx::query("INSERT INTO review_reports (id, review_id, part, reporter_id, reason, at) VALUES (?, ?, 'review', ?, 'spam', ?)")
            .bind(konnect::id::ReviewReportId::generate())
            .bind(konnect::id::ReviewId::generate())
            .bind(reader.id)
            .bind(app.now())
            .execute(app.core.db.pool())
            .await
            .expect("the database");
    }
    report(&app, &reader, &id, "review", "spam").await.problem(429, "review.report_limit");
    app.advance(TimeDelta::hours(24) - SECOND);
    report(&app, &reader, &id, "review", "spam").await.problem(429, "review.report_limit");
    app.advance(SECOND);
    report(&app, &reader, &id, "review", "spam").await.ok(201);
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r4_a_review_is_replied_to_once_and_the_reply_edited_for_some_days() {
    let app = TestApp::start().await;
    let booking = app.completed_session().await;
    let id = app.published_review(&booking, 2).await;
    for bad in [" ", "a\u{7}b", "\u{2066}x"] {
        reply(&app, &booking.mentor, &id, bad).await.problem(422, "review.invalid");
    }
    reply(&app, &booking.mentor, &id, &"가".repeat(2_001)).await.problem(400, "request.invalid");
    let replied_at = app.now();
    let seen = reply(&app, &booking.mentor, &id, " Thank you. ").await.ok(200);
    assert_eq!((&seen["reply"]["text"], &seen["reply"]["editedAt"]), (&json!("Thank you."), &Value::Null));
    app.run_jobs_twice().await;
    assert_eq!(app.notices_of(&booking.mentee, "review.replied").await, 1);
    app.advance_to(replied_at + TimeDelta::days(7) - SECOND);
    reply(&app, &booking.mentor, &id, "Thank you, and sorry.").await.ok(200);
    app.advance(SECOND);
    reply(&app, &booking.mentor, &id, "Too late.").await.problem(409, "review.reply_closed");
    reply(&app, &booking.mentor, &id, "Thank you, and sorry.").await.ok(200);
    let public = app.public_reviews(&booking.mentor, "").await;
    let shown = &public["items"][0]["reply"];
    assert_eq!(shown["text"], "Thank you, and sorry.");
    assert!(shown["editedAt"].is_string());
    app.run_jobs_twice().await;
    assert_eq!(app.notices_of(&booking.mentee, "review.replied").await, 1, "nobody hears of every edit");

    // The reply is reported and hidden by itself.
    let (admin, reader) = (app.admin("admin").await, app.mentee("reader").await);
    report(&app, &booking.mentor, &id, "reply", "spam").await.problem(409, "review.own");
    report(&app, &reader, &id, "reply", "abusive").await.ok(201);
    report(&app, &reader, &id, "review", "other").await.ok(201);
    let file = moderate(&app, &admin, &id, "hide", hide("reply", "spam")).await.ok(200);
    assert_eq!((&file["openReports"], &file["isCounted"]), (&json!(1), &json!(true)));
    let public = app.public_reviews(&booking.mentor, "").await;
    assert_eq!(
        (&public["items"][0]["reply"]["text"], &public["items"][0]["reply"]["hidden"]),
        (&Value::Null, &json!("spam"))
    );
    assert_eq!(public["items"][0]["text"], "It was as it was.");
    reply(&app, &booking.mentor, &id, "Once more.").await.problem(409, "review.not_allowed");
    app.run_jobs().await;
    assert_eq!(app.notices_of(&booking.mentor, "review.hidden").await, 1, "whoever wrote it hears of it");
    moderate(&app, &admin, &id, "restore", restore("reply")).await.ok(200);
    // Whoever takes the review back takes the reply along, and what was reported of it is moot.
    let version =
        app.reviews(&booking, &booking.mentee).await["mine"]["version"].as_i64().expect("a version");
    app.withdraw_review(&booking, &booking.mentee, version).await.ok(204);
    assert!(queue(&app, &admin, "reported").await.is_empty());
    assert_eq!(app.public_reviews(&booking.mentor, "").await["items"], json!([]));
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r4_a_moderation_stands_in_the_activity_log_with_its_administrator() {
    let app = TestApp::start().await;
    let booking = app.completed_session().await;
    let id = app.published_review(&booking, 1).await;
    let admin = app.admin("admin").await;
    report(&app, &booking.mentor, &id, "review", "abusive").await.ok(201);
    moderate(&app, &admin, &id, "keep", json!({ "reason": "An opinion." })).await.ok(200);
    moderate(&app, &admin, &id, "hide", hide("review", "fake")).await.ok(200);
    app.reconcile_those(|kind| kind == konnect::job::RecordActivity::KIND).await;
    app.run_jobs().await;
    let client = app.log_in(&admin).await.client;
    let found = client.get(&format!("/v1/admin/activity?subject={id}&type=review.")).await.ok(200);
    let items = found["items"].as_array().expect("items");
    let kinds: Vec<_> = items.iter().map(|entry| entry["type"].as_str().expect("a type")).collect();
    let expected = ["review.hidden", "review.kept", "review.reported", "review.published", "review.written"];
    assert_eq!(kinds, expected);
    for entry in &items[..2] {
        assert_eq!((&entry["actor"]["kind"], &entry["actor"]["id"]), (&json!("admin"), &json!(admin.id)));
        assert!(entry["data"]["reason"].is_string());
    }
    assert!(!found.to_string().contains("It was as it was."), "what reviews say is in none of them");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r4_administrators_alone_moderate_and_never_their_own_case() {
    let app = TestApp::start().await;
    let booking = app.completed_session().await;
    let id = app.published_review(&booking, 1).await;
    report(&app, &booking.mentor, &id, "review", "abusive").await.ok(201);
    for person in [&booking.mentor, &booking.mentee] {
        let client = app.log_in(person).await.client;
        client.get("/v1/admin/reviews").await.problem(403, "auth.forbidden");
        moderate(&app, person, &id, "hide", hide("review", "fake")).await.problem(403, "auth.forbidden");
    }
    transact!(app.core.db, app.context(), anyhow::Error, tx => { Ok(user::make_admin(tx, booking.mentor.id).await?) })
        .expect("an administrator");
    for (verb, body) in
        [("hide", hide("review", "fake")), ("restore", restore("review")), ("keep", json!({ "reason": "x" }))]
    {
        moderate(&app, &booking.mentor, &id, verb, body).await.problem(403, "review.own_case");
    }
    assert_eq!(app.public_reviews(&booking.mentor, "").await["items"][0]["text"], "It was as it was.");
    let admin = app.admin("admin").await;
    moderate(&app, &admin, &id, "hide", hide("reply", "fake")).await.problem(404, "review.not_found");
    let (a, b) = tokio::join!(
        moderate(&app, &admin, &id, "hide", hide("review", "fake")),
        moderate(&app, &admin, &id, "hide", hide("review", "abusive"))
    );
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "one of two counts");
    app.run_jobs().await;
    app.finish().await;
}
