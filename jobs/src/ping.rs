//! Travels the whole line and does nothing.

use anyhow::Result;
use konnect::job::Ping;
use konnect::transact;

use crate::{Handler, Outcome, Run};

impl Handler for Ping {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let travelled = run.services.core.clock.now() - self.sent_at;
        metrics::histogram!("konnect_ping_seconds").record(travelled.as_seconds_f64());
        transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
            Ok(Outcome::Done(run.finish(tx).await?))
        })
    }
}
