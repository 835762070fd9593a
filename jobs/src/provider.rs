//! What the jobs of payments share: asking the provider and writing down what it said.

use anyhow::Result;
use konnect::client::toss::{self, Class, ConfirmRequest, Status, TossError};
use konnect::id::AttemptId;
use konnect::money::Krw;
use konnect::payment::{self, Capture, Decline, Intent};
use konnect::transact;

use crate::{Outcome, Run};

/// What the provider says of an attempt.
enum Verdict {
    Captured(Capture),
    Declined(Decline),
    /// Nothing is known: ask again. `fresh_key`: the provider bound its refusal to the idempotency key.
    Unknown {
        why: String,
        fresh_key: bool,
    },
    /// The payer has authenticated and the money was not taken: it can be asked for.
    Confirmable,
    /// The payer is still at the checkout.
    Unauthenticated,
}

/// Brings an attempt to its outcome: asks for the money the first time, looks first every other time.
pub async fn resolve(run: &Run, id: AttemptId) -> Result<Outcome> {
    let db = &run.services.core.db;
    let intent = transact!(db, run.context(), anyhow::Error, tx => {
        run.hold(tx).await?;
        Ok(payment::prepare(tx, id).await?)
    })?;
    let verdict = match intent {
        Intent::Over => return run.skip("the outcome is known").await,
        Intent::Confirm { payment_key, amount, idempotency_key } => {
            confirm(run, id, payment_key, amount, &idempotency_key).await
        }
        Intent::LookUp { payment_key, amount, idempotency_key } => {
            match (look_up(run, id, payment_key.as_deref()).await, payment_key) {
                (Verdict::Confirmable, Some(key)) => confirm(run, id, key, amount, &idempotency_key).await,
                // Authenticated, but the payer has not asked us to take the money.
                (Verdict::Confirmable, None) => Verdict::Unauthenticated,
                (verdict, _) => verdict,
            }
        }
    };
    conclude(run, id, verdict).await
}

async fn confirm(
    run: &Run,
    id: AttemptId,
    payment_key: String,
    amount: Krw,
    idempotency_key: &str,
) -> Verdict {
    let request = ConfirmRequest { payment_key, order_id: id.to_string(), amount };
    match run.services.toss.confirm(request, idempotency_key).await {
        Ok(found) => judge(&found),
        Err(error) => refused(&error),
    }
}

async fn look_up(run: &Run, id: AttemptId, payment_key: Option<&str>) -> Verdict {
    let found = match payment_key {
        Some(key) => run.services.toss.payment(key).await,
        None => run.services.toss.payment_by_order(&id.to_string()).await,
    };
    match found {
        // The payer's key names the payment of another order: no money of this one.
        Ok(Some(found)) if found.order_id != id.to_string() => Verdict::Declined(Decline {
            code: "NOT_FOUND_PAYMENT".to_owned(),
            class: Class::NewPayment.as_str(),
        }),
        Ok(Some(found)) => judge(&found),
        Ok(None) if payment_key.is_none() => Verdict::Unauthenticated,
        Ok(None) => Verdict::Declined(Decline {
            code: "NOT_FOUND_PAYMENT".to_owned(),
            class: Class::NewPayment.as_str(),
        }),
        // A read says nothing about the money.
        Err(error) => Verdict::Unknown { why: error.to_string(), fresh_key: false },
    }
}

/// What a payment's status means.
fn judge(found: &toss::Payment) -> Verdict {
    let declined = |code: &str| {
        let code = found.failure.as_ref().map_or(code, |failure| failure.code.as_str()).to_owned();
        Verdict::Declined(Decline { code, class: Class::NewPayment.as_str() })
    };
    match &found.status {
        // Nothing is left of a payment that is not booked yet: taken and given back by hand, or never paid in.
        Status::Canceled => declined("CANCELED"),
        Status::PartialCanceled if found.is_fully_refunded() => declined("CANCELED"),
        // Cancelled in part still means captured first; the cancel itself is reconciled apart.
        Status::Done | Status::PartialCanceled if found.approved_at.is_some() => Verdict::Captured(Capture {
            payment_key: found.payment_key.clone(),
            order_id: found.order_id.clone(),
            amount: found.total_amount,
            currency: found.currency.clone(),
            method: found.method.clone(),
            transaction_key: found.last_transaction_key.clone(),
            evidence: found.raw.to_string(),
        }),
        Status::InProgress => Verdict::Confirmable,
        Status::Ready => Verdict::Unauthenticated,
        Status::Aborted => declined("ABORTED"),
        Status::Expired => declined("EXPIRED"),
        other => Verdict::Unknown { why: format!("status {}", other.as_str()), fresh_key: false },
    }
}

/// What a refusal of the confirmation means. A refusal that says nothing about the money is looked into.
fn refused(error: &TossError) -> Verdict {
    match error {
        TossError::Refused { code, class, .. } if class.is_declined() => {
            Verdict::Declined(Decline { code: code.clone(), class: class.as_str() })
        }
        TossError::Refused { code, class: Class::Contact | Class::Stop, .. } => {
            metrics::counter!("konnect_provider_config_errors_total").increment(1);
            tracing::error!(code, "the provider refuses our configuration");
            Verdict::Unknown { why: code.clone(), fresh_key: true }
        }
        error => {
            let why = error.code().map_or_else(|| error.to_string(), str::to_owned);
            Verdict::Unknown { why, fresh_key: !error.keeps_key() }
        }
    }
}

async fn conclude(run: &Run, id: AttemptId, verdict: Verdict) -> Result<Outcome> {
    let core = &run.services.core;
    match verdict {
        Verdict::Captured(capture) => {
            let booked = transact!(core.db, run.context(), anyhow::Error, tx => {
                let finished = run.finish(tx).await?;
                payment::apply_capture(tx, &core.rules, id, &capture).await?;
                Ok(Outcome::Done(finished))
            });
            match booked {
                Err(error) if matches!(error.downcast_ref(), Some(payment::Error::ProviderMismatch)) => {
                    mismatch(run, id).await
                }
                other => other,
            }
        }
        Verdict::Declined(decline) => transact!(core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            payment::apply_decline(tx, id, &decline).await?;
            Ok(Outcome::Done(finished))
        }),
        Verdict::Unauthenticated => run.skip("the payer is still at the checkout").await,
        Verdict::Confirmable => unknown(run, id, "not captured yet", false).await,
        Verdict::Unknown { why, fresh_key } => unknown(run, id, &why, fresh_key).await,
    }
}

/// A person looks at both; until then nobody asks again.
async fn mismatch(run: &Run, id: AttemptId) -> Result<Outcome> {
    transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
        run.hold(tx).await?;
        Ok(payment::mark_unknown(tx, id, payment::MISMATCH, false).await?)
    })?;
    Ok(Outcome::Dead("the provider's payment is not the one of this order: look at both".to_owned()))
}

async fn unknown(run: &Run, id: AttemptId, why: &str, fresh_key: bool) -> Result<Outcome> {
    transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
        run.hold(tx).await?;
        Ok(payment::mark_unknown(tx, id, why, fresh_key).await?)
    })?;
    Ok(Outcome::Retry(why.to_owned()))
}
