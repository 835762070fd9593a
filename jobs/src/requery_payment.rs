//! Asks the provider what became of an attempt whose outcome is unknown.

use anyhow::Result;
use konnect::job::RequeryPayment;

use crate::{Handler, Outcome, Run, provider};

impl Handler for RequeryPayment {
    async fn run(self, run: &Run) -> Result<Outcome> {
        provider::resolve(run, self.attempt_id).await
    }
}
