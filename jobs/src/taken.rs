//! Ends of deliveries of one worker process: what mail server and push service took while the last ends were being
//! written is written together, as a database commits in groups. What comes alone is written alone, by its own run.

use anyhow::{Result, ensure};
use konnect::context::{Actor, Context};
use konnect::db::Db;
use konnect::notification::{self, Taken};
use konnect::outbox::Delivery;
use konnect::together::Together;
use konnect::transact;

use crate::handler::{Finished, finish_all};

/// Cheap to clone.
#[derive(Clone, Default)]
pub struct Endings {
    together: Together<(Delivery, Taken), Option<Finished>>,
}

impl Endings {
    /// Writes the end of a delivery with those of others, and finishes its job. `None`: it came alone, or could not be
    /// written with the others; its run writes it in a transaction of its own, where the fence judges anew.
    pub(crate) async fn write(&self, db: &Db, delivery: Delivery, taken: Taken) -> Option<Finished> {
        let db = db.clone();
        let work = move |ends| write_all(db.clone(), ends);
        self.together.ask((delivery, taken), work).await.flatten()
    }
}

async fn write_all(db: Db, ends: Vec<(Delivery, Taken)>) -> Vec<Option<Finished>> {
    let count = ends.len();
    let nobody = || (0..count).map(|_| None).collect();
    if count < 2 {
        return nobody();
    }
    let (deliveries, taken): (Vec<_>, Vec<_>) = ends.into_iter().unzip();
    match together(&db, &deliveries, &taken).await {
        Ok(finished) => finished.into_iter().map(Some).collect(),
        Err(error) => {
            tracing::debug!(error = format!("{error:#}"), count, "ends are written one by one");
            nobody()
        }
    }
}

async fn together(db: &Db, deliveries: &[Delivery], taken: &[Taken]) -> Result<Vec<Finished>> {
    transact!(db, Context::new(Actor::Operator, "worker"), anyhow::Error, tx => {
        let finished = finish_all(tx, deliveries).await?;
        ensure!(finished.is_some(), "a lease is lost");
        notification::taken_many(tx, taken).await?;
        Ok(finished.unwrap_or_default())
    })
}
