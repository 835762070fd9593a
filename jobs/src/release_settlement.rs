//! Makes payable what a reservation earned, when its window is over and the provider still has the money (I10).

use anyhow::Result;
use chrono::TimeDelta;
use konnect::client::toss::Status;
use konnect::job::{ReleaseSettlement, SyncPayment};
use konnect::outbox;
use konnect::payment;
use konnect::settlement::{self, Check, ProviderView, Release};
use konnect::transact;

use crate::handler::{Pinned, or_snooze};
use crate::{Handler, Outcome, Run};

/// How long what the provider disagrees about waits for the next look; what it did without us is adopted meanwhile.
const AGAIN: TimeDelta = TimeDelta::hours(1);

impl Handler for ReleaseSettlement {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let db = &run.services.core.db;
        let id = self.reservation_id;
        let check = transact!(db, run.context(), anyhow::Error, tx => {
            run.hold(tx).await?;
            Ok(settlement::check_release(tx, id).await?)
        })?;
        let payment_key = match check {
            Check::Nothing => return run.skip("nothing waits to be released").await,
            Check::Wait(at) => return Ok(Outcome::Snooze(at)),
            Check::Read { payment_key } => payment_key,
        };
        let found = match run.services.toss.payment(&payment_key).await {
            Ok(Some(found)) => ProviderView {
                // Given back in full counts: the mentor may be paid all the same, out of the platform's pocket.
                is_captured: matches!(
                    found.status,
                    Status::Done | Status::PartialCanceled | Status::Canceled
                ),
                balance: found.balance_amount,
            },
            Ok(None) => return Ok(Outcome::Retry("the provider does not know the payment".to_owned())),
            Err(error) => return Ok(Outcome::Retry(error.to_string())),
        };
        or_snooze(transact!(db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            match settlement::release(tx, id, found).await? {
                Release::Done | Release::Nothing => Ok(Outcome::Done(finished)),
                Release::Wait(at) => Err(Pinned(at).into()),
                Release::Held => {
                    if let Some(capture) = payment::capture_of(tx.conn(), id).await? {
                        outbox::enqueue(tx, &SyncPayment { attempt_id: capture.attempt_id }).await?;
                    }
                    outbox::enqueue_at(tx, &ReleaseSettlement { reservation_id: id }, tx.now + AGAIN).await?;
                    Ok(Outcome::Done(finished))
                }
            }
        }))
    }
}
