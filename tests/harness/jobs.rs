//! Jobs that run when the test says so: the relay's and the workers' own code, without Redis between them.

use chrono::TimeDelta;
use konnect::id::{DeliveryId, JobId};
use konnect::job::Queue;
use konnect::outbox::{self, Delivery, Filter, Row};
use konnect::transact;
use konnect_jobs::Ended;

use crate::TestApp;

/// More rounds than any flow takes: a job that enqueues itself for ever fails the test.
const MOST: usize = 2_000;

/// What kinds begin with that keep the catalogue's lists.
const CATALOGUE: &str = "catalogue.";

/// One run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    pub kind: String,
    pub ended: Ended,
}

impl TestApp {
    /// Runs what is due, and what that makes due, until nothing is.
    pub async fn run_jobs(&self) -> Vec<Ran> {
        self.drain(false).await
    }

    /// The same, but every job that finished is delivered and run once more, as if its end had not been written.
    pub async fn run_jobs_twice(&self) -> Vec<Ran> {
        self.drain(true).await
    }

    /// Takes the next due job from the outbox without running it, as the relay would. What the catalogue lists is brought
    /// up to date meanwhile: no flow waits for it.
    pub async fn take_due(&self) -> Option<Delivery> {
        loop {
            let delivery = self.take_any().await?;
            if !self.job(delivery.job_id).await.kind.starts_with(CATALOGUE) {
                return Some(delivery);
            }
            self.executor.execute(delivery).await.expect("the database is there");
        }
    }

    async fn take_any(&self) -> Option<Delivery> {
        for queue in Queue::ALL {
            let taken = transact!(self.core.db, self.context(), sqlx::Error, tx => {
                let claim_by = tx.now + TimeDelta::seconds(60);
                outbox::publish_due(tx, queue, 1, claim_by).await
            })
            .expect("the outbox");
            if let Some(due) = taken.first() {
                return Some(due.delivery);
            }
        }
        None
    }

    /// The next due job, also one that a webhook brings which is still on its way.
    async fn take_next(&self) -> Option<Delivery> {
        if let Some(delivery) = self.take_any().await {
            return Some(delivery);
        }
        self.sandbox.settle().await;
        self.take_any().await
    }

    async fn drain(&self, twice: bool) -> Vec<Ran> {
        let mut ran = Vec::new();
        while let Some(delivery) = self.take_next().await {
            assert!(ran.len() < MOST, "jobs make jobs without end: {:?}", &ran[ran.len() - 10..]);
            let kind = self.job(delivery.job_id).await.kind;
            let ended = self.executor.execute(delivery).await.expect("the database is there");
            ran.push(Ran { kind: kind.clone(), ended });
            if twice
                && ended == Ended::Done
                && let Some(again) = self.deliver_again(delivery.job_id).await
            {
                let ended = self.executor.execute(again).await.expect("the database is there");
                assert!(
                    matches!(ended, Ended::Done | Ended::Snoozed),
                    "{kind} does not bear a second run: {ended:?}"
                );
                if ended == Ended::Snoozed {
                    self.set_state(delivery.job_id, "done").await;
                }
            }
        }
        ran
    }

    /// Runs one delivery.
    pub async fn run_delivery(&self, delivery: Delivery) -> Ended {
        self.executor.execute(delivery).await.expect("the database is there")
    }

    /// Makes a finished job look as if its delivery had just gone out. `None` when its twin waits already.
    pub async fn deliver_again(&self, job_id: JobId) -> Option<Delivery> {
        let delivery = Delivery { job_id, delivery_id: DeliveryId::generate() };
        let updated = sqlx::query(
            "UPDATE outbox SET state = 'published', worker = NULL, delivery_id = ?, lease_until = ? WHERE id = ?",
        )
        .bind(delivery.delivery_id)
        .bind(self.now() + TimeDelta::seconds(60))
        .bind(job_id)
        .execute(self.core.db.pool())
        .await;
        updated.is_ok().then_some(delivery)
    }

    async fn set_state(&self, job_id: JobId, state: &str) {
        sqlx::query("UPDATE outbox SET state = ? WHERE id = ?")
            .bind(state)
            .bind(job_id)
            .execute(self.core.db.pool())
            .await
            .expect("the outbox");
    }

    pub async fn job(&self, id: JobId) -> Row {
        outbox::show(self.core.db.pool(), id).await.expect("the outbox").expect("a row")
    }

    /// Jobs of a kind, newest first.
    pub async fn jobs_of(&self, kind: &str) -> Vec<Row> {
        let filter = Filter { kind: Some(kind.to_owned()), ..Filter::default() };
        outbox::list(self.core.db.pool(), &filter, 200).await.expect("the outbox")
    }

    pub async fn jobs_in(&self, state: &str) -> Vec<Row> {
        let filter = Filter { state: Some(state.to_owned()), ..Filter::default() };
        outbox::list(self.core.db.pool(), &filter, 200).await.expect("the outbox")
    }

    /// Nothing is due and nothing is dead. Deadlines that lie ahead may wait, and so may the catalogue.
    pub async fn expect_no_jobs(&self) {
        let now = self.now();
        let mut left = self.jobs_in("pending").await;
        left.retain(|row| row.run_at <= now && !row.kind.starts_with(CATALOGUE));
        left.extend(self.jobs_in("published").await);
        left.extend(self.jobs_in("dead").await);
        let left: Vec<_> = left.iter().map(|r| (&r.kind, &r.state, &r.last_error)).collect();
        assert!(left.is_empty(), "jobs are left: {left:#?}");
    }
}

impl TestApp {
    /// Gives back what dead workers held, as the relay does every second.
    pub async fn reclaim(&self) -> u64 {
        transact!(self.core.db, self.context(), sqlx::Error, tx => { outbox::reclaim_expired(tx, 500).await })
            .expect("the outbox")
    }

    /// Makes every reconciler due, as the relay does for each period.
    pub async fn reconcile(&self) {
        self.reconcile_those(|_| true).await;
    }

    /// The same for the kinds that are wanted; the others do not run either.
    pub async fn reconcile_those(&self, wanted: impl Fn(&str) -> bool) {
        transact!(self.core.db, self.context(), sqlx::Error, tx => { outbox::ensure_recurring(tx).await })
            .expect("the outbox");
        for kind in konnect::job::RECURRING.iter().map(|r| r.kind) {
            let at = if wanted(kind) { self.now() } else { self.now() + TimeDelta::days(3_650) };
            sqlx::query("UPDATE outbox SET run_at = ? WHERE kind = ? AND state = 'pending'")
                .bind(at)
                .bind(kind)
                .execute(self.core.db.pool())
                .await
                .expect("the outbox");
        }
    }
}
