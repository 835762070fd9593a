//! Runs that break off where it hurts, and payments by bank transfer.

use konnect::outbox::Delivery;
use konnect_jobs::Ended;
use konnect_sandbox::{Method, NewCheckout};
use serde_json::{Value, json};

use crate::{Booking, TestApp};

impl TestApp {
    /// Takes the next due job of a kind, running those that are due before it.
    pub async fn take_due_of(&self, kind: &str) -> Delivery {
        while let Some(delivery) = self.take_due().await {
            if self.job(delivery.job_id).await.kind == kind {
                return delivery;
            }
            self.run_delivery(delivery).await;
        }
        panic!("no {kind} is due");
    }

    /// Runs one delivery and then whatever is due.
    pub async fn run_and_drain(&self, delivery: Delivery) -> Ended {
        let ended = self.run_delivery(delivery).await;
        self.run_jobs().await;
        ended
    }

    /// Orders a payment and chooses a bank transfer at the checkout: the body of the confirmation.
    pub async fn checkout_by_transfer(&self, booking: &Booking) -> Value {
        let order = self.order(booking).await;
        let order_id = order["orderId"].as_str().expect("an order id");
        let choice =
            NewCheckout { method: Method::VirtualAccount, ..NewCheckout::new(order_id, booking.price) };
        let checkout = self.sandbox.checkout_with(choice).expect("the checkout accepts it");
        json!({ "orderId": order_id, "paymentKey": checkout.payment_key, "amount": booking.price })
    }

    /// The mentee was given an account to pay into. The body of the confirmation names the payment.
    pub async fn await_deposit(&self, booking: &Booking) -> Value {
        let body = self.checkout_by_transfer(booking).await;
        self.confirm(booking, &body).await.ok(202);
        self.run_jobs().await;
        self.sandbox.settle().await;
        self.run_jobs().await;
        let payment = self.payment(booking).await;
        let attempts = payment["attempts"].as_array().expect("attempts");
        assert_eq!(attempts.last().expect("one")["state"], "waiting_for_deposit", "{payment:#}");
        body
    }

    /// Confirms a checkout: afterwards the reservation is confirmed.
    pub async fn pay_with(&self, booking: &Booking, body: &Value) {
        self.confirm(booking, body).await.ok(202);
        self.run_jobs().await;
        assert_eq!(self.state(booking).await, "confirmed");
    }

    /// What the mentee sees of the payment.
    pub async fn payment(&self, booking: &Booking) -> Value {
        let mentee = self.log_in(&booking.mentee).await;
        mentee.client.get(&format!("{}/payment", booking.path())).await.ok(200)
    }

    /// The mentee's bank transfers the money, and the provider tells.
    pub async fn deposit(&self, body: &Value) {
        self.sandbox.deposit(body["paymentKey"].as_str().expect("a key")).expect("the account takes it");
        self.sandbox.settle().await;
        self.run_jobs().await;
    }

    /// The outcomes of the webhooks that came, oldest first.
    pub async fn webhook_outcomes(&self) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT COALESCE(outcome, '-') FROM webhook_inbox ORDER BY received_at, transmission_id",
        )
        .fetch_all(self.core.db.pool())
        .await
        .expect("the database")
    }
}
