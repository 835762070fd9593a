//! Runs one delivery: claim, handler, and what comes after.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Result;
use chrono::TimeDelta;
use konnect::id::jitter;
use konnect::job::Retry;
use konnect::outbox::{self, Claim, Claimed, Delivery, Lease, LeaseLost};
use konnect::queue::{Deliver, Parcel};
use konnect::trace;
use tokio::task::AbortHandle;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use crate::claims::Claims;
use crate::registry::{Entry, registry};
use crate::{Outcome, Run, Services};

/// How long a worker may be silent before its job is given to another one.
const LEASE: Duration = Duration::from_secs(15);
const HEARTBEAT: Duration = Duration::from_secs(5);
/// A kind that this build does not know waits for the deploy that does.
const UNKNOWN_KIND: Retry = Retry::INTERNAL;

/// Cheap to clone.
#[derive(Clone)]
pub struct Executor {
    services: Services,
    claims: Claims,
    /// By delivery and not by job: a run that lost its lease may overlap the next run of the same job.
    running: Arc<Mutex<HashMap<Delivery, AbortHandle>>>,
}

/// How a delivery ended, for tests and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Done,
    Retried,
    Snoozed,
    Dead,
    /// Not ours: finished before, taken, or delivered again.
    Refused,
}

impl Executor {
    pub fn new(services: Services, worker: impl Into<Arc<str>>) -> Self {
        let claims = Claims::new(services.core.db.clone(), worker.into(), LEASE);
        Self { services, claims, running: Arc::default() }
    }

    /// Runs a delivery to its end.
    ///
    /// # Errors
    /// The database could not be reached. The row is as it was, or will be given back when its lease ends.
    pub async fn execute(&self, delivery: Delivery) -> Result<Ended> {
        self.take(Parcel { delivery, trace: None }).await
    }

    /// Each attempt is a span: below its publication, or below the transaction that wrote the row.
    async fn take(&self, Parcel { delivery, trace }: Parcel) -> Result<Ended> {
        let claimed = match self.claims.claim(delivery).await? {
            Claim::Yours(claimed) => claimed,
            Claim::Refused => {
                metrics::counter!("konnect_deliveries_refused_total").increment(1);
                return Ok(Ended::Refused);
            }
        };
        let span = span(delivery, &claimed);
        trace::follow(&span, trace.or_else(|| claimed.trace()));
        let ended = trace::within(span.clone(), self.run(delivery, claimed)).await?;
        span.record("konnect.job.ended", ended.name());
        if matches!(ended, Ended::Dead | Ended::Retried) {
            span.record("otel.status_code", "error");
        }
        Ok(ended)
    }

    async fn run(&self, delivery: Delivery, claimed: Claimed) -> Result<Ended> {
        let db = &self.services.core.db;
        let started = tokio::time::Instant::now();
        let lag = (db.now() - claimed.run_at).as_seconds_f64().max(0.0);
        metrics::histogram!("konnect_job_start_lag_seconds", "kind" => claimed.kind.clone()).record(lag);
        let entry = registry().iter().find(|e| e.kind == claimed.kind);
        let outcome = match entry {
            // Nobody lived to write down what became of the last attempt.
            Some(entry) if claimed.attempts > entry.retry.cap() => {
                Ok(Outcome::Dead("every worker that ran it died or fell silent".to_owned()))
            }
            Some(entry) => self.supervise(entry, delivery, &claimed).await,
            None => Ok(Outcome::Retry(format!("unknown kind {}", claimed.kind))),
        };
        let retry = entry.map_or(UNKNOWN_KIND, |e| e.retry);
        let ended = self.conclude(delivery, &claimed, retry, outcome).await?;
        metrics::histogram!("konnect_job_seconds", "kind" => claimed.kind, "ended" => ended.name())
            .record(started.elapsed().as_secs_f64());
        Ok(ended)
    }

    /// Runs the handler as a task, so that a panic is an error, with a heartbeat and a time limit.
    async fn supervise(
        &self,
        entry: &'static Entry,
        delivery: Delivery,
        claimed: &Claimed,
    ) -> Result<Outcome> {
        let payload = match claimed.payload() {
            Ok(payload) => payload,
            Err(error) => return Ok(Outcome::Dead(format!("payload is no JSON: {error}"))),
        };
        let run = Run {
            services: self.services.clone(),
            lease: Lease { delivery },
            attempt: claimed.attempts,
            run_at: claimed.run_at,
            request_id: claimed.request_id.clone(),
            kind: entry.kind,
            worker: self.claims.worker(),
        };
        let work = async move {
            match (entry.run)(payload, &run) {
                Ok(handler) => handler.await,
                Err(error) => Ok(Outcome::Dead(format!("payload does not fit {}: {error}", entry.kind))),
            }
        };
        let work = tokio::spawn(work.in_current_span());
        let _running = self.track(delivery, work.abort_handle());
        tokio::select! {
            ended = work => ended.unwrap_or_else(|error| {
                // Only `hand_back` cancels a handler that is waited for, and writes what becomes of the row.
                if error.is_cancelled() { Err(LeaseLost(delivery.job_id).into()) } else { Err(anyhow::anyhow!("the handler {error}")) }
            }),
            () = tokio::time::sleep(entry.timeout) => Ok(Outcome::Retry(format!("took longer than {:?}", entry.timeout))),
            () = self.beat(delivery) => Err(LeaseLost(delivery.job_id).into()),
        }
    }

    /// Renews the lease until it is lost.
    async fn beat(&self, delivery: Delivery) {
        loop {
            tokio::time::sleep(HEARTBEAT).await;
            match outbox::renew(&self.services.core.db, delivery, LEASE).await {
                Ok(true) => {}
                // Finished meanwhile, or lost: the fence decides, not this beat. Give the handler its end.
                Ok(false) => return tokio::time::sleep(LEASE).await,
                Err(error) => tracing::warn!(%error, "heartbeat failed"),
            }
        }
    }

    async fn conclude(
        &self,
        delivery: Delivery,
        claimed: &Claimed,
        retry: Retry,
        outcome: Result<Outcome>,
    ) -> Result<Ended> {
        let db = &self.services.core.db;
        let error = match outcome {
            Ok(Outcome::Done(_)) => return Ok(Ended::Done),
            Ok(Outcome::Snooze(at)) => {
                outbox::snooze(db, delivery, at).await?;
                return Ok(Ended::Snoozed);
            }
            Ok(Outcome::Dead(why)) => {
                tracing::error!(kind = claimed.kind, job_id = %delivery.job_id, why, "job is dead");
                outbox::fail(db, delivery, None, &why).await?;
                return Ok(Ended::Dead);
            }
            Ok(Outcome::Retry(why)) => why,
            Err(error) if error.is::<LeaseLost>() => {
                metrics::counter!("konnect_leases_lost_total").increment(1);
                tracing::warn!(kind = claimed.kind, job_id = %delivery.job_id, "lease lost; nothing was written");
                return Ok(Ended::Refused);
            }
            Err(error) => format!("{error:#}"),
        };
        let again_at = retry.after(claimed.attempts).map(|wait| db.now() + with_jitter(wait));
        outbox::fail(db, delivery, again_at, &error).await?;
        if again_at.is_some() {
            tracing::warn!(kind = claimed.kind, job_id = %delivery.job_id, attempt = claimed.attempts, error, "job will be tried again");
            Ok(Ended::Retried)
        } else {
            tracing::error!(kind = claimed.kind, job_id = %delivery.job_id, error, "job is dead after its last attempt");
            Ok(Ended::Dead)
        }
    }

    fn track(&self, delivery: Delivery, abort: AbortHandle) -> Tracked {
        self.lock().insert(delivery, abort);
        Tracked { executor: self.clone(), delivery }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Delivery, AbortHandle>> {
        self.running.lock().expect("nothing panics while it holds the list of running jobs")
    }

    /// Stops what still runs and gives it back to others: the end of a drain that took too long.
    pub async fn hand_back(&self) {
        let running: Vec<_> =
            self.lock().iter().map(|(delivery, abort)| (*delivery, abort.clone())).collect();
        for (delivery, abort) in running {
            abort.abort();
            if let Err(error) = outbox::hand_back(&self.services.core.db, delivery).await {
                tracing::warn!(%error, "job not handed back; its lease will end");
            }
        }
    }
}

/// Up to a tenth more, so that what failed together does not come back together.
fn with_jitter(wait: Duration) -> TimeDelta {
    let ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX / 2);
    TimeDelta::milliseconds(i64::try_from(ms + jitter(ms / 10)).unwrap_or(i64::MAX))
}

struct Tracked {
    executor: Executor,
    delivery: Delivery,
}

impl Drop for Tracked {
    fn drop(&mut self) {
        if let Some(abort) = self.executor.lock().remove(&self.delivery) {
            abort.abort();
        }
    }
}

impl Ended {
    fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Retried => "retried",
            Self::Snoozed => "snoozed",
            Self::Dead => "dead",
            Self::Refused => "refused",
        }
    }
}

/// One attempt.
fn span(delivery: Delivery, claimed: &Claimed) -> Span {
    tracing::info_span!(
        parent: None,
        "process",
        otel.name = format!("process {}", claimed.kind),
        otel.kind = "consumer",
        otel.status_code = Empty,
        messaging.system = "konnect",
        "messaging.operation.type" = "process",
        messaging.operation.name = "process",
        messaging.message.id = %delivery.job_id,
        konnect.job.kind = claimed.kind,
        konnect.job.attempt = claimed.attempts,
        konnect.job.ended = Empty,
        request_id = claimed.request_id,
    )
}

impl Deliver for Executor {
    fn deliver(&self, parcel: Parcel) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(async move { self.take(parcel).await.map(drop) })
    }
}
