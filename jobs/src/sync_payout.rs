//! Reads a payout again at the provider. A webhook, a look and the reconciler all end here: what they say is a hint,
//! and the provider's own record decides (I14).

use anyhow::Result;
use konnect::job::SyncPayout;
use konnect::payout::{self, Applied};
use konnect::transact;

use crate::payouts::evidence;
use crate::{Handler, Outcome, Run};

impl Handler for SyncPayout {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let Some(client) = &run.services.payouts else {
            return Ok(Outcome::Retry("no security key of the provider is configured".to_owned()));
        };
        let found = match client.payout(&self.provider_payout_id).await {
            Ok(Some(found)) => evidence(&found),
            Ok(None) => {
                tracing::warn!(
                    provider_payout_id = self.provider_payout_id,
                    "the provider knows no such payout"
                );
                return transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
                    let finished = run.finish(tx).await?;
                    payout::not_there(tx, &self.provider_payout_id).await?;
                    Ok(Outcome::Done(finished))
                });
            }
            Err(error) => return Ok(Outcome::Retry(error.to_string())),
        };
        let (applied, outcome) = transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            let applied = payout::apply(tx, &found).await?;
            Ok((applied, Outcome::Done(finished)))
        })?;
        if applied == Applied::Foreign {
            tracing::warn!(provider_payout_id = self.provider_payout_id, "a payout that is none of ours");
        }
        Ok(outcome)
    }
}
