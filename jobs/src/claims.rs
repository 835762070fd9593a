//! Claims of one worker process: deliveries that arrive while a claim is on its way are claimed together by the next
//! one, as a database commits in groups. A delivery that comes alone is claimed alone, at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use anyhow::{Result, anyhow};
use konnect::context::{Actor, Context};
use konnect::db::Db;
use konnect::outbox::{self, Claim, Delivery};
use konnect::transact;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

/// Rows of one transaction.
const MOST: usize = 64;

/// Cheap to clone.
#[derive(Clone)]
pub struct Claims {
    db: Db,
    worker: Arc<str>,
    lease: Duration,
    wanted: Arc<Mutex<Vec<Wanted>>>,
    /// Held by the one who claims for all that are wanted.
    turn: Arc<tokio::sync::Mutex<()>>,
}

struct Wanted {
    delivery: Delivery,
    answer: oneshot::Sender<Result<Claim>>,
}

impl Claims {
    pub fn new(db: Db, worker: Arc<str>, lease: Duration) -> Self {
        Self { db, worker, lease, wanted: Arc::default(), turn: Arc::default() }
    }

    /// Takes a delivered row for this worker and counts the attempt.
    ///
    /// # Errors
    /// The database could not be reached. Whether the row was claimed is unknown then; its lease decides.
    pub async fn claim(&self, delivery: Delivery) -> Result<Claim> {
        let (answer, mut answered) = oneshot::channel();
        self.lock().push(Wanted { delivery, answer });
        loop {
            let _turn = self.turn.lock().await;
            match answered.try_recv() {
                Ok(answer) => return answer,
                Err(TryRecvError::Closed) => return Err(anyhow!("whoever claimed for this job was stopped")),
                Err(TryRecvError::Empty) => self.claim_first().await,
            }
        }
    }

    /// Claims for those that have waited longest.
    async fn claim_first(&self) {
        let mut batch: Vec<Wanted> = {
            let mut wanted = self.lock();
            let count = wanted.len().min(MOST);
            wanted.drain(..count).collect()
        };
        if batch.len() == 1
            && let Some(Wanted { delivery, answer }) = batch.pop()
        {
            let claimed = outbox::claim(&self.db, delivery, &self.worker, self.lease).await;
            // Where nobody waits any more, the lease decides.
            let _ = answer.send(claimed.map_err(Into::into));
            return;
        }
        let deliveries: Vec<Delivery> = batch.iter().map(|wanted| wanted.delivery).collect();
        let context = Context::new(Actor::Operator, "worker");
        let taken = transact!(self.db, context, anyhow::Error, tx => {
            Ok(outbox::claim_many(tx, &deliveries, &self.worker, self.lease).await?)
        });
        let mut taken: Result<HashMap<_, _>> =
            taken.map(|taken| taken.into_iter().map(|(d, claimed)| (d.job_id, claimed)).collect());
        for Wanted { delivery, answer } in batch {
            let claim = match &mut taken {
                // Taken out, so that a delivery that arrived twice runs once.
                Ok(taken) => Ok(taken.remove(&delivery.job_id).map_or(Claim::Refused, Claim::Yours)),
                Err(error) => Err(anyhow!("{error:#}")),
            };
            let _ = answer.send(claim);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Wanted>> {
        self.wanted.lock().expect("nothing panics while it holds the list of claims")
    }
}
