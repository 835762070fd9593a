//! The relay: takes due rows of the outbox to the transport, and brings back what was lost there.
//!
//! Any number of relays may run; rows are shared by `SKIP LOCKED`. A relay that dies between its commit and its
//! push leaves rows published and unclaimed: their lease ends, and they are delivered again under a new id.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::Span;

use crate::context::{Actor, Context};
use crate::core::Core;
use crate::job::Queue;
use crate::outbox::{self, Due};
use crate::queue::{Parcel, Transport};
use crate::trace::{self, Trace};
use crate::transact;

/// Rows per transaction and push.
const BATCH: u32 = 500;
/// Deliveries that may wait in Redis per queue; the rest waits in SQL.
const OUTSTANDING: u64 = 2_000;
/// A delivery that no worker claimed for this long is given out again.
const CLAIM_BY: TimeDelta = TimeDelta::seconds(60);
/// Looking for due rows without having been woken.
const POLL: Duration = Duration::from_millis(200);
const HOUSEKEEPING: Duration = Duration::from_secs(1);

pub struct Relay {
    core: Core,
    transport: Transport,
}

impl Relay {
    pub fn new(core: Core) -> Self {
        let transport = Transport::new(&core);
        Self { core, transport }
    }

    /// Runs until `stop` is cancelled. Errors of the stores are logged and tried again.
    pub async fn run(&self, stop: CancellationToken) {
        let (wake, mut woken) = mpsc::channel(64);
        let listener =
            tokio::spawn(listen(self.core.redis_client.clone(), self.core.keys.outbox_wake(), wake));
        let mut poll = tokio::time::interval(POLL);
        let mut housekeeping = tokio::time::interval(HOUSEKEEPING);
        for timer in [&mut poll, &mut housekeeping] {
            timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        }
        loop {
            let outcome = tokio::select! {
                () = stop.cancelled() => break,
                Some(names) = woken.recv() => {
                    let mut queues = parse(&names);
                    while let Ok(more) = woken.try_recv() {
                        queues.extend(parse(&more));
                    }
                    self.publish(queues).await
                }
                _ = poll.tick() => self.publish(Queue::ALL.into()).await,
                _ = housekeeping.tick() => self.keep_house().await,
            };
            if let Err(error) = outcome {
                tracing::warn!(error = format!("{error:#}"), "relay round failed; trying again");
                tokio::time::sleep(POLL).await;
            }
        }
        listener.abort();
    }

    /// Publishes every due row of these queues, as far as the transport has room.
    async fn publish(&self, queues: BTreeSet<Queue>) -> anyhow::Result<()> {
        for queue in queues {
            while self.publish_batch(queue).await? == BATCH as usize {}
        }
        Ok(())
    }

    /// One round for one queue: its due rows, as many as one transaction and one push take. How many these were.
    ///
    /// # Errors
    /// The stores, which stand as before or have the rows published; those come again when their lease is over.
    pub async fn publish_batch(&self, queue: Queue) -> anyhow::Result<usize> {
        if self.transport.waiting(queue).await? >= OUTSTANDING {
            return Ok(0);
        }
        let due = transact!(self.core.db, context(), sqlx::Error, tx => {
            let claim_by = tx.now + CLAIM_BY;
            outbox::publish_due(tx, queue, BATCH, claim_by).await
        })?;
        if !due.is_empty() {
            // Each span ends with the push.
            let (parcels, _spans): (Vec<_>, Vec<_>) = due.iter().map(|due| parcel(queue, due)).unzip();
            self.transport.push(queue, &parcels).await?;
            metrics::counter!("konnect_jobs_published_total", "queue" => queue.name())
                .increment(due.len() as u64);
        }
        Ok(due.len())
    }

    async fn keep_house(&self) -> anyhow::Result<()> {
        let survived = self.transport.survived().await?;
        let given_back = transact!(self.core.db, context(), sqlx::Error, tx => {
            let lost = if survived { 0 } else { outbox::forget_deliveries(tx, 10 * BATCH).await? };
            outbox::ensure_recurring(tx).await?;
            Ok(lost + outbox::reclaim_expired(tx, BATCH).await?)
        })?;
        if given_back > 0 {
            metrics::counter!("konnect_deliveries_lost_total").increment(given_back);
            tracing::info!(given_back, "deliveries were lost and are given out again");
        }
        for queue in Queue::ALL {
            self.transport.purge(queue, 5_000).await?;
        }
        Ok(())
    }
}

/// A row to hand over, and the span of that, where its trace is exported.
fn parcel(queue: Queue, due: &Due) -> (Parcel, Span) {
    let Due { delivery, trace } = *due;
    let span = match trace {
        Some(trace) if trace.is_sampled() => publication(queue, due),
        _ => Span::none(),
    };
    trace::follow(&span, trace);
    (Parcel { delivery, trace: Trace::of(&span).or(trace) }, span)
}

fn publication(queue: Queue, due: &Due) -> Span {
    tracing::info_span!(
        parent: None,
        "publish",
        otel.name = format!("publish {}", queue.name()),
        otel.kind = "producer",
        messaging.system = "konnect",
        "messaging.operation.type" = "send",
        messaging.operation.name = "publish",
        messaging.destination.name = queue.name(),
        messaging.message.id = %due.delivery.job_id,
    )
}

fn context() -> Context {
    Context::new(Actor::Operator, "relay")
}

fn parse(names: &str) -> BTreeSet<Queue> {
    names.split(',').filter_map(Queue::parse).collect()
}

/// Hears which queues have fresh rows, for as long as the relay runs.
async fn listen(client: redis::Client, channel: String, wake: mpsc::Sender<String>) {
    loop {
        if let Ok(mut pubsub) = client.get_async_pubsub().await
            && pubsub.subscribe(&channel).await.is_ok()
        {
            let mut messages = pubsub.on_message();
            while let Some(message) = messages.next().await {
                if let Ok(names) = message.get_payload::<String>()
                    && wake.send(names).await.is_err()
                {
                    return;
                }
            }
        }
        metrics::counter!("konnect_pubsub_reconnects_total", "listener" => "relay").increment(1);
        tokio::time::sleep(POLL).await;
    }
}
