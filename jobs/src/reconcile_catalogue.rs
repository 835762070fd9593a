//! Writes the refreshes that free days lack, and corrects cards that do not say what their sources say.

use anyhow::Result;
use konnect::availability;
use konnect::job::ReconcileCatalogue;
use konnect::transact;
use konnect::{mentor, review};

use crate::{Handler, Outcome, Run};

impl Handler for ReconcileCatalogue {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let db = &run.services.core.db;
        let missed = availability::missed_refreshes(db, 500).await?;
        let cards = mentor::unchecked_cards(db.pool(), 50).await?;
        transact!(db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            for job in &missed {
                availability::ask_missed(tx, job).await?;
            }
            for mentor in &cards {
                if mentor::refresh_card(tx, *mentor).await? {
                    metrics::counter!("konnect_catalogue_drifts_total").increment(1);
                    tracing::warn!(%mentor, "a card was not what its sources say");
                }
                review::show_again(tx, *mentor).await?;
            }
            Ok(Outcome::Done(finished))
        })
    }
}
