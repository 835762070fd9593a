//! Asks the provider to pay one payout, once (S71): the intent is written before the call, and whoever comes after a
//! lost answer looks for the payout's reference first. It is asked for again under the same reference alone.

use anyhow::{Result, bail};
use konnect::client::toss::{Class, PayoutClient, TossError};
use konnect::job::SendPayout;
use konnect::payout::{self, Intent, Next, Order, Refusal};
use konnect::transact;

use crate::payouts::{code, evidence, item, records};
use crate::{Handler, Outcome, Run};

impl Handler for SendPayout {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let Some(client) = &run.services.payouts else {
            return Ok(Outcome::Retry("no security key of the provider is configured".to_owned()));
        };
        let core = &run.services.core;
        let intent = transact!(core.db, run.context(), anyhow::Error, tx => {
            run.hold(tx).await?;
            Ok(payout::prepare(tx, &core.rules, self.payout_id).await?)
        })?;
        match intent {
            Intent::Over => run.skip("there is nothing to ask about the payout").await,
            Intent::Wait(at) => Ok(Outcome::Snooze(at)),
            Intent::Ask(order) => ask(run, client, &order).await,
            Intent::LookUp(order) => look_up(run, client, &order).await,
        }
    }
}

/// What the provider has of a payout that it was asked for before; when it has nothing, it is asked again.
async fn look_up(run: &Run, client: &PayoutClient, order: &Order) -> Result<Outcome> {
    if let Some(outcome) = adopt_record(run, client, order).await? {
        return Ok(outcome);
    }
    let core = &run.services.core;
    let intent = transact!(core.db, run.context(), anyhow::Error, tx => {
        run.hold(tx).await?;
        Ok(payout::ask_again(tx, &core.rules, order.id).await?)
    })?;
    match intent {
        Intent::Over => run.skip("the payout waits for a decision").await,
        Intent::Wait(at) => Ok(Outcome::Snooze(at)),
        Intent::Ask(order) => ask(run, client, &order).await,
        Intent::LookUp(_) => bail!("a payout that was looked for is to be looked for"),
    }
}

/// `None`: the provider has no record with our reference.
async fn adopt_record(run: &Run, client: &PayoutClient, order: &Order) -> Result<Option<Outcome>> {
    let mut records = match records(client, order).await {
        Ok(records) => records,
        Err(error) => return Ok(Some(unknown(run, order, &format!("{error:#}")).await?)),
    };
    let (Some(record), others) = (records.pop(), records.len()) else { return Ok(None) };
    let found = evidence(&record);
    let outcome = transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
        let finished = run.finish(tx).await?;
        if others > 0 {
            payout::doubled(tx, order.id, &found).await?;
        } else {
            payout::adopt(tx, order.id, &found).await?;
        }
        Ok(Outcome::Done(finished))
    })?;
    Ok(Some(outcome))
}

async fn ask(run: &Run, client: &PayoutClient, order: &Order) -> Result<Outcome> {
    match client.request_payouts(&[item(order)], &order.idempotency_key).await {
        Ok(taken) => {
            let Some(taken) = taken.first() else { bail!("the provider took a payout and names none") };
            let found = evidence(taken);
            transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
                let finished = run.finish(tx).await?;
                payout::adopt(tx, order.id, &found).await?;
                Ok(Outcome::Done(finished))
            })
        }
        Err(TossError::NotSent(why)) => transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            payout::give_up(tx, order.id, why).await?;
            Ok(Outcome::Done(finished))
        }),
        Err(error) if error.keeps_key() => unknown(run, order, code(&error)).await,
        Err(error) => refused(run, client, order, &error).await,
    }
}

/// No refusal is believed before the provider has shown that it has no such payout.
async fn refused(run: &Run, client: &PayoutClient, order: &Order, error: &TossError) -> Result<Outcome> {
    if let Some(outcome) = adopt_record(run, client, order).await? {
        return Ok(outcome);
    }
    let core = &run.services.core;
    let (code, refusal) = (code(error), meaning(error));
    if error.class() == Class::Stop {
        metrics::counter!("konnect_provider_config_errors_total").increment(1);
        tracing::error!(code, "the provider refuses our configuration");
    }
    let next = transact!(core.db, run.context(), anyhow::Error, tx => {
        run.hold(tx).await?;
        Ok(payout::refused(tx, &core.rules, order.id, code, refusal).await?)
    })?;
    match next {
        Next::Over => run.skip("the payout has failed").await,
        Next::At(at) => Ok(Outcome::Snooze(at)),
        Next::Again => Ok(Outcome::Retry(code.to_owned())),
    }
}

fn meaning(error: &TossError) -> Refusal {
    match error.class() {
        // The class says later, because a payee can be approved later: by then another batch pays.
        _ if error.code() == Some("FORBIDDEN_SELLER_PAYOUT") => Refusal::Final,
        Class::Contact => Refusal::Final,
        Class::Later => Refusal::Later,
        _ => Refusal::Unclear,
    }
}

async fn unknown(run: &Run, order: &Order, why: &str) -> Result<Outcome> {
    transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
        run.hold(tx).await?;
        Ok(payout::unknown(tx, order.id, why).await?)
    })?;
    Ok(Outcome::Retry(why.to_owned()))
}
