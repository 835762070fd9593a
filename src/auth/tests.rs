//! The verifier against everything that must not pass, keys on disk, and the fate of a refresh token.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::keys::{generate, new_pem, rotate};
use super::model::{Presented, Refusal, Verdict};
use super::*;
use crate::clock::Instant;
use crate::config::TokenConfig;

const ISSUER: &str = "https://issuer.test";
const AUDIENCE: &str = "audience.test";

fn config() -> TokenConfig {
    TokenConfig {
        keys_dir: PathBuf::new(),
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        access_seconds: 900,
        refresh_seconds: 3600,
    }
}

fn now() -> Instant {
    // Long past: nothing here may look at the system's clock.
    DateTime::from_timestamp(1_000_000_000, 250_000_000).unwrap()
}

struct World {
    pem: String,
    tokens: Tokens,
    user: UserId,
    session: SessionId,
}

fn world() -> World {
    let pem = new_pem().unwrap();
    let tokens = Tokens::new(SigningKeys::from_pems(&pem, &[]).unwrap(), &config());
    World { pem, tokens, user: UserId::generate(), session: SessionId::generate() }
}

impl World {
    fn kid(&self) -> String {
        self.tokens.jwks()["keys"][0]["kid"].as_str().unwrap().to_owned()
    }

    fn claims(&self) -> Value {
        let at = now().timestamp();
        json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": self.user, "sid": self.session, "roles": ["mentee"],
            "iat": at, "nbf": at, "exp": at + 900, "jti": "1",
        })
    }

    fn header(&self) -> Header {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(self.kid());
        header
    }

    fn sign(&self, header: &Header, claims: &Value) -> String {
        encode(header, claims, &EncodingKey::from_rsa_pem(self.pem.as_bytes()).unwrap()).unwrap()
    }

    /// A good token but for what `change` does to its claims.
    fn changed(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = self.claims();
        change(&mut claims);
        self.sign(&self.header(), &claims)
    }

    fn code(&self, token: &str) -> &'static str {
        self.tokens.verify(token, now()).map_or_else(|e| e.code(), |_| "ok")
    }
}

#[test]
fn an_issued_token_verifies() {
    let w = world();
    let roles = [Role::Mentee, Role::Admin];
    let issued = w.tokens.issue(w.user, w.session, &roles, now()).unwrap();
    let principal = w.tokens.verify(issued.token.expose_secret(), now()).unwrap();
    assert_eq!(principal.user_id, w.user);
    assert_eq!(principal.session_id, w.session);
    assert_eq!(principal.roles, roles);
    assert_eq!(principal.expires_at, issued.expires_at);
    assert_eq!(issued.expires_at.timestamp(), now().timestamp() + 900);
    assert!(principal.is_admin() && !principal.has(Role::Mentor));
    assert_eq!(w.code(&w.changed(|_| {})), "ok", "the tests' own signer is sound");
}

#[test]
fn times_are_judged_by_the_given_clock_with_30_seconds_of_leeway() {
    let w = world();
    let issued = w.tokens.issue(w.user, w.session, &[], now()).unwrap();
    let at = |seconds| {
        let result = w.tokens.verify(issued.token.expose_secret(), now() + TimeDelta::seconds(seconds));
        result.map_or_else(|e| e.code(), |_| "ok")
    };
    assert_eq!(at(-31), "auth.token_invalid", "not yet");
    assert_eq!(at(-30), "ok");
    assert_eq!(at(900), "ok");
    assert_eq!(at(929), "ok");
    assert_eq!(at(930), "auth.token_expired");
    assert_eq!(w.code(&w.changed(|c| c["nbf"] = json!(now().timestamp() + 31))), "auth.token_invalid");
    assert_eq!(w.code(&w.changed(|c| c["exp"] = json!(now().timestamp() - 30))), "auth.token_expired");
    assert_eq!(w.code(&w.changed(|c| c["exp"] = json!(i64::MAX))), "auth.token_invalid");
    assert_eq!(w.code(&w.changed(|c| c["exp"] = json!(-1))), "auth.token_invalid");
}

#[test]
fn wrong_or_missing_claims_are_refused() {
    let w = world();
    for claim in ["iss", "aud", "sub", "exp", "sid", "roles"] {
        let token = w.changed(|c| drop(c.as_object_mut().unwrap().remove(claim)));
        assert_eq!(w.code(&token), "auth.token_invalid", "without {claim}");
        let token = w.changed(|c| c[claim] = Value::Null);
        assert_eq!(w.code(&token), "auth.token_invalid", "{claim} null");
    }
    for (claim, value) in [
        ("iss", json!("https://issuer.test/")),
        ("iss", json!([ISSUER, "https://evil.test"])),
        ("aud", json!("audience")),
        ("aud", json!([])),
        ("sub", json!("not an id")),
        ("exp", json!("tomorrow")),
        ("roles", json!(["root"])),
    ] {
        assert_eq!(w.code(&w.changed(|c| c[claim] = value.clone())), "auth.token_invalid", "{claim} {value}");
    }
}

#[test]
fn a_token_signed_with_the_public_key_as_hmac_secret_is_refused() {
    let w = world();
    let n = w.tokens.jwks()["keys"][0]["n"].as_str().unwrap().to_owned();
    let public =
        aws_lc_rs::rsa::KeyPair::from_der(EncodingKey::from_rsa_pem(w.pem.as_bytes()).unwrap().as_bytes())
            .unwrap();
    let der = aws_lc_rs::signature::KeyPair::public_key(&public).as_ref().to_vec();
    let pem =
        format!("-----BEGIN RSA PUBLIC KEY-----\n{}\n-----END RSA PUBLIC KEY-----\n", STANDARD.encode(&der));
    for algorithm in [Algorithm::HS256, Algorithm::HS512] {
        let mut header = Header::new(algorithm);
        header.kid = Some(w.kid());
        for secret in [pem.as_bytes(), &der, n.as_bytes()] {
            let token = encode(&header, &w.claims(), &EncodingKey::from_secret(secret)).unwrap();
            assert_eq!(w.code(&token), "auth.token_invalid");
        }
    }
}

#[test]
fn other_algorithms_and_none_are_refused() {
    let w = world();
    for algorithm in [Algorithm::RS384, Algorithm::PS256] {
        let mut header = Header::new(algorithm);
        header.kid = Some(w.kid());
        assert_eq!(w.code(&w.sign(&header, &w.claims())), "auth.token_invalid", "{algorithm:?}");
    }
    let part = |v: &Value| URL_SAFE_NO_PAD.encode(v.to_string());
    for alg in ["none", "None", ""] {
        let header = part(&json!({ "alg": alg, "typ": "JWT", "kid": w.kid() }));
        let unsigned = format!("{header}.{}", part(&w.claims()));
        assert_eq!(w.code(&format!("{unsigned}.")), "auth.token_invalid");
        assert_eq!(w.code(&unsigned), "auth.token_invalid");
    }
}

#[test]
fn unknown_keys_and_foreign_signatures_are_refused() {
    let w = world();
    let mut header = w.header();
    header.kid = Some("unknown".to_owned());
    assert_eq!(w.code(&w.sign(&header, &w.claims())), "auth.token_invalid");
    header.kid = None;
    assert_eq!(w.code(&w.sign(&header, &w.claims())), "auth.token_invalid");
    let foreign = world();
    assert_eq!(w.code(&foreign.changed(|_| {})), "auth.token_invalid");
    // Our key id over a foreign signature, with the foreign key in the header.
    let mut header = w.header();
    header.jwk = serde_json::from_value(foreign.tokens.jwks()["keys"][0].clone()).unwrap();
    assert_eq!(w.code(&foreign.sign(&header, &w.claims())), "auth.token_invalid");
    // Claims of one token under the signature of another.
    let (good, other) = (w.changed(|_| {}), w.changed(|c| c["roles"] = json!(["admin"])));
    let (g, o): (Vec<_>, Vec<_>) = (good.split('.').collect(), other.split('.').collect());
    assert_eq!(w.code(&format!("{}.{}.{}", g[0], o[1], g[2])), "auth.token_invalid");
}

#[test]
fn odd_shapes_are_refused() {
    let w = world();
    let good = w.changed(|_| {});
    let long = w.changed(|c| c["pad"] = json!("x".repeat(10_000)));
    let five = format!("{good}.e.f");
    for token in ["", ".", "..", "a.b.c", &five, &long, &format!("Bearer {good}"), &format!("{good}=")] {
        assert_eq!(w.code(token), "auth.token_invalid", "{token}");
    }
    let mut header = w.header();
    header.typ = Some("JWE".to_owned());
    assert_eq!(w.code(&w.sign(&header, &w.claims())), "auth.token_invalid");
    let mut header = w.header();
    header.crit = Some(vec!["b64".to_owned()]);
    assert_eq!(w.code(&w.sign(&header, &w.claims())), "auth.token_invalid");
}

#[test]
fn a_rotated_key_still_verifies_and_the_set_shows_no_private_part() {
    let w = world();
    let old = w.changed(|_| {});
    let rotated = SigningKeys::from_pems(&new_pem().unwrap(), &[&w.pem, &w.pem]).unwrap();
    let tokens = Tokens::new(rotated, &config());
    assert!(tokens.verify(&old, now()).is_ok());
    let keys = tokens.jwks()["keys"].as_array().unwrap().clone();
    assert_eq!(keys.len(), 2, "one key in two files is one key");
    for key in keys {
        let names: Vec<_> = key.as_object().unwrap().keys().cloned().collect();
        assert_eq!(names, ["alg", "e", "kid", "kty", "n", "use"]);
        assert_eq!((&key["alg"], &key["use"], &key["kty"]), (&json!("RS256"), &json!("sig"), &json!("RSA")));
    }
}

struct TempDir(PathBuf);

impl TempDir {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("keys-{}", crate::id::secret())))
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

#[test]
fn keys_are_made_rotated_and_loaded() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new();
    let config = TokenConfig { keys_dir: dir.0.clone(), ..config() };
    assert!(matches!(SigningKeys::load(&config), Err(KeyError::NoCurrent(_))));
    assert!(matches!(rotate(&dir.0), Err(KeyError::NoCurrent(_))));
    let first = generate(&dir.0).unwrap();
    let file = dir.0.join("current.pem");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(generate(&dir.0), Err(KeyError::Exists(_))));
    assert_eq!(SigningKeys::load(&config).unwrap().current().0, first);

    let rotated = rotate(&dir.0).unwrap();
    assert_eq!(rotated.previous, first);
    let keys = SigningKeys::load(&config).unwrap();
    assert_eq!(keys.current().0, rotated.current);
    assert!(keys.verifying(&first).is_some());
    let names = std::fs::read_dir(&dir.0).unwrap().map(|e| e.unwrap().file_name()).collect::<Vec<_>>();
    assert_eq!(names.len(), 2, "nothing is left over: {names:?}");
    assert!(!format!("{keys:?}").contains("PRIVATE"));

    std::fs::write(dir.0.join("bad.pem"), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
        .unwrap();
    assert!(matches!(SigningKeys::load(&config), Err(KeyError::Invalid { .. })));
}

/// A key of 1024 bits, made for this test.
const WEAK: &str = "\
MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBAMvPXHtQmuabO8efIylYq13yIjGUHASU9HwhvuCqOwN20eaP\
jYhhitCVxn+AK7CdPxJH7M1DB1OemYggkkYiWM2EkLQ+tesSBPx6rMum5na7MTbluM3ciBKflsgsh0aE1w3MpRYbs4+VJlkT\
0iPxwtomRAwRAcA4LLrGIZRjmQm7AgMBAAECgYAjS/hCSwVopr3FpqPaR0b2cDbHy1TG3l0xGk8KbbDmuq9DdN0YH3yA/09v\
SW1HmxQPQHGcYt1j9/WzA6ERkGU8c1Qz+tZtvnHJ8V2Y7sV8nTqmX48wDJlCTLALYExC/HCsVOGfoYI01z+qlDaZTL/TX/NW\
t9FfSovpCcdOVRyjgQJBAPKHCea+D9Iy/XqTbfvx8DyLX06Z4xk8QukvF4ppQ4niKs5qw7axr9yqbF9ShUR8dUbfdfIoPIVg\
55CflSwXaSECQQDXIbmFs127tAjDZCbZxSDj+1W2qaO4H9qV0+hhtUg1YcPgi96SQabZW6ExhGmY0JBGDCfM1mB4IDxHDEHK\
OktbAkBnvFr/10vtHOJPC8B/g3y+aN7bP/djU+NK2lm3Wk8JKzQkFoagHmCagkrYevOF17ZSGkLY0V0Rr+FceuXTdjABAkA7\
mVA4RhS1p4618s0Aj6gpALwiOqTsoYaA84/xYbN7dnY5gwZKJn3+wW/KtBA9EaqmfT+Zc9qN7QBF/pNLXxL5AkEAn9A5wKsv\
t4weq21n5kFW21sEcDswmiHG3WAmjAgcfyjeV7NiPnGE8uyTWVWqNPY9pSzrS6mcSyIjf4+n9/TzNA==";

#[test]
fn a_weak_or_public_key_is_refused() {
    let pem = |body: &str| format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
    match SigningKeys::from_pems(&pem(WEAK), &[]) {
        Err(KeyError::Invalid { reason, .. }) => assert!(reason.contains("TooSmall"), "{reason}"),
        other => panic!("{other:?}"),
    }
    let public = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
    assert!(matches!(SigningKeys::from_pems(public, &[]), Err(KeyError::Invalid { .. })));
}

#[test]
fn the_fate_of_a_refresh_token() {
    let fresh = || Presented {
        session_id: SessionId::generate(),
        user_id: UserId::generate(),
        expires_at: now() + TimeDelta::seconds(1),
        used_at: None,
        revoked_at: None,
    };
    let judge = |change: fn(&mut Presented)| {
        let mut token = fresh();
        change(&mut token);
        token.judge(now())
    };
    assert_eq!(judge(|_| {}), Verdict::Rotate);
    assert_eq!(judge(|t| t.expires_at = now()), Verdict::Refuse(Refusal::Expired));
    assert_eq!(judge(|t| t.used_at = Some(now())), Verdict::Revoke);
    assert_eq!(
        judge(|t| (t.used_at, t.expires_at) = (Some(now()), now())),
        Verdict::Revoke,
        "an old copy is a copy"
    );
    assert_eq!(
        judge(|t| (t.used_at, t.revoked_at) = (Some(now()), Some(now()))),
        Verdict::Refuse(Refusal::Revoked)
    );
}
