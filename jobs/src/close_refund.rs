//! Ends a refund as an operator said, after a look at the provider: where its cancels show the refund after all, that is
//! how it ended.

use anyhow::Result;
use konnect::client::toss::Payment;
use konnect::job::{CloseRefund, Job};
use konnect::payment::{self, Ending, EndingIntent};
use konnect::transact;

use crate::refund_payment::carried_out;
use crate::sync_payment::done_cancels;
use crate::{Handler, Outcome, Run};

impl Handler for CloseRefund {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let db = &run.services.core.db;
        let id = self.refund_id;
        let intent = transact!(db, run.context(), anyhow::Error, tx => {
            run.hold(tx).await?;
            Ok(payment::prepare_ending(tx, id).await?)
        })?;
        let Some(intent) = intent else { return run.skip("the refund is over").await };
        let found = match run.services.toss.payment(&intent.payment_key).await {
            Ok(Some(found)) => found,
            Ok(None) => return not_known(run, &self, "NOT_FOUND_PAYMENT").await,
            Err(error) => return not_known(run, &self, error.code().unwrap_or(&error.to_string())).await,
        };
        let after_all = after_all(&found, &intent);
        transact!(db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            payment::conclude_ending(tx, id, after_all.as_deref()).await?;
            Ok(Outcome::Done(finished))
        })
    }
}

/// The provider's cancel that is this refund: it carries its id, or somebody made it in the console, which is what the
/// operator means who says that the money was given back.
fn after_all(found: &Payment, intent: &EndingIntent) -> Option<String> {
    let free = |key: &str| !intent.taken.iter().any(|taken| taken == key);
    let ours = carried_out(found, &intent.refund).map(|c| c.transaction_key).filter(|key| free(key));
    let by_console = || {
        // Not one that names another refund of ours, whose answer may be lost.
        let mut others = done_cancels(found).into_iter().filter(|c| c.refund.is_none());
        let ours = others.find(|c| c.amount == intent.refund.amount_krw && free(&c.transaction_key));
        ours.map(|c| c.transaction_key)
    };
    match intent.ending {
        Ending::ByHand => ours.or_else(by_console),
        Ending::Abandoned => ours,
    }
}

/// Asked again later; at last an operator decides again.
async fn not_known(run: &Run, job: &CloseRefund, why: &str) -> Result<Outcome> {
    if run.attempt < CloseRefund::RETRY.cap() {
        return Ok(Outcome::Retry(why.to_owned()));
    }
    transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
        let finished = run.finish(tx).await?;
        payment::reopen_refund(tx, job.refund_id, why).await?;
        Ok(Outcome::Done(finished))
    })
}
