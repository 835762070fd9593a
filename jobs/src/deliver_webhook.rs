//! Calls one endpoint with one event.
//!
//! A call whose outcome could not be written is made again, under the same `webhook-id`: who is called leaves aside
//! what it has seen. No answer is no refusal, and is asked again like one.

use anyhow::Result;
use konnect::client::webhook::Posted;
use konnect::id::WebhookDeliveryId;
use konnect::job::DeliverWebhook;
use konnect::partner::{self, After, Heard, Message, Step};
use konnect::transact;

use crate::{Handler, Outcome, Run};

impl Handler for DeliverWebhook {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let (id, services) = (self.delivery_id, &run.services);
        let step = transact!(services.core.db, run.context(), anyhow::Error, tx => {
            run.hold(tx).await?;
            Ok(partner::prepare(tx, &services.sealer, id).await?)
        })?;
        match step {
            Step::Over => run.skip("the webhook needs no delivery").await,
            Step::Off => run.skip("the endpoint listens no more").await,
            Step::Send(message) => send(run, id, *message).await,
        }
    }
}

async fn send(run: &Run, id: WebhookDeliveryId, message: Message) -> Result<Outcome> {
    let headers = partner::headers(&message);
    let (attempt, called) = (message.attempt, message.url);
    let heard = heard(run.services.webhooks.post(&called, headers, message.body).await);
    let word = heard.status.map_or("no_answer".to_owned(), |status| format!("{}xx", status / 100));
    metrics::counter!("konnect_webhook_attempts_total", "answer" => word).increment(1);
    metrics::histogram!("konnect_webhook_seconds").record(f64::from(heard.millis) / 1000.0);
    transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
        run.hold(tx).await?;
        Ok(match partner::conclude(tx, id, attempt, &called, &heard, run.attempt).await? {
            After::Over => Outcome::Done(run.finish(tx).await?),
            After::Again(why) => Outcome::Retry(why),
            After::NotBefore(at) => Outcome::Snooze(at),
        })
    })
}

fn heard(posted: Posted) -> Heard {
    let Posted { millis, answer } = posted;
    match answer {
        Ok(answer) => Heard {
            millis,
            status: Some(answer.status),
            error: None,
            answer: answer.body,
            retry_after: answer.retry_after,
        },
        Err(why) => Heard { millis, status: None, error: Some(why), answer: Vec::new(), retry_after: None },
    }
}
