//! Who somebody is, as Google, Kakao, Naver and the issuers say that the operator trusts. What a client hands over is a claim
//! until it was checked here: Naver is asked, all others sign theirs (OpenID Connect Core 1.0).

mod jwks;
mod naver;
mod oidc;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::{ConfigError, http};
use crate::clock::Clock;
use naver::Naver;
use oidc::Oidc;

/// For one exchange with a provider: somebody waits for it.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Longer ones belong to nobody.
const LONGEST_SUBJECT: usize = 255;

/// What a provider says of somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Names the person for ever, at this provider and for our application.
    pub subject: String,
    /// As the provider wrote it; not checked to be one.
    pub email: Option<String>,
    /// Whether the provider vouches that the person reads that mailbox.
    pub email_verified: bool,
    pub name: Option<String>,
}

/// Why nobody was recognised. Holds no token.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("this provider is not set up")]
    Off,
    #[error("not what the provider gives to us: {0}")]
    Invalid(String),
    /// Nothing is known of the token.
    #[error("the provider does not answer: {0}")]
    Away(String),
}

/// Where the providers are, and as whom they know us.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub google: Option<OidcSettings>,
    pub kakao: Option<OidcSettings>,
    /// The address of Naver's open API.
    pub naver_url: Option<String>,
    pub issuers: Vec<IssuerSettings>,
}

#[derive(Clone, Debug)]
pub struct OidcSettings {
    /// The issuer; its keys are found through `/.well-known/openid-configuration` below it.
    pub issuer_url: String,
    /// Whom a token must be for.
    pub audiences: Vec<String>,
}

/// An issuer that the operator trusts.
#[derive(Clone, Debug)]
pub struct IssuerSettings {
    pub name: String,
    pub oidc: OidcSettings,
    /// Whether its word about mailboxes counts.
    pub vouches_for_email: bool,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Identities {
    inner: Arc<Inner>,
}

struct Inner {
    google: Option<Oidc>,
    kakao: Option<Oidc>,
    naver: Option<Naver>,
    /// By name.
    issuers: HashMap<String, Issuer>,
}

struct Issuer {
    oidc: Oidc,
    vouches_for_email: bool,
}

impl Identities {
    /// # Errors
    /// An address is none.
    pub fn new(settings: Settings, clock: &Clock) -> Result<Self, ConfigError> {
        let oidc = |name, settings: Option<OidcSettings>| {
            settings.map(|settings| Oidc::new(name, settings, clock.clone())).transpose()
        };
        let mut issuers = HashMap::new();
        for IssuerSettings { name, oidc, vouches_for_email } in settings.issuers {
            let oidc = Oidc::new("KONNECT_TRUSTED_ISSUERS", oidc, clock.clone())?;
            issuers.insert(name, Issuer { oidc, vouches_for_email });
        }
        let inner = Inner {
            google: oidc("GOOGLE_ISSUER_URL", settings.google)?,
            kakao: oidc("KAKAO_ISSUER_URL", settings.kakao)?,
            naver: settings.naver_url.map(|url| Naver::new(&url)).transpose()?,
            issuers,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Checks an ID token of Google. Google vouches for the mailboxes that it keeps itself; for another one its word is
    /// as old as the account.
    pub async fn google(&self, id_token: &str, nonce: Option<&str>) -> Result<Person, IdentityError> {
        let claims = self.inner.google.as_ref().ok_or(IdentityError::Off)?.verify(id_token, nonce).await?;
        let keeps = claims.hd.is_some() || claims.email.as_deref().is_some_and(is_gmail);
        let person = claims.person();
        Ok(Person { email_verified: person.email_verified && keeps, ..person })
    }

    /// Checks an ID token of Kakao.
    pub async fn kakao(&self, id_token: &str, nonce: Option<&str>) -> Result<Person, IdentityError> {
        let claims = self.inner.kakao.as_ref().ok_or(IdentityError::Off)?.verify(id_token, nonce).await?;
        Ok(claims.person())
    }

    /// Asks Naver whose access token it is. Naver does not say for which application a token was issued, so its word about
    /// the mailbox is worth nothing here; its ids are those of one application alone.
    pub async fn naver(&self, access_token: &str) -> Result<Person, IdentityError> {
        self.inner.naver.as_ref().ok_or(IdentityError::Off)?.ask(access_token).await
    }

    /// Checks a token of the issuer that the operator calls so.
    pub async fn issuer(
        &self,
        name: &str,
        token: &str,
        nonce: Option<&str>,
    ) -> Result<Person, IdentityError> {
        let issuer = self.inner.issuers.get(name).ok_or(IdentityError::Off)?;
        let person = issuer.oidc.verify(token, nonce).await?.person();
        Ok(Person { email_verified: person.email_verified && issuer.vouches_for_email, ..person })
    }

    /// The address of the issuer that the operator calls so, without a slash at its end.
    pub fn issuer_url(&self, name: &str) -> Option<&str> {
        Some(self.inner.issuers.get(name)?.oidc.url())
    }
}

fn is_gmail(email: &str) -> bool {
    email.rsplit_once('@').is_some_and(|(_, domain)| domain.eq_ignore_ascii_case("gmail.com"))
}

/// A subject that can stand in a row.
fn subject(text: &str) -> Result<String, IdentityError> {
    let fits = !text.is_empty() && text.len() <= LONGEST_SUBJECT && !text.chars().any(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err(IdentityError::Invalid("the subject".to_owned())) }
}
