//! Who tells a story: the cast, the dice, and the list of what happened.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use konnect::availability::Window;
use konnect::id::OfferingId;
use konnect::mentor::Kind;
use konnect_tests::{Answer, Booking, Person, TestApp, weekdays};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

use super::steps::Step;

pub const PRICE: i64 = 50_000;

/// Somebody who tells stories over one database.
pub struct Teller<'a> {
    pub app: &'a TestApp,
    pub mentor: Person,
    pub admins: [Person; 2],
    pub offering: OfferingId,
    pub dice: StdRng,
    /// Whether the audit looks after each story, and not only at the end of the book.
    pub suspicious: bool,
    /// The seeds of this book's stories.
    pub told: Vec<u64>,
    /// What happened in the story that is being told.
    pub log: Vec<String>,
    /// What the mentee brought back from the checkout, in this story.
    pub confirmations: Vec<Value>,
}

impl<'a> Teller<'a> {
    pub async fn new(app: &'a TestApp) -> Self {
        let mentor = app.mentor("mentor").await;
        let mut always = weekdays();
        always.windows = (0..7).map(|weekday| Window { weekday, from_minute: 0, to_minute: 1440 }).collect();
        app.set_hours(&mentor, always).await;
        let offering = app.offering(&mentor, Kind::Instant, 60, PRICE).await;
        let admins = [app.admin("admin-1").await, app.admin("admin-2").await];
        let teller = Self {
            app,
            mentor,
            admins,
            offering,
            dice: StdRng::seed_from_u64(0),
            suspicious: false,
            told: Vec::new(),
            log: Vec::new(),
            confirmations: Vec::new(),
        };
        teller.prepare().await;
        teller
    }

    /// Tells one story; a step that the API answers with a fault of its own ends the test.
    pub async fn tell(&mut self, seed: u64) {
        self.dice = StdRng::seed_from_u64(seed);
        self.told.push(seed);
        self.log = vec![format!("story {seed}")];
        self.confirmations.clear();
        let mentee = self.app.mentee(&format!("mentee-{seed}")).await;
        let starts_at = self.some_start();
        let mentor = self.app.log_in(&self.mentor).await;
        let booking = self.app.book(&mentor, &mentee, self.offering, starts_at).await;
        let mut steps = Step::beginning(&mut self.dice);
        for _ in 0..self.dice.random_range(5..15) {
            steps.push(Step::roll(&mut self.dice));
        }
        for step in steps {
            let now = self.app.now();
            self.log.push(format!("{now} {step:?}"));
            self.take(&booking, &step).await;
        }
        self.end(&booking).await;
        if let Err(why) = self.judge(&booking).await {
            panic!("{why}\n{}", self.log.join("\n"));
        }
    }

    /// A full hour, 3 to 40 hours from now.
    fn some_start(&mut self) -> DateTime<Utc> {
        let hours = self.dice.random_range(4..40);
        let hour = self.app.now().duration_trunc(TimeDelta::hours(1)).expect("hours divide every instant");
        hour + TimeDelta::hours(hours)
    }

    /// The mentee of a booking with a token that is good now.
    pub async fn mentee(&self, booking: &Booking) -> Person {
        self.app.log_in(&booking.mentee).await
    }

    /// Everything but a fault of ours may be the answer to a step at a bad moment.
    pub fn note(&mut self, answer: &Answer) {
        let status = answer.status.as_u16();
        let code = answer.body["code"].as_str().unwrap_or_default();
        self.log.push(format!("    {status} {code}"));
        let known = matches!(status, 200..=204 | 403 | 404 | 409 | 422 | 429);
        assert!(known, "{:#}\n{}", answer.body, self.log.join("\n"));
    }

    pub fn chance(&mut self, of_hundred: u32) -> bool {
        self.dice.random_range(0..100) < of_hundred
    }
}
