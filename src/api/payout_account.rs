//! Where the caller is paid. A change needs a login of a few minutes ago: a token that was stolen cannot make one.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use secrecy::SecretString;

use super::caller::Caller;
use super::payout_words::{obstacle, refusal};
use super::problem::Problem;
use super::text::Text;
use super::{Shared, Tag, request, unit};
use crate::auth;
use crate::clock::Instant;
use crate::id::PayoutAccountId;
use crate::payout::{
    self, AccountState, BusinessType, NewAccount, PayoutAccount, SellerStatus, Skip, Standing,
};

pub struct PayoutAccountApi;

/// The caller's bank account. The number is shown masked alone.
#[derive(Debug, Object)]
#[oai(rename = "PayoutAccount", rename_all = "camelCase", skip_serializing_if_is_none)]
struct AccountView {
    id: PayoutAccountId,
    /// Send it back as `expectedVersion`.
    version: i64,
    business_type: BusinessType,
    /// Of the person or the company.
    name: String,
    representative_name: Option<String>,
    business_number: Option<String>,
    email: String,
    phone: String,
    bank_code: String,
    /// Stars and the last four digits.
    account_number: String,
    holder_name: String,
    state: AccountState,
    /// How far the payment provider has checked the caller.
    seller_status: SellerStatus,
    /// Nothing is paid out before (UTC).
    frozen_until: Option<DateTime<Utc>>,
    /// The provider's or the bank's code, when it was rejected.
    error_code: Option<String>,
    /// What stands in the way of a payout now; absent when nothing does.
    obstacle: Option<Skip>,
    /// The same in words, in the language of `Accept-Language`.
    guidance: Option<String>,
    created_at: DateTime<Utc>,
}

impl AccountView {
    fn new(standing: Standing, now: Instant) -> Self {
        let obstacle = standing.destination(now).err();
        let Standing { account, seller } = standing;
        let guidance = match (&account.error_code, obstacle) {
            (Some(code), _) => Some(refusal(code, request::lang())),
            (None, Some(skip)) => Some(self::obstacle(skip, request::lang())),
            (None, None) => None,
        };
        let PayoutAccount { id, version, business_type, state, frozen_until, created_at, .. } = account;
        Self {
            id,
            version,
            business_type,
            account_number: account.masked(),
            name: account.name,
            representative_name: account.representative_name,
            business_number: account.business_number,
            email: account.email,
            phone: account.phone,
            bank_code: account.bank_code,
            holder_name: account.holder_name,
            state,
            seller_status: seller.map_or(SellerStatus::Unknown, |seller| seller.status),
            frozen_until: frozen_until.filter(|until| *until > now),
            error_code: account.error_code,
            obstacle,
            guidance: guidance.map(str::to_owned),
            created_at,
        }
    }
}

/// A bank account of the caller's own.
#[derive(Object)]
#[oai(rename = "PayoutAccountRequest", rename_all = "camelCase", deny_unknown_fields)]
struct AccountRequest {
    /// The version that was read; 0 for the first account.
    #[oai(validator(minimum(value = "0")))]
    expected_version: i64,
    business_type: BusinessType,
    /// Of the person or the company.
    #[oai(validator(min_length = 1, max_length = 60))]
    name: Text,
    /// Of a business alone.
    #[oai(validator(min_length = 1, max_length = 60))]
    representative_name: Option<Text>,
    /// 10 digits; of a business alone.
    #[oai(validator(pattern = "^[0-9]{10}$"))]
    business_number: Option<Text>,
    /// The provider writes there about the identity check.
    #[oai(validator(min_length = 3, max_length = 100))]
    email: Text,
    /// Digits alone.
    #[oai(validator(pattern = "^[0-9]{8,15}$"))]
    phone: Text,
    /// The bank's code of 2 or 3 digits.
    #[oai(validator(pattern = "^[0-9]{2,3}$"))]
    bank_code: Text,
    /// Digits alone.
    #[oai(validator(pattern = "^[0-9]{6,20}$"))]
    account_number: Text,
    #[oai(validator(min_length = 1, max_length = 60))]
    holder_name: Text,
}

impl From<AccountRequest> for NewAccount {
    fn from(r: AccountRequest) -> Self {
        Self {
            business_type: r.business_type,
            name: r.name.0,
            representative_name: r.representative_name.map(|text| text.0),
            business_number: r.business_number.map(|text| text.0),
            email: r.email.0,
            phone: r.phone.0,
            bank_code: r.bank_code.0,
            number: SecretString::from(r.account_number.0),
            holder_name: r.holder_name.0,
        }
    }
}

#[OpenApi(prefix_path = "/v1/me", tag = "Tag::Earnings")]
impl PayoutAccountApi {
    /// Show the caller's payout account
    #[oai(path = "/payout-account", method = "get", operation_id = "getPayoutAccount")]
    async fn get(&self, app: Data<&Shared>, caller: Caller) -> Result<Json<AccountView>, Problem> {
        let mentor = caller.mentor()?;
        let standing = payout::standing(app.core.db.pool(), mentor).await?;
        let standing = standing.ok_or(payout::Error::AccountNotFound)?;
        Ok(Json(AccountView::new(standing, app.core.clock.now())))
    }

    /// Set the caller's payout account
    ///
    /// Needs a login of the last minutes (`auth.fresh_login_required`). A change freezes payouts for a day, and tells
    /// the caller and the contact of the account before. The provider is told of it afterwards: see `state`.
    #[oai(path = "/payout-account", method = "put", operation_id = "setPayoutAccount")]
    async fn set(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        body: Json<AccountRequest>,
    ) -> Result<Json<AccountView>, Problem> {
        let mentor = caller.mentor()?;
        let session = caller.principal().session_id;
        let rules = &app.core.rules;
        let expected = body.expected_version;
        let new = NewAccount::from(body.0);
        let account = unit!(app, caller.actor(), tx => {
            auth::require_fresh(tx, session, rules.fresh_login()).await?;
            Ok(payout::set_account(tx, rules, &app.sealer, mentor, &new, expected).await?)
        })?;
        // The payee of a changed account is told of it by a job: until then nothing can be paid.
        let standing = Standing { account, seller: None };
        Ok(Json(AccountView::new(standing, app.core.clock.now())))
    }
}

impl From<payout::Error> for Problem {
    fn from(error: payout::Error) -> Self {
        match error {
            payout::Error::Mentor(inner) => inner.into(),
            payout::Error::AccountInvalid { field, rule } => {
                Self::of(error.code(), error).field(field).context(serde_json::json!({ "rule": rule }))
            }
            other => Self::of(other.code(), other),
        }
    }
}
