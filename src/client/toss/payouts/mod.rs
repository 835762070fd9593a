//! Payouts to sellers (지급대행), API v2: who is paid, and paying them.
//!
//! Rules of the provider that callers must keep:
//! - [`TossError::NoAnswer`] means that the outcome is UNKNOWN: ask again with the same idempotency key and the same
//!   items, or page through [`PayoutClient::payouts`] and compare with [`PayoutItem::is`]. An item that may have
//!   been taken is never sent under a new `ref_payout_id`: nothing says that the provider would refuse the second.
//! - A payout is paid when it is `COMPLETED`, not when it was accepted.
//! - Bodies are encrypted. The tokens differ from try to try; the idempotency key does not.

mod envelope;
mod model;
mod request;

use std::fmt;

use chrono::NaiveDate;
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;
use uuid::Builder;

pub use model::{Account, Balance, Page, Payout, PayoutStatus, Seller, SellerStatus};
pub use request::{Business, Company, NewSeller, PayoutItem, Person, Schedule, SellerUpdate};

use super::errors::{Call, TossError};
use super::key::SecurityKey;
use super::model::ModelError;
use super::{MAX_LIST, TossClient, jwe};
use crate::client::http::{self, MAX_BODY_BYTES};
use crate::clock::Clock;
use crate::id;

const SECURITY_MODE: &str = "TossPayments-api-security-mode";

/// The payout side of a [`TossClient`]. Cheap to clone; its `Debug` shows no key.
#[derive(Clone)]
pub struct PayoutClient {
    toss: TossClient,
    key: SecurityKey,
    clock: Clock,
}

/// Which payouts a list has: those of the days `date_gte` to `date_lte` (of payment, in Korea), all when absent.
#[derive(Clone, Debug, Default)]
pub struct PayoutFilter {
    pub date_gte: Option<NaiveDate>,
    pub date_lte: Option<NaiveDate>,
    /// [`Page::last_cursor`] of the page before; `None` for the first.
    pub starting_after: Option<String>,
    /// Payouts of a page: 1 to 10,000.
    pub limit: u32,
}

impl PayoutClient {
    /// Payouts of one request, at most.
    pub const MAX_ITEMS: usize = 100;

    /// `key` must belong to the same merchant as the secret key of `toss`. `clock` dates the encrypted bodies.
    pub fn new(toss: TossClient, key: SecurityKey, clock: Clock) -> Self {
        Self { toss, key, clock }
    }

    /// Registers a payee. Its `ref_seller_id` can never be used again, even after the seller was deleted.
    pub async fn register_seller(
        &self,
        seller: &NewSeller,
        idempotency_key: &str,
    ) -> Result<Seller, TossError> {
        seller.check().map_err(TossError::NotSent)?;
        let url = self.url(&["sellers"]);
        self.post(Call::Seller, url, &seller.to_json(), idempotency_key, Seller::from_json).await
    }

    /// Changes what `update` names and leaves the rest.
    pub async fn update_seller(
        &self,
        seller_id: &str,
        update: &SellerUpdate,
        idempotency_key: &str,
    ) -> Result<Seller, TossError> {
        check_id(seller_id)?;
        update.check().map_err(TossError::NotSent)?;
        let url = self.url(&["sellers", seller_id]);
        self.post(Call::Seller, url, &update.to_json(), idempotency_key, Seller::from_json).await
    }

    /// The payee as the provider has it; `None` when it knows none by this id.
    pub async fn seller(&self, seller_id: &str) -> Result<Option<Seller>, TossError> {
        check_id(seller_id)?;
        or_none(self.get(self.url(&["sellers", seller_id]), MAX_BODY_BYTES, Seller::from_json).await)
    }

    /// A page of all payees. `limit`: 1 to 100; `starting_after`: [`Page::last_cursor`] of the page before.
    pub async fn sellers(&self, starting_after: Option<&str>, limit: u32) -> Result<Page<Seller>, TossError> {
        if !(1..=100).contains(&limit) {
            return Err(TossError::NotSent("a page of sellers has 1 to 100"));
        }
        let mut url = self.url(&["sellers"]);
        paging(&mut url, starting_after, limit);
        self.get(url, MAX_LIST, |body| Page::from_json(body, Seller::from_json)).await
    }

    /// Asks for payouts, 1 to 100 at once. Success means that the provider took them all; each then has a way of
    /// its own.
    ///
    /// # Errors
    /// [`TossError::NoAnswer`] also when an answer does not name exactly what was asked for. Whether a refusal for the
    /// sake of one item refuses all of them is not documented: with several, look each of them up.
    pub async fn request_payouts(
        &self,
        items: &[PayoutItem],
        idempotency_key: &str,
    ) -> Result<Vec<Payout>, TossError> {
        request::check_items(items).map_err(TossError::NotSent)?;
        let body = items.iter().map(PayoutItem::to_json).collect();
        let url = self.url(&["payouts"]);
        self.post(Call::Payout, url, &body, idempotency_key, |body| {
            let found = model::items(body, Payout::from_json)?;
            let all = items.iter().all(|item| found.iter().any(|payout| item.is(payout)));
            if all && found.len() == items.len() {
                Ok(found)
            } else {
                Err(ModelError("it names other payouts than were asked for".to_owned()))
            }
        })
        .await
    }

    /// The payout by the provider's id; `None` when it knows none.
    pub async fn payout(&self, payout_id: &str) -> Result<Option<Payout>, TossError> {
        check_id(payout_id)?;
        or_none(self.get(self.url(&["payouts", payout_id]), MAX_BODY_BYTES, Payout::from_json).await)
    }

    /// A page of payouts. There is no search by `ref_payout_id`: whoever looks for one reads all pages of its days.
    pub async fn payouts(&self, filter: &PayoutFilter) -> Result<Page<Payout>, TossError> {
        if !(1..=10_000).contains(&filter.limit) {
            return Err(TossError::NotSent("a page of payouts has 1 to 10,000"));
        }
        let mut url = self.url(&["payouts"]);
        for (name, date) in [("payoutDateGte", filter.date_gte), ("payoutDateLte", filter.date_lte)] {
            if let Some(date) = date {
                url.query_pairs_mut().append_pair(name, &date.to_string());
            }
        }
        paging(&mut url, filter.starting_after.as_deref(), filter.limit);
        self.get(url, MAX_LIST, |body| Page::from_json(body, Payout::from_json)).await
    }

    /// Takes back a payout that is still `REQUESTED`. Whether it succeeded is the status in the answer, or of the
    /// payout when it is read again.
    pub async fn cancel_payout(&self, payout_id: &str, idempotency_key: &str) -> Result<Payout, TossError> {
        check_id(payout_id)?;
        let url = self.url(&["payouts", payout_id, "cancel"]);
        // There is no body, hence nothing to encrypt.
        let request = self.toss.keyed_post(url, idempotency_key)?;
        let judge =
            |answer: &http::Answer| envelope::judge(Call::Payout, answer, &self.key, Payout::from_json);
        self.toss.ask(Call::Payout, request, MAX_BODY_BYTES, judge).await
    }

    /// What can be paid out now, and what waits for the settlement of its sales.
    pub async fn balance(&self) -> Result<Balance, TossError> {
        self.get(self.url(&["balances"]), MAX_BODY_BYTES, Balance::from_json).await
    }

    fn url(&self, rest: &[&str]) -> Url {
        http::endpoint(&self.toss.base, &[&["v2"], rest].concat())
    }

    async fn get<T>(
        &self,
        url: Url,
        most: usize,
        read: impl FnOnce(Value) -> Result<T, ModelError>,
    ) -> Result<T, TossError> {
        let judge = |answer: &http::Answer| envelope::judge(Call::Read, answer, &self.key, read);
        self.toss.ask(Call::Read, self.toss.http.get(url), most, judge).await
    }

    async fn post<T>(
        &self,
        call: Call,
        url: Url,
        body: &Value,
        idempotency_key: &str,
        read: impl FnOnce(Value) -> Result<T, ModelError>,
    ) -> Result<T, TossError> {
        let nonce = Builder::from_random_bytes(id::random_bytes()).into_uuid().to_string();
        let token = jwe::encrypt(&self.key, body.to_string().as_bytes(), self.clock.now(), &nonce);
        let request = self
            .toss
            .keyed_post(url, idempotency_key)?
            .header(SECURITY_MODE, "ENCRYPTION")
            .header(CONTENT_TYPE, "text/plain")
            .body(token);
        let judge = |answer: &http::Answer| envelope::judge(call, answer, &self.key, read);
        self.toss.ask(call, request, MAX_BODY_BYTES, judge).await
    }
}

impl fmt::Debug for PayoutClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayoutClient").field("toss", &self.toss).finish_non_exhaustive()
    }
}

/// An id of the provider's, before it stands in a path.
fn check_id(id: &str) -> Result<(), TossError> {
    if request::is_provider_id(id) {
        Ok(())
    } else {
        Err(TossError::NotSent("the provider's id is malformed"))
    }
}

fn paging(url: &mut Url, starting_after: Option<&str>, limit: u32) {
    url.query_pairs_mut().append_pair("limit", &limit.to_string());
    if let Some(cursor) = starting_after {
        url.query_pairs_mut().append_pair("startingAfter", cursor);
    }
}

/// A read whose code and status both say that there is no such thing. Which codes v2 has for it is not documented.
fn or_none<T>(read: Result<T, TossError>) -> Result<Option<T>, TossError> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(TossError::Refused { code, status: 404, .. }) if code.contains("NOT_FOUND") => Ok(None),
        Err(error) => Err(error),
    }
}
