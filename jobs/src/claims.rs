//! Claims of one worker process: deliveries that arrive while a claim is on its way are claimed together by the next
//! one, as a database commits in groups. A delivery that comes alone is claimed alone, at once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use konnect::context::{Actor, Context};
use konnect::db::Db;
use konnect::outbox::{self, Claim, Delivery};
use konnect::together::Together;
use konnect::transact;

/// Cheap to clone.
#[derive(Clone)]
pub struct Claims {
    db: Db,
    worker: Arc<str>,
    lease: Duration,
    together: Together<Delivery, Result<Claim>>,
}

impl Claims {
    pub fn new(db: Db, worker: Arc<str>, lease: Duration) -> Self {
        Self { db, worker, lease, together: Together::default() }
    }

    /// Its name.
    pub fn worker(&self) -> Arc<str> {
        self.worker.clone()
    }

    /// Takes a delivered row for this worker and counts the attempt.
    ///
    /// # Errors
    /// The database could not be reached. Whether the row was claimed is unknown then; its lease decides.
    pub async fn claim(&self, delivery: Delivery) -> Result<Claim> {
        let (db, worker, lease) = (self.db.clone(), self.worker.clone(), self.lease);
        let work = move |deliveries| claim_all(db.clone(), worker.clone(), lease, deliveries);
        let claimed = self.together.ask(delivery, work).await;
        match claimed.unwrap_or_else(|| Err(anyhow!("whoever claimed for this job was stopped")))? {
            // Rows that somebody has locked are passed over by a claim of many. Who locked this one may only have looked
            // at it, and then nobody would come for it until its lease ends: it is asked for once more, alone.
            Claim::Refused => Ok(outbox::claim(&self.db, delivery, &self.worker, self.lease).await?),
            yours => Ok(yours),
        }
    }
}

async fn claim_all(
    db: Db,
    worker: Arc<str>,
    lease: Duration,
    deliveries: Vec<Delivery>,
) -> Vec<Result<Claim>> {
    if let [delivery] = deliveries[..] {
        return vec![outbox::claim(&db, delivery, &worker, lease).await.map_err(Into::into)];
    }
    let context = Context::new(Actor::Operator, "worker");
    let taken = transact!(db, context, anyhow::Error, tx => {
        Ok(outbox::claim_many(tx, &deliveries, &worker, lease).await?)
    });
    // By the whole delivery: one that is stale has no claim to what a fresh one of the same job got.
    let mut taken: Result<HashMap<Delivery, _>> = taken.map(|taken| taken.into_iter().collect());
    let mut answer = |delivery: &Delivery| match &mut taken {
        // Taken out, so that a delivery that arrived twice runs once.
        Ok(taken) => Ok(taken.remove(delivery).map_or(Claim::Refused, Claim::Yours)),
        Err(error) => Err(anyhow!("{error:#}")),
    };
    deliveries.iter().map(&mut answer).collect()
}
