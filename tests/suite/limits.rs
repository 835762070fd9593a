//! What is limited, over all api processes together.

use chrono::TimeDelta;
use konnect::config::Limit;
use konnect::mentor::Kind;
use konnect_tests::{Answer, Client, PrivateRedis, TestApp, monday};
use reqwest::Method;
use serde_json::json;

async fn guess(base: &str, email: &str) -> Answer {
    Client::new(base, None)
        .post("/v1/auth/login", json!({ "email": email, "password": "a wrong guess" }))
        .await
}

/// The seconds that a refusal says to wait.
#[track_caller]
fn wait(answer: Answer) -> i64 {
    let seconds =
        answer.headers.get("retry-after").expect("a time to wait").to_str().expect("text").to_owned();
    answer.problem(429, "request.too_many");
    seconds.parse().expect("seconds")
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_two_apis_count_the_guesses_at_one_account_together() {
    let app = TestApp::start().await;
    let bases = [app.base.clone(), app.second_api().await];
    for attempt in 0..10 {
        guess(&bases[attempt % 2], "victim@konnect.test").await.problem(401, "auth.invalid_credentials");
    }
    for base in &bases {
        assert_eq!(wait(guess(base, "Victim@Konnect.test").await), 30, "ten in five minutes");
    }
    assert_eq!(wait(guess(&app.base, "  victim@konnect.test ").await), 30, "blanks make no other account");
    guess(&app.base, "another@konnect.test").await.problem(401, "auth.invalid_credentials");

    app.advance(TimeDelta::seconds(29));
    assert_eq!(wait(guess(&bases[1], "victim@konnect.test").await), 1, "a refusal does not count");
    app.advance(TimeDelta::seconds(1));
    guess(&bases[1], "victim@konnect.test").await.problem(401, "auth.invalid_credentials");
    assert_eq!(wait(guess(&bases[0], "victim@konnect.test").await), 30);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_guesses_at_many_accounts_from_one_place_are_counted_too() {
    let app = TestApp::start().await;
    for number in 0..100 {
        let answer = guess(&app.base, &format!("victim{number}@konnect.test")).await;
        answer.problem(401, "auth.invalid_credentials");
    }
    assert_eq!(wait(guess(&app.base, "fresh@konnect.test").await), 3);
    app.advance(TimeDelta::minutes(5));
    guess(&app.base, "fresh@konnect.test").await.problem(401, "auth.invalid_credentials");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_whoever_asks_for_slots_all_the_time_waits_and_nobody_else_does() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mentor").await;
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let (eager, calm) = (app.mentee("eager").await, app.mentee("calm").await);
    let night = monday() + TimeDelta::hours(40);
    for _ in 0..30 {
        app.reserve(&eager, offering, night).await.problem(422, "slot.outside_hours");
    }
    assert_eq!(wait(app.reserve(&eager, offering, night).await), 20);
    app.reserve(&calm, offering, monday() + TimeDelta::hours(26)).await.ok(201);
    app.advance(TimeDelta::seconds(20));
    app.reserve(&eager, offering, monday() + TimeDelta::hours(28)).await.ok(201);
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s12_s13_a_request_that_is_sent_again_is_answered_however_often() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mentor").await;
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let base = app.second_api_with(|config| config.limits.limit_holds = Limit::of(2, 600)).await;
    let mentee = app.mentee("mentee").await;
    let client = Client::new(&base, mentee.client.token().map(str::to_owned));
    let at = |hours: i64| json!({ "offeringId": offering, "startsAt": monday() + TimeDelta::hours(hours) });
    let made = client.post_as("/v1/reservations", at(26), "the-first-of-all").await.ok(201);
    client.post("/v1/reservations", at(40)).await.problem(422, "slot.outside_hours");
    assert_eq!(wait(client.post("/v1/reservations", at(28)).await), 300);
    for _ in 0..3 {
        let again = client.post_as("/v1/reservations", at(26), "the-first-of-all").await.ok(201);
        assert_eq!(again["id"], made["id"]);
    }
    // Neither another request under its key, nor waiting for a slot, is a way around.
    wait(client.post_as("/v1/reservations", at(28), "the-first-of-all").await);
    let waitlist = format!("/v1/offerings/{offering}/waitlist");
    let day = json!({ "from": monday() + TimeDelta::hours(24), "to": monday() + TimeDelta::hours(33) });
    wait(client.post(&waitlist, day).await);
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn listings_are_counted_by_person_or_by_place_and_webhooks_not_at_all() {
    let app = TestApp::start().await;
    let base = app.second_api_with(|config| config.limits.limit_search = Limit::of(20, 20)).await;
    let (anybody, person) = (Client::new(&base, None), app.mentee("reader").await);
    let person = Client::new(&base, person.client.token().map(str::to_owned));
    for _ in 0..20 {
        anybody.get("/v1/mentors").await.ok(200);
    }
    assert_eq!(wait(anybody.get("/v1/offerings").await), 1);
    person.get("/v1/mentors").await.ok(200);
    person.get("/v1/me").await.ok(200);
    let stranger = Client::new(&base, Some("no.good.token".into()));
    assert_eq!(wait(stranger.get("/v1/mentors").await), 1, "a token that is none does not help");
    let id = [("tosspayments-webhook-transmission-id", "t-1")];
    for _ in 0..50 {
        let body = Some(json!({ "eventType": "NONE", "data": {} }));
        anybody.send(Method::POST, "/v1/webhooks/toss", body, &id).await.ok(200);
    }
    app.run_jobs().await;
    app.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_people_read_on_and_guesses_are_counted_all_the_same() {
    let redis = PrivateRedis::start().await;
    let app = TestApp::start_live_on(&redis).await;
    guess(&app.base, "victim@konnect.test").await.problem(401, "auth.invalid_credentials");
    drop(redis);
    app.anonymous().get("/v1/mentors").await.ok(200);
    for _ in 0..10 {
        guess(&app.base, "victim@konnect.test").await.problem(401, "auth.invalid_credentials");
    }
    assert!((29..=30).contains(&wait(guess(&app.base, "victim@konnect.test").await)));
    for _ in 0..3 {
        app.anonymous().get("/v1/mentors").await.ok(200);
    }
    app.leave().await;
}
