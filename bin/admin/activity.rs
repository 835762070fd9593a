//! The activity log at an operator's hand.

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use clap::Subcommand;
use konnect::activity::{self, Pass};
use konnect::transact;

use crate::stores::{Stores, context, progress};

#[derive(Subcommand)]
pub enum Command {
    /// Copy the events into MongoDB again; what is there already stays as it is
    Refill {
        /// Only what happened at this instant or later (RFC 3339); everything when absent
        #[arg(long, value_name = "INSTANT")]
        from: Option<DateTime<Utc>>,
        #[command(flatten)]
        stores: Stores,
    },
}

impl Command {
    pub async fn run(self) -> Result<()> {
        let Self::Refill { from, stores } = self;
        let core = stores.connect().await?;
        let pool = core.db.pool();
        let Some(to) = activity::beginning(pool, from).await? else {
            say!("nothing has happened since");
            return Ok(());
        };
        // From here on the workers copy it too, should this command be stopped.
        transact!(core.db, context(), anyhow::Error, tx => { Ok(activity::rewind(tx, to).await?) })?;
        let mut pass = Pass::begin(pool).await?;
        let bar = progress(usize::try_from(pass.length(pool).await?)?, "activity")?;
        let (mut seen, mut copied) = (0, 0);
        loop {
            let step = pass.step(&core).await.context("the workers go on where this stopped")?;
            transact!(core.db, context().doing(None), anyhow::Error, tx => { Ok(pass.note(tx).await?) })?;
            (seen, copied) = (seen + step.seen, copied + step.copied);
            bar.inc(step.seen as u64);
            if step.is_last {
                break;
            }
        }
        bar.finish_and_clear();
        say!("{seen} events were looked at, {copied} entries were missing");
        Ok(())
    }
}
