//! Paid bookings, and what administrators do about their money.

use chrono::TimeDelta;
use konnect::mentor::Kind;
use konnect::payment::{self, Refund};
use serde_json::{Value, json};

use crate::{Answer, Booking, Person, TestApp};

impl TestApp {
    /// A session in three days, an hour for ₩50,000, paid for.
    pub async fn paid_booking(&self) -> Booking {
        self.paid_booking_for(50_000).await
    }

    pub async fn paid_booking_for(&self, price: i64) -> Booking {
        let (mentor, mentee) = (self.mentor("mentor").await, self.mentee("mentee").await);
        let offering = self.offering(&mentor, Kind::Instant, 60, price).await;
        let booking = self.book(&mentor, &mentee, offering, crate::monday() + TimeDelta::hours(72)).await;
        self.pay(&booking).await;
        booking
    }

    /// A member cancels, by what they see now.
    pub async fn cancel(&self, booking: &Booking, who: &Person) -> Value {
        let who = self.log_in(who).await;
        let version = who.client.get(&booking.path()).await.ok(200)["version"].clone();
        let body = json!({ "reason": "cannot come", "expectedVersion": version });
        who.client.post(&format!("{}/cancel", booking.path()), body).await.ok(200)
    }

    /// The session is over and nobody complained: the mentor's share is accrued.
    pub async fn complete(&self, booking: &Booking) {
        self.meet(booking).await;
        for hours in [0, 1, 49, 98] {
            self.advance_to(self.now().max(booking.starts_at + TimeDelta::hours(hours)));
            self.run_jobs().await;
        }
        assert_eq!(self.state(booking).await, "completed");
    }

    /// An administrator gives something of a booking's payment back.
    pub async fn refund(&self, admin: &Person, booking: &Booking, amount: i64, bearer: &str) -> Answer {
        let admin = self.log_in(admin).await;
        let path = format!("/v1/admin{}/refunds", booking.path().trim_start_matches("/v1"));
        admin.client.post(&path, json!({ "amount": amount, "bearer": bearer, "reason": "a poor line" })).await
    }

    /// An administrator does something about a refund: `approve`, `retry` and so on.
    pub async fn about_refund(&self, admin: &Person, id: &str, what: &str, body: Value) -> Answer {
        let admin = self.log_in(admin).await;
        admin.client.post(&format!("/v1/admin/refunds/{id}/{what}"), body).await
    }

    /// The refunds of a booking, oldest first.
    pub async fn refunds(&self, booking: &Booking) -> Vec<Refund> {
        payment::refunds_of(self.core.db.pool(), booking.id).await.expect("the database")
    }

    /// The states of the refunds of a booking, oldest first.
    pub async fn refund_states(&self, booking: &Booking) -> Vec<&'static str> {
        self.refunds(booking).await.iter().map(|f| f.state.name()).collect()
    }

    /// Won that the provider still has of a booking's payment.
    pub async fn balance_at_provider(&self, booking: &Booking) -> i64 {
        let capture = payment::capture_of(self.core.db.pool(), booking.id).await.expect("the database");
        let key = capture.expect("it was captured").payment_key;
        self.sandbox.payment(&key).expect("the provider knows it").balance_amount
    }
}
