//! People in rooms: what the sockets write down of them.

use chrono::{DateTime, TimeDelta, Utc};
use konnect::id::{ConnectionId, PresenceId};
use konnect::session::{self, Cause, Presence, Refused};
use konnect::transact;
use serde_json::{Value, json};

use crate::{Answer, Booking, Person, TestApp};

/// The process that serves rooms in tests.
const NODE: &str = "test-node";

/// An instant in an answer.
#[track_caller]
pub fn instant(value: &Value) -> DateTime<Utc> {
    value.as_str().and_then(|at| at.parse().ok()).expect("an instant")
}

impl TestApp {
    /// Somebody enters the room of a booking.
    pub async fn enter(&self, booking: &Booking, who: &Person) -> Result<PresenceId, Refused> {
        let connection = ConnectionId::generate();
        transact!(self.core.db, self.context(), Refused, tx => {
            let rules = &self.core.rules;
            let (stay, _) = session::joined(tx, rules, booking.id, who.id, connection, NODE).await?;
            Ok(stay)
        })
    }

    /// They leave it. `false`: they had left before.
    pub async fn leave_room(&self, stay: PresenceId, cause: Cause) -> bool {
        transact!(self.core.db, self.context(), sqlx::Error, tx => {
            let now = tx.now;
            session::left(tx, stay, now, cause).await
        })
        .expect("the database")
    }

    /// Both sides of each booking meet: they are in the room from five minutes before the start until the start, or for
    /// two minutes where it is later already. The clock is moved to the last start.
    pub async fn meet_all(&self, bookings: &[&Booking]) {
        let mut left: Vec<&Booking> = bookings.to_vec();
        left.sort_by_key(|booking| booking.starts_at);
        while let Some(first) = left.first() {
            let starts_at = first.starts_at;
            let together: Vec<&Booking> =
                left.iter().copied().take_while(|booking| booking.starts_at == starts_at).collect();
            left.drain(..together.len());
            self.advance_to(self.now().max(starts_at - TimeDelta::minutes(5)));
            let mut stays = Vec::new();
            for booking in together {
                for person in [&booking.mentor, &booking.mentee] {
                    stays.push(self.enter(booking, person).await.expect("the room is open"));
                }
            }
            self.advance_to(starts_at.max(self.now() + TimeDelta::minutes(2)));
            for stay in stays {
                assert!(self.leave_room(stay, Cause::Left).await);
            }
        }
    }

    pub async fn meet(&self, booking: &Booking) {
        self.meet_all(&[booking]).await;
    }

    /// Processes that serve rooms are alive from now until `until`: one says so now, and as if it had gone on.
    pub async fn keep_alive(&self, until: DateTime<Utc>) {
        session::beat(self.core.db.pool(), NODE, self.now()).await.expect("the database");
        sqlx::query("UPDATE session_nodes SET beat_at = ? WHERE node = ?")
            .bind(until)
            .bind(NODE)
            .execute(self.core.db.pool())
            .await
            .expect("the database");
    }

    /// Every stay in a booking's room, in the order of their beginnings.
    pub async fn stays(&self, booking: &Booking) -> Vec<Presence> {
        session::presences(self.core.db.pool(), booking.id).await.expect("the database")
    }

    /// The room as somebody who logs in for it sees it.
    pub async fn room(&self, booking: &Booking, who: &Person) -> Value {
        self.log_in(who).await.client.get(&format!("{}/session", booking.path())).await.ok(200)
    }

    /// Asks to end the session, as somebody who logs in for it.
    pub async fn ask_end(&self, booking: &Booking, who: &Person) -> Answer {
        self.log_in(who).await.client.post(&format!("{}/end", booking.path()), json!({})).await
    }

    /// The mentee asks for more time.
    pub async fn extend(&self, booking: &Booking, minutes: i64) -> Answer {
        let body = json!({ "minutes": minutes });
        self.log_in(&booking.mentee).await.client.post(&format!("{}/extensions", booking.path()), body).await
    }

    /// The mentor is asked to give an extension for nothing.
    pub async fn give(&self, booking: &Booking, extension: &Booking) -> Answer {
        let mentor = self.log_in(&booking.mentor).await;
        mentor.client.post(&format!("{}/extensions/{}/free", booking.path(), extension.id), json!({})).await
    }

    /// An extension of a booking, as a booking of the same two.
    pub async fn extended(&self, booking: &Booking, minutes: i64) -> Booking {
        let body = self.extend(booking, minutes).await.ok(201);
        Booking {
            id: body["id"].as_str().and_then(|id| id.parse().ok()).expect("an id"),
            starts_at: body["startsAt"].as_str().and_then(|at| at.parse().ok()).expect("an instant"),
            price: body["price"].as_i64().expect("a price"),
            mentor: self.log_in(&booking.mentor).await,
            mentee: self.log_in(&booking.mentee).await,
            offering: booking.offering,
        }
    }
}
