//! How a story ends, and what must be true then.

use chrono::TimeDelta;
use konnect::ledger::{self, Account};
use konnect::payment;
use konnect_sandbox::WebhookMode;
use konnect_tests::Booking;

use super::teller::Teller;

impl Teller<'_> {
    /// What every story needs beside the cast.
    pub async fn prepare(&self) {
        self.app.open_account(&self.mentor).await;
        // What the platform gives out of its own pocket it has put there before.
        self.app.sandbox.set_available_balance(100_000_000);
    }

    /// Everybody is well again, and time passes until nothing is left to be done.
    pub async fn end(&mut self, booking: &Booking) {
        let app = self.app;
        app.sandbox.clear_faults();
        app.sandbox.webhooks(WebhookMode::Normal);
        app.sandbox.release_webhooks().await;
        let sooner = [0, 1, 20, 120, 60 * 17].map(TimeDelta::minutes);
        for wait in sooner {
            app.advance(wait);
            self.let_things_settle().await;
        }
        self.attend(booking).await;
        self.let_things_settle().await;
        let over = booking.starts_at + TimeDelta::hours(50);
        if app.now() < over {
            app.advance_to(over);
        }
        self.let_things_settle().await;
        // Disputes have their deadlines, and what waits for a person is answered.
        for days in [0, 8, 4, 1] {
            app.advance(TimeDelta::days(days) + TimeDelta::hours(2));
            self.let_things_settle().await;
            self.clear_desk(booking).await;
            self.bank(true);
            self.let_things_settle().await;
        }
    }

    /// The reconcilers of money and bookings become due, and no others.
    pub async fn reconcile(&self) {
        let wanted = ["payment.", "settlement.", "reservation.", "dispute.", "session."];
        let is_wanted = |kind: &str| {
            wanted.iter().any(|prefix| kind.starts_with(prefix)) && kind != "settlement.audit.v1"
        };
        self.app.reconcile_those(is_wanted).await;
    }

    async fn let_things_settle(&self) {
        self.app.sandbox.settle().await;
        self.app.reclaim().await;
        self.reconcile().await;
        self.app.run_jobs().await;
        self.app.sandbox.settle().await;
        self.app.run_jobs().await;
    }

    /// Whether this story left everything as it should be.
    pub async fn judge(&mut self, booking: &Booking) -> Result<(), String> {
        let app = self.app;
        let state = app.state(booking).await;
        self.log.push(format!("ended {state}"));
        if !matches!(&*state, "expired" | "payment_failed" | "cancelled" | "completed" | "no_show") {
            return Err(format!("the reservation is still {state}"));
        }
        if app.claims(booking.id).await != 0 {
            return Err("a terminal reservation owns claims (I4)".to_owned());
        }
        let dead = app.jobs_in("dead").await;
        if !dead.is_empty() {
            return Err(format!("dead jobs: {dead:#?}"));
        }
        let held = app.ledger(booking.id).await[1];
        if held != 0 {
            let rows = ledger::entries_of_reservation(app.core.db.pool(), booking.id)
                .await
                .map_err(|e| e.to_string())?;
            let rows: Vec<_> = rows.iter().map(|r| (&r.posting_key, r.account, r.amount_krw.0)).collect();
            return Err(format!("{held} are still held: {rows:#?}"));
        }
        let provider: i64 = app.sandbox.ledger_total().held();
        let rows = ledger::balances(app.core.db.pool()).await.map_err(|e| e.to_string())?;
        let sum: i64 = rows.iter().map(|b| b.amount_krw.0).sum();
        let ours = rows.iter().find(|b| b.account == Account::Provider).map_or(0, |b| b.amount_krw.0);
        if sum != 0 {
            return Err(format!("the ledger sums to {sum}"));
        }
        if ours != provider {
            return Err(format!("the provider has {provider}, the ledger says {ours}"));
        }
        let refunds = payment::refunds_of(app.core.db.pool(), booking.id).await.map_err(|e| e.to_string())?;
        if let Some(refund) = refunds.iter().find(|refund| refund.state.is_open()) {
            return Err(format!("a refund is still on its way: {refund:#?}"));
        }
        if self.suspicious {
            let found = app.audit().await;
            if !found.is_empty() {
                return Err(format!("the audit finds {found:#?}"));
            }
        }
        Ok(())
    }

    /// After the last story of a book.
    pub async fn expect_agreement(&mut self) {
        self.app.run_batch().await;
        // Over any weekend, on which the provider does not pay.
        for _ in 0..5 {
            self.app.advance(TimeDelta::hours(20));
            self.let_things_settle().await;
            self.bank(true);
            self.resolve_payouts().await;
            self.let_things_settle().await;
        }
        assert_eq!(self.app.audit().await, [], "the audit, after the stories {:?}", self.told);
        let totals = self.app.sandbox.ledger_total();
        assert_eq!(totals.in_transit, 0, "every payout has ended");
        let rows = ledger::balances(self.app.core.db.pool()).await.expect("the ledger");
        let of = |account| rows.iter().find(|b| b.account == account).map_or(0, |b| b.amount_krw.0);
        assert_eq!(of(Account::Provider), totals.held());
        let payouts = self.app.payouts_of(&self.mentor).await;
        assert_eq!(of(Account::PayoutTransit), 0, "{payouts:#?}");
        assert_eq!(of(Account::Held), 0, "nothing is held when every story is over");
    }
}
