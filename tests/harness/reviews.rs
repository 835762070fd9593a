//! Sessions that are reviewed.

use chrono::TimeDelta;
use konnect::mentor::Kind;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Answer, Booking, Person, TestApp, monday};

impl TestApp {
    /// Completed sessions of one mentor, each with a mentee of its own; at most nine. Each could be reviewed from now
    /// on, for 14 days.
    pub async fn completed_sessions(&self, count: usize) -> Vec<Booking> {
        let mentor = self.mentor("mentor").await;
        let offering = self.offering(&mentor, Kind::Instant, 60, 50_000).await;
        let mut bookings = Vec::new();
        for i in 0..count {
            let mentee = self.mentee(&format!("mentee{i}")).await;
            let starts_at = monday() + TimeDelta::hours(24 + i64::try_from(i).expect("few"));
            bookings.push(self.book(&mentor, &mentee, offering, starts_at).await);
        }
        for booking in &bookings {
            self.pay(booking).await;
        }
        self.meet_all(&bookings.iter().collect::<Vec<_>>()).await;
        self.advance_to(monday() + TimeDelta::hours(24 + 9 + 48));
        self.run_jobs().await;
        for booking in &bookings {
            assert_eq!(self.state(booking).await, "completed");
        }
        bookings
    }

    /// Somebody who logs in for it writes a first review.
    pub async fn review(&self, booking: &Booking, who: &Person, stars: u8, text: &str) -> Answer {
        self.put_review(booking, who, json!({ "stars": stars, "text": text })).await
    }

    pub async fn put_review(&self, booking: &Booking, who: &Person, body: Value) -> Answer {
        let path = format!("{}/review", booking.path());
        self.log_in(who).await.client.send(Method::PUT, &path, Some(body), &[]).await
    }

    /// The reviews of a session, as somebody who logs in for it sees them.
    pub async fn reviews(&self, booking: &Booking, who: &Person) -> Value {
        self.log_in(who).await.client.get(&format!("{}/review", booking.path())).await.ok(200)
    }

    pub async fn withdraw_review(&self, booking: &Booking, who: &Person, version: i64) -> Answer {
        let path = format!("{}/review?expectedVersion={version}", booking.path());
        self.log_in(who).await.client.send(Method::DELETE, &path, None, &[]).await
    }

    /// Both write, the mentee these stars and the mentor five: the id of the mentee's review.
    pub async fn published_review(&self, booking: &Booking, stars: u8) -> String {
        self.review(booking, &booking.mentee, stars, "It was as it was.").await.ok(200);
        self.review(booking, &booking.mentor, 5, "Well prepared.").await.ok(200);
        let seen = self.reviews(booking, &booking.mentee).await;
        assert_eq!(seen["mine"]["state"], "published");
        seen["mine"]["id"].as_str().expect("an id").to_owned()
    }

    /// What everybody reads of a mentor.
    pub async fn public_reviews(&self, mentor: &Person, query: &str) -> Value {
        self.anonymous().get(&format!("/v1/mentors/{}/reviews{query}", mentor.id)).await.ok(200)
    }
}
