//! What the jobs of payments share: asking the provider and writing down what it said.

use anyhow::Result;
use chrono::TimeDelta;
use konnect::client::toss::{Class, ConfirmRequest};
use konnect::id::AttemptId;
use konnect::money::Krw;
use konnect::payment::{self, Applied, Asked, Intent, MISMATCH};
use konnect::settlement;
use konnect::transact;

use crate::verdict::{self, Verdict};
use crate::{Outcome, Run};

/// Who freezes what a session earned whose deposit was taken back.
pub const REVERSED: &str = "capture_reversed";
/// Money that is not wanted is looked up this often until it has expired at the provider.
const EXPIRES: TimeDelta = TimeDelta::seconds(30);

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
        Intent::LookUp { payment_key, amount, idempotency_key, asked, is_wanted } => {
            match (look_up(run, id, payment_key.as_deref(), asked).await, payment_key) {
                (Verdict::Confirmable, Some(key)) if is_wanted => {
                    confirm(run, id, key, amount, &idempotency_key).await
                }
                (Verdict::Confirmable, Some(_)) if asked == Asked::Never => verdict::never_taken(),
                (Verdict::Confirmable, Some(_)) if asked == Asked::Lately => Verdict::Unwanted,
                // It should have expired by now. Asked again by the schedule, which ends and is seen.
                (Verdict::Confirmable, Some(_)) => Verdict::Unknown {
                    why: "not captured, not wanted, and not expired".to_owned(),
                    class: Class::LookUp,
                    fresh_key: false,
                },
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
    let asked = payment_key.clone();
    let request = ConfirmRequest { payment_key, order_id: id.to_string(), amount };
    match run.services.toss.confirm(request, idempotency_key).await {
        Ok(found) if found.payment_key != asked || found.order_id != id.to_string() => Verdict::Unknown {
            why: "the answer is about another payment".to_owned(),
            class: Class::LookUp,
            fresh_key: true,
        },
        Ok(found) => verdict::judge(&found, id, run.services.merchant.as_deref()),
        // Our key or contract; or a payer who brings the key of another order, which is no fault of ours.
        Err(error) if error.code() == Some("FORBIDDEN_REQUEST") => {
            match look_up(run, id, Some(&asked), Asked::Lately).await {
                declined @ Verdict::Declined(_) => declined,
                _ => verdict::refused(&error),
            }
        }
        Err(error) => verdict::refused(&error),
    }
}

/// Reads the payment of an attempt, by the payer's key where there is one.
async fn look_up(run: &Run, id: AttemptId, payment_key: Option<&str>, asked: Asked) -> Verdict {
    let found = match payment_key {
        Some(key) => run.services.toss.payment(key).await,
        None => run.services.toss.payment_by_order(&id.to_string()).await,
    };
    match found {
        Ok(Some(found)) => verdict::judge(&found, id, run.services.merchant.as_deref()),
        Ok(None) => verdict::not_found(payment_key, asked),
        Err(error) => verdict::unread(&error),
    }
}

/// Writes down what the provider said of an attempt.
pub async fn conclude(run: &Run, id: AttemptId, verdict: Verdict) -> Result<Outcome> {
    let core = &run.services.core;
    match verdict {
        Verdict::Captured(capture) => {
            let booked = transact!(core.db, run.context(), anyhow::Error, tx => {
                let finished = run.finish(tx).await?;
                let applied = payment::apply_capture(tx, &core.rules, id, &capture).await?;
                if let Applied::Restored(reservation) | Applied::GivenBack(Some(reservation)) = applied {
                    settlement::thaw(tx, reservation, REVERSED).await?;
                }
                Ok(Outcome::Done(finished))
            });
            or_hold(run, id, booked).await
        }
        Verdict::Waiting(deposit) => {
            let awaited = transact!(core.db, run.context(), anyhow::Error, tx => {
                let finished = run.finish(tx).await?;
                payment::await_deposit(tx, &core.rules, &run.services.sealer, id, &deposit).await?;
                Ok(Outcome::Done(finished))
            });
            or_hold(run, id, awaited).await
        }
        Verdict::Declined(decline) => transact!(core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            if let Some(reservation) = payment::apply_decline(tx, id, &decline).await? {
                settlement::thaw(tx, reservation, REVERSED).await?;
            }
            Ok(Outcome::Done(finished))
        }),
        Verdict::Foreign(field) => hold(run, id, field).await,
        Verdict::Unauthenticated => run.skip("the payer is still at the checkout").await,
        Verdict::Confirmable => unknown(run, id, "not captured yet", Class::LookUp, false).await,
        Verdict::Unwanted => {
            unknown(run, id, "not captured, and not wanted", Class::LookUp, false).await?;
            Ok(Outcome::Snooze(core.db.now() + EXPIRES))
        }
        Verdict::Unknown { why, class, fresh_key } => unknown(run, id, &why, class, fresh_key).await,
    }
}

async fn or_hold(run: &Run, id: AttemptId, outcome: Result<Outcome>) -> Result<Outcome> {
    match outcome {
        Err(error) if matches!(error.downcast_ref(), Some(payment::Error::ProviderMismatch)) => {
            hold(run, id, "paymentKey").await
        }
        other => other,
    }
}

/// A person looks at what cannot be given back; until then nobody asks again (see the back office's list of
/// attempts).
async fn hold(run: &Run, id: AttemptId, field: &'static str) -> Result<Outcome> {
    metrics::counter!("konnect_payment_mismatch_total", "field" => field).increment(1);
    tracing::error!(order_id = %id, field, "the provider's payment is not ours: an operator must look");
    transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
        let finished = run.finish(tx).await?;
        payment::mark_unknown(tx, id, MISMATCH, Class::Contact.as_str(), false).await?;
        Ok(Outcome::Done(finished))
    })
}

async fn unknown(run: &Run, id: AttemptId, why: &str, class: Class, fresh_key: bool) -> Result<Outcome> {
    transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
        run.hold(tx).await?;
        Ok(payment::mark_unknown(tx, id, why, class.as_str(), fresh_key).await?)
    })?;
    Ok(Outcome::Retry(why.to_owned()))
}
