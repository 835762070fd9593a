//! A seller: who is paid, on which account, and how far the checks have come.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::envelope::Written;
use crate::toss::account::{is_account_number, is_bank};
use crate::toss::errors::TossError;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BusinessType {
    Individual,
    IndividualBusiness,
    Corporate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SellerStatus {
    /// The identity must be checked; no payouts.
    ApprovalRequired,
    /// Up to 10,000,000 won a week.
    PartiallyApproved,
    /// More was asked for; no payouts until the review.
    KycRequired,
    Approved,
}

impl SellerStatus {
    pub(super) fn of_new(business: BusinessType) -> Self {
        if business == BusinessType::Corporate { Self::PartiallyApproved } else { Self::ApprovalRequired }
    }

    pub(super) fn may_be_paid(self) -> bool {
        matches!(self, Self::PartiallyApproved | Self::Approved)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Individual {
    pub name: String,
    pub email: String,
    pub phone: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Company {
    pub name: String,
    pub representative_name: String,
    /// Ten digits.
    pub business_registration_number: String,
    pub email: String,
    pub phone: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    pub bank_code: String,
    pub account_number: String,
    pub holder_name: String,
}

/// What a caller says of a seller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Profile {
    pub(super) ref_seller_id: String,
    pub(super) business_type: BusinessType,
    #[serde(default)]
    pub(super) individual: Option<Individual>,
    #[serde(default)]
    pub(super) company: Option<Company>,
    pub(super) account: Account,
    #[serde(default)]
    pub(super) metadata: Option<BTreeMap<String, String>>,
}

impl Profile {
    /// The rules of the registration.
    pub(super) fn check(&self) -> Result<(), TossError> {
        let person = match (self.business_type, &self.individual, &self.company) {
            (BusinessType::Individual, Some(who), None) => is_person(&who.name, &who.email, &who.phone),
            (BusinessType::IndividualBusiness | BusinessType::Corporate, None, Some(who)) => {
                is_person(&who.name, &who.email, &who.phone)
                    && is_text(&who.representative_name, 40)
                    && is_digits(&who.business_registration_number, 10..=10)
            }
            _ => false,
        };
        let account = &self.account;
        // Thirty Hangul letters or sixty Latin ones.
        let width: usize = account.holder_name.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum();
        let valid = person
            && (1..=60).contains(&width)
            && is_bank(&account.bank_code)
            && is_account_number(&account.account_number)
            && self.metadata.as_ref().is_none_or(is_metadata);
        if valid { Ok(()) } else { Err(TossError::of("INVALID_REQUEST")) }
    }
}

/// At most five pairs of short texts.
pub(super) fn is_metadata(metadata: &BTreeMap<String, String>) -> bool {
    metadata.len() <= 5
        && metadata.iter().all(|(key, value)| is_text(key, 40) && value.chars().count() <= 500)
}

fn is_person(name: &str, email: &str, phone: &str) -> bool {
    is_text(name, 60) && is_text(email, 100) && email.contains('@') && is_digits(phone, 8..=15)
}

fn is_text(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.trim().chars().count())
}

fn is_digits(text: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_digit())
}

/// A registered seller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Seller {
    /// The provider's id: the `destination` of a payout.
    pub id: String,
    /// The merchant's own; never usable for another one, not even after a delete.
    pub ref_seller_id: String,
    pub business_type: BusinessType,
    pub company: Option<Company>,
    pub individual: Option<Individual>,
    pub status: SellerStatus,
    pub account: Account,
    pub metadata: Option<BTreeMap<String, String>>,
}

impl Seller {
    pub(super) fn new(id: String, status: SellerStatus, profile: Profile) -> Self {
        let Profile { ref_seller_id, business_type, individual, company, account, metadata } = profile;
        Self { id, ref_seller_id, business_type, company, individual, status, account, metadata }
    }

    pub(super) fn profile(&self) -> Profile {
        Profile {
            ref_seller_id: self.ref_seller_id.clone(),
            business_type: self.business_type,
            individual: self.individual.clone(),
            company: self.company.clone(),
            account: self.account.clone(),
            metadata: self.metadata.clone(),
        }
    }

    /// As it is written in an answer, or (masked) in a webhook.
    pub(crate) fn wire(&self, written: Written) -> Self {
        let mut seller = self.clone();
        if written == Written::Masked {
            seller.account.account_number = masked(&seller.account.account_number);
        }
        seller
    }
}

/// All but the last four digits are stars.
fn masked(number: &str) -> String {
    let hidden = number.len().saturating_sub(4);
    number.char_indices().map(|(at, digit)| if at < hidden { '*' } else { digit }).collect()
}
