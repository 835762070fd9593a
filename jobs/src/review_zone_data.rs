//! Looks through the bookings ahead once for each release of the zone data; quiet while it is the same.

use anyhow::Result;
use konnect::job::ReviewZoneData;
use konnect::reservation;
use konnect::transact;

use crate::{Handler, Outcome, Run};

const PAGE: u32 = 500;

impl Handler for ReviewZoneData {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let core = &run.services.core;
        let pool = core.db.pool();
        let is_new = reservation::has_newer_zone_data(pool).await?;
        let (mut after, mut more) = (None, is_new);
        while more {
            let page = reservation::shifted(pool, core.clock.now(), after, PAGE).await?;
            for id in page.found {
                let told = transact!(core.db, run.context(), anyhow::Error, tx => {
                    run.hold(tx).await?;
                    Ok(reservation::tell_shifted(tx, id).await?)
                })?;
                metrics::counter!("konnect_shifted_bookings_total").increment(told.into());
            }
            after = page.next;
            more = after.is_some();
        }
        transact!(core.db, run.context(), anyhow::Error, tx => {
            if is_new {
                reservation::zone_data_reviewed(tx).await?;
            }
            Ok(Outcome::Done(run.finish(tx).await?))
        })
    }
}
