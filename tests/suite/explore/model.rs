//! What may be true of the core of bookings and their money: slots, states, holds, attempts, refunds. Pure, and written
//! from the rules in `docs/BOOKING.md` and `docs/MONEY.md`, not from the product's code. One session is an hour for
//! [`PRICE`] won.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use konnect::payment::{AttemptState, RefundState};
use konnect::reservation::State;

pub const PRICE: i64 = 50_000;
/// Unpaid reservations of one person.
const MOST_HOLDS: usize = 2;

pub type Time = DateTime<Utc>;

/// What a row is known by: the number that the database gave it, or the operation of this round that made it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Id {
    Row(String),
    New(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    Mentee,
    Mentor,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Proposal {
    pub by: Side,
    pub to: Time,
    pub until: Time,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Attempt {
    pub id: Id,
    pub state: AttemptState,
    /// The provider was asked once.
    pub sent: bool,
    /// Won that the provider took, and what it has of them.
    pub taken: i64,
    pub left: i64,
    /// The provider will refuse it.
    pub refused: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Refund {
    pub id: Id,
    pub amount: i64,
    pub state: RefundState,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Booking {
    pub id: Id,
    /// One of the seed's mentees.
    pub mentee: usize,
    /// One of the seed's offerings: two of each mentor, of which the second is approved by the mentor.
    pub offering: usize,
    pub start: Time,
    pub state: State,
    pub version: i64,
    pub needs_approval: bool,
    pub deadline: Option<Time>,
    pub hold_until: Option<Time>,
    pub payment_failed: bool,
    pub proposal: Option<Proposal>,
    pub proposals: u32,
    pub moves: i64,
    /// The largest share of the price, in percent, that a cancellation by the mentee gives back.
    pub cap: i64,
    pub attempts: Vec<Attempt>,
    pub refunds: Vec<Refund>,
}

/// The mentors and mentees of a seed, and everything between them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    pub now: Time,
    pub bookings: Vec<Booking>,
    /// Deliveries that somebody has claimed.
    pub claimed: BTreeSet<String>,
    /// What was answered to keys that were used.
    pub keys: BTreeMap<usize, String>,
}

impl Booking {
    pub fn new(id: Id, mentee: usize, offering: usize, start: Time) -> Self {
        let on_request = offering % 2 == 1;
        Self {
            id,
            mentee,
            offering,
            start,
            state: if on_request { State::Requested } else { State::AwaitingPayment },
            version: 1,
            needs_approval: on_request,
            deadline: None,
            hold_until: None,
            payment_failed: false,
            proposal: None,
            proposals: 0,
            moves: 0,
            cap: 100,
            attempts: Vec::new(),
            refunds: Vec::new(),
        }
    }

    pub fn mentor(&self) -> usize {
        self.offering / 2
    }

    pub fn on_request(&self) -> bool {
        self.offering % 2 == 1
    }

    pub fn is_dead(&self) -> bool {
        matches!(self.state, State::Expired | State::PaymentFailed)
    }

    fn is_unpaid(&self) -> bool {
        matches!(self.state, State::Requested | State::AwaitingPayment | State::Paying)
    }

    fn holds_slot(&self) -> bool {
        self.is_unpaid() || matches!(self.state, State::Confirmed | State::InSession)
    }

    /// The starts of the hours it needs: its own, and the one that was proposed.
    fn hours(&self) -> impl Iterator<Item = Time> {
        let own = self.holds_slot().then_some(self.start);
        own.into_iter().chain(self.proposal.as_ref().map(|p| p.to))
    }

    /// What paid for it.
    pub fn capture(&self) -> Option<&Attempt> {
        self.attempts.iter().find(|a| a.state == AttemptState::Done)
    }

    /// Won that were given back or promised.
    pub fn given(&self) -> i64 {
        self.refunds.iter().filter(|f| f.state.is_live()).map(|f| f.amount).sum()
    }

    /// Won that the provider has given back, as far as we have written that down.
    pub fn gone(&self) -> i64 {
        self.refunds.iter().filter(|f| f.state == RefundState::Done).map(|f| f.amount).sum()
    }

    /// Percent that a cancellation by its mentee gives back at `now`.
    pub fn share(&self, now: Time) -> i64 {
        let left = self.start - now;
        let tier = if left >= TimeDelta::hours(24) {
            100
        } else if left >= TimeDelta::hours(3) {
            50
        } else {
            0
        };
        tier.min(self.cap)
    }

    /// One step: another state and the next version.
    pub fn step(&mut self, state: State) {
        self.state = state;
        self.version += 1;
        if state != State::Confirmed {
            self.proposal = None;
        }
    }

    pub fn hold(&mut self, now: Time) {
        self.hold_until = Some((now + TimeDelta::minutes(15)).min(self.start));
    }
}

fn overlap(a: Time, b: Time) -> bool {
    (a - b).abs() < TimeDelta::hours(1)
}

impl World {
    pub fn at(&self, id: &Id) -> Option<usize> {
        self.bookings.iter().position(|b| b.id == *id)
    }

    pub fn with_attempt(&self, id: &Id) -> Option<(usize, usize)> {
        let found = self.bookings.iter().enumerate();
        found
            .flat_map(|(b, booking)| (0..booking.attempts.len()).map(move |a| (b, a)))
            .find(|(b, a)| self.bookings[*b].attempts[*a].id == *id)
    }

    pub fn with_refund(&self, id: &Id) -> Option<(usize, usize)> {
        let found = self.bookings.iter().enumerate();
        found
            .flat_map(|(b, booking)| (0..booking.refunds.len()).map(move |f| (b, f)))
            .find(|(b, f)| self.bookings[*b].refunds[*f].id == *id)
    }

    /// Whether an hour is free for both, `except` for one booking that gives way.
    pub fn room(
        &self,
        mentor: usize,
        mentee: usize,
        start: Time,
        except: Option<&Id>,
    ) -> Result<(), &'static str> {
        let others = || self.bookings.iter().filter(|b| Some(&b.id) != except);
        let theirs = || others().filter(|b| b.mentor() == mentor);
        if theirs().flat_map(Booking::hours).any(|hour| overlap(hour, start)) {
            return Err("slot.taken");
        }
        let own = others().filter(|b| b.mentee == mentee).flat_map(Booking::hours).any(|h| overlap(h, start));
        if own { Err("slot.own_conflict") } else { Ok(()) }
    }

    pub fn twin(&self, mentee: usize, offering: usize, start: Time) -> bool {
        let is_twin = |b: &&Booking| b.mentee == mentee && b.offering == offering && b.start == start;
        self.bookings.iter().filter(is_twin).any(Booking::is_unpaid)
    }

    pub fn may_hold(&self, mentee: usize) -> Result<(), &'static str> {
        let held = self.bookings.iter().filter(|b| b.mentee == mentee && b.is_unpaid()).count();
        if held < MOST_HOLDS { Ok(()) } else { Err("reservation.hold_limit") }
    }

    /// All that can be seen of it, in words that do not depend on which number a new row got.
    pub fn picture(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.bookings.iter().map(Booking::line).collect();
        lines.sort();
        lines.extend(self.cells());
        lines
    }

    /// The quarters that are claimed, by person.
    fn cells(&self) -> Vec<String> {
        let mut cells = BTreeSet::new();
        for booking in &self.bookings {
            for hour in booking.hours() {
                for quarter in 0..4 {
                    let cell = hour + TimeDelta::minutes(15 * quarter);
                    cells.insert(cell_line(Person::Mentor(booking.mentor()), cell));
                    cells.insert(cell_line(Person::Mentee(booking.mentee), cell));
                }
            }
        }
        cells.into_iter().collect()
    }
}

#[derive(Clone, Copy, Debug)]
pub enum Person {
    Mentor(usize),
    Mentee(usize),
}

/// How a claim is written in pictures.
pub fn cell_line(person: Person, cell: Time) -> String {
    let cell = cell.format("%d %H:%M");
    match person {
        Person::Mentor(number) => format!("claim of mentor {number} {cell}"),
        Person::Mentee(number) => format!("claim of mentee {number} {cell}"),
    }
}

impl Booking {
    fn line(&self) -> String {
        let time = |t: Time| t.format("%d %H:%M:%S").to_string();
        let maybe = |t: Option<Time>| t.map_or("-".to_owned(), time);
        let mut attempts: Vec<String> = self.attempts.iter().map(Attempt::line).collect();
        attempts.sort();
        let mut refunds: Vec<String> =
            self.refunds.iter().map(|f| format!("{} {}", f.state.name(), f.amount)).collect();
        refunds.sort();
        let proposal = self
            .proposal
            .as_ref()
            .map_or("-".to_owned(), |p| format!("{:?} to {} until {}", p.by, time(p.to), time(p.until)));
        format!(
            "booking of {} offering {} at {}: {} v{} answer {} hold {} failed {} cap {} moved {} proposals {} proposal {proposal} \
             attempts {attempts:?} refunds {refunds:?}",
            self.mentee,
            self.offering,
            time(self.start),
            self.state.name(),
            self.version,
            maybe(self.deadline),
            maybe(self.hold_until),
            self.payment_failed,
            self.cap,
            self.moves,
            self.proposals,
        )
    }
}

impl Attempt {
    fn line(&self) -> String {
        format!("{} sent {} provider has {} of {}", self.state.name(), self.sent, self.left, self.taken)
    }
}
