//! Gives money back through the provider, once: the cancel carries the refund's id in its reason, so that a lost
//! answer can be looked up (S24), and what we believe is left, so that nothing is given back on a wrong belief (S27).
//!
//! A refund that the provider does not make ends before a person, with what to do; its job never dies of it.

use anyhow::Result;
use chrono::TimeDelta;
use konnect::client::toss::{
    self, CancelRequest, CancelStatus, Class, ReceiveAccount, Status, TossError, needs_refund_account,
};
use konnect::clock::Instant;
use konnect::job::{Job, RefundPayment, SyncPayment};
use konnect::outbox;
use konnect::payment::{self, Refund, RefundAsk, RefundIntent};
use konnect::transact;

use crate::{Handler, Outcome, Run};

/// The provider forgets an idempotency key 15 days after its first use, and would cancel again. Long before that
/// nobody asks any more by itself.
const LONGEST: TimeDelta = TimeDelta::days(13);
/// How long a limit of the day or a bank outside its hours is waited for.
const LATER: TimeDelta = TimeDelta::hours(1);

enum Verdict {
    Refunded {
        transaction_key: String,
    },
    /// Another bank account of the payer is needed.
    NeedsAccount(String),
    /// The provider refuses for good.
    Refused(String),
    /// Refused for now, and nothing was moved.
    Later(String),
    Unknown {
        why: String,
        fresh_key: bool,
    },
    /// The provider has not what we believe: somebody else gave money back. All its cancels are compared with our
    /// rows, then it is asked again, or there is nothing left to ask for.
    Overtaken(String),
}

impl Verdict {
    fn unknown(why: impl Into<String>) -> Self {
        Self::Unknown { why: why.into(), fresh_key: false }
    }
}

impl Handler for RefundPayment {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let db = &run.services.core.db;
        let intent = transact!(db, run.context(), anyhow::Error, tx => {
            run.hold(tx).await?;
            Ok(payment::prepare_refund(tx, self.refund_id).await?)
        })?;
        let (ask, verdict) = match intent {
            RefundIntent::Over => return run.skip("the refund is decided, or waits for somebody").await,
            RefundIntent::Cancel(ask) => {
                let verdict = cancel(run, &ask).await?;
                (ask, verdict)
            }
            RefundIntent::LookUp(ask) => {
                let verdict = match look_up(run, &ask).await {
                    Some(verdict) => verdict,
                    None => cancel(run, &ask).await?,
                };
                (ask, verdict)
            }
        };
        conclude(run, &ask, verdict).await
    }
}

/// The first words of the reason of a cancel: which refund it is.
pub(crate) fn mark(refund: &Refund) -> String {
    format!("refund {}", refund.id)
}

/// The provider's cancel that carries this refund's id.
pub(crate) fn carried_out(found: &toss::Payment, refund: &Refund) -> Option<toss::Cancel> {
    let ours = found.cancels.iter().find(|c| {
        c.cancel_amount == refund.amount_krw
            && c.cancel_status != CancelStatus::Aborted
            && c.cancel_reason.as_deref().is_some_and(|r| r.starts_with(&mark(refund)))
    });
    ours.cloned()
}

/// What the provider has of this refund. `None`: nothing, and it can be asked.
async fn look_up(run: &Run, ask: &RefundAsk) -> Option<Verdict> {
    let found = match run.services.toss.payment(&ask.payment_key).await {
        Ok(Some(found)) => found,
        Ok(None) => return Some(Verdict::unknown("NOT_FOUND_PAYMENT")),
        Err(error) => return Some(Verdict::unknown(why(&error))),
    };
    if let Some(verdict) = shown(&found, &ask.refund) {
        return Some(verdict);
    }
    match found.status {
        Status::Done | Status::PartialCanceled | Status::Canceled
            if found.balance_amount < ask.refund.amount_krw =>
        {
            Some(Verdict::Overtaken("NOT_CANCELABLE_AMOUNT".to_owned()))
        }
        Status::Done | Status::PartialCanceled => None,
        other => Some(Verdict::unknown(format!("status {}", other.as_str()))),
    }
}

/// The refund, where a payment shows it.
fn shown(found: &toss::Payment, refund: &Refund) -> Option<Verdict> {
    let cancel = carried_out(found, refund)?;
    Some(match cancel.cancel_status {
        CancelStatus::Done => Verdict::Refunded { transaction_key: cancel.transaction_key },
        // Foreign methods take their time; until then it is neither done nor to be asked for again.
        _ => Verdict::unknown("the provider is still at it"),
    })
}

async fn cancel(run: &Run, ask: &RefundAsk) -> Result<Verdict> {
    let refund = &ask.refund;
    let account = payment::open_account(&run.services.sealer, refund)?.map(|account| ReceiveAccount {
        bank: account.bank,
        account_number: account.account_number,
        holder_name: account.holder_name,
    });
    let request = CancelRequest {
        reason: format!("{} ({})", mark(refund), refund.cause),
        amount: Some(refund.amount_krw),
        refundable_amount: Some(ask.refundable),
        refund_receive_account: account,
    };
    let error = match run.services.toss.cancel(&ask.payment_key, request, &refund.idempotency_key).await {
        Ok(found) => {
            let shown = shown(&found, refund);
            return Ok(shown.unwrap_or_else(|| Verdict::unknown("the answer does not show the cancel")));
        }
        Err(error) => error,
    };
    let TossError::Refused { code, class, .. } = &error else { return Ok(Verdict::unknown(why(&error))) };
    let code = code.clone();
    Ok(match class {
        _ if needs_refund_account(&code) => Verdict::NeedsAccount(code),
        Class::Contact => Verdict::Refused(code),
        Class::Later => Verdict::Later(code),
        Class::Stop => {
            metrics::counter!("konnect_provider_config_errors_total").increment(1);
            tracing::error!(code, refund_id = %refund.id, "the provider refuses our configuration");
            Verdict::Unknown { why: code, fresh_key: true }
        }
        // It has less than we believe, or another request was faster: what it shows decides, never the code.
        _ if is_about_the_rest(&code) => match look_up(run, ask).await {
            Some(verdict) => verdict,
            None => Verdict::Overtaken(code),
        },
        _ => Verdict::Unknown { why: code, fresh_key: !error.keeps_key() },
    })
}

fn is_about_the_rest(code: &str) -> bool {
    matches!(
        code,
        "ALREADY_CANCELED_PAYMENT"
            | "ALREADY_REFUND_PAYMENT"
            | "NOT_CANCELABLE_AMOUNT"
            | "NOT_MATCHES_REFUNDABLE_AMOUNT"
    )
}

fn why(error: &TossError) -> String {
    error.code().map_or_else(|| error.to_string(), str::to_owned)
}

async fn conclude(run: &Run, ask: &RefundAsk, verdict: Verdict) -> Result<Outcome> {
    let db = &run.services.core.db;
    let id = ask.refund.id;
    // Not under the row lock, but only this job asks for this refund.
    let too_long = ask.refund.sent_at.is_some_and(|first: Instant| db.now() - first >= LONGEST);
    let last = too_long || run.attempt >= RefundPayment::RETRY.cap();
    match verdict {
        Verdict::Refunded { transaction_key } => transact!(db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            payment::apply_refund(tx, id, Some(&transaction_key)).await?;
            Ok(Outcome::Done(finished))
        }),
        Verdict::NeedsAccount(code) => transact!(db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            payment::refund_needs_account(tx, id, &code).await?;
            Ok(Outcome::Done(finished))
        }),
        Verdict::Refused(code) => park(run, ask, &code).await,
        Verdict::Later(code) if too_long => park(run, ask, &code).await,
        Verdict::Overtaken(why) | Verdict::Unknown { why, .. } if last => park(run, ask, &why).await,
        Verdict::Later(code) => {
            unknown(run, ask, &code, true).await?;
            Ok(Outcome::Snooze(db.now() + LATER))
        }
        Verdict::Overtaken(code) => {
            transact!(db, run.context(), anyhow::Error, tx => {
                run.hold(tx).await?;
                payment::refund_unknown(tx, id, &code, true).await?;
                Ok(outbox::enqueue_or_hasten(tx, &SyncPayment { attempt_id: ask.attempt_id }).await?)
            })?;
            Ok(Outcome::Retry(code))
        }
        Verdict::Unknown { why, fresh_key } => {
            unknown(run, ask, &why, fresh_key).await?;
            Ok(Outcome::Retry(why))
        }
    }
}

async fn unknown(run: &Run, ask: &RefundAsk, why: &str, fresh_key: bool) -> Result<()> {
    transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
        run.hold(tx).await?;
        Ok(payment::refund_unknown(tx, ask.refund.id, why, fresh_key).await?)
    })
}

/// Before a person.
async fn park(run: &Run, ask: &RefundAsk, code: &str) -> Result<Outcome> {
    transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
        let finished = run.finish(tx).await?;
        payment::park_refund(tx, ask.refund.id, code).await?;
        Ok(Outcome::Done(finished))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_asks_for_as_long_as_a_key_lives() {
        let schedule: TimeDelta =
            RefundPayment::RETRY.0.iter().map(|wait| TimeDelta::from_std(*wait).expect("short")).sum();
        assert!(schedule < LONGEST && LONGEST < TimeDelta::days(15));
    }
}
