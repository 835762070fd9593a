//! Sessions that are argued about.

use chrono::TimeDelta;
use konnect::id::ReservationId;
use konnect::ledger::{self, Account};
use konnect::settlement;
use serde_json::{Value, json};

use crate::{Answer, Booking, Person, TestApp};

impl TestApp {
    /// A paid session, tomorrow at 11:00 in Seoul, that has just begun.
    pub async fn running_session(&self) -> Booking {
        let booking = self.booking().await;
        self.pay(&booking).await;
        self.meet(&booking).await;
        self.run_jobs().await;
        assert_eq!(self.state(&booking).await, "in_session");
        booking
    }

    /// The same, ended an hour later and completed by the mentee: its line is accrued.
    pub async fn completed_session(&self) -> Booking {
        let booking = self.running_session().await;
        self.advance(TimeDelta::hours(1));
        let mentee = self.log_in(&booking.mentee).await;
        mentee.client.post(&format!("{}/complete", booking.path()), json!({})).await.ok(200);
        self.run_jobs().await;
        assert_eq!(self.lines(booking.id).await, [("accrual".to_owned(), "accrued".to_owned(), 50_000)]);
        booking
    }

    /// Asks to open a dispute as somebody who logs in for it.
    pub async fn dispute(&self, booking: &Booking, who: &Person, kind: &str, claim: i64) -> Answer {
        let body = json!({ "kind": kind, "description": "It was not as agreed.", "claim": claim });
        self.log_in(who).await.client.post(&format!("{}/disputes", booking.path()), body).await
    }

    /// Opens one: its path.
    pub async fn open_dispute(&self, booking: &Booking, who: &Person, kind: &str, claim: i64) -> String {
        let opened = self.dispute(booking, who, kind, claim).await.ok(201);
        format!("/v1/disputes/{}", opened["id"].as_str().expect("an id"))
    }

    /// Lets every deadline of a dispute pass: an administrator is to decide.
    pub async fn bring_to_review(&self, path: &str, who: &Person) {
        for _ in 0..2 {
            let seen = self.log_in(who).await.client.get(path).await.ok(200);
            if let Some(deadline) = seen["deadline"].as_str() {
                self.advance_to(deadline.parse().expect("an instant"));
                self.run_jobs().await;
            }
        }
        let seen = self.log_in(who).await.client.get(path).await.ok(200);
        assert_eq!(seen["state"], "in_review");
    }

    /// Asks for a decision, or for what else administrators do with a dispute (`approve`, `send-back`).
    pub async fn judge(&self, admin: &Person, path: &str, verb: &str, body: Value) -> Answer {
        let path = path.replace("/v1/", "/v1/admin/");
        self.log_in(admin).await.client.post(&format!("{path}/{verb}"), body).await
    }

    /// Key, state and gross of a reservation's settlement lines, oldest first.
    pub async fn lines(&self, id: ReservationId) -> Vec<(String, String, i64)> {
        let pool = self.core.db.pool();
        let found = konnect::reservation::find(pool, id).await.expect("the database").expect("a reservation");
        let lines = settlement::lines_of_reservation(pool, id, found.mentor_id).await.expect("the database");
        lines.into_iter().map(|l| (l.line_key, l.state.name().to_owned(), l.gross_krw.0)).collect()
    }

    /// The states of the lines alone.
    pub async fn line_states(&self, id: ReservationId) -> Vec<String> {
        self.lines(id).await.into_iter().map(|(_, state, _)| state).collect()
    }

    /// What the platform gave out of its own pocket for a reservation.
    pub async fn goodwill(&self, id: ReservationId) -> i64 {
        let rows = ledger::entries_of_reservation(self.core.db.pool(), id).await.expect("the database");
        rows.iter().filter(|r| r.account == Account::Goodwill).map(|r| r.amount_krw.0).sum()
    }
}
