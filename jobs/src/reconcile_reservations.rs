//! Writes the deadline jobs that live reservations lack.

use anyhow::Result;
use konnect::job::ReconcileReservations;
use konnect::reservation;
use konnect::transact;

use crate::{Handler, Outcome, Run};

impl Handler for ReconcileReservations {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let core = &run.services.core;
        let overdue = reservation::overdue(&core.db, &core.rules, 200).await?;
        transact!(core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            for id in &overdue {
                reservation::reconcile(tx, &core.rules, *id).await?;
            }
            Ok(Outcome::Done(finished))
        })
    }
}
