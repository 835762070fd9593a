use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::*;
use crate::client::stub;

const US: &str = "ours.apps.example";

fn new_key() -> EncodingKey {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let lines = STANDARD.encode(der.as_ref()).into_bytes();
    let lines: Vec<_> = lines.chunks(64).map(String::from_utf8_lossy).collect();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
    EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap()
}

static KEY: LazyLock<EncodingKey> = LazyLock::new(new_key);
static OTHER: LazyLock<EncodingKey> = LazyLock::new(new_key);

fn clock() -> Clock {
    Clock::frozen("2026-03-02T00:00:00Z".parse().unwrap())
}

fn jwk(key: &EncodingKey, kid: &str) -> Value {
    let mut jwk = Jwk::from_encoding_key(key, Algorithm::RS256).unwrap();
    jwk.common.key_id = Some(kid.to_owned());
    serde_json::to_value(jwk).unwrap()
}

/// An issuer with one key; it fails while it is told to.
fn issuer(down: Arc<AtomicBool>) -> (String, stub::Seen) {
    stub::http(move |request| {
        if down.load(Ordering::SeqCst) {
            return (503, "", String::new());
        }
        let host = request
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("host: ").map(str::to_owned));
        let base = format!("http://{}", host.unwrap());
        let body = if request.contains("openid-configuration") {
            json!({ "issuer": base, "jwks_uri": format!("{base}/keys") })
        } else {
            let mut for_encryption = jwk(&OTHER, "enc");
            for_encryption["use"] = json!("enc");
            json!({ "keys": [{ "kty": "EC", "crv": "P-256" }, for_encryption, jwk(&KEY, "one")] })
        };
        (200, "", body.to_string())
    })
}

fn identities(url: &str, clock: &Clock) -> Identities {
    let google = OidcSettings { issuer_url: url.to_owned(), audiences: vec![US.to_owned()] };
    Identities::new(Settings { google: Some(google), ..Settings::default() }, clock).unwrap()
}

fn claims(url: &str, clock: &Clock) -> Value {
    let now = clock.now().timestamp();
    json!({
        "iss": url, "sub": "1", "aud": US, "iat": now, "exp": now + 3600, "nonce": "n",
        "email": "min@gmail.com", "email_verified": true, "name": "Min",
    })
}

fn signed(key: &EncodingKey, kid: Option<&str>, claims: &Value) -> String {
    let mut header = Header::new(Algorithm::RS256);
    header.kid = kid.map(str::to_owned);
    encode(&header, claims, key).unwrap()
}

#[tokio::test]
async fn only_a_good_token_for_us_is_believed() {
    let (clock, (url, _)) = (clock(), issuer(Arc::default()));
    let identities = identities(&url, &clock);
    let good = claims(&url, &clock);
    let person = identities.google(&signed(&KEY, Some("one"), &good), Some("n")).await.unwrap();
    assert_eq!((person.subject.as_str(), person.email_verified), ("1", true));
    let with = |key: &str, value: Value| {
        let mut claims = good.clone();
        claims[key] = value;
        signed(&KEY, Some("one"), &claims)
    };
    let now = clock.now().timestamp();
    for (what, token) in [
        ("another audience", with("aud", json!("theirs"))),
        ("several audiences", with("aud", json!([US, "theirs"]))),
        ("another issuer", with("iss", json!("https://accounts.google.com"))),
        ("an old one", with("exp", json!(now - 61))),
        ("one of tomorrow", with("iat", json!(now + 61))),
        ("nobody", with("sub", json!(""))),
        ("somebody long", with("sub", json!("x".repeat(256)))),
        ("another nonce", with("nonce", json!("m"))),
        ("another key", signed(&OTHER, Some("one"), &good)),
        ("no key", signed(&KEY, None, &good)),
        ("a key for encryption", signed(&OTHER, Some("enc"), &good)),
        ("no token", "a.b.c".to_owned()),
        ("nothing", String::new()),
    ] {
        let error = identities.google(&token, Some("n")).await.unwrap_err();
        assert!(matches!(error, IdentityError::Invalid(_)), "{what}: {error}");
    }
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some("one".to_owned());
    let forged = encode(&header, &good, &EncodingKey::from_secret(b"one")).unwrap();
    assert!(matches!(identities.google(&forged, None).await, Err(IdentityError::Invalid(_))));
    assert!(matches!(identities.kakao(&forged, None).await, Err(IdentityError::Off)));
}

#[tokio::test]
async fn google_vouches_for_the_mailboxes_it_keeps() {
    let (clock, (url, _)) = (clock(), issuer(Arc::default()));
    let identities = identities(&url, &clock);
    for (email, verified, hd, expected) in [
        ("min@gmail.com", json!(true), None, true),
        ("min@gmail.com", json!("true"), None, true),
        ("min@gmail.com", json!(false), None, false),
        ("min@gmail.com", Value::Null, None, false),
        ("min@naver.com", json!(true), None, false),
        ("min@notgmail.com", json!(true), None, false),
        ("min@firm.example", json!(true), Some("firm.example"), true),
    ] {
        let mut claims = claims(&url, &clock);
        claims["email"] = json!(email);
        claims["email_verified"] = verified;
        claims["hd"] = json!(hd);
        let person = identities.google(&signed(&KEY, Some("one"), &claims), None).await.unwrap();
        assert_eq!(person.email_verified, expected, "{email} {hd:?}");
    }
}

#[tokio::test]
async fn keys_are_fetched_once_and_an_unknown_one_once_a_minute() {
    let (clock, down) = (clock(), Arc::new(AtomicBool::new(false)));
    let (url, seen) = issuer(down.clone());
    let identities = identities(&url, &clock);
    let good = signed(&KEY, Some("one"), &claims(&url, &clock));
    let all = futures_util::future::join_all((0..8).map(|_| identities.google(&good, None))).await;
    assert!(all.iter().all(Result::is_ok));
    let fetches = || seen.lock().unwrap().len() / 2;
    assert_eq!(fetches(), 1, "one at a time, and the others use it");
    let unknown = signed(&OTHER, Some("two"), &claims(&url, &clock));
    for _ in 0..5 {
        assert!(matches!(identities.google(&unknown, None).await, Err(IdentityError::Invalid(_))));
    }
    assert_eq!(fetches(), 1);
    clock.advance(TimeDelta::minutes(1));
    for _ in 0..5 {
        assert!(identities.google(&unknown, None).await.is_err());
    }
    assert_eq!(fetches(), 2);

    // An issuer that is away is believed by its last keys, for a day.
    down.store(true, Ordering::SeqCst);
    clock.advance(TimeDelta::hours(23));
    let late = signed(&KEY, Some("one"), &claims(&url, &clock));
    assert!(identities.google(&late, None).await.is_ok());
    clock.advance(TimeDelta::hours(2));
    let late = signed(&KEY, Some("one"), &claims(&url, &clock));
    assert!(matches!(identities.google(&late, None).await, Err(IdentityError::Away(_))));
    down.store(false, Ordering::SeqCst);
    clock.advance(TimeDelta::minutes(1));
    assert!(identities.google(&late, None).await.is_ok());
}

#[tokio::test]
async fn naver_is_asked_and_does_not_vouch() {
    let (url, _) = stub::http(|request| {
        let known = request.to_ascii_lowercase().contains("authorization: bearer good");
        match (known, request.contains("/v1/nid/me")) {
            (true, true) => {
                let profile = json!({ "id": "abc", "email": "min@naver.com", "nickname": "민" });
                (
                    200,
                    "",
                    json!({ "resultcode": "00", "message": "success", "response": profile }).to_string(),
                )
            }
            (false, true) if request.contains("broken") => (502, "", "<html>".to_owned()),
            _ => (401, "", json!({ "resultcode": "024", "message": "Authentication failed" }).to_string()),
        }
    });
    let settings = Settings { naver_url: Some(url), ..Settings::default() };
    let identities = Identities::new(settings, &clock()).unwrap();
    let person = identities.naver("good").await.unwrap();
    assert_eq!((person.subject.as_str(), person.email_verified), ("abc", false));
    assert_eq!(person.name.as_deref(), Some("민"));
    for bad in ["", "bad", "a b", "good\r\nx: y"] {
        assert!(matches!(identities.naver(bad).await, Err(IdentityError::Invalid(_))), "{bad:?}");
    }
    assert!(matches!(identities.naver("broken").await, Err(IdentityError::Away(_))));
}
