//! What is sent about sellers and payouts, and what of it is refused before it leaves. People's data stands in no
//! `Debug`.

use std::collections::BTreeSet;
use std::fmt;

use chrono::NaiveDate;
use serde::Serialize;
use serde_json::{Value, json};

use super::super::request::{is_account_number, is_name, is_order_id};
use super::PayoutClient;
use super::model::{Account, Payout};
use crate::money::Krw;

/// A natural person that is paid.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    pub name: String,
    /// The provider writes there about the identity check.
    pub email: String,
    /// Digits.
    pub phone: String,
}

/// A business that is paid.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Company {
    pub name: String,
    pub representative_name: String,
    /// 10 digits.
    pub business_registration_number: String,
    pub email: String,
    /// Digits.
    pub phone: String,
}

/// Who is paid, before the law.
#[derive(Clone, PartialEq, Eq)]
pub enum Business {
    Individual(Person),
    /// A sole trader.
    IndividualBusiness(Company),
    Corporate(Company),
}

/// A payee to register.
#[derive(Clone, Debug)]
pub struct NewSeller {
    /// Ours; 6 to 64 of `A-Z a-z 0-9 _ -`. Never used for another seller.
    pub ref_seller_id: String,
    pub business: Business,
    pub account: Account,
}

/// What changes of a payee; at least one part.
#[derive(Clone, Debug, Default)]
pub struct SellerUpdate {
    /// Of an individual.
    pub person: Option<Person>,
    /// Of a business.
    pub company: Option<Company>,
    pub account: Option<Account>,
}

/// When a payout is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// At once, in the hours of business days that the provider keeps.
    Express,
    /// On a business day in Korea, within a year.
    On(NaiveDate),
}

/// A payout to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayoutItem {
    /// Ours; 6 to 64 of `A-Z a-z 0-9 _ -`, the same for every try of this payout.
    pub ref_payout_id: String,
    /// The provider's id of the seller.
    pub destination: String,
    pub schedule: Schedule,
    pub amount: Krw,
    /// On the payee's bank statement; 1 to 7 characters.
    pub description: String,
}

impl NewSeller {
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if !is_order_id(&self.ref_seller_id) {
            return Err("a seller's own id has 6 to 64 of A-Z a-z 0-9 _ -");
        }
        match &self.business {
            Business::Individual(person) => person.check()?,
            Business::IndividualBusiness(company) | Business::Corporate(company) => company.check()?,
        }
        self.account.check()
    }

    pub(super) fn to_json(&self) -> Value {
        let (kind, part, who) = match &self.business {
            Business::Individual(person) => ("INDIVIDUAL", "individual", json!(person)),
            Business::IndividualBusiness(company) => ("INDIVIDUAL_BUSINESS", "company", json!(company)),
            Business::Corporate(company) => ("CORPORATE", "company", json!(company)),
        };
        json!({"refSellerId": self.ref_seller_id, "businessType": kind, part: who, "account": self.account})
    }
}

impl SellerUpdate {
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.person.is_none() && self.company.is_none() && self.account.is_none() {
            return Err("nothing is changed");
        }
        self.person.as_ref().map_or(Ok(()), Person::check)?;
        self.company.as_ref().map_or(Ok(()), Company::check)?;
        self.account.as_ref().map_or(Ok(()), Account::check)
    }

    /// What does not change is left out: `null` would delete it.
    pub(super) fn to_json(&self) -> Value {
        let parts = [
            ("individual", self.person.as_ref().map(|person| json!(person))),
            ("company", self.company.as_ref().map(|company| json!(company))),
            ("account", self.account.as_ref().map(|account| json!(account))),
        ];
        parts.into_iter().filter_map(|(name, part)| Some((name.to_owned(), part?))).collect()
    }
}

impl PayoutItem {
    /// Whether the provider's payout is this one.
    pub fn is(&self, payout: &Payout) -> bool {
        payout.ref_payout_id == self.ref_payout_id
            && payout.destination == self.destination
            && payout.amount == self.amount
    }

    fn check(&self) -> Result<(), &'static str> {
        if !is_order_id(&self.ref_payout_id) {
            return Err("a payout's own id has 6 to 64 of A-Z a-z 0-9 _ -");
        }
        if !is_provider_id(&self.destination) {
            return Err("the destination is malformed");
        }
        if !self.amount.is_positive() {
            return Err("the amount is not positive");
        }
        if !is_name(&self.description, 7) {
            return Err("the description has 1 to 7 characters");
        }
        Ok(())
    }

    pub(super) fn to_json(&self) -> Value {
        let mut json = json!({
            "refPayoutId": self.ref_payout_id,
            "destination": self.destination,
            "scheduleType": "EXPRESS",
            "amount": {"currency": "KRW", "value": self.amount},
            "transactionDescription": self.description,
        });
        if let Schedule::On(date) = self.schedule {
            json["scheduleType"] = json!("SCHEDULED");
            json["payoutDate"] = json!(date.to_string());
        }
        json
    }
}

pub(super) fn check_items(items: &[PayoutItem]) -> Result<(), &'static str> {
    if !(1..=PayoutClient::MAX_ITEMS).contains(&items.len()) {
        return Err("a request has 1 to 100 payouts");
    }
    items.iter().try_for_each(PayoutItem::check)?;
    let own: BTreeSet<_> = items.iter().map(|item| item.ref_payout_id.as_str()).collect();
    if own.len() == items.len() { Ok(()) } else { Err("a payout stands twice in the request") }
}

impl Person {
    fn check(&self) -> Result<(), &'static str> {
        if !is_name(&self.name, 60) {
            return Err("a name has 1 to 60 characters");
        }
        check_contact(&self.email, &self.phone)
    }
}

impl Company {
    fn check(&self) -> Result<(), &'static str> {
        if !is_name(&self.name, 60) || !is_name(&self.representative_name, 60) {
            return Err("a name has 1 to 60 characters");
        }
        let number = &self.business_registration_number;
        if number.len() != 10 || !number.bytes().all(|b| b.is_ascii_digit()) {
            return Err("a business registration number has 10 digits");
        }
        check_contact(&self.email, &self.phone)
    }
}

impl Account {
    fn check(&self) -> Result<(), &'static str> {
        if !(1..=20).contains(&self.bank_code.len())
            || !self.bank_code.bytes().all(|b| b.is_ascii_alphanumeric())
        {
            return Err("the bank code is malformed");
        }
        if !is_account_number(&self.account_number) {
            return Err("an account number has 1 to 20 digits");
        }
        // 30 Hangul or 60 Latin letters.
        let width: usize = self.holder_name.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum();
        if width > 60 || !is_name(&self.holder_name, 60) {
            return Err("a holder's name has up to 30 Hangul or 60 Latin letters");
        }
        Ok(())
    }
}

fn check_contact(email: &str, phone: &str) -> Result<(), &'static str> {
    if !email.contains('@')
        || email.len() > 100
        || email.contains(|c: char| c.is_whitespace() || c.is_control())
    {
        return Err("the e-mail address is malformed");
    }
    if !(8..=15).contains(&phone.len()) || !phone.bytes().all(|b| b.is_ascii_digit()) {
        return Err("a phone number has 8 to 15 digits");
    }
    Ok(())
}

/// Whether a text can be one of the provider's ids: 1 to 100 printable ASCII characters.
pub(super) fn is_provider_id(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_graphic())
        && !matches!(text, "." | "..")
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person").finish_non_exhaustive()
    }
}

impl fmt::Debug for Company {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Company").finish_non_exhaustive()
    }
}

impl fmt::Debug for Business {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Individual(_) => "Individual(..)",
            Self::IndividualBusiness(_) => "IndividualBusiness(..)",
            Self::Corporate(_) => "Corporate(..)",
        })
    }
}
