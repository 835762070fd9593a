//! ID tokens: RS256 and nothing else, of our issuer, for us, and still good by our clock.

use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Value;

use super::jwks::Jwks;
use super::{IdentityError, OidcSettings, Person, TIMEOUT, http, subject};
use crate::client::ConfigError;
use crate::clock::Clock;

/// How far the issuer's clock may differ from ours.
const LEEWAY_SECONDS: i64 = 60;
/// Those of Google have some 1,200.
const MAX_BYTES: usize = 8 * 1024;

pub(super) struct Oidc {
    keys: Jwks,
    validation: Validation,
    /// How it may write itself; the address of ours first.
    issuers: [String; 3],
    audiences: Vec<String>,
    clock: Clock,
}

/// What an ID token says (OpenID Connect Core 1.0, 2 and 5.1).
#[derive(Deserialize)]
pub(super) struct Claims {
    iss: String,
    sub: String,
    aud: Value,
    azp: Option<String>,
    exp: i64,
    iat: i64,
    nbf: Option<i64>,
    nonce: Option<String>,
    pub email: Option<String>,
    /// Some write it as text.
    email_verified: Option<Value>,
    name: Option<String>,
    nickname: Option<String>,
    /// Google's: the organisation whose mailbox it is.
    pub hd: Option<String>,
}

impl Oidc {
    pub fn new(setting: &'static str, settings: OidcSettings, clock: Clock) -> Result<Self, ConfigError> {
        let issuer = http::base_url(setting, &settings.issuer_url)?;
        let name = issuer.as_str().trim_end_matches('/').to_owned();
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&settings.audiences);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Judged below, by our clock.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        // Google writes its name without the scheme too, others with a slash at the end.
        let (bare, slashed) = (name.trim_start_matches("https://").to_owned(), format!("{name}/"));
        let issuers = [name, bare, slashed];
        let keys = Jwks::new(http::client(setting, TIMEOUT)?, issuer, clock.clone());
        Ok(Self { keys, validation, issuers, audiences: settings.audiences, clock })
    }

    /// The issuer's address, without a slash at its end.
    pub fn url(&self) -> &str {
        &self.issuers[0]
    }

    /// # Errors
    /// `Invalid` for whatever is not a good token for us; `Away` when that cannot be known.
    pub async fn verify(&self, token: &str, nonce: Option<&str>) -> Result<Claims, IdentityError> {
        let invalid = |what: &str| IdentityError::Invalid(what.to_owned());
        if token.len() > MAX_BYTES || token.split('.').count() != 3 {
            return Err(invalid("its form"));
        }
        let header = decode_header(token).map_err(|_| invalid("its header"))?;
        if header.alg != Algorithm::RS256 || header.crit.is_some() {
            return Err(invalid("its algorithm"));
        }
        let key = self.keys.key(&header.kid.ok_or_else(|| invalid("it names no key"))?).await?;
        let decoded = decode::<Claims>(token, &key, &self.validation);
        let claims = decoded.map_err(|error| IdentityError::Invalid(error.to_string()))?.claims;
        if !self.issuers.contains(&claims.iss) {
            return Err(invalid("its issuer"));
        }
        let now = self.clock.now().timestamp();
        let begins = claims.nbf.unwrap_or(claims.iat).max(claims.iat);
        if claims.exp <= now - LEEWAY_SECONDS || begins > now + LEEWAY_SECONDS {
            return Err(invalid("its time"));
        }
        // For several, it says for whom it was made.
        let for_many = claims.aud.as_array().is_some_and(|list| list.len() > 1);
        if for_many && !claims.azp.as_ref().is_some_and(|party| self.audiences.contains(party)) {
            return Err(invalid("its party"));
        }
        if nonce.is_some_and(|nonce| claims.nonce.as_deref() != Some(nonce)) {
            return Err(invalid("its nonce"));
        }
        subject(&claims.sub)?;
        Ok(claims)
    }
}

impl Claims {
    pub fn person(self) -> Person {
        let email_verified = match self.email_verified {
            Some(Value::Bool(verified)) => verified,
            Some(Value::String(text)) => text == "true",
            _ => false,
        };
        Person { subject: self.sub, email: self.email, email_verified, name: self.name.or(self.nickname) }
    }
}
