//! Signing in by the token of an issuer that the operator trusts.
//!
//! The token is exchanged for a session of ours (in the spirit of RFC 8693) and is good for nothing else: what ends, limits
//! and watches sessions holds for whoever came by it as for everybody.

use poem::Request;
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::types::Password;
use poem_openapi::{Object, OpenApi};

use super::answer::Done;
use super::auth::TokensView;
use super::caller::Caller;
use super::problem::Problem;
use super::social::{Arrival, link, unlink, vouched};
use super::text::Text;
use super::{App, Shared, Tag, throttle};
use crate::client::identity::IdentityError;
use crate::user::{self, Locale, Named, Source, Vouched, Welcome};

pub struct IssuersApi;

/// What an issuer gave to the client.
#[derive(Object)]
#[oai(rename = "IssuerProof", rename_all = "camelCase", deny_unknown_fields)]
struct Proof {
    /// A JWT of the issuer, signed by RS256 and for one of the audiences that the operator names.
    #[oai(validator(max_length = 8192))]
    token: Password,
    /// The one that the client gave to the issuer, where it gave one.
    #[oai(validator(min_length = 1, max_length = 128))]
    nonce: Option<Text>,
}

#[derive(Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
struct ExchangeRequest {
    /// A JWT of the issuer, signed by RS256 and for one of the audiences that the operator names.
    #[oai(validator(max_length = 8192))]
    token: Password,
    /// The one that the client gave to the issuer, where it gave one.
    #[oai(validator(min_length = 1, max_length = 128))]
    nonce: Option<Text>,
    /// The six digits that were mailed to the token's address for the purpose `register`: where the issuer does not vouch for
    /// it.
    #[oai(validator(pattern = "^[0-9]{6}$"))]
    email_code: Option<Text>,
    /// Of a new account; the issuer's word when absent. 1 to 80 characters.
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

#[OpenApi(prefix_path = "/v1", tag = "Tag::Auth")]
impl IssuersApi {
    /// Exchange the token of a trusted issuer for a session
    ///
    /// For everybody. The issuers are the operator's choice (`auth.provider_off` for any other name). Whoever comes for the
    /// first time gets an account; where the issuer does not vouch for the mailbox, that takes a code
    /// (`auth.email_code_required`, with the address). An account of the same address is joined only if its owner has proven
    /// the mailbox (`user.identity_not_linked`). The issuer's token opens no other door.
    #[oai(path = "/auth/issuers/:name", method = "post", operation_id = "loginByIssuer")]
    async fn exchange(
        &self,
        app: Data<&Shared>,
        request: &Request,
        name: Path<String>,
        body: Json<ExchangeRequest>,
    ) -> Result<Json<TokensView>, Problem> {
        let ExchangeRequest { token, nonce, email_code, name: own, locale, time_zone, restore } = body.0;
        let time_zone = time_zone.parse().map_err(|e: user::Error| e)?;
        let welcome = Welcome { locale, time_zone, name: own.map(|name| name.0) };
        throttle::joining(&app).await?;
        let vouched = check(&app, &name, &Proof { token, nonce }).await?;
        let arrival = Arrival { vouched, email_code, welcome, restore };
        Ok(Json(arrival.admit(&app, request).await?))
    }

    /// Let the caller log in by a trusted issuer
    ///
    /// Needs a login of the last minutes (`auth.fresh_login_required`).
    #[oai(path = "/me/identities/issuers/:name", method = "post", operation_id = "linkIssuer")]
    async fn link(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        name: Path<String>,
        body: Json<Proof>,
    ) -> Result<Done, Problem> {
        link(&app, &caller, &check(&app, &name, &body.0).await?).await
    }

    /// Let the caller no longer log in by a trusted issuer
    ///
    /// Also by one that is trusted no more. Needs a login of the last minutes (`auth.fresh_login_required`). The last way in
    /// stays.
    #[oai(path = "/me/identities/issuers/:name", method = "delete", operation_id = "unlinkIssuer")]
    async fn unlink(&self, app: Data<&Shared>, caller: Caller, name: Path<String>) -> Result<Done, Problem> {
        unlink(&app, &caller, Named::Issuer(&name.0)).await
    }
}

/// What the issuer's token says, if it is a good one for us.
async fn check(app: &App, name: &str, proof: &Proof) -> Result<Vouched, Problem> {
    let person = app.identities.issuer(name, &proof.token, proof.nonce.as_deref()).await?;
    let url = app.identities.issuer_url(name).ok_or(IdentityError::Off)?;
    Ok(vouched(Source::Issuer { name: name.to_owned(), url: url.to_owned() }, person))
}
