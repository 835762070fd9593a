//! What alarms look at, as metrics: figures of rows that somebody has to see to.
//!
//! Each relay counts them again and again, so that they are as old as the last look wherever they are read, and the
//! same in every relay. A metric that some worker sets when a job comes by would keep the value of that day.

mod query;

use std::collections::BTreeSet;

use super::error::Error;
use crate::clock::{Instant, machine_now};
use crate::db::Db;
use query::Counted;

/// What was told before, so that it can be told to be over.
#[derive(Debug, Default)]
pub struct Alarms {
    /// Kinds of jobs of which some were dead.
    dead: BTreeSet<String>,
}

impl Alarms {
    /// Counts everything once.
    ///
    /// # Errors
    /// The database is away; what was measured before stays, and `konnect_alarms_measured_seconds` grows old.
    pub async fn measure(&mut self, db: &Db) -> Result<(), Error> {
        let now = db.now();
        let counted = query::count(db.pool(), now).await?;
        self.states(&counted, now);
        for (is_money, count) in &counted.findings {
            let money = if *is_money { "true" } else { "false" };
            metrics::gauge!("konnect_audit_open", "money" => money).set(*count as f64);
        }
        // Of a pass that never was, the age is that of the first account: nobody is called for a new database.
        let since = counted.recent_pass.or(counted.born).unwrap_or(now);
        metrics::gauge!("konnect_audit_recent_age_seconds").set(seconds(now, since));
        metrics::gauge!("konnect_provider_unexplained").set(counted.unexplained as f64);
        metrics::gauge!("konnect_webhook_endpoints_given_up").set(counted.given_up as f64);
        // Seconds since 1970.
        metrics::gauge!("konnect_alarms_measured_seconds").set(machine_now().timestamp() as f64);
        Ok(())
    }

    fn states(&mut self, counted: &Counted, now: Instant) {
        self.dead.extend(counted.dead.iter().map(|(kind, _)| kind.clone()));
        for kind in &self.dead {
            let dead = counted.dead.iter().find(|(name, _)| name == kind).map_or(0, |(_, count)| *count);
            metrics::gauge!("konnect_jobs_dead", "kind" => kind.clone()).set(dead as f64);
        }
        metrics::gauge!("konnect_payments_unknown").set(counted.unknown as f64);
        let asked = counted.unknown_since.map_or(0.0, |at| seconds(now, at));
        metrics::gauge!("konnect_payments_unknown_seconds").set(asked);
        for (state, count) in &counted.refunds {
            metrics::gauge!("konnect_refunds_waiting", "state" => *state).set(*count as f64);
        }
        for (state, count) in &counted.payouts {
            metrics::gauge!("konnect_payouts_open", "state" => *state).set(*count as f64);
        }
        metrics::gauge!("konnect_payouts_paused").set(f64::from(u8::from(counted.paused)));
        if let Some(at) = counted.full_pass {
            metrics::gauge!("konnect_audit_age_seconds").set(seconds(now, at));
        }
    }
}

fn seconds(now: Instant, since: Instant) -> f64 {
    (now - since).as_seconds_f64().max(0.0)
}
