//! Runs that overlap with something else: another job, or the loss of their own lease.

use std::time::Duration;

use konnect::outbox::Delivery;
use konnect_jobs::Ended;
use konnect_sandbox::{Effect, Endpoint, Fault};

use crate::TestApp;

/// Long enough for a test to act while a call is on its way.
const ON_ITS_WAY: Duration = Duration::from_millis(400);
/// The same where much is run and it does not matter when the call is over.
const BRIEFLY: Duration = Duration::from_millis(60);
/// Every call that a job about money makes.
const CALLS: [Endpoint; 7] = [
    Endpoint::Confirm,
    Endpoint::Cancel,
    Endpoint::Get,
    Endpoint::Seller,
    Endpoint::Payout,
    Endpoint::PayoutGet,
    Endpoint::PayoutList,
];

impl TestApp {
    /// Runs a delivery, and does something else while its first call to one of these is on its way. The provider does
    /// what it was asked for. `None`: it asked for nothing.
    async fn run_beside<T>(
        &self,
        delivery: Delivery,
        calls: &[Endpoint],
        long: Duration,
        meanwhile: impl AsyncFnOnce() -> T,
    ) -> (Ended, Option<T>) {
        let before = self.sandbox.calls().last().map_or(0, |call| call.number);
        let slow = Effect::Delay(long);
        for call in calls {
            self.sandbox.fault(Fault::once(*call, slow.clone()));
        }
        let asks = async {
            let asked =
                || self.sandbox.calls().iter().any(|c| c.number > before && calls.contains(&c.endpoint));
            while !asked() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let running = self.run_delivery(delivery);
        tokio::pin!(running);
        let ended = tokio::select! {
            ended = &mut running => (ended, None),
            () = asks => {
                let done = meanwhile().await;
                (running.await, Some(done))
            }
        };
        self.sandbox.forget_fault(&slow);
        ended
    }

    /// Runs a delivery, and does something else while its call to `on` is on its way.
    pub async fn run_while<T>(
        &self,
        delivery: Delivery,
        on: Endpoint,
        meanwhile: impl AsyncFnOnce() -> T,
    ) -> (Ended, T) {
        let (ended, done) = self.run_beside(delivery, &[on], ON_ITS_WAY, meanwhile).await;
        (ended, done.expect("it asks the provider"))
    }

    /// Runs a job as a worker that is frozen while its call to `on` is on its way and loses its lease meanwhile: the
    /// provider does what was asked, and the run writes nothing. Gives the delivery that takes its place, not yet run.
    pub async fn run_losing_its_lease(&self, delivery: Delivery, on: Endpoint) -> Delivery {
        let (ended, next) =
            self.run_while(delivery, on, async || self.deliver_again(delivery.job_id).await).await;
        assert_eq!(ended, Ended::Refused, "who lost the lease writes nothing");
        next.expect("nobody else runs it")
    }

    /// The same whatever the job asks for, and the job waits for its next worker afterwards. One that asks for nothing
    /// ends as usual.
    pub async fn run_while_its_lease_ends(&self, delivery: Delivery) -> Ended {
        let lose = async || {
            sqlx::query(
                "UPDATE outbox SET state = 'pending', worker = NULL, delivery_id = NULL, lease_until = NULL
                 WHERE id = ? AND state = 'published'",
            )
            .bind(delivery.job_id)
            .execute(self.core.db.pool())
            .await
            .expect("the outbox");
        };
        self.run_beside(delivery, &CALLS, BRIEFLY, lose).await.0
    }
}
