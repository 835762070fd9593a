//! Erases who somebody was, once the time in which they could come back is over (S73).
//!
//! Money that came to be owed meanwhile, by a session that ran when they left, is waited for, and so is a refund to them: it
//! may still need the account of whoever it is for.

use anyhow::Result;
use chrono::TimeDelta;
use konnect::job::EraseAccount;
use konnect::transact;
use konnect::{mentor, notification, payment, settlement, user};

use crate::handler::{Pinned, or_snooze};
use crate::{Handler, Outcome, Run};

/// How long money is waited for before it is looked at again.
const WAIT: TimeDelta = TimeDelta::days(1);

impl Handler for EraseAccount {
    async fn run(self, run: &Run) -> Result<Outcome> {
        or_snooze(transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            let Some(leaving) = user::leaving_until(tx, self.user_id, self.version).await? else {
                return Ok(Outcome::Done(finished));
            };
            if settlement::has_open_money(tx, leaving.id).await?
                || payment::owes_refund(tx, leaving.id).await?
            {
                return Err(Pinned(tx.now + WAIT).into());
            }
            mentor::forget_person(tx, leaving.id).await?;
            notification::forget_person(tx, &leaving).await?;
            user::erase(tx, &leaving).await?;
            // Without the name that was found in it.
            mentor::refresh_card(tx, leaving.id).await?;
            Ok(Outcome::Done(finished))
        }))
    }
}
