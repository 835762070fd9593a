//! Signing in by Google, Kakao and Naver, and what of it belongs to an account.

use chrono::{DateTime, Utc};
use poem::Request;
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::types::Password;
use poem_openapi::{Enum, Object, OpenApi};

use super::answer::Done;
use super::auth::{Entry, TokensView, enter};
use super::caller::Caller;
use super::problem::Problem;
use super::text::Text;
use super::{App, Shared, Tag, throttle, unit};
use crate::auth::{self, Purpose};
use crate::client::identity::{IdentityError, Person};
use crate::context::Actor;
use crate::user::{self, Email, Identity, Locale, Named, Provider, Source, Vouched, Welcome};

pub struct SocialApi;

/// What a provider gave to the client.
#[derive(Object)]
#[oai(rename = "IdentityProof", rename_all = "camelCase", deny_unknown_fields)]
struct Proof {
    /// Of Google and Kakao.
    #[oai(validator(max_length = 8192))]
    id_token: Option<Password>,
    /// Of Naver.
    #[oai(validator(max_length = 2048))]
    access_token: Option<Password>,
    /// The one that the client gave to the provider, where it gave one.
    #[oai(validator(min_length = 1, max_length = 128))]
    nonce: Option<Text>,
}

#[derive(Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
struct SocialRequest {
    /// Of Google and Kakao.
    #[oai(validator(max_length = 8192))]
    id_token: Option<Password>,
    /// Of Naver.
    #[oai(validator(max_length = 2048))]
    access_token: Option<Password>,
    /// The one that the client gave to the provider, where it gave one.
    #[oai(validator(min_length = 1, max_length = 128))]
    nonce: Option<Text>,
    /// The six digits that were mailed to the provider's address for the purpose `register`: where the provider does not
    /// vouch for it.
    #[oai(validator(pattern = "^[0-9]{6}$"))]
    email_code: Option<Text>,
    /// Of a new account; the provider's word when absent. 1 to 80 characters.
    #[oai(validator(max_length = 200))]
    name: Option<Text>,
    locale: Locale,
    /// An IANA name such as `Asia/Seoul`.
    #[oai(validator(max_length = 64))]
    time_zone: Text,
    /// Whether an account that is being deleted shall stay.
    #[oai(default)]
    restore: bool,
}

/// Who says who somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "IdentitySource", rename_all = "snake_case")]
enum SourceView {
    Google,
    Kakao,
    Naver,
    /// A trusted issuer: `issuer` has its name.
    Issuer,
}

/// A way in by a provider or an issuer.
#[derive(Debug, Object)]
#[oai(rename = "Identity", rename_all = "camelCase", skip_serializing_if_is_none)]
struct IdentityView {
    provider: SourceView,
    /// The name of the issuer, as in `/v1/auth/issuers/{name}`.
    issuer: Option<String>,
    /// As the provider told it at the last login.
    email: Option<String>,
    /// UTC.
    created_at: DateTime<Utc>,
    /// UTC.
    used_at: DateTime<Utc>,
}

impl From<Identity> for IdentityView {
    fn from(identity: Identity) -> Self {
        let Identity { source, email, created_at, used_at } = identity;
        let (provider, issuer) = match source {
            Source::Provider(Provider::Google) => (SourceView::Google, None),
            Source::Provider(Provider::Kakao) => (SourceView::Kakao, None),
            Source::Provider(Provider::Naver) => (SourceView::Naver, None),
            Source::Issuer { name, .. } => (SourceView::Issuer, Some(name)),
        };
        Self { provider, issuer, email, created_at, used_at }
    }
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Auth")]
impl SocialApi {
    /// Log in by a provider
    ///
    /// For everybody. The provider's word is checked here. Whoever comes for the first time gets an account; where the
    /// provider does not vouch for the mailbox, that takes a code (`auth.email_code_required`, with the address). An
    /// account of the same address is joined only if its owner has proven the mailbox (`user.identity_not_linked`).
    #[oai(path = "/auth/social/:provider", method = "post", operation_id = "loginByProvider")]
    async fn sign_in(
        &self,
        app: Data<&Shared>,
        request: &Request,
        provider: Path<Provider>,
        body: Json<SocialRequest>,
    ) -> Result<Json<TokensView>, Problem> {
        let SocialRequest { id_token, access_token, nonce, email_code, name, locale, time_zone, restore } =
            body.0;
        let time_zone = time_zone.parse().map_err(|e: user::Error| e)?;
        let welcome = Welcome { locale, time_zone, name: name.map(|name| name.0) };
        throttle::joining(&app).await?;
        let vouched = check(&app, provider.0, &Proof { id_token, access_token, nonce }).await?;
        let arrival = Arrival { vouched, email_code, welcome, restore };
        Ok(Json(arrival.admit(&app, request).await?))
    }

    /// List the providers and issuers by which the caller can log in
    #[oai(path = "/me/identities", method = "get", operation_id = "listIdentities")]
    async fn list(&self, app: Data<&Shared>, caller: Caller) -> Result<Json<Vec<IdentityView>>, Problem> {
        let identities = user::identities(app.core.db.pool(), caller.user_id()).await?;
        Ok(Json(identities.into_iter().map(IdentityView::from).collect()))
    }

    /// Let the caller log in by a provider
    ///
    /// Needs a login of the last minutes (`auth.fresh_login_required`).
    #[oai(path = "/me/identities/:provider", method = "post", operation_id = "linkIdentity")]
    async fn link(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        provider: Path<Provider>,
        body: Json<Proof>,
    ) -> Result<Done, Problem> {
        link(&app, &caller, &check(&app, provider.0, &body.0).await?).await
    }

    /// Let the caller no longer log in by a provider
    ///
    /// Needs a login of the last minutes (`auth.fresh_login_required`). The last way in stays.
    #[oai(path = "/me/identities/:provider", method = "delete", operation_id = "unlinkIdentity")]
    async fn unlink(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        provider: Path<Provider>,
    ) -> Result<Done, Problem> {
        unlink(&app, &caller, Named::Provider(provider.0)).await
    }
}

/// Somebody of whom a provider or an issuer has spoken, on their way in.
pub(super) struct Arrival {
    pub vouched: Vouched,
    /// Proves the mailbox where nobody vouches for it.
    pub email_code: Option<Text>,
    pub welcome: Welcome,
    /// Whether an account that is being deleted shall stay.
    pub restore: bool,
}

const RACES: [&str; 2] = ["user.email_taken", "user.identity_taken"];

impl Arrival {
    /// Finds or makes their account, and opens a session or asks for the second factor.
    pub async fn admit(mut self, app: &App, request: &Request) -> Result<TokensView, Problem> {
        let email = self.vouched.email.clone().filter(|_| !self.vouched.email_verified);
        if let (Some(email), Some(code)) = (&email, &self.email_code) {
            throttle::login(app, email.as_str()).await?;
            let right = unit!(app, Actor::Anonymous, tx => {
                Ok(auth::try_code(tx, &app.sealer, email.as_str(), Purpose::Register, code).await?)
            })?;
            if !right {
                return Err(Problem::from(auth::Error::EmailCodeInvalid).field("emailCode"));
            }
            self.vouched.email_verified = true;
        }
        let mut found = self.arrive(app).await;
        if found.as_ref().is_err_and(|problem| RACES.contains(&problem.code())) {
            // The same person came twice at once: now the other one is there.
            found = self.arrive(app).await;
        }
        let user = found.map_err(|problem| match (problem.code(), email) {
            ("auth.email_code_required", Some(email)) => {
                problem.field("emailCode").context(serde_json::json!({ "email": email.as_str() }))
            }
            _ => problem,
        })?;
        enter(app, request, Entry { user: user.id, restore: self.restore }).await
    }

    async fn arrive(&self, app: &App) -> Result<user::User, Problem> {
        unit!(app, Actor::Anonymous, tx => { Ok(user::sign_in(tx, &self.vouched, &self.welcome).await?) })
    }
}

/// Gives the caller another way in, if their login is fresh.
pub(super) async fn link(app: &App, caller: &Caller, vouched: &Vouched) -> Result<Done, Problem> {
    let (session, most) = (caller.principal().session_id, app.core.rules.fresh_login());
    unit!(app, caller.actor(), tx => {
        auth::require_fresh(tx, session, most).await?;
        Ok(user::link_identity(tx, caller.user_id(), vouched).await?)
    })?;
    Ok(Done::Done)
}

/// Takes a way in from the caller, if their login is fresh.
pub(super) async fn unlink(app: &App, caller: &Caller, named: Named<'_>) -> Result<Done, Problem> {
    let (session, most) = (caller.principal().session_id, app.core.rules.fresh_login());
    unit!(app, caller.actor(), tx => {
        auth::require_fresh(tx, session, most).await?;
        Ok(user::unlink_identity(tx, caller.user_id(), named).await?)
    })?;
    Ok(Done::Done)
}

/// Asks the provider whether it said so.
async fn check(app: &App, provider: Provider, proof: &Proof) -> Result<Vouched, Problem> {
    let missing = |field| Problem::new("auth.identity_invalid").field(field);
    let nonce = proof.nonce.as_deref();
    let id_token = proof.id_token.as_ref().map(|token| token.as_str()).ok_or_else(|| missing("idToken"));
    let person = match provider {
        Provider::Google => app.identities.google(id_token?, nonce).await?,
        Provider::Kakao => app.identities.kakao(id_token?, nonce).await?,
        Provider::Naver => {
            let token = proof.access_token.as_ref().map(|token| token.as_str());
            app.identities.naver(token.ok_or_else(|| missing("accessToken"))?).await?
        }
    };
    Ok(vouched(Source::Provider(provider), person))
}

/// What was said of somebody, with their address if it is one.
pub(super) fn vouched(source: Source, person: Person) -> Vouched {
    let email = person.email.as_deref().and_then(|email| Email::parse(email).ok());
    let email_verified = person.email_verified && email.is_some();
    Vouched { source, subject: person.subject, email, email_verified, name: person.name }
}

impl From<IdentityError> for Problem {
    fn from(error: IdentityError) -> Self {
        let code = match error {
            IdentityError::Off => "auth.provider_off",
            IdentityError::Invalid(_) => "auth.identity_invalid",
            IdentityError::Away(_) => "auth.provider_unavailable",
        };
        Self::new(code).because(error)
    }
}
