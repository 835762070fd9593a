//! Bookings that are to be at another time.

use chrono::{DateTime, Utc};
use konnect::id::ReservationId;
use konnect::reservation::{self, Reservation};
use serde_json::{Value, json};

use crate::{Answer, Booking, Person, TestApp};

impl TestApp {
    /// A booking as its row is.
    pub async fn row(&self, booking: &Booking) -> Reservation {
        reservation::find(self.core.db.pool(), booking.id)
            .await
            .expect("the database")
            .expect("a reservation")
    }

    /// Somebody who logs in for it wants another time.
    pub async fn propose(&self, booking: &Booking, who: &Person, to: DateTime<Utc>) -> Answer {
        let (who, version) = (self.log_in(who).await, self.row(booking).await.version);
        let body = json!({ "startsAt": to, "reason": "a dentist", "expectedVersion": version });
        who.client.post(&format!("{}/reschedules", booking.path()), body).await
    }

    /// Somebody who logs in for it does something about a proposal: `accept`, `decline`, `withdraw`.
    pub async fn about_move(&self, booking: &Booking, who: &Person, what: &str) -> Answer {
        let (who, version) = (self.log_in(who).await, self.row(booking).await.version);
        let mut body = json!({ "expectedVersion": version });
        if what == "decline" {
            body["reason"] = "no time then".into();
        }
        who.client.post(&format!("{}/reschedules/{what}", booking.path()), body).await
    }

    /// The booking as somebody who logs in for it sees it.
    pub async fn seen(&self, booking: &Booking, who: &Person) -> Value {
        self.log_in(who).await.client.get(&booking.path()).await.ok(200)
    }

    /// The causes in a booking's history, oldest first.
    pub async fn causes(&self, booking: &Booking) -> Vec<String> {
        let lines = reservation::history(self.core.db.pool(), booking.id).await.expect("the database");
        lines.into_iter().map(|line| line.cause).collect()
    }

    /// The cells that a proposal claims beside its booking.
    pub async fn claims_of_proposal(&self, id: Option<ReservationId>) -> i64 {
        self.claims(id.expect("a proposal")).await
    }

    /// Cells that belong to nothing that lives.
    pub async fn stray_claims(&self) -> i64 {
        sqlx::query_scalar(
            "SELECT COUNT(*) FROM slot_claims c WHERE NOT EXISTS (SELECT 1 FROM reservations r
                WHERE r.id = c.reservation_id OR r.move_id = c.reservation_id)",
        )
        .fetch_one(self.core.db.pool())
        .await
        .expect("the database")
    }
}
