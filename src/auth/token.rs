//! Access tokens: the one issuer and the one verifier, for REST, WebSocket and Socket.IO alike.
//!
//! RS256 and nothing else: the algorithm never comes from the token. Times are judged by our clock, because
//! `jsonwebtoken` would read the system's.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, encode};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AccessToken, Error, Principal, Role, SigningKeys};
use crate::clock::Instant;
use crate::config::TokenConfig;
use crate::id::{SessionId, UserId};

/// How far the clocks of two machines may differ.
const LEEWAY_SECONDS: i64 = 30;
/// RFC 9068; plain `JWT` is taken as well.
const TYPE: &str = "at+jwt";
/// Ours have about 800.
const MAX_BYTES: usize = 8 * 1024;

/// Issues and verifies access tokens; cheap to clone.
#[derive(Clone)]
pub struct Tokens {
    inner: Arc<Inner>,
}

struct Inner {
    keys: SigningKeys,
    validation: Validation,
    issuer: String,
    audience: String,
    access_life: TimeDelta,
    refresh_life: TimeDelta,
}

#[derive(Serialize)]
struct Issued<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: UserId,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: String,
    sid: SessionId,
    roles: &'a [Role],
}

/// What a token must hold; `aud` is judged by the validation.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: UserId,
    exp: i64,
    nbf: Option<i64>,
    sid: SessionId,
    roles: Vec<Role>,
}

impl Tokens {
    pub fn new(keys: SigningKeys, config: &TokenConfig) -> Self {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[&config.issuer]);
        validation.set_audience(&[&config.audience]);
        // Without this a token that simply lacks `iss` or `aud` passes.
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Judged below, by our clock.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let inner = Inner {
            keys,
            validation,
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            access_life: TimeDelta::seconds(config.access_seconds),
            refresh_life: TimeDelta::seconds(config.refresh_seconds),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The public keys as a JWK set.
    pub fn jwks(&self) -> &Value {
        self.inner.keys.jwks()
    }

    /// Life of an unused refresh token.
    pub fn refresh_life(&self) -> TimeDelta {
        self.inner.refresh_life
    }

    /// Signs a token that holds from `now` for the configured life. The caller says which roles the user has.
    pub fn issue(
        &self,
        user: UserId,
        session: SessionId,
        roles: &[Role],
        now: Instant,
    ) -> Result<AccessToken, Error> {
        let inner = &*self.inner;
        let (kid, key) = inner.keys.current();
        let expires_at = whole_seconds(now + inner.access_life);
        let claims = Issued {
            iss: &inner.issuer,
            aud: &inner.audience,
            sub: user,
            iat: now.timestamp(),
            nbf: now.timestamp(),
            exp: expires_at.timestamp(),
            jti: crate::id::secret(),
            sid: session,
            roles,
        };
        let mut header = Header::new(Algorithm::RS256);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(kid.to_owned());
        let token = encode(&header, &claims, key).map_err(Error::Signing)?;
        Ok(AccessToken { token: SecretString::from(token), expires_at })
    }

    /// Checks form, type, algorithm, key, signature, issuer, audience, claims, and times with 30 s of leeway.
    /// Whether the session still lives is another question: [`super::session_live`].
    ///
    /// # Errors
    /// [`Error::TokenExpired`] for an otherwise good token, [`Error::TokenInvalid`] for everything else.
    pub fn verify(&self, token: &str, now: Instant) -> Result<Principal, Error> {
        // Three parts: five would be an encrypted token, which is somebody else's.
        if token.len() > MAX_BYTES || token.split('.').count() != 3 {
            return Err(Error::TokenInvalid);
        }
        let header = decode_header(token).map_err(|_| Error::TokenInvalid)?;
        let typed = header
            .typ
            .as_deref()
            .is_some_and(|typ| typ.eq_ignore_ascii_case(TYPE) || typ.eq_ignore_ascii_case("JWT"));
        // `crit` names extensions that must be understood (RFC 7515 §4.1.11): we know none.
        if !typed || header.alg != Algorithm::RS256 || header.crit.is_some() {
            return Err(Error::TokenInvalid);
        }
        let key = header.kid.as_deref().and_then(|kid| self.inner.keys.verifying(kid));
        let key = key.ok_or(Error::TokenInvalid)?;
        let claims =
            decode::<Claims>(token, key, &self.inner.validation).map_err(|_| Error::TokenInvalid)?.claims;
        // The crate also takes a list of issuers.
        if claims.iss != self.inner.issuer {
            return Err(Error::TokenInvalid);
        }
        let expires_at = DateTime::from_timestamp(claims.exp, 0).ok_or(Error::TokenInvalid)?;
        let now = now.timestamp();
        if claims.nbf.is_some_and(|nbf| nbf > now + LEEWAY_SECONDS) {
            return Err(Error::TokenInvalid);
        }
        if claims.exp <= now - LEEWAY_SECONDS {
            return Err(Error::TokenExpired);
        }
        Ok(Principal { user_id: claims.sub, session_id: claims.sid, roles: claims.roles, expires_at })
    }
}

fn whole_seconds(at: Instant) -> Instant {
    DateTime::from_timestamp(at.timestamp(), 0).expect("an instant without its fraction is an instant")
}
