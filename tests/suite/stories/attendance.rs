//! Who comes to the session of a story, and how long it lasts.

use chrono::TimeDelta;
use konnect::session::Cause;
use konnect_sandbox::NewCheckout;
use konnect_tests::{Booking, Person};
use rand::RngExt;
use serde_json::json;

use super::teller::Teller;

impl Teller<'_> {
    /// The session's time comes: both sides, one or none enter its room, for a while or for a moment, and the processes
    /// that serve it are there or away. Sometimes they go on longer, or end it. Nothing happens where the session is not
    /// confirmed, or its time has come already.
    pub async fn attend(&mut self, booking: &Booking) {
        let app = self.app;
        let opens_at = booking.starts_at - TimeDelta::minutes(10);
        if app.now() >= opens_at || app.state(booking).await != "confirmed" {
            return;
        }
        app.advance_to(opens_at);
        if self.chance(80) {
            app.keep_alive(booking.starts_at + TimeDelta::minutes(11)).await;
        }
        let mentor = app.log_in(&self.mentor).await;
        let (who, briefly): (Vec<&Person>, bool) = match self.dice.random_range(0..10) {
            0..6 => (vec![&mentor, &booking.mentee], false),
            6 => (vec![&mentor], false),
            7 => (vec![&booking.mentee], false),
            8 => (vec![&mentor, &booking.mentee], true),
            _ => (vec![], false),
        };
        self.log.push(format!("    {} came, briefly: {briefly}", who.len()));
        let mut stays = Vec::new();
        for person in &who {
            stays.push(app.enter(booking, person).await.expect("the room is open"));
        }
        if briefly {
            app.advance(TimeDelta::seconds(20));
        } else {
            app.advance_to(booking.starts_at);
        }
        for stay in stays {
            app.leave_room(stay, Cause::Left).await;
        }
        app.advance_to(booking.starts_at);
        app.run_jobs().await;
        if who.len() == 2 && !briefly && app.state(booking).await == "in_session" {
            self.go_on(booking).await;
        }
        app.advance_to(app.now().max(booking.starts_at + TimeDelta::minutes(10)));
        app.run_jobs().await;
    }

    /// Those who met end early, or extend the session: for money, for nothing, or in vain.
    async fn go_on(&mut self, booking: &Booking) {
        let app = self.app;
        match self.dice.random_range(0..8) {
            0 => {
                for person in [&booking.mentee, &self.mentor] {
                    let answer = app.ask_end(booking, person).await;
                    self.log.push(format!("    end: {}", answer.status));
                }
            }
            1 | 2 => {
                let answer = app.extend(booking, 30).await;
                self.note(&answer);
                let Some(id) = answer.body["id"].as_str().map(str::to_owned) else { return };
                let mentor = app.log_in(&self.mentor).await;
                let path = match self.dice.random_range(0..3) {
                    0 => format!("{}/extensions/{id}/free", booking.path()),
                    1 => format!("/v1/reservations/{id}/reject"),
                    _ => format!("/v1/reservations/{id}/approve"),
                };
                let answer = mentor.client.post(&path, json!({ "reason": "a story" })).await;
                self.note(&answer);
                if answer.body["state"] == "awaiting_payment" && self.chance(70) {
                    self.pay_extension(booking, &id).await;
                }
            }
            _ => {}
        }
        app.run_jobs().await;
    }

    async fn pay_extension(&mut self, booking: &Booking, id: &str) {
        let client = self.mentee(booking).await.client;
        let order = client.post(&format!("/v1/reservations/{id}/payment-orders"), json!({})).await.ok(200);
        let (order_id, amount) = (order["orderId"].as_str().expect("an order"), order["amount"].clone());
        let new = NewCheckout::new(order_id, amount.as_i64().expect("won"));
        if let Ok(card) = self.app.sandbox.checkout_with(new) {
            let body = json!({ "orderId": order_id, "paymentKey": card.payment_key, "amount": amount });
            let answer = client.post("/v1/payments/confirm", body).await;
            self.note(&answer);
        }
    }
}
