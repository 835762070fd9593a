//! Finds what the event jobs of payouts missed: payouts without an outcome, accounts that the provider was not told
//! of, payees whose check may have ended. Nothing is sent under a new reference by it.

use anyhow::Result;
use chrono::TimeDelta;
use konnect::job::{ReconcilePayouts, RegisterSeller, SyncPayout, SyncSeller};
use konnect::outbox;
use konnect::payout;
use konnect::transact;

use crate::{Handler, Outcome, Run};

/// Longer than a call and what comes after it takes.
const PATIENCE: TimeDelta = TimeDelta::minutes(5);
/// How often a payout is read that the provider has taken: its webhook may be lost.
const UNDER_WAY: TimeDelta = TimeDelta::minutes(30);
/// How often a payee is read that waits for the provider's check.
const CHECKED: TimeDelta = TimeDelta::hours(1);
/// How often every other payee is read: checks are made again after years.
const SETTLED: TimeDelta = TimeDelta::days(1);

impl Handler for ReconcilePayouts {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let db = &run.services.core.db;
        if run.services.payouts.is_none() {
            return run.skip("no security key of the provider is configured").await;
        }
        let now = db.now();
        let unsent = payout::unsent(db.pool(), now - PATIENCE).await?;
        let unread = payout::unread(db.pool(), now - UNDER_WAY).await?;
        let accounts = payout::unregistered(db.pool(), now - PATIENCE).await?;
        let sellers = payout::sellers_to_read(db.pool(), now - CHECKED, now - SETTLED).await?;
        transact!(db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            for id in &unsent {
                payout::resend(tx, *id).await?;
            }
            for id in &unread {
                outbox::enqueue(tx, &SyncPayout { provider_payout_id: id.clone() }).await?;
            }
            for id in &accounts {
                outbox::enqueue(tx, &RegisterSeller { payout_account_id: *id }).await?;
            }
            for id in &sellers {
                outbox::enqueue(tx, &SyncSeller { provider_seller_id: id.clone() }).await?;
            }
            Ok(Outcome::Done(finished))
        })
    }
}
