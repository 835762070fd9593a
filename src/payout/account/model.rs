//! Bank accounts of mentors, and the payees that the provider makes of them. Pure.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::clock::Instant;
use crate::id::{PayoutAccountId, UserId};
use crate::payout::Skip;
use crate::payout::error::Error;
use crate::user::Email;

/// Who is paid, before the law.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[oai(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BusinessType {
    Individual,
    /// A sole trader.
    IndividualBusiness,
    Corporate,
}

crate::words!(BusinessType {
    Individual => "individual",
    IndividualBusiness => "individual_business",
    Corporate => "corporate",
});

impl BusinessType {
    /// Whether there is a business registration, so that no income tax is withheld.
    pub fn is_business(self) -> bool {
        self != Self::Individual
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "PayoutAccountState")]
pub enum AccountState {
    /// The provider is being told of it.
    Registering,
    Registered,
    /// The provider or the bank refused it: give another one.
    Rejected,
    /// Another account took its place.
    Superseded,
}

crate::words!(AccountState {
    Registering => "registering",
    Registered => "registered",
    Rejected => "rejected",
    Superseded => "superseded",
});

/// How far the provider has checked a payee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "PayoutSellerStatus")]
pub enum SellerStatus {
    /// Not registered, or in a state that we have no word for.
    Unknown,
    /// The mentor must prove who they are; nothing is paid before.
    ApprovalRequired,
    /// Paid, up to [`WEEKLY_LIMIT`](crate::payout::WEEKLY_LIMIT).
    PartiallyApproved,
    /// The provider checks again; nothing is paid before.
    KycRequired,
    /// Paid without a limit.
    Approved,
}

crate::words!(SellerStatus {
    Unknown => "unknown",
    ApprovalRequired => "approval_required",
    PartiallyApproved => "partially_approved",
    KycRequired => "kyc_required",
    Approved => "approved",
});

impl SellerStatus {
    pub fn can_be_paid(self) -> bool {
        matches!(self, Self::PartiallyApproved | Self::Approved)
    }
}

/// One version of a mentor's bank account.
#[derive(Clone, sqlx::FromRow)]
pub struct PayoutAccount {
    pub id: PayoutAccountId,
    pub mentor_id: UserId,
    pub version: i64,
    pub business_type: BusinessType,
    pub name: String,
    pub representative_name: Option<String>,
    pub business_number: Option<String>,
    pub email: String,
    pub phone: String,
    pub bank_code: String,
    pub holder_name: String,
    /// Absent once nobody needs the number any more.
    pub number_sealed: Option<Vec<u8>>,
    /// The last digits of the number.
    pub number_tail: String,
    pub state: AccountState,
    pub error_code: Option<String>,
    pub idempotency_key: String,
    /// Nothing is paid out before.
    pub frozen_until: Option<Instant>,
    pub created_at: Instant,
    pub updated_at: Instant,
}

impl PayoutAccount {
    /// The number as it is shown: stars and the last digits.
    pub fn masked(&self) -> String {
        format!("******{}", self.number_tail)
    }

    pub fn is_frozen(&self, now: Instant) -> bool {
        self.frozen_until.is_some_and(|until| until > now)
    }
}

impl fmt::Debug for PayoutAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayoutAccount")
            .field("id", &self.id)
            .field("version", &self.version)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// A payee.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Seller {
    pub mentor_id: UserId,
    pub business_type: BusinessType,
    pub ref_seller_id: String,
    pub provider_seller_id: Option<String>,
    pub status: SellerStatus,
    pub asked_account_id: Option<PayoutAccountId>,
    pub asked_at: Option<Instant>,
}

/// A mentor's account with its payee.
#[derive(Clone, Debug)]
pub struct Standing {
    pub account: PayoutAccount,
    pub seller: Option<Seller>,
}

/// Where a payout may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    pub account_id: PayoutAccountId,
    /// The provider's id of the payee.
    pub seller_id: String,
    /// Whether the provider pays [`WEEKLY_LIMIT`](crate::payout::WEEKLY_LIMIT) a week at most.
    pub is_limited: bool,
}

impl Standing {
    /// Where the mentor can be paid now.
    ///
    /// # Errors
    /// What stands in the way.
    pub fn destination(&self, now: Instant) -> Result<Destination, Skip> {
        let account = &self.account;
        match account.state {
            AccountState::Registering => return Err(Skip::AccountRegistering),
            AccountState::Rejected => return Err(Skip::AccountRejected),
            AccountState::Superseded => return Err(Skip::NoAccount),
            AccountState::Registered if account.is_frozen(now) => return Err(Skip::AccountFrozen),
            AccountState::Registered => {}
        }
        let seller = self.seller.as_ref().ok_or(Skip::AccountRegistering)?;
        let seller_id = seller.provider_seller_id.clone().ok_or(Skip::AccountRegistering)?;
        match seller.status {
            SellerStatus::Unknown | SellerStatus::ApprovalRequired => Err(Skip::ApprovalRequired),
            SellerStatus::KycRequired => Err(Skip::KycRequired),
            SellerStatus::PartiallyApproved => {
                Ok(Destination { account_id: account.id, seller_id, is_limited: true })
            }
            SellerStatus::Approved => {
                Ok(Destination { account_id: account.id, seller_id, is_limited: false })
            }
        }
    }
}

/// A bank account as a mentor gives it. Its `Debug` shows nothing of it.
pub struct NewAccount {
    pub business_type: BusinessType,
    /// Of the person or the company, 1 to 60 characters.
    pub name: String,
    /// Of a business alone.
    pub representative_name: Option<String>,
    /// 10 digits, of a business alone.
    pub business_number: Option<String>,
    pub email: String,
    /// 8 to 15 digits.
    pub phone: String,
    /// The provider's numeric code of the bank, 2 or 3 digits.
    pub bank_code: String,
    /// 6 to 20 digits.
    pub number: SecretString,
    /// 30 Hangul or 60 Latin letters at most.
    pub holder_name: String,
}

impl NewAccount {
    /// # Errors
    /// `AccountInvalid` with the field that is to blame.
    pub fn check(&self) -> Result<(), Error> {
        let is_business = self.business_type.is_business();
        let rules = [
            (is_name(&self.name), "name", "1 to 60 characters"),
            (
                self.representative_name.is_some() == is_business
                    && self.representative_name.as_deref().is_none_or(is_name),
                "representativeName",
                "1 to 60 characters, of a business alone",
            ),
            (
                self.business_number.is_some() == is_business
                    && self.business_number.as_deref().is_none_or(|number| is_digits(number, 10, 10)),
                "businessNumber",
                "10 digits, of a business alone",
            ),
            (Email::parse(&self.email).is_ok() && self.email.len() <= 100, "email", "an e-mail address"),
            (is_digits(&self.phone, 8, 15), "phone", "8 to 15 digits"),
            (is_digits(&self.bank_code, 2, 3), "bankCode", "the bank's code of 2 or 3 digits"),
            (is_digits(self.number.expose_secret(), 6, 20), "accountNumber", "6 to 20 digits"),
            (
                is_name(&self.holder_name) && width(&self.holder_name) <= 60,
                "holderName",
                "up to 30 Hangul or 60 Latin letters",
            ),
        ];
        match rules.into_iter().find(|(holds, _, _)| !holds) {
            Some((_, field, rule)) => Err(Error::AccountInvalid { field, rule }),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for NewAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewAccount").finish_non_exhaustive()
    }
}

fn is_name(text: &str) -> bool {
    (1..=60).contains(&text.chars().count()) && text.trim() == text && !text.chars().any(char::is_control)
}

fn is_digits(text: &str, least: usize, most: usize) -> bool {
    (least..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Latin letters count once, all others twice.
fn width(text: &str) -> usize {
    text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(business_type: BusinessType) -> NewAccount {
        let is_business = business_type.is_business();
        NewAccount {
            business_type,
            name: "김민아".into(),
            representative_name: is_business.then(|| "김민아".into()),
            business_number: is_business.then(|| "1234567890".into()),
            email: "mina@konnect.test".into(),
            phone: "01012345678".into(),
            bank_code: "088".into(),
            number: "110123456789".to_owned().into(),
            holder_name: "김민아".into(),
        }
    }

    fn blamed(change: impl FnOnce(&mut NewAccount)) -> &'static str {
        let mut account = good(BusinessType::Individual);
        change(&mut account);
        match account.check() {
            Err(Error::AccountInvalid { field, .. }) => field,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_field_has_its_rule() {
        for kind in BusinessType::ALL {
            good(*kind).check().expect("it is good");
        }
        assert_eq!(blamed(|a| a.name = String::new()), "name");
        assert_eq!(blamed(|a| a.name = " 김민아".into()), "name");
        assert_eq!(blamed(|a| a.representative_name = Some("대표".into())), "representativeName");
        assert_eq!(blamed(|a| a.business_number = Some("1234567890".into())), "businessNumber");
        assert_eq!(blamed(|a| a.email = "mina".into()), "email");
        assert_eq!(blamed(|a| a.phone = "+82-10".into()), "phone");
        assert_eq!(blamed(|a| a.bank_code = "KB".into()), "bankCode");
        assert_eq!(blamed(|a| a.number = "1".repeat(21).into()), "accountNumber");
        assert_eq!(blamed(|a| a.number = "110-123-456789".to_owned().into()), "accountNumber");
        assert_eq!(blamed(|a| a.holder_name = "가".repeat(31)), "holderName");
        let mut company = good(BusinessType::Corporate);
        company.business_number = Some("123".into());
        assert!(company.check().is_err());
        company.business_number = None;
        assert!(company.check().is_err());
    }

    #[test]
    fn nothing_of_it_is_printed() {
        let account = good(BusinessType::Individual);
        assert_eq!(format!("{account:?}"), "NewAccount { .. }");
    }
}
