//! People and bookings to test with.

use chrono::{DateTime, TimeDelta, Utc};
use konnect::availability::{self, NewSchedule, Window};
use konnect::id::{OfferingId, ReservationId, UserId};
use konnect::ledger::Account;
use konnect::mentor::{self, Application, Decision, Kind, NewOffering, RefundPolicy};
use konnect::money::Krw;
use konnect::transact;
use konnect::user::{self, Locale, NewUser};
use serde_json::{Value, json};

use crate::{Answer, Client, TestApp};

/// A hash of no password that anybody knows.
const NO_PASSWORD: &str =
    "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Somebody who is logged in.
#[derive(Clone)]
pub struct Person {
    pub id: UserId,
    pub email: String,
    pub client: Client,
}

/// A reservation on its way.
#[derive(Clone)]
pub struct Booking {
    pub id: ReservationId,
    pub offering: OfferingId,
    pub mentor: Person,
    pub mentee: Person,
    pub starts_at: DateTime<Utc>,
    pub price: i64,
}

impl Booking {
    pub fn path(&self) -> String {
        format!("/v1/reservations/{}", self.id)
    }
}

/// Weekdays 09:00 to 18:00 in Seoul (00:00 to 09:00 UTC), every 30 minutes, two hours' notice.
pub fn weekdays() -> NewSchedule {
    NewSchedule {
        time_zone: "Asia/Seoul".into(),
        slot_interval_min: 30,
        slot_offset_min: 0,
        buffer_before_min: 0,
        buffer_after_min: 0,
        min_notice_min: 120,
        horizon_days: 60,
        exceptions: Default::default(),
        limits: Default::default(),
        windows: (0..5).map(|weekday| Window { weekday, from_minute: 540, to_minute: 1080 }).collect(),
    }
}

pub async fn mentee(app: &TestApp, name: &str) -> Person {
    person(app, name, false).await
}

/// Approved, with [`weekdays`] open and nothing to sell yet.
pub async fn mentor(app: &TestApp, name: &str) -> Person {
    let person = person(app, name, true).await;
    app.set_hours(&person, weekdays()).await;
    person
}

pub async fn admin(app: &TestApp, name: &str) -> Person {
    let person = person(app, name, false).await;
    transact!(app.core.db, app.context(), anyhow::Error, tx => { Ok(user::make_admin(tx, person.id).await?) })
        .expect("an administrator");
    app.log_in(&person).await
}

async fn person(app: &TestApp, name: &str, is_mentor: bool) -> Person {
    let email = format!("{name}@konnect.test");
    let new = NewUser::parse(&email, name, Locale::Ko, "Asia/Seoul").expect("a person");
    let (user, grant) = transact!(app.core.db, app.context(), anyhow::Error, tx => {
        let user = user::register(tx, &new, NO_PASSWORD).await?;
        if is_mentor {
            let application = Application {
                headline: format!("{name} teaches"),
                bio: "Ten years of it.".into(),
                expertise: vec!["rust".into()],
                career: String::new(),
                company: None,
                company_hidden: false,
                languages: vec!["ko".into()],
            };
            let applied = mentor::apply(tx, user.id, application).await?;
            mentor::decide(tx, user.id, Decision::Approve, applied.version).await?;
        }
        Ok(user::open_session(tx, user.id, "tests", app.tokens.refresh_life()).await?)
    })
    .expect("a person is registered");
    let roles = user.roles(is_mentor);
    let token = app.tokens.issue(user.id, grant.session_id, &roles, app.now()).expect("a token");
    let token = secrecy::ExposeSecret::expose_secret(&token.token).to_owned();
    Person { id: user.id, email, client: Client::new(&app.base, Some(token)) }
}

impl TestApp {
    /// A fresh token, after the clock was moved past the last one.
    pub async fn log_in(&self, person: &Person) -> Person {
        let is_mentor = mentor::is_approved(self.core.db.pool(), person.id).await.expect("the database");
        let (user, grant) = transact!(self.core.db, self.context(), anyhow::Error, tx => {
            Ok(user::open_session(tx, person.id, "tests", self.tokens.refresh_life()).await?)
        })
        .expect("a session");
        let token = self
            .tokens
            .issue(user.id, grant.session_id, &user.roles(is_mentor), self.now())
            .expect("a token");
        let token = secrecy::ExposeSecret::expose_secret(&token.token).to_owned();
        Person { client: Client::new(&self.base, Some(token)), ..person.clone() }
    }

    pub async fn set_hours(&self, mentor: &Person, hours: NewSchedule) {
        let version = availability::schedule(self.core.db.pool(), mentor.id).await.map_or(0, |s| s.version);
        transact!(self.core.db, self.context(), anyhow::Error, tx => {
            Ok(availability::set_schedule(tx, mentor.id, hours.clone(), version).await?)
        })
        .expect("hours");
    }

    pub async fn offering(&self, mentor: &Person, kind: Kind, duration_min: u32, price: i64) -> OfferingId {
        let new = NewOffering {
            title: "Rust 멘토링".into(),
            description: "An hour of Rust.".into(),
            price_krw: Krw(price),
            duration_min,
            options: Vec::new(),
            category: "backend".into(),
            kind,
            refund_policy: RefundPolicy::Standard,
            is_public: true,
        };
        let offering = transact!(self.core.db, self.context(), anyhow::Error, tx => {
            Ok(mentor::create_offering(tx, mentor.id, new.clone()).await?)
        });
        offering.expect("an offering").id
    }

    /// Asks for a slot.
    pub async fn reserve(&self, mentee: &Person, offering: OfferingId, starts_at: DateTime<Utc>) -> Answer {
        mentee.client.post("/v1/reservations", json!({ "offeringId": offering, "startsAt": starts_at })).await
    }

    /// A mentor, a mentee and a held slot: tomorrow at 11:00 in Seoul, an hour for ₩50,000.
    pub async fn booking(&self) -> Booking {
        self.booking_of(Kind::Instant).await
    }

    pub async fn booking_of(&self, kind: Kind) -> Booking {
        let (mentor, mentee) = (self.mentor("mentor").await, self.mentee("mentee").await);
        let offering = self.offering(&mentor, kind, 60, 50_000).await;
        self.book(&mentor, &mentee, offering, crate::monday() + TimeDelta::hours(26)).await
    }

    pub async fn book(
        &self,
        mentor: &Person,
        mentee: &Person,
        offering: OfferingId,
        starts_at: DateTime<Utc>,
    ) -> Booking {
        let body = self.reserve(mentee, offering, starts_at).await.ok(201);
        let id = body["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        let price = body["price"].as_i64().expect("a price");
        Booking { id, offering, mentor: mentor.clone(), mentee: mentee.clone(), starts_at, price }
    }

    /// Orders a payment; the answer is what the checkout gets.
    pub async fn order(&self, booking: &Booking) -> Value {
        booking.mentee.client.post(&format!("{}/payment-orders", booking.path()), json!({})).await.ok(200)
    }

    /// Orders, types the card, and sends the confirmation: the body of a confirmation that the mentee may repeat.
    pub async fn checkout(&self, booking: &Booking) -> Value {
        let order = self.order(booking).await;
        let order_id = order["orderId"].as_str().expect("an order id");
        let card = self.sandbox.checkout(order_id, booking.price).expect("the card is accepted");
        json!({ "orderId": order_id, "paymentKey": card.payment_key, "amount": booking.price })
    }

    /// Sends a confirmation; the provider is asked when jobs run.
    pub async fn confirm(&self, booking: &Booking, body: &Value) -> Answer {
        booking.mentee.client.post("/v1/payments/confirm", body.clone()).await
    }

    /// Pays: afterwards the reservation is confirmed.
    pub async fn pay(&self, booking: &Booking) {
        let body = self.checkout(booking).await;
        self.confirm(booking, &body).await.ok(202);
        self.run_jobs().await;
        assert_eq!(self.state(booking).await, "confirmed");
    }

    pub async fn state(&self, booking: &Booking) -> String {
        let found = konnect::reservation::find(self.core.db.pool(), booking.id).await.expect("the database");
        found.expect("a reservation").state.name().to_owned()
    }

    /// The cells that a reservation claims.
    pub async fn claims(&self, id: ReservationId) -> i64 {
        sqlx::query_scalar("SELECT COUNT(*) FROM slot_claims WHERE reservation_id = ?")
            .bind(id)
            .fetch_one(self.core.db.pool())
            .await
            .expect("the database")
    }

    /// The names of a person's events, oldest first.
    pub async fn events_of(&self, person: &Person) -> Vec<String> {
        let topic = konnect::event::user_topic(person.id);
        let events = konnect::event::after(self.core.db.pool(), &topic, 0, 500).await.expect("the database");
        events.into_iter().map(|e| e.kind).filter(|kind| kind != "notice.created").collect()
    }

    /// How many notices of a kind a person has in the app.
    pub async fn notices_of(&self, person: &Person, kind: &str) -> i64 {
        sqlx::query_scalar(
            "SELECT COUNT(*) FROM notices WHERE user_id = ? AND kind = ? AND channel = 'in_app'",
        )
        .bind(person.id)
        .bind(kind)
        .fetch_one(self.core.db.pool())
        .await
        .expect("the database")
    }

    /// The sums of the ledger's accounts for a reservation, in the order provider, held, mentor (with what is
    /// withheld from the earnings), platform (with the VAT on its fee).
    pub async fn ledger(&self, id: ReservationId) -> [i64; 4] {
        let rows =
            konnect::ledger::entries_of_reservation(self.core.db.pool(), id).await.expect("the database");
        let accounts: [&[Account]; 4] = [
            &[Account::Provider],
            &[Account::Held],
            &[Account::MentorPayable, Account::WithholdingPayable],
            &[Account::PlatformRevenue, Account::VatPayable],
        ];
        accounts.map(|those| rows.iter().filter(|r| those.contains(&r.account)).map(|r| r.amount_krw.0).sum())
    }
}
