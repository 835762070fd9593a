//! Compares one day of the provider's transactions with our books, and has jobs close what gaps there are (S37).

use anyhow::{Result, ensure};
use chrono::NaiveDate;
use konnect::audit::{self, ProviderRow, TransactionKind};
use konnect::client::toss::{Status, TossClient, TossError, Transaction};
use konnect::context::Context;
use konnect::core::Core;
use konnect::job::AuditProviderDay;
use konnect::outbox;
use konnect::transact;

use crate::{Handler, Outcome, Run};

/// Rows of one page: far below what the provider allows, so that an answer comes before its time is up.
const PAGE: u32 = 1_000;
/// More pages than any day has.
const MOST_PAGES: usize = 5_000;

impl Handler for AuditProviderDay {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let core = &run.services.core;
        if let Err(error) = read_day(core, &run.services.toss, run.context(), self.day).await {
            return match error.downcast::<TossError>() {
                Ok(refused) => Ok(Outcome::Retry(refused.to_string())),
                Err(other) => Err(other),
            };
        }
        transact!(core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            if audit::compare(tx, self.day).await? {
                let again = audit::again_at(tx.now);
                outbox::enqueue_at(tx, &AuditProviderDay { day: self.day }, again).await?;
            }
            Ok(Outcome::Done(finished))
        })
    }
}

/// Reads a day of the provider's list, page by page, and keeps its rows. Reading it again changes nothing.
///
/// # Errors
/// A `TossError` when the provider does not answer as it should; pages that were read are kept.
pub async fn read_day(core: &Core, toss: &TossClient, cx: Context, day: NaiveDate) -> Result<()> {
    let (from, to) = audit::stretch(day);
    let mut cursor: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let page = toss.transactions(from, to, cursor.as_deref(), PAGE).await?;
        let rows: Vec<ProviderRow> = page.iter().map(|row| read(row, core)).collect();
        transact!(core.db, cx, anyhow::Error, tx => { Ok(audit::store(tx, &rows).await?) })?;
        let last = page.last().map(|row| row.transaction_key.clone());
        if page.len() < PAGE as usize {
            return Ok(());
        }
        ensure!(last != cursor, "the provider's list does not go on");
        cursor = last;
    }
    anyhow::bail!("the provider's list does not end")
}

fn read(row: &Transaction, core: &Core) -> ProviderRow {
    let kind = match &row.status {
        Status::Done => TransactionKind::Approval,
        Status::Canceled | Status::PartialCanceled => TransactionKind::Cancel,
        Status::WaitingForDeposit => TransactionKind::Reversal,
        _ => TransactionKind::Other,
    };
    ProviderRow {
        transaction_key: row.transaction_key.clone(),
        payment_key: row.payment_key.clone(),
        order_id: row.order_id.clone(),
        kind,
        status: format!("{:?}", row.status).chars().take(32).collect(),
        amount: row.moved(),
        // Without a time of its own it belongs to the day that is read last.
        at: row.transaction_at.unwrap_or_else(|| core.clock.now()),
    }
}
