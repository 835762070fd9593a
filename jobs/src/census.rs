//! How things stand, as numbers for whoever is to be woken: counted by every relay from the rows, so that no number
//! outlives the process that last looked. What happens is counted where it happens.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use konnect::core::Core;
use konnect::job::Queue;
use konnect::{activity, audit, office, outbox, payout};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_secs(15);

/// Counts until `stop` is cancelled.
pub async fn watch(core: Core, stop: CancellationToken) {
    let mut census = Census::default();
    let mut timer = tokio::time::interval(EVERY);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = timer.tick() => {}
        }
        if let Err(error) = census.take(&core).await {
            tracing::warn!(error = format!("{error:#}"), "how things stand is not known; counting again");
        }
    }
}

/// What was counted before, so that what is gone goes back to 0.
#[derive(Default)]
pub struct Census {
    dead: BTreeSet<String>,
}

impl Census {
    /// Counts everything once.
    ///
    /// # Errors
    /// The database could not be asked; what was counted until then stands.
    pub async fn take(&mut self, core: &Core) -> Result<()> {
        self.jobs(core).await?;
        money(core).await?;
        activity::measure_lag(core).await?;
        office::measure_alarms(&core.db).await?;
        Ok(())
    }

    async fn jobs(&mut self, core: &Core) -> Result<()> {
        let (pool, now) = (core.db.pool(), core.clock.now());
        let paused: Vec<String> = outbox::pauses(pool).await?.into_iter().map(|pause| pause.queue).collect();
        for queue in Queue::ALL {
            let age = outbox::oldest_due_age(pool, queue, now).await?;
            let (waiting, delivered) = outbox::backlog(pool, queue, now).await?;
            let queue = queue.name();
            let is_paused = f64::from(u8::from(paused.iter().any(|name| name == queue)));
            metrics::gauge!("konnect_run_at_lag_seconds", "queue" => queue).set(age);
            metrics::gauge!("konnect_jobs_waiting", "queue" => queue).set(waiting as f64);
            metrics::gauge!("konnect_jobs_delivered", "queue" => queue).set(delivered as f64);
            metrics::gauge!("konnect_queue_paused", "queue" => queue).set(is_paused);
        }
        let dead = outbox::dead_by_kind(pool).await?;
        for kind in std::mem::take(&mut self.dead) {
            metrics::gauge!("konnect_jobs_dead", "kind" => kind).set(0.0);
        }
        for (kind, count) in dead {
            metrics::gauge!("konnect_jobs_dead", "kind" => kind.clone()).set(count as f64);
            self.dead.insert(kind);
        }
        Ok(())
    }
}

async fn money(core: &Core) -> Result<()> {
    let (pool, now) = (core.db.pool(), core.clock.now());
    let open = office::open_money(pool).await?;
    let oldest = open.unknown_since.map_or(0.0, |at| (now - at).as_seconds_f64().max(0.0));
    metrics::gauge!("konnect_payments_unknown").set(open.payments_unknown as f64);
    metrics::gauge!("konnect_payments_unknown_seconds").set(oldest);
    for (state, count) in open.refunds {
        metrics::gauge!("konnect_refunds_waiting", "state" => state).set(count as f64);
    }
    for (state, count) in open.payouts {
        metrics::gauge!("konnect_payouts_open", "state" => state).set(count as f64);
    }
    let is_paused = payout::control(pool).await?.paused;
    metrics::gauge!("konnect_payouts_paused").set(f64::from(u8::from(is_paused)));
    let blocked = payout::open_batches(pool).await?.iter().filter(|batch| batch.blocked.is_some()).count();
    metrics::gauge!("konnect_payout_batches_blocked").set(blocked as f64);
    for (check, count) in audit::open_counts(pool).await? {
        metrics::gauge!("konnect_audit_findings", "check" => check).set(count as f64);
    }
    if let Some(at) = audit::last_full(pool).await? {
        metrics::gauge!("konnect_audit_age_seconds").set((now - at).as_seconds_f64().max(0.0));
    }
    Ok(())
}
