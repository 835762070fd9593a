//! A payout to a seller.

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset, NaiveDate};
use serde::{Deserialize, Serialize};

use super::envelope::{Money, Written};
use crate::toss::payment::Failure;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ScheduleType {
    /// Now.
    Express,
    /// On a later business day.
    Scheduled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PayoutStatus {
    /// Waits for its date; can be cancelled.
    Requested,
    InProgress,
    /// The money has arrived.
    Completed,
    Failed,
    Canceled,
}

#[derive(Clone, Debug)]
pub struct Payout {
    pub id: String,
    /// The merchant's own.
    pub ref_payout_id: String,
    /// The seller's id at the provider.
    pub destination: String,
    pub schedule_type: ScheduleType,
    /// In Korea.
    pub payout_date: NaiveDate,
    /// Won.
    pub amount: i64,
    pub transaction_description: String,
    pub requested_at: DateTime<FixedOffset>,
    pub status: PayoutStatus,
    pub error: Option<Failure>,
    pub metadata: Option<BTreeMap<String, String>>,
}

impl Payout {
    /// The money is on its way, or set aside for it.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.status, PayoutStatus::Requested | PayoutStatus::InProgress)
    }

    pub(crate) fn wire(&self, written: Written) -> impl Serialize + use<'_> {
        Wire {
            id: &self.id,
            ref_payout_id: &self.ref_payout_id,
            destination: &self.destination,
            schedule_type: self.schedule_type,
            payout_date: self.payout_date,
            amount: Money::won(self.amount, written),
            transaction_description: &self.transaction_description,
            requested_at: self.requested_at,
            status: self.status,
            error: self.error.as_ref(),
            metadata: self.metadata.as_ref(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    id: &'a str,
    ref_payout_id: &'a str,
    destination: &'a str,
    schedule_type: ScheduleType,
    payout_date: NaiveDate,
    amount: Money,
    transaction_description: &'a str,
    requested_at: DateTime<FixedOffset>,
    status: PayoutStatus,
    error: Option<&'a Failure>,
    metadata: Option<&'a BTreeMap<String, String>>,
}

/// One item of a request.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Item {
    pub(super) ref_payout_id: String,
    pub(super) destination: String,
    pub(super) schedule_type: ScheduleType,
    #[serde(default)]
    pub(super) payout_date: Option<NaiveDate>,
    pub(super) amount: Asked,
    pub(super) transaction_description: String,
    #[serde(default)]
    pub(super) metadata: Option<BTreeMap<String, String>>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Asked {
    pub(super) currency: String,
    pub(super) value: i64,
}

impl Item {
    /// The form alone. The length of a reference is known from other users of the service.
    pub(super) fn is_valid(&self) -> bool {
        (1..=50).contains(&self.ref_payout_id.len())
            && self.amount.currency == "KRW"
            // Below a thousand million won, likewise.
            && (1..1_000_000_000).contains(&self.amount.value)
            && (1..=7).contains(&self.transaction_description.chars().count())
            && self.metadata.as_ref().is_none_or(super::seller::is_metadata)
            && (self.schedule_type == ScheduleType::Scheduled) == self.payout_date.is_some()
    }
}
