//! Tells somebody that they were written to, unless they have read it meanwhile: once until they read.

use anyhow::Result;
use konnect::chat;
use konnect::job::TellUnreadChat;
use konnect::outbox;
use konnect::transact;

use crate::{Handler, Outcome, Run};

impl Handler for TellUnreadChat {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let core = &run.services.core;
        // A message that comes while this looks has a job of its own.
        transact!(core.db, run.context(), anyhow::Error, tx => { run.free_key(tx).await })?;
        let Some(news) = chat::unread_news(core, &self).await? else {
            return run.skip("everything is read").await;
        };
        transact!(core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            outbox::enqueue(tx, &news).await?;
            Ok(Outcome::Done(finished))
        })
    }
}
