//! What the jobs of payouts share: the provider's words in ours, and the look for a record by our reference.

use anyhow::{Result, bail};
use konnect::client::toss::{
    self, PayoutClient, PayoutFilter, PayoutItem, PayoutStatus, Schedule, TossError,
};
use konnect::payout::{Evidence, Finding, Found, Order, SellerStatus};

/// What stands on the payee's bank statement; the provider takes 7 characters.
const DESCRIPTION: &str = "Konnect";
/// Rows of one page. A look goes on to the end, so that a second record with our reference shows.
const PAGE: u32 = 1_000;
/// Payees of one page.
const SELLERS: u32 = 100;
/// More pages than the provider can have for the days of a look, or payees in all.
const MOST_PAGES: u32 = 10_000;

pub fn item(order: &Order) -> PayoutItem {
    PayoutItem {
        ref_payout_id: order.id.to_string(),
        destination: order.destination.clone(),
        schedule: Schedule::Express,
        amount: order.amount,
        description: DESCRIPTION.to_owned(),
    }
}

pub fn evidence(found: &toss::Payout) -> Evidence {
    let failure = || found.error.as_ref().map_or_else(|| found.status.as_str(), |error| &error.code);
    Evidence {
        provider_payout_id: found.id.clone(),
        reference: found.ref_payout_id.clone(),
        destination: found.destination.clone(),
        amount: found.amount,
        status: match &found.status {
            PayoutStatus::Completed => Finding::Completed,
            PayoutStatus::Failed | PayoutStatus::Canceled => Finding::Failed(failure().to_owned()),
            PayoutStatus::Requested | PayoutStatus::InProgress | PayoutStatus::Other(_) => Finding::Open,
        },
        raw: found.raw.to_string(),
    }
}

pub fn found(seller: &toss::Seller) -> Found {
    use toss::SellerStatus as Theirs;
    let status = match seller.status {
        Theirs::ApprovalRequired => SellerStatus::ApprovalRequired,
        Theirs::PartiallyApproved => SellerStatus::PartiallyApproved,
        Theirs::KycRequired => SellerStatus::KycRequired,
        Theirs::Approved => SellerStatus::Approved,
        Theirs::Other(_) => SellerStatus::Unknown,
    };
    Found { provider_seller_id: seller.id.clone(), status }
}

/// Every record of the provider's that carries the order's reference.
///
/// # Errors
/// A page could not be read: nothing is known then.
pub async fn records(client: &PayoutClient, order: &Order) -> Result<Vec<toss::Payout>> {
    let reference = order.id.to_string();
    let mut filter =
        PayoutFilter { date_gte: Some(order.since), date_lte: None, starting_after: None, limit: PAGE };
    let mut records = Vec::new();
    for _ in 0..MOST_PAGES {
        let page = client.payouts(&filter).await?;
        records.extend(page.items.into_iter().filter(|record| record.ref_payout_id == reference));
        if !page.has_next {
            return Ok(records);
        }
        filter.starting_after = page.last_cursor;
    }
    bail!("the list of payouts has no end")
}

/// The payee with our reference, when the provider has one.
///
/// # Errors
/// A page could not be read: nothing is known then.
pub async fn seller_by_reference(client: &PayoutClient, reference: &str) -> Result<Option<toss::Seller>> {
    let mut cursor = None;
    for _ in 0..MOST_PAGES {
        let page = client.sellers(cursor.as_deref(), SELLERS).await?;
        if let Some(seller) = page.items.into_iter().find(|seller| seller.ref_seller_id == reference) {
            return Ok(Some(seller));
        }
        if !page.has_next {
            return Ok(None);
        }
        cursor = page.last_cursor;
    }
    bail!("the list of payees has no end")
}

/// The provider's code, or a word of ours.
pub fn code(error: &TossError) -> &str {
    error.code().unwrap_or("no_answer")
}
