use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{Answer, Client, send};
use crate::{Effect, Endpoint, Fault};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

fn assertion(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.c2ln", part(&json!({ "alg": "RS256" })), part(claims))
}

async fn grant(c: &Client, kind: &str, assertion: &str) -> Answer {
    send(c.http.post(c.sandbox.token_url()).form(&[("grant_type", kind), ("assertion", assertion)])).await
}

async fn access(c: &Client) -> String {
    let scope = "https://www.googleapis.com/auth/firebase.messaging";
    let claims = json!({ "iss": "a@b", "scope": scope, "aud": "x", "iat": 1, "exp": 3_601 });
    let answer = grant(c, GRANT, &assertion(&claims)).await;
    assert_eq!((answer.status, &answer.json["token_type"]), (200, &json!("Bearer")));
    answer.json["access_token"].as_str().expect("a token").to_owned()
}

fn push(c: &Client, access: &str, device: &str) -> reqwest::RequestBuilder {
    let body = json!({ "message": {
        "token": device,
        "notification": { "title": "예약 확정", "body": "내일 10시" },
        "data": { "reservationId": "r1" },
    }});
    c.http
        .post(format!("{}/v1/projects/konnect/messages:send", c.sandbox.url()))
        .bearer_auth(access)
        .json(&body)
}

#[tokio::test]
async fn a_message_needs_a_live_access_token() {
    let c = Client::start().await;
    c.sandbox.freeze(c.sandbox.now());
    assert_eq!(send(push(&c, "made-up", "d1")).await.status, 401);
    let token = access(&c).await;
    let sent = send(push(&c, &token, "d1")).await;
    assert_eq!(sent.status, 200);
    let pushes = c.sandbox.pushes();
    assert_eq!(pushes.len(), 1);
    assert_eq!(sent.json["name"], json!(pushes[0].name));
    assert_eq!((pushes[0].token.as_deref(), pushes[0].title.as_deref()), (Some("d1"), Some("예약 확정")));
    assert_eq!(pushes[0].data["reservationId"], "r1");
    assert_eq!(c.get("/sandbox/pushes").await.json[0]["token"], "d1");
    c.sandbox.advance(TimeDelta::hours(1));
    let late = send(push(&c, &token, "d1")).await;
    assert_eq!((late.status, &late.json["error"]["status"]), (401, &json!("UNAUTHENTICATED")));
    let fresh = access(&c).await;
    c.sandbox.revoke_access_tokens();
    assert_eq!(send(push(&c, &fresh, "d1")).await.status, 401);
}

#[tokio::test]
async fn bad_grants_and_bad_messages_are_refused() {
    let c = Client::start().await;
    let claims = json!({ "iss": "a@b", "scope": "other", "iat": 1, "exp": 3_601 });
    assert_eq!(grant(&c, GRANT, &assertion(&claims)).await.json["error"], "invalid_scope");
    assert_eq!(grant(&c, GRANT, "no.jwt").await.json["error"], "invalid_grant");
    assert_eq!(grant(&c, "password", "a.b.c").await.json["error"], "unsupported_grant_type");
    let token = access(&c).await;
    let url = format!("{}/v1/projects/konnect/messages:send", c.sandbox.url());
    for bad in [
        json!({}),
        json!({ "message": { "data": {} } }),
        json!({ "message": { "token": "d", "topic": "t" } }),
        json!({ "message": { "token": "d", "data": { "n": 1 } } }),
    ] {
        let answer = send(c.http.post(&url).bearer_auth(&token).json(&bad)).await;
        assert_eq!((answer.status, &answer.json["error"]["status"]), (400, &json!("INVALID_ARGUMENT")));
    }
    assert!(c.sandbox.pushes().is_empty());
}

#[tokio::test]
async fn commanded_answers_have_the_documented_form() {
    let c = Client::start().await;
    let token = access(&c).await;
    c.sandbox.fault(Fault::always(Endpoint::Fcm, Effect::decline("UNREGISTERED")).for_recipient("gone"));
    let gone = send(push(&c, &token, "gone")).await;
    assert_eq!((gone.status, &gone.json["error"]["status"]), (404, &json!("NOT_FOUND")));
    let detail = &gone.json["error"]["details"][0];
    assert_eq!(detail["@type"], "type.googleapis.com/google.firebase.fcm.v1.FcmError");
    assert_eq!(detail["errorCode"], "UNREGISTERED");
    assert_eq!(send(push(&c, &token, "alive")).await.status, 200);

    c.sandbox.fault(Fault::once(Endpoint::Fcm, Effect::Status(429)));
    let busy = push(&c, &token, "alive").send().await.expect("an answer");
    assert_eq!((busy.status().as_u16(), busy.headers()["retry-after"].to_str().ok()), (429, Some("60")));
    c.sandbox.fault(Fault::once(Endpoint::Fcm, Effect::Status(502)));
    let html = send(push(&c, &token, "alive")).await;
    assert!(html.status == 502 && html.text.contains("<html"));
    c.sandbox.fault(Fault::once(Endpoint::Fcm, Effect::Status(401)));
    assert_eq!(send(push(&c, &token, "alive")).await.status, 401);
    c.sandbox.fault(Fault::once(Endpoint::Fcm, Effect::DropAfterCommit));
    assert!(push(&c, &token, "alive").send().await.is_err());
    assert_eq!(c.sandbox.pushes().len(), 2);
}
