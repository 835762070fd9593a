//! Reads a payee again at the provider: whether it may be paid.

use anyhow::Result;
use konnect::job::SyncSeller;
use konnect::payout;
use konnect::transact;

use crate::payouts::found;
use crate::{Handler, Outcome, Run};

impl Handler for SyncSeller {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let Some(client) = &run.services.payouts else {
            return Ok(Outcome::Retry("no security key of the provider is configured".to_owned()));
        };
        let seller = match client.seller(&self.provider_seller_id).await {
            Ok(Some(seller)) => found(&seller),
            Ok(None) => return run.skip("the provider knows no such payee").await,
            Err(error) => return Ok(Outcome::Retry(error.to_string())),
        };
        transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            if !payout::seller_found(tx, &seller).await? {
                tracing::warn!(provider_seller_id = self.provider_seller_id, "a payee that is none of ours");
            }
            Ok(Outcome::Done(finished))
        })
    }
}
