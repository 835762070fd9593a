//! The stand-in for whoever says who somebody is: Google and Kakao sign ID tokens (`/oidc/google`, `/oidc/kakao`, with
//! discovery and keys), and so does an issuer of any other name, each by keys of its own; Naver answers for access tokens
//! (`/naver/v1/nid/me`). Whom a token is for is whatever it is asked to be.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use poem::http::StatusCode;
use poem::web::{Data, Json, Path};
use poem::{IntoResponse, Response, handler};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::handle::Handle;
use crate::id;
use crate::state::Shared;

/// Whom tokens are for when nobody says otherwise.
pub const IDENTITY_AUDIENCE: &str = "konnect-sandbox";

#[derive(Default)]
pub(crate) struct Identity {
    /// Of each issuer, the newest last: it signs.
    keys: HashMap<String, Vec<(String, EncodingKey)>>,
    /// By access token.
    naver: HashMap<String, Value>,
    fetches: usize,
    down: bool,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

impl Identity {
    /// The first one is made when it is asked for: that takes a moment.
    fn keys(&mut self, issuer: &str) -> &[(String, EncodingKey)] {
        if !self.keys.contains_key(issuer) {
            self.rotate(issuer);
        }
        &self.keys[issuer]
    }

    fn rotate(&mut self, issuer: &str) {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("an RSA key can be made");
        let der: Pkcs8V1Der<'_> = pair.as_der().expect("a key can be written");
        let lines = STANDARD.encode(der.as_ref()).into_bytes();
        let lines: Vec<_> = lines.chunks(64).map(String::from_utf8_lossy).collect();
        let (begin, end) = ("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----");
        let pem = format!("{begin}\n{}\n{end}\n", lines.join("\n"));
        let key = EncodingKey::from_rsa_pem(pem.as_bytes()).expect("the key just made");
        self.keys.entry(issuer.to_owned()).or_default().push((id::access_token(), key));
    }

    fn sign(&mut self, issuer: &str, claims: &Value) -> String {
        let (kid, key) = self.keys(issuer).last().expect("one was made");
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(kid.clone());
        encode(&header, claims, key).expect("RS256 signs any claims")
    }

    fn jwks(&mut self, issuer: &str) -> Value {
        let key = |(kid, key): &(String, EncodingKey)| {
            let mut jwk =
                Jwk::from_encoding_key(key, Algorithm::RS256).expect("an RSA key has a public half");
            jwk.common.key_id = Some(kid.clone());
            jwk.common.public_key_use = Some(PublicKeyUse::Signature);
            jwk
        };
        json!({ "keys": self.keys(issuer).iter().map(key).collect::<Vec<_>>() })
    }
}

/// Who somebody is.
impl Handle {
    /// An ID token of `google`, `kakao` or any other issuer here, good for an hour, with these claims on top.
    pub fn id_token(&self, issuer: &str, claims: Value) -> String {
        let now = self.now().timestamp();
        let mut all = json!({
            "iss": format!("{}/oidc/{issuer}", self.url()), "aud": IDENTITY_AUDIENCE, "iat": now, "exp": now + 3_600,
        });
        for (name, value) in claims.as_object().into_iter().flatten() {
            all[name] = value.clone();
        }
        self.shared.lock().identity.sign(issuer, &all)
    }

    /// An access token of Naver that stands for this profile.
    pub fn naver_token(&self, profile: Value) -> String {
        let token = id::access_token();
        self.shared.lock().identity.naver.insert(token.clone(), profile);
        token
    }

    /// From now on tokens are signed by other keys; the old ones stay good.
    pub fn rotate_identity_key(&self) {
        let mut state = self.shared.lock();
        let issuers: Vec<String> = state.identity.keys.keys().cloned().collect();
        issuers.iter().for_each(|issuer| state.identity.rotate(issuer));
    }

    /// How often keys were fetched, of all issuers together.
    pub fn identity_fetches(&self) -> usize {
        self.shared.lock().identity.fetches
    }

    /// The providers go away, or come back.
    pub fn identity_down(&self, down: bool) {
        self.shared.lock().identity.down = down;
    }
}

/// `GET /oidc/google/.well-known/openid-configuration`, and those of others.
#[handler]
pub(crate) fn discovery(Path(provider): Path<String>, Data(shared): Data<&Arc<Shared>>) -> Response {
    if shared.lock().identity.down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let issuer = format!("{}/oidc/{provider}", shared.url);
    let keys = format!("{issuer}/jwks.json");
    Json(json!({ "issuer": issuer, "jwks_uri": keys })).into_response()
}

/// `GET /oidc/google/jwks.json`, and those of others.
#[handler]
pub(crate) fn key_set(Path(issuer): Path<String>, Data(shared): Data<&Arc<Shared>>) -> Json<Value> {
    let mut state = shared.lock();
    state.identity.fetches += 1;
    Json(state.identity.jwks(&issuer))
}

/// `GET /naver/v1/nid/me`.
#[handler]
pub(crate) fn naver(request: &poem::Request, Data(shared): Data<&Arc<Shared>>) -> Response {
    let state = shared.lock();
    if state.identity.down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let token = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    match token.and_then(|token| state.identity.naver.get(token)) {
        Some(profile) => {
            Json(json!({ "resultcode": "00", "message": "success", "response": profile })).into_response()
        }
        None => {
            let refused = json!({ "resultcode": "024", "message": "Authentication failed" });
            Json(refused).with_status(StatusCode::UNAUTHORIZED).into_response()
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct Wanted {
    provider: String,
    /// Claims of a token, or a profile of Naver.
    claims: Value,
}

/// `POST /sandbox/identity`: somebody has agreed at the provider's page, and the client gets this.
#[handler]
pub(crate) fn issue(Json(wanted): Json<Wanted>, Data(handle): Data<&Handle>) -> Json<Value> {
    Json(match wanted.provider.as_str() {
        "naver" => json!({ "accessToken": handle.naver_token(wanted.claims) }),
        provider @ ("google" | "kakao") => json!({ "idToken": handle.id_token(provider, wanted.claims) }),
        issuer => json!({ "token": handle.id_token(issuer, wanted.claims) }),
    })
}
