//! Mentors with something to be paid.

use chrono::{DateTime, Datelike, TimeDelta, Utc, Weekday};
use konnect::ledger::{self, Account};
use konnect::mentor::Kind;
use konnect::payout::{self, Filter, Payout};
use konnect_sandbox::SellerStatus;
use serde_json::{Value, json};

use crate::{Booking, Person, TestApp};

/// A mentor with sessions that are over and lines that are ready.
pub struct Earner {
    pub mentor: Person,
    pub mentee: Person,
    pub bookings: Vec<Booking>,
}

/// A bank account that the provider takes, of a sole person.
pub fn account_body(expected_version: i64) -> Value {
    json!({
        "expectedVersion": expected_version, "businessType": "INDIVIDUAL", "name": "김민아",
        "email": format!("contact{expected_version}@konnect.test"), "phone": "01012345678", "bankCode": "088",
        "accountNumber": format!("11012345678{expected_version}"), "holderName": "김민아",
    })
}

/// 11:00 in Seoul on the next weekday after `now`.
fn next_slot(now: DateTime<Utc>) -> DateTime<Utc> {
    let mut day = now.date_naive() + TimeDelta::days(1);
    while matches!(day.weekday(), Weekday::Sat | Weekday::Sun) {
        day += TimeDelta::days(1);
    }
    day.and_hms_opt(2, 0, 0).expect("a time").and_utc()
}

impl TestApp {
    /// Mentors with a session of each of these prices, paid, over and released. The clock is moved to noon
    /// of a weekday in Seoul, some days later.
    pub async fn earners(&self, earners: &[(&str, &[i64])]) -> Vec<Earner> {
        let mut all = Vec::new();
        for (name, prices) in earners {
            let mentor = self.mentor(name).await;
            let mentee = self.mentee(&format!("mentee-of-{name}")).await;
            all.push(Earner { mentor, mentee, bookings: Vec::new() });
            self.book_all(all.last_mut().expect("one"), prices).await;
        }
        self.let_them_end(&all).await;
        all
    }

    /// A mentor with a session of each of these prices, as [`TestApp::earners`] makes them.
    pub async fn earner(&self, name: &str, prices: &[i64]) -> Earner {
        self.earners(&[(name, prices)]).await.pop().expect("one")
    }

    /// More sessions of the same two.
    pub async fn earn_more(&self, earner: &mut Earner, prices: &[i64]) {
        earner.mentor = self.log_in(&earner.mentor).await;
        earner.mentee = self.log_in(&earner.mentee).await;
        earner.bookings.clear();
        self.book_all(earner, prices).await;
        self.let_them_end(std::slice::from_ref(earner)).await;
    }

    async fn book_all(&self, earner: &mut Earner, prices: &[i64]) {
        let first = next_slot(self.now());
        for (hours, price) in (0..).zip(prices) {
            let offering = self.offering(&earner.mentor, Kind::Instant, 60, *price).await;
            let starts_at = first + TimeDelta::hours(hours);
            let booking = self.book(&earner.mentor, &earner.mentee, offering, starts_at).await;
            self.pay(&booking).await;
            earner.bookings.push(booking);
        }
    }

    async fn let_them_end(&self, earners: &[Earner]) {
        let bookings: Vec<&Booking> = earners.iter().flat_map(|earner| &earner.bookings).collect();
        self.meet_all(&bookings).await;
        let last = bookings.iter().map(|booking| booking.starts_at).max().expect("a session");
        self.advance_to(last + TimeDelta::hours(49));
        // To a day on which the provider pays.
        while matches!(self.now().weekday(), Weekday::Sat | Weekday::Sun) {
            self.advance(TimeDelta::days(1));
        }
        self.run_jobs().await;
    }

    /// Gives the mentor the account of [`account_body`] and has the provider approve them.
    pub async fn open_account(&self, mentor: &Person) {
        self.give_account(mentor, account_body(0)).await;
        self.approve(mentor, SellerStatus::Approved).await;
    }

    /// Gives the mentor an account and tells the provider; the login is a fresh one.
    pub async fn give_account(&self, mentor: &Person, body: Value) {
        let client = self.log_in(mentor).await.client;
        client.send(reqwest::Method::PUT, "/v1/me/payout-account", Some(body), &[]).await.ok(200);
        self.run_jobs().await;
    }

    /// The provider decides about the mentor and tells us.
    pub async fn approve(&self, mentor: &Person, status: SellerStatus) {
        let seller = self.seller_id(mentor).await;
        self.sandbox.set_seller_status(&seller, status).expect("a payee");
        self.sandbox.settle().await;
        self.run_jobs().await;
    }

    /// The provider's id of the mentor's payee.
    pub async fn seller_id(&self, mentor: &Person) -> String {
        let standing = payout::standing(self.core.db.pool(), mentor.id).await.expect("the database");
        let seller = standing.and_then(|standing| standing.seller).expect("a payee");
        seller.provider_seller_id.expect("registered")
    }

    /// A mentor with these sessions, who can be paid.
    pub async fn payee(&self, name: &str, prices: &[i64]) -> Earner {
        let earner = self.earner(name, prices).await;
        self.open_account(&earner.mentor).await;
        earner
    }

    /// Opens a batch a second from now, as an administrator does; jobs run it.
    pub async fn open_batch(&self) {
        self.advance(TimeDelta::seconds(1));
        konnect::transact!(self.core.db, self.context(), anyhow::Error, tx => {
            Ok(payout::open_now(tx).await?)
        })
        .expect("a batch");
    }

    /// Runs a batch and what follows from it.
    pub async fn run_batch(&self) {
        self.open_batch().await;
        self.run_jobs().await;
    }

    /// A mentor's payouts, newest first.
    pub async fn payouts_of(&self, mentor: &Person) -> Vec<Payout> {
        let filter = Filter { mentor: Some(mentor.id), ..Filter::default() };
        payout::list(self.core.db.pool(), &filter, 100).await.expect("the database")
    }

    /// The state of a mentor's newest payout.
    pub async fn payout_state(&self, mentor: &Person) -> &'static str {
        self.payouts_of(mentor).await.first().expect("a payout").state.name()
    }

    /// The provider's transfers for a mentor's newest payout arrive, and we hear of it.
    pub async fn money_arrives(&self, mentor: &Person) {
        let id = self.payouts_of(mentor).await[0].id.to_string();
        self.sandbox.complete_payout(&id).expect("under way");
        self.sandbox.settle().await;
        self.run_jobs().await;
    }

    /// What a mentor is owed and what is on its way to them, in won.
    pub async fn owed(&self, mentor: &Person) -> (i64, i64) {
        let balances =
            ledger::balances_of_mentor(self.core.db.pool(), mentor.id).await.expect("the database");
        let of = |account| balances.iter().find(|b| b.account == account).map_or(0, |b| -b.amount_krw.0);
        (of(Account::MentorPayable), of(Account::PayoutTransit))
    }

    /// The states of all of a mentor's lines, oldest first.
    pub async fn line_states_of(&self, mentor: &Person) -> Vec<String> {
        sqlx::query_scalar("SELECT state FROM settlement_lines WHERE mentor_id = ? ORDER BY id")
            .bind(mentor.id)
            .fetch_all(self.core.db.pool())
            .await
            .expect("the database")
    }
}
