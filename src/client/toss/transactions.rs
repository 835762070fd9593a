//! What the provider has booked: one row for each approval and each cancel.

use chrono::NaiveDateTime;
use serde::Deserialize;
use serde_json::Value;

use super::errors::{Call, TossError};
use super::model::{ModelError, Status};
use super::parse::{instant, lenient, signed_won};
use super::request::is_payment_key;
use super::{MAX_LIST, TossClient, list};
use crate::clock::Instant;
use crate::money::Krw;

/// One movement of money at the provider.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transaction {
    /// That of [`super::Payment::approval_transaction_key`] or of a [`super::Cancel`]; the cursor of the next page.
    pub transaction_key: String,
    pub payment_key: String,
    pub order_id: String,
    /// Of the payment, at the time of this movement.
    pub status: Status,
    /// Won as the provider wrote them. The sign of a cancel is not documented: use [`Transaction::moved`].
    #[serde(deserialize_with = "signed_won")]
    pub amount: i64,
    #[serde(default, deserialize_with = "instant")]
    pub transaction_at: Option<Instant>,
    #[serde(default, deserialize_with = "lenient")]
    pub method: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub currency: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub m_id: Option<String>,
}

impl Transaction {
    /// Whether money went back to the payer. Read from the status: an approval's row keeps the one it had.
    pub fn is_cancel(&self) -> bool {
        matches!(self.status, Status::Canceled | Status::PartialCanceled)
    }

    /// How much was moved, whatever the direction.
    pub fn moved(&self) -> Krw {
        Krw(self.amount.saturating_abs())
    }
}

impl TossClient {
    /// Transactions from `start` to `end` (Korean time, to the second), at most `limit` (1 to 5,000), in the provider's
    /// order. Whether one at `end` itself belongs to them is not documented: periods that follow one another should
    /// overlap. A full answer may have more behind it: ask again with the last `transaction_key`.
    pub async fn transactions(
        &self,
        start: NaiveDateTime,
        end: NaiveDateTime,
        starting_after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Transaction>, TossError> {
        if start > end || !(1..=5_000).contains(&limit) {
            return Err(TossError::NotSent("a list needs a start, a later end and a page of 1 to 5,000"));
        }
        let mut url = list::url(&self.base, "transactions");
        url.query_pairs_mut()
            .append_pair("startDate", &list::time(start))
            .append_pair("endDate", &list::time(end))
            .append_pair("limit", &limit.to_string());
        if let Some(cursor) = starting_after {
            if !is_payment_key(cursor) {
                return Err(TossError::NotSent("the cursor is malformed"));
            }
            url.query_pairs_mut().append_pair("startingAfter", cursor);
        }
        let read = |row: Value| Transaction::deserialize(row).map_err(|error| ModelError(error.to_string()));
        let judge = |answer: &_| list::judge(answer, read);
        self.ask(Call::Read, self.http.get(url), MAX_LIST, judge).await
    }
}
