//! What alarms look at beside the figures that other domains give, as metrics: findings of the audit, days of the
//! provider that are not explained, endpoints that were given up, and when all of it was counted.

mod query;

use super::error::Error;
use crate::clock::{Instant, machine_now};
use crate::db::Db;

/// Counts everything once. It is the last of what a relay counts, so that its instant stands for all of it.
///
/// # Errors
/// The database is away; what was measured before stays, and `konnect_alarms_measured_seconds` grows old.
pub async fn measure_alarms(db: &Db) -> Result<(), Error> {
    let now = db.now();
    let counted = query::count(db.pool(), now).await?;
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

fn seconds(now: Instant, since: Instant) -> f64 {
    (now - since).as_seconds_f64().max(0.0)
}
