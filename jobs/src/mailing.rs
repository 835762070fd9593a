//! Deliveries of notices of one worker process. What many of them read before their notice is handed over, and write
//! after it was taken, is read and written together, as a database commits in groups. What comes alone is done alone, by
//! its own run.

use anyhow::{Result, ensure};
use konnect::context::{Actor, Context};
use konnect::db::Db;
use konnect::id::NoticeId;
use konnect::notification::{self, Taken};
use konnect::outbox::{self, Delivery};
use konnect::together::Together;
use konnect::transact;

use crate::handler::{Finished, finish_all};

/// Cheap to clone.
#[derive(Clone, Default)]
pub struct Mailing {
    prepared: Together<(Delivery, NoticeId), Option<notification::Delivery>>,
    taken: Together<(Delivery, Taken), Option<Finished>>,
}

impl Mailing {
    /// What is to be sent of a notice, as [`notification::prepare`] says it, with others. `None`: it came alone, or can
    /// not be prepared with the others; its run does it in a transaction of its own, where the fence judges anew.
    pub(crate) async fn prepare(
        &self,
        db: &Db,
        delivery: Delivery,
        notice: NoticeId,
    ) -> Option<notification::Delivery> {
        let db = db.clone();
        let work = move |wanted| in_group(db.clone(), wanted, prepare_all);
        self.prepared.ask((delivery, notice), work).await.flatten()
    }

    /// Writes the end of a delivery with those of others, and finishes its job. `None`: as above.
    pub(crate) async fn write(&self, db: &Db, delivery: Delivery, taken: Taken) -> Option<Finished> {
        let db = db.clone();
        let work = move |ends| in_group(db.clone(), ends, write_all);
        self.taken.ask((delivery, taken), work).await.flatten()
    }
}

/// The answers of a group, or none for any of them.
async fn in_group<I, O>(
    db: Db,
    wanted: Vec<(Delivery, I)>,
    work: impl AsyncFnOnce(&Db, &[Delivery], &[I]) -> Result<Vec<Option<O>>>,
) -> Vec<Option<O>> {
    let count = wanted.len();
    let nobody = || (0..count).map(|_| None).collect();
    if count < 2 {
        return nobody();
    }
    let (deliveries, items): (Vec<_>, Vec<_>) = wanted.into_iter().unzip();
    work(&db, &deliveries, &items).await.unwrap_or_else(|error| {
        tracing::debug!(error = format!("{error:#}"), count, "deliveries go on one by one");
        nobody()
    })
}

async fn prepare_all(
    db: &Db,
    deliveries: &[Delivery],
    notices: &[NoticeId],
) -> Result<Vec<Option<notification::Delivery>>> {
    transact!(db, context(), anyhow::Error, tx => {
        ensure!(outbox::hold_many(tx, deliveries).await?, "a lease is lost");
        Ok(notification::prepare_many(tx, notices).await?)
    })
}

async fn write_all(db: &Db, deliveries: &[Delivery], taken: &[Taken]) -> Result<Vec<Option<Finished>>> {
    transact!(db, context(), anyhow::Error, tx => {
        let finished = finish_all(tx, deliveries).await?;
        ensure!(finished.is_some(), "a lease is lost");
        notification::taken_many(tx, taken).await?;
        Ok(finished.into_iter().flatten().map(Some).collect())
    })
}

fn context() -> Context {
    Context::new(Actor::Operator, "worker")
}
