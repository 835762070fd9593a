use super::answer::{judge, wants_new_token};
use super::*;
use crate::client::stub;

fn error(status: &str, code: Option<&str>, message: &str) -> Vec<u8> {
    let mut details = vec![];
    if let Some(code) = code {
        details.push(json!({
            "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code
        }));
    }
    json!({"error": {"code": 0, "message": message, "status": status, "details": details}}).to_string().into()
}

#[test]
fn a_success_names_the_message() {
    let sent = judge(200, br#"{"name":"projects/p/messages/1"}"#, None).unwrap();
    assert_eq!(sent, Outcome::Sent { name: "projects/p/messages/1".to_owned() });
    assert!(judge(200, b"<html>", None).is_err());
}

#[test]
fn only_what_blames_the_token_kills_it() {
    let dead = |status, body: &[u8]| matches!(judge(status, body, None).unwrap(), Outcome::TokenDead { .. });
    assert!(dead(404, &error("NOT_FOUND", Some("UNREGISTERED"), "")));
    assert!(!dead(403, &error("PERMISSION_DENIED", Some("SENDER_ID_MISMATCH"), "")));
    let text = "The registration token is not a valid FCM registration token";
    assert!(dead(400, &error("INVALID_ARGUMENT", Some("INVALID_ARGUMENT"), text)));
    let field = |field: &str| {
        json!({"error": {"status": "INVALID_ARGUMENT", "message": "Invalid", "details": [{
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [{"field": field, "description": "Invalid"}]
        }]}})
        .to_string()
    };
    assert!(dead(400, field("message.token").as_bytes()));
    assert!(!dead(400, field("message.data[0].value").as_bytes()));
    assert!(!dead(400, &error("INVALID_ARGUMENT", Some("INVALID_ARGUMENT"), "Message too big")));
    // A wrong project id.
    assert!(!dead(404, &error("NOT_FOUND", None, "Requested entity was not found.")));
    assert!(!dead(404, b"<html>Not Found</html>"));
}

#[test]
fn busy_servers_are_asked_again() {
    let minute = Some(Duration::from_secs(60));
    let quota = error("RESOURCE_EXHAUSTED", Some("QUOTA_EXCEEDED"), "");
    let code = "QUOTA_EXCEEDED".to_owned();
    assert_eq!(judge(429, &quota, None).unwrap(), Outcome::Retry { after: minute, code: code.clone() });
    let five = Some(Duration::from_secs(5));
    assert_eq!(judge(429, &quota, five).unwrap(), Outcome::Retry { after: five, code });
    assert_eq!(
        judge(502, b"<html>Bad Gateway</html>", None).unwrap(),
        Outcome::Retry { after: None, code: "502".to_owned() }
    );
    assert_eq!(
        judge(503, &error("UNAVAILABLE", Some("UNAVAILABLE"), ""), five).unwrap(),
        Outcome::Retry { after: five, code: "UNAVAILABLE".to_owned() }
    );
}

#[test]
fn a_401_asks_for_a_new_token_unless_it_is_about_apple() {
    assert!(wants_new_token(401, &error("UNAUTHENTICATED", None, "")));
    assert!(wants_new_token(401, b"<html>"));
    assert!(!wants_new_token(401, &error("UNAUTHENTICATED", Some("THIRD_PARTY_AUTH_ERROR"), "")));
    assert!(!wants_new_token(403, &error("PERMISSION_DENIED", None, "")));
    assert!(matches!(
        judge(401, &error("UNAUTHENTICATED", Some("THIRD_PARTY_AUTH_ERROR"), "m"), None).unwrap(),
        Outcome::Permanent { status: 401, .. }
    ));
}

#[test]
fn a_message_has_the_services_form() {
    let push = Push {
        token: "device".to_owned(),
        title: "예약".to_owned(),
        body: "본문".to_owned(),
        data: BTreeMap::from([("reservationId".to_owned(), "1".to_owned())]),
        collapse_key: "notice-1".to_owned(),
    };
    let message = &message(&push)["message"];
    assert_eq!(message["token"], "device");
    assert_eq!(message["notification"], json!({"title": "예약", "body": "본문"}));
    assert_eq!(message["data"]["reservationId"], "1");
    assert_eq!(message["android"]["notification"]["tag"], "notice-1");
    assert_eq!(message["apns"]["headers"]["apns-collapse-id"], "notice-1");
}

/// A key file for the stub at `url`, with a key of its own.
fn key_file(url: &str) -> String {
    use aws_lc_rs::encoding::AsDer;
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use base64::Engine;
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: aws_lc_rs::encoding::Pkcs8V1Der = key.as_der().unwrap();
    let text = base64::engine::general_purpose::STANDARD.encode(der.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
    json!({
        "type": "service_account", "project_id": "konnect-test", "private_key_id": "kid1", "private_key": pem,
        "client_email": "push@konnect.example", "token_uri": format!("{url}/token")
    })
    .to_string()
}

fn push() -> Push {
    let text = || "x".to_owned();
    Push { token: text(), title: text(), body: text(), data: BTreeMap::new(), collapse_key: text() }
}

#[tokio::test]
async fn one_token_serves_all_sends_until_it_is_refused_or_old() {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    let tokens = AtomicUsize::new(0);
    let (url, seen) = stub::http(move |request| {
        if request.starts_with("POST /token ") {
            let body =
                json!({"access_token": format!("t{}", tokens.fetch_add(1, SeqCst)), "expires_in": 3600});
            return (200, "", body.to_string());
        }
        // The first token was revoked before its time.
        if request.contains("authorization: Bearer t0\r\n") {
            return (401, "", String::from_utf8(error("UNAUTHENTICATED", None, "")).unwrap());
        }
        (200, "", json!({"name": "projects/konnect-test/messages/1"}).to_string())
    });
    let path = std::env::temp_dir().join(format!("konnect-fcm-{}.json", std::process::id()));
    std::fs::write(&path, key_file(&url)).unwrap();
    let clock = Clock::frozen("2026-01-01T00:00:00Z".parse().unwrap());
    let pusher = Pusher::from_file(&path, &url, clock.clone());
    std::fs::remove_file(&path).unwrap();
    let pusher = pusher.unwrap();

    let sends = (0..8).map(|_| pusher.send(push()));
    for outcome in futures_util::future::join_all(sends).await {
        assert!(matches!(outcome.unwrap(), Outcome::Sent { .. }));
    }
    let exchanges = || seen.lock().unwrap().iter().filter(|r| r.starts_with("POST /token ")).count();
    assert_eq!(exchanges(), 2, "one for the first, one for the revoked");
    clock.advance(chrono::TimeDelta::seconds(3299));
    pusher.send(push()).await.unwrap();
    assert_eq!(exchanges(), 2);
    clock.advance(chrono::TimeDelta::seconds(1));
    pusher.send(push()).await.unwrap();
    assert_eq!(exchanges(), 3);

    let seen = seen.lock().unwrap();
    let grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=ey";
    assert!(seen[0].contains(grant), "{}", seen[0]);
    assert!(seen.iter().any(|r| r.starts_with("POST /v1/projects/konnect-test/messages:send HTTP/1.1\r\n")));
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let (url, seen) = stub::http(|_| (400, "", r#"{"error":"invalid_grant"}"#.to_owned()));
    let account = ServiceAccount::parse(&key_file(&url)).unwrap();
    let clock = Clock::system();
    let http = http::client(SETTING, TIMEOUT).unwrap();
    let endpoint = url.parse().unwrap();
    let tokens = Tokens::new(http.clone(), account, clock.clone());
    let pusher = Pusher { http, endpoint, tokens, clock };
    let error = pusher.send(push()).await.unwrap_err();
    assert_eq!(error.to_string(), "no access token: status 400: invalid_grant: -");
    assert_eq!(seen.lock().unwrap().len(), 1);
}
