//! Bad input: a clear problem, and nothing written.

use chrono::TimeDelta;
use konnect::id::ReservationId;
use konnect_tests::{Client, TestApp, monday};
use reqwest::Method;
use serde_json::{Value, json};

async fn reservations(app: &TestApp) -> i64 {
    sqlx::query_scalar("SELECT COUNT(*) FROM reservations")
        .fetch_one(app.core.db.pool())
        .await
        .expect("the database")
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_do_not_fit_are_refused() {
    let app = TestApp::start().await;
    let (mentor, mentee) = (app.mentor("mentor").await, app.mentee("mentee").await);
    let offering = app.offering(&mentor, konnect::mentor::Kind::Instant, 60, 50_000).await;
    let good = json!({ "offeringId": offering, "startsAt": monday() + TimeDelta::hours(26) });
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    let cases = [
        with("coupon", json!("FREE")),
        with("startsAt", json!("tomorrow")),
        with("startsAt", json!(17)),
        with("offeringId", json!("not-a-uuid")),
        with("expectedPrice", json!("cheap")),
        with("expectedPrice", json!(1.5)),
        json!({ "offeringId": offering }),
        json!([]),
        json!(null),
    ];
    for body in cases {
        let answer = mentee.client.post("/v1/reservations", body.clone()).await;
        let problem = answer.problem(400, "request.invalid");
        assert!(problem["context"]["reason"].as_str().is_some_and(|r| !r.is_empty()), "{body}");
        assert!(problem["requestId"].as_str().is_some_and(|id| !id.is_empty()));
    }
    let huge = with("offeringId", json!("x".repeat(100_000)));
    mentee.client.post("/v1/reservations", huge).await.problem(413, "request.too_large");
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let token = mentee.client.token().expect("a token");
    for (content_type, body, status) in [("application/json", "{not json", 400), ("text/plain", "hello", 415)]
    {
        let answer = http
            .post(format!("{}/v1/reservations", app.base))
            .bearer_auth(token)
            .header("content-type", content_type)
            .header("idempotency-key", "a-key-of-its-own")
            .body(body)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
    assert_eq!(reservations(&app).await, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_and_methods_that_do_not_exist_are_problems() {
    let app = TestApp::start().await;
    let client = app.anonymous();
    client.get("/v1/nothing").await.problem(404, "route.not_found");
    client
        .send(Method::PUT, "/v1/reservations", Some(json!({})), &[])
        .await
        .problem(405, "route.method_not_allowed");
    client.get("/v1/reservations").await.problem(401, "auth.required");
    let mentee = app.mentee("mentee").await;
    mentee.client.get("/v1/reservations/not-a-uuid").await.problem(400, "request.invalid");
    mentee.client.get("/v1/reservations?limit=1000").await.problem(400, "request.invalid");
    let korean =
        mentee.client.send(Method::GET, "/v1/nothing", None, &[("accept-language", "ko-KR,ko;q=0.9")]).await;
    assert_eq!(korean.body["detail"], "없는 주소입니다.");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_peoples_ids_are_not_found() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let stranger = app.mentee("stranger").await;
    let other_mentor = app.mentor("other").await;
    for client in [&stranger.client, &other_mentor.client] {
        client.get(&booking.path()).await.problem(404, "reservation.not_found");
        client.get(&format!("{}/history", booking.path())).await.problem(404, "reservation.not_found");
        client.get(&format!("{}/payment", booking.path())).await.problem(404, "payment.not_found");
        client
            .post(&format!("{}/payment-orders", booking.path()), json!({}))
            .await
            .problem(404, "reservation.not_found");
        client
            .post(&format!("{}/cancel", booking.path()), json!({ "reason": "mine", "expectedVersion": 1 }))
            .await
            .problem(404, "reservation.not_found");
        client
            .post(&format!("{}/complete", booking.path()), json!({}))
            .await
            .problem(404, "reservation.not_found");
    }
    booking
        .mentor
        .client
        .post(&format!("{}/payment-orders", booking.path()), json!({}))
        .await
        .problem(404, "reservation.not_found");
    let unknown = format!("/v1/reservations/{}", ReservationId::generate());
    stranger.client.get(&unknown).await.problem(404, "reservation.not_found");
    assert_eq!(stranger.client.get("/v1/reservations").await.ok(200)["items"], json!([]));
    assert_eq!(app.state(&booking).await, "awaiting_payment");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_version_changes_nothing() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let path = format!("{}/cancel", booking.path());
    for version in [0, 2, 99] {
        let body = json!({ "reason": "late", "expectedVersion": version });
        booking.mentee.client.post(&path, body).await.problem(409, "reservation.stale");
    }
    assert_eq!(app.state(&booking).await, "awaiting_payment");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_gives_one_answer() {
    let app = TestApp::start().await;
    let (mentor, mentee) = (app.mentor("mentor").await, app.mentee("mentee").await);
    let offering = app.offering(&mentor, konnect::mentor::Kind::Instant, 60, 50_000).await;
    let body = json!({ "offeringId": offering, "startsAt": monday() + TimeDelta::hours(26) });
    let other = json!({ "offeringId": offering, "startsAt": monday() + TimeDelta::hours(28) });
    let client = &mentee.client;

    let first = client.post_as("/v1/reservations", body.clone(), "key-of-the-first").await.ok(201);
    let again = client.post_as("/v1/reservations", body.clone(), "key-of-the-first").await.ok(201);
    assert_eq!(first["id"], again["id"]);
    client
        .post_as("/v1/reservations", other, "key-of-the-first")
        .await
        .problem(422, "idempotency.key_reused");
    let none = client.send(Method::POST, "/v1/reservations", Some(body.clone()), &[]).await;
    none.problem(400, "idempotency.key_required");
    client.post_as("/v1/reservations", body.clone(), "short").await.problem(400, "idempotency.key_required");

    // A key whose request was refused is free again.
    let taken = json!({ "offeringId": offering, "startsAt": monday() - TimeDelta::hours(26) });
    client.post_as("/v1/reservations", taken, "key-of-a-refusal").await.problem(422, "slot.past");
    let free = json!({ "offeringId": offering, "startsAt": monday() + TimeDelta::hours(30) });
    client.post_as("/v1/reservations", free, "key-of-a-refusal").await.ok(201);

    // Many at once: one reservation.
    let rival = app.mentee("rival").await;
    let body = json!({ "offeringId": offering, "startsAt": monday() + TimeDelta::hours(32) });
    let many = (0..10).map(|_| rival.client.post_as("/v1/reservations", body.clone(), "all-the-same-key"));
    let ids: std::collections::BTreeSet<_> =
        futures_util::future::join_all(many).await.into_iter().map(|a| a.ok(201)["id"].to_string()).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(reservations(&app).await, 3);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_are_not_ours_open_nothing() {
    use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
    let app = TestApp::start().await;
    let mentee = app.mentee("mentee").await;
    let good = mentee.client.token().expect("a token").to_owned();
    let header = jsonwebtoken::decode_header(&good).expect("a header");
    let jwks = app.anonymous().get("/.well-known/jwks.json").await.ok(200);
    assert!(jwks["keys"][0].get("d").is_none(), "no private part is published");

    let now = app.now().timestamp();
    let claims = json!({
        "iss": "https://konnect.test", "aud": "konnect", "sub": mentee.id, "iat": now, "nbf": now,
        "exp": now + 900, "jti": "x", "sid": konnect::id::SessionId::generate(), "roles": ["admin"],
    });
    // The public key as an HMAC secret: the oldest trick.
    let public = jwks["keys"][0]["n"].as_str().expect("a modulus").as_bytes().to_vec();
    let hs256 = Header { kid: header.kid.clone(), ..Header::new(Algorithm::HS256) };
    let forged = encode(&hs256, &claims, &EncodingKey::from_secret(&public)).expect("a token");
    let parts: Vec<&str> = good.split('.').collect();
    let unsigned = format!("{}.{}.", parts[0], parts[1]);
    let tampered = format!("{}.{}x.{}", parts[0], parts[1], parts[2]);
    for token in [forged, unsigned, tampered, "a.b.c".into(), "a.b.c.d.e".into(), "x".repeat(9000)] {
        let client = Client::new(&app.base, Some(token));
        client.get("/v1/reservations").await.problem(401, "auth.token_invalid");
    }
    app.advance(TimeDelta::seconds(900 + 31));
    mentee.client.get("/v1/reservations").await.problem(401, "auth.token_expired");

    let again = app.log_in(&mentee).await;
    again.client.get("/v1/reservations").await.ok(200);
    konnect::transact!(app.core.db, app.context(), anyhow::Error, tx => {
        Ok(konnect::user::suspend(tx, mentee.id, "misuse").await?)
    })
    .expect("suspended");
    again.client.get("/v1/reservations").await.problem(401, "auth.session_revoked");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_that_are_none_are_refused() {
    let app = TestApp::start().await;
    let client = app.anonymous();
    let send = |headers: &'static [(&'static str, &'static str)], body: Value| {
        let client = client.clone();
        async move { client.send(Method::POST, "/v1/webhooks/toss", Some(body), headers).await }
    };
    const ID: &[(&str, &str)] = &[("tosspayments-webhook-transmission-id", "t-1")];
    send(&[], json!({})).await.problem(400, "webhook.invalid");
    send(ID, json!({ "data": "x".repeat(70_000) })).await.problem(413, "webhook.too_large");
    assert_eq!(send(ID, json!({ "eventType": "PAYMENT_STATUS_CHANGED", "data": {} })).await.status, 200);
    assert_eq!(send(ID, json!({ "eventType": "PAYMENT_STATUS_CHANGED", "data": {} })).await.status, 200);
    assert_eq!(app.jobs_of("payment.sync_webhook.v1").await.len(), 1, "a transmission counts once");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn days_and_months_out_of_all_time_are_refused() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mentor").await;
    mentor.client.get("/v1/me/statement?month=0000-01").await.problem(400, "request.invalid");
    let admin = app.admin("admin").await;
    for path in ["?to=-262143-01-01", "?from=-262143-01-01", "?to=99999-01-01", "/-262143-01-01"] {
        let answer = admin.client.get(&format!("/v1/admin/reconciliation{path}")).await;
        answer.problem(400, "request.invalid");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn instants_out_of_all_time_are_refused() {
    let app = TestApp::start().await;
    let (mentor, mentee, admin) =
        (app.mentor("mentor").await, app.mentee("mentee").await, app.admin("admin").await);
    let offering = app.offering(&mentor, konnect::mentor::Kind::Instant, 60, 50_000).await;
    let far = "%2B70000-01-01T00:00:00Z";
    for path in [
        format!("/v1/mentors?freeFrom={far}"),
        format!("/v1/mentors?freeTo={far}"),
        format!("/v1/offerings/{offering}/slots?from={far}"),
        format!("/v1/admin/reservations?from={far}"),
        format!("/v1/admin/acts?to={far}"),
    ] {
        admin.client.get(&path).await.problem(400, "request.invalid");
    }
    let far = "+70000-01-01T00:00:00Z";
    let body = json!({ "offeringId": offering, "startsAt": far });
    mentee.client.post("/v1/reservations", body).await.problem(400, "request.invalid");
    let waitlist = format!("/v1/offerings/{offering}/waitlist");
    let body = json!({ "from": far, "to": far });
    mentee.client.post(&waitlist, body).await.problem(400, "request.invalid");
    // Nobody can be booked as far ahead, and MariaDB's timestamps end before.
    let body = json!({ "from": "2050-01-01T00:00:00Z", "to": "2050-01-02T00:00:00Z" });
    mentee.client.post(&waitlist, body).await.problem(422, "waitlist.invalid_range");
    let body = json!({ "offeringId": offering, "startsAt": "2050-01-03T00:00:00Z" });
    mentee.client.post("/v1/reservations", body).await.problem(422, "slot.beyond_horizon");
    app.finish().await;
}
