//! Splits what is held for a finished reservation between mentor and platform.

use anyhow::Result;
use chrono::TimeDelta;
use konnect::job::AccrueSettlement;
use konnect::settlement::{self, Accrual};
use konnect::transact;

use crate::handler::{Pinned, or_snooze};
use crate::{Handler, Outcome, Run};

impl Handler for AccrueSettlement {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let core = &run.services.core;
        or_snooze(transact!(core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            match settlement::accrue(tx, &core.rules, self.reservation_id).await? {
                Accrual::Done | Accrual::Nothing => Ok(Outcome::Done(finished)),
                // A refund is on its way; what it leaves is accrued when it is done.
                Accrual::Waiting => Err(Pinned(tx.now + TimeDelta::minutes(1)).into()),
            }
        }))
    }
}
