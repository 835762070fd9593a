//! What the provider settles with us: for each transaction its fee, and what is paid out of it on which day. Empty in
//! the provider's test environment.

use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::Value;

use super::errors::{Call, TossError};
use super::model::ModelError;
use super::parse::{instant, lenient, signed_won};
use super::{MAX_LIST, TossClient, list};
use crate::clock::Instant;

/// Which day of a settlement is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateType {
    /// The day the sale counts for.
    Sold,
    /// The day the provider pays us.
    PaidOut,
}

/// The settlement of one transaction. Amounts are won as the provider wrote them; the sign of a cancel's is not
/// documented.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settlement {
    pub transaction_key: String,
    pub payment_key: String,
    pub order_id: String,
    #[serde(deserialize_with = "signed_won")]
    pub amount: i64,
    /// The provider's fees, one row a kind.
    #[serde(default)]
    pub fees: Vec<Fee>,
    /// `amount` without the fees: what we get.
    #[serde(rename = "payOutAmount", deserialize_with = "signed_won")]
    pub payout_amount: i64,
    #[serde(default, deserialize_with = "instant")]
    pub approved_at: Option<Instant>,
    /// In Korea.
    pub sold_date: NaiveDate,
    /// In Korea.
    pub paid_out_date: NaiveDate,
    #[serde(default, deserialize_with = "lenient")]
    pub method: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub currency: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub m_id: Option<String>,
    #[serde(default)]
    cancel: Value,
}

/// A part of the provider's fee.
#[derive(Clone, Debug, Deserialize)]
pub struct Fee {
    /// `BASE`, `INSTALLMENT_DISCOUNT`, `INSTALLMENT`, `POINT_SAVING`, `ETC`.
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(deserialize_with = "signed_won")]
    pub fee: i64,
}

impl Settlement {
    /// Whether money went back to the payer.
    pub fn is_cancel(&self) -> bool {
        !self.cancel.is_null()
    }

    /// All fees together, in won.
    pub fn fee(&self) -> i64 {
        self.fees.iter().map(|fee| fee.fee).sum()
    }
}

impl TossClient {
    /// The settlements of the days from `start` to `end` in Korea. `page` begins at 1; `size` is 1 to
    /// 5,000. A full page may have another behind it.
    pub async fn settlements(
        &self,
        start: NaiveDate,
        end: NaiveDate,
        by: DateType,
        page: u32,
        size: u32,
    ) -> Result<Vec<Settlement>, TossError> {
        if start > end || page == 0 || !(1..=5_000).contains(&size) {
            return Err(TossError::NotSent("a list needs a start, a later end and a page of 1 to 5,000"));
        }
        let by = match by {
            DateType::Sold => "soldDate",
            DateType::PaidOut => "paidOutDate",
        };
        let mut url = list::url(&self.base, "settlements");
        url.query_pairs_mut()
            .append_pair("startDate", &start.to_string())
            .append_pair("endDate", &end.to_string())
            .append_pair("dateType", by)
            .append_pair("page", &page.to_string())
            .append_pair("size", &size.to_string());
        let read = |row: Value| Settlement::deserialize(row).map_err(|error| ModelError(error.to_string()));
        let judge = |answer: &_| list::judge(answer, read);
        self.ask(Call::Read, self.http.get(url), MAX_LIST, judge).await
    }
}
