//! Where seeds are played: one app, and for each operation of a round an api and a worker of its own, whose statements
//! go through a door.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use konnect::availability::Window;
use konnect::config::{Limit, Rules};
use konnect::core::Core;
use konnect::id::{OfferingId, ReservationId, UserId};
use konnect::mentor::Kind;
use konnect::payment;
use konnect::reservation::{self, Reservation};
use konnect_jobs::{Executor, Services};
use konnect_sandbox::{Status, WebhookMode};
use konnect_tests::{Client, Person, TestApp, weekdays, worker_config};

use super::door;
use super::model::{self, Attempt, Booking, Id, PRICE, Proposal, Refund, Side, Time, World};
use super::stage::Stage;

/// Operations of one round, at most.
pub const LANES: usize = 4;
/// What the provider lets pass between the checkout and the confirmation.
const CHECKOUT: TimeDelta = TimeDelta::minutes(10);
/// A token lives 15 minutes.
const FRESH: TimeDelta = TimeDelta::minutes(10);

/// An api and a worker behind a door.
pub struct Lane {
    base: String,
    core: Core,
    pub executor: Executor,
}

/// When somebody logged in, and the client with that token.
type Login = (Time, Client);

pub struct Place {
    pub app: TestApp,
    pub stage: Arc<Stage>,
    pub lanes: Vec<Lane>,
    pub admin: Person,
    /// By lane and person.
    logins: Mutex<HashMap<(usize, UserId), Login>>,
}

/// The people of one seed.
pub struct Cast {
    pub mentors: Vec<Person>,
    pub mentees: Vec<Person>,
    /// Two of each mentor: at once, on request.
    pub offerings: Vec<OfferingId>,
    /// The first full hour that is booked.
    pub first: Time,
    /// When each order was taken to the checkout, and whether the provider was told to refuse it.
    pub checkouts: BTreeMap<String, (Time, bool)>,
}

impl Place {
    pub async fn open() -> Self {
        let rules = Rules { cool_down_holds: 0, goodwill_limit_krw: 1_000_000, ..Rules::default() };
        let mut app = TestApp::start_with(rules).await;
        app.api_config.limits.limit_holds = Limit::OFF;
        app.sandbox.webhooks(WebhookMode::None);
        let stage = Stage::new(LANES);
        let (server, database) = address(&app.servers.database_url);
        let mut lanes = Vec::new();
        for lane in 0..LANES {
            let port = door::open(stage.clone(), lane, server.clone()).await;
            let mut config = app.config.clone();
            config.database_url =
                format!("mysql://root@127.0.0.1:{port}/{database}?ssl-mode=disabled").into();
            config.db_connections = 6;
            let (base, core) = app.api_with(&config).await;
            let services = Services::new(core.clone(), &worker_config(&app.sandbox)).expect("the clients");
            let executor = Executor::new(services, format!("lane-{lane}"));
            lanes.push(Lane { base, core, executor });
        }
        let admin = app.admin("admin").await;
        Self { app, stage, lanes, admin, logins: Mutex::default() }
    }

    /// Nothing may be left that is due or wrong.
    pub async fn close(self) {
        self.close_lanes().await;
        self.app.finish().await;
    }

    /// Whatever is left.
    pub async fn leave(self) {
        self.close_lanes().await;
        self.app.leave().await;
    }

    async fn close_lanes(&self) {
        for lane in &self.lanes {
            lane.core.db.pool().close().await;
        }
    }

    /// New people, with one mentor or two.
    pub async fn cast(&self, seed: u64, mentors: usize, mentees: usize) -> Cast {
        let app = &self.app;
        let hour = app.now().duration_trunc(TimeDelta::hours(1)).expect("hours divide every instant");
        let mut cast = Cast {
            mentors: Vec::new(),
            mentees: Vec::new(),
            offerings: Vec::new(),
            first: hour + TimeDelta::hours(26),
            checkouts: BTreeMap::new(),
        };
        for number in 0..mentors {
            let mentor = app.mentor(&format!("mentor-{seed}-{number}")).await;
            let mut always = weekdays();
            always.windows =
                (0..7).map(|weekday| Window { weekday, from_minute: 0, to_minute: 1440 }).collect();
            app.set_hours(&mentor, always).await;
            cast.offerings.push(app.offering(&mentor, Kind::Instant, 60, PRICE).await);
            cast.offerings.push(app.offering(&mentor, Kind::Approval, 60, PRICE).await);
            cast.mentors.push(mentor);
        }
        for number in 0..mentees {
            cast.mentees.push(app.mentee(&format!("mentee-{seed}-{number}")).await);
        }
        cast
    }

    /// Somebody at the api of a lane, whose token is good for a while.
    pub async fn client(&self, lane: usize, person: &Person) -> Client {
        let (key, now) = ((lane, person.id), self.app.now());
        let known = self.logins.lock().expect("nobody panics with it").get(&key).cloned();
        if let Some((at, client)) = known
            && now - at < FRESH
        {
            return client;
        }
        let fresh = self.app.log_in(person).await;
        let client = Client::new(&self.lanes[lane].base, fresh.client.token().map(str::to_owned));
        self.logins.lock().expect("nobody panics with it").insert(key, (now, client.clone()));
        client
    }

    /// The core as it stands in the database and at the provider.
    pub async fn look(&self, cast: &Cast) -> World {
        let mut bookings = Vec::new();
        for row in self.rows(cast).await {
            bookings.push(self.booking(cast, &row).await);
        }
        World { now: self.app.now(), bookings, claimed: Default::default(), keys: Default::default() }
    }

    async fn rows(&self, cast: &Cast) -> Vec<Reservation> {
        let mut rows = Vec::new();
        for mentor in &cast.mentors {
            let page =
                reservation::page_for_member(self.app.core.db.pool(), mentor.id, None, None, 100).await;
            rows.extend(page.expect("the database"));
        }
        rows.sort_by_key(|row| row.id);
        rows
    }

    async fn booking(&self, cast: &Cast, row: &Reservation) -> Booking {
        let pool = self.app.core.db.pool();
        let mentee = cast.mentees.iter().position(|m| m.id == row.mentee_id).expect("one of the cast");
        let offering = cast.offerings.iter().position(|o| *o == row.offering_id).expect("one of the cast");
        let refunds = payment::refunds_of(pool, row.id).await.expect("the database");
        let attempts = match payment::view(pool, row.id, row.mentee_id).await {
            Ok((_, attempts)) => attempts,
            Err(payment::Error::NotFound) => Vec::new(),
            Err(error) => panic!("{error:#}"),
        };
        let side = |by: reservation::Side| match by {
            reservation::Side::Mentor => Side::Mentor,
            _ => Side::Mentee,
        };
        Booking {
            id: Id::Row(row.id.to_string()),
            mentee,
            offering,
            start: row.starts_at,
            state: row.state,
            version: row.version,
            needs_approval: row.needs_approval,
            deadline: row.request_deadline,
            hold_until: row.hold_until,
            payment_failed: row.payment_failed,
            proposal: row.proposal().map(|p| Proposal { by: side(p.by), to: p.starts_at, until: p.until }),
            proposals: row.move_proposals,
            moves: row.moves(),
            cap: row.refund_cap_bps.map_or(100, |bps| i64::from(bps) / 100),
            attempts: attempts.iter().map(|a| self.attempt(cast, a)).collect(),
            refunds: refunds
                .iter()
                .map(|f| Refund { id: Id::Row(f.id.to_string()), amount: f.amount_krw.0, state: f.state })
                .collect(),
        }
    }

    fn attempt(&self, cast: &Cast, attempt: &payment::Attempt) -> Attempt {
        let id = attempt.id.to_string();
        let there = self
            .app
            .sandbox
            .payment_of_order(&id)
            .filter(|p| matches!(p.status, Status::Done | Status::Canceled | Status::PartialCanceled));
        let refused =
            cast.checkouts.get(&id).is_some_and(|(at, told)| *told || self.app.now() - *at > CHECKOUT);
        Attempt {
            id: Id::Row(id),
            state: attempt.state,
            sent: attempt.sent_at.is_some(),
            taken: there.as_ref().map_or(0, |p| p.total_amount),
            left: there.as_ref().map_or(0, |p| p.balance_amount),
            refused,
        }
    }

    /// What can be seen of the core, with the claims as they are, whatever the bookings say.
    pub async fn picture(&self, cast: &Cast) -> Vec<String> {
        let world = self.look(cast).await;
        let mut lines = world.picture();
        lines.retain(|line| !line.starts_with("claim "));
        let mut claims = Vec::new();
        let mentors = cast.mentors.iter().enumerate().map(|(n, p)| (p, model::Person::Mentor(n)));
        let mentees = cast.mentees.iter().enumerate().map(|(n, p)| (p, model::Person::Mentee(n)));
        for (person, name) in mentors.chain(mentees) {
            let cells: Vec<DateTime<Utc>> =
                sqlx::query_scalar("SELECT cell_start FROM slot_claims WHERE person_id = ?")
                    .bind(person.id)
                    .fetch_all(self.app.core.db.pool())
                    .await
                    .expect("the database");
            claims.extend(cells.into_iter().map(|cell| model::cell_line(name, cell)));
        }
        claims.sort();
        lines.extend(claims);
        lines
    }

    /// The ledger has what the provider has, and what was taken and not given back is held or split.
    pub async fn money(&self, cast: &Cast) -> Result<(), String> {
        let world = self.look(cast).await;
        for booking in &world.bookings {
            let Id::Row(id) = &booking.id else { continue };
            let id: ReservationId = id.parse().expect("an id");
            let ledger = self.app.ledger(id).await;
            let taken: i64 = booking.attempts.iter().filter(|a| a.state.is_captured()).map(|a| a.taken).sum();
            let provider = taken - booking.gone();
            if ledger[0] != provider {
                return Err(format!("the ledger has {} at the provider, it should be {provider}", ledger[0]));
            }
            if booking.given() > taken {
                return Err(format!("{} are promised of {taken} (I7)", booking.given()));
            }
        }
        Ok(())
    }
}

/// Host and port of a database's URL, and its name.
pub fn address(url: &str) -> (String, String) {
    let rest = url.split_once("://").expect("a URL").1;
    let (host, database) = rest.split_once('/').expect("a database");
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    (host.to_owned(), database.to_owned())
}
