//! Writes the jobs that sealed reviews lack, and counts figures again that are not the sums of their rows.

use anyhow::Result;
use konnect::job::ReconcileReviews;
use konnect::review;
use konnect::transact;

use crate::{Handler, Outcome, Run};

impl Handler for ReconcileReviews {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let db = &run.services.core.db;
        let overdue = review::overdue(db, 200).await?;
        let figures = review::unchecked_figures(db, 100).await?;
        transact!(db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            for job in &overdue {
                review::reconcile(tx, job).await?;
            }
            for (person, side) in &figures {
                review::check_figures(tx, *person, *side).await?;
            }
            Ok(Outcome::Done(finished))
        })
    }
}
