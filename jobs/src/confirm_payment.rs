//! Asks the provider to take the money of an attempt, and confirms or reopens the reservation.

use anyhow::Result;
use konnect::job::ConfirmPayment;

use crate::{Handler, Outcome, Run, provider};

impl Handler for ConfirmPayment {
    async fn run(self, run: &Run) -> Result<Outcome> {
        provider::resolve(run, self.attempt_id).await
    }
}
