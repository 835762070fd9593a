//! The operations of a round, and what each may do to the model's world, step by step: an HTTP call is one step, a job
//! is as many as it has transactions and calls of the provider, between which others may come.

use chrono::TimeDelta;
use konnect::outbox::Delivery;
use konnect::payment::{AttemptState, RefundState};
use konnect::reservation::State;

use super::model::{Attempt, Booking, Id, PRICE, Proposal, Refund, Side, Time, World};
use super::work::{claim, give_back, resolve};

#[derive(Clone, Debug)]
pub enum What {
    Reserve { mentee: usize, offering: usize, start: Time },
    Order { id: Id },
    Confirm { attempt: Id, body: serde_json::Value },
    Approve { id: Id },
    Reject { id: Id },
    Cancel { id: Id, by: Side, version: i64 },
    Goodwill { id: Id, amount: i64 },
    Propose { id: Id, by: Side, to: Time, version: i64 },
    Accept { id: Id, by: Side, version: i64 },
    Decline { id: Id, by: Side, version: i64 },
    Withdraw { id: Id, by: Side, version: i64 },
    Resolve { attempt: Id, delivery: Delivery },
    ExpireHold { id: Id, deadline: Time, delivery: Delivery },
    ExpireRequest { id: Id, deadline: Time, delivery: Delivery },
    ExpireMove { id: Id, deadline: Time, delivery: Delivery },
    GiveBack { refund: Id, delivery: Delivery },
}

/// An operation; `key` is the place of the one in the round whose idempotency key it carries, mostly its own.
#[derive(Clone, Debug)]
pub struct Act {
    pub what: What,
    pub key: usize,
}

/// How far an operation is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum At {
    Start,
    Claimed,
    /// The provider is about to be asked for money.
    Asking,
    Answered(Verdict),
    /// The provider is about to be asked to give money back, of which it should have so much.
    GivingBack(i64),
    Over(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    Captured,
    Declined,
    GivenBack,
    /// The provider has not what was believed.
    Overtaken,
}

type Refusal = &'static str;

pub fn over(answer: &str) -> At {
    At::Over(answer.to_owned())
}

impl Act {
    /// What the next step of this operation, at `place` in its round, may lead to.
    pub fn next(&self, world: &World, at: &At, place: usize) -> (World, At) {
        let mut is = world.clone();
        let at = match &self.what {
            What::Resolve { attempt, delivery } => resolve(&mut is, at, attempt, delivery),
            What::GiveBack { refund, delivery } => give_back(&mut is, at, refund, delivery),
            What::ExpireHold { delivery, .. }
            | What::ExpireRequest { delivery, .. }
            | What::ExpireMove { delivery, .. } => match at {
                At::Start => claim(&mut is, delivery),
                _ => over(self.expire(&mut is)),
            },
            _ => {
                if let Some(saved) = is.keys.get(&self.key) {
                    return (is.clone(), over(saved));
                }
                match self.call(&mut is, place) {
                    Ok(answer) => {
                        if self.keeps_answer() {
                            is.keys.insert(self.key, answer.to_owned());
                        }
                        over(answer)
                    }
                    Err(refusal) => return (world.clone(), over(refusal)),
                }
            }
        };
        (is, at)
    }

    /// Whether the same request with the same key is answered from what was saved.
    fn keeps_answer(&self) -> bool {
        matches!(
            self.what,
            What::Reserve { .. }
                | What::Confirm { .. }
                | What::Cancel { .. }
                | What::Goodwill { .. }
                | What::Propose { .. }
                | What::Accept { .. }
        )
    }

    /// An HTTP call: the status of a success, the code of a refusal.
    fn call(&self, world: &mut World, place: usize) -> Result<&'static str, Refusal> {
        let now = world.now;
        match &self.what {
            What::Reserve { mentee, offering, start } => {
                if world.twin(*mentee, *offering, *start) {
                    return Ok("200");
                }
                world.may_hold(*mentee)?;
                world.room(offering / 2, *mentee, *start, None)?;
                let mut booking = Booking::new(Id::New(place), *mentee, *offering, *start);
                if booking.on_request() {
                    let latest = *start - TimeDelta::hours(1);
                    booking.deadline = Some((now + TimeDelta::hours(48)).min(latest));
                } else {
                    booking.hold(now);
                }
                world.bookings.push(booking);
                Ok("201")
            }
            What::Order { id } => {
                let at = world.at(id).ok_or("reservation.not_found")?;
                hold_again(world, at)?;
                let booking = &mut world.bookings[at];
                match booking.state {
                    State::AwaitingPayment => {}
                    State::Paying => return Err("payment.in_progress"),
                    _ => return Err("reservation.not_allowed"),
                }
                if !booking.attempts.iter().any(|a| a.state == AttemptState::Ready) {
                    booking.attempts.push(Attempt {
                        id: Id::New(place),
                        state: AttemptState::Ready,
                        sent: false,
                        taken: 0,
                        left: 0,
                        refused: false,
                    });
                }
                Ok("200")
            }
            What::Confirm { attempt, .. } => confirm(world, attempt),
            What::Approve { id } => {
                let booking = self.find(world, id)?;
                if booking.state != State::Requested {
                    return Err("reservation.not_allowed");
                }
                booking.step(State::AwaitingPayment);
                (booking.needs_approval, booking.deadline) = (false, None);
                booking.hold(now);
                Ok("200")
            }
            What::Reject { id } => {
                let booking = self.find(world, id)?;
                if booking.state != State::Requested {
                    return Err("reservation.not_allowed");
                }
                booking.step(State::Rejected);
                booking.deadline = None;
                Ok("200")
            }
            What::Cancel { id, by, version } => {
                let booking = seen(self.find(world, id)?, *version)?;
                cancel(booking, *by, now, place)
            }
            What::Goodwill { id, amount } => {
                let booking = self.find(world, id)?;
                let captured = booking.capture().map(|a| a.taken).ok_or("refund.nothing_captured")?;
                let left = captured - booking.given();
                if *amount > left {
                    return Err("refund.exceeds");
                }
                if *amount == left && matches!(booking.state, State::Confirmed | State::InSession) {
                    return Err("refund.use_cancel");
                }
                booking.promise(place, *amount);
                Ok("201")
            }
            What::Propose { id, by, to, version } => propose(world, id, *by, *to, *version),
            What::Accept { id, by, version } => {
                let booking = seen(self.find(world, id)?, *version)?;
                let proposal = booking.answerable(*by).filter(|p| now < p.until);
                let proposal = proposal.ok_or("reservation.reschedule_over")?;
                booking.move_to(&proposal, now);
                Ok("200")
            }
            What::Decline { id, by, version } => {
                let booking = seen(self.find(world, id)?, *version)?;
                booking.answerable(*by).ok_or("reservation.reschedule_over")?;
                booking.step(State::Confirmed);
                booking.proposal = None;
                Ok("200")
            }
            What::Withdraw { id, by, version } => {
                let booking = seen(self.find(world, id)?, *version)?;
                let own = booking.proposal.as_ref().is_some_and(|p| p.by == *by);
                if !own || booking.state != State::Confirmed {
                    return Err("reservation.reschedule_over");
                }
                booking.step(State::Confirmed);
                booking.proposal = None;
                Ok("200")
            }
            _ => unreachable!("a job is no call"),
        }
    }

    fn find<'a>(&self, world: &'a mut World, id: &Id) -> Result<&'a mut Booking, Refusal> {
        let at = world.at(id).ok_or("reservation.not_found")?;
        Ok(&mut world.bookings[at])
    }

    /// A deadline that fires; whatever it was written for may be over.
    fn expire(&self, world: &mut World) -> &'static str {
        let (What::ExpireHold { id, deadline, .. }
        | What::ExpireRequest { id, deadline, .. }
        | What::ExpireMove { id, deadline, .. }) = &self.what
        else {
            unreachable!("only deadlines expire")
        };
        let Some(at) = world.at(id) else { return "Done" };
        let booking = &mut world.bookings[at];
        match (&self.what, booking.state) {
            (What::ExpireHold { .. }, State::Paying) if booking.hold_until == Some(*deadline) => "Snoozed",
            (What::ExpireHold { .. }, State::AwaitingPayment) if booking.hold_until == Some(*deadline) => {
                let failed = booking.payment_failed;
                booking.step(if failed { State::PaymentFailed } else { State::Expired });
                booking.hold_until = None;
                "Done"
            }
            (What::ExpireRequest { .. }, State::Requested) if booking.deadline == Some(*deadline) => {
                booking.step(State::Expired);
                booking.deadline = None;
                "Done"
            }
            (What::ExpireMove { .. }, State::Confirmed)
                if booking.proposal.as_ref().is_some_and(|p| p.until == *deadline) =>
            {
                booking.step(State::Confirmed);
                booking.proposal = None;
                "Done"
            }
            _ => "Done",
        }
    }
}

fn seen(booking: &mut Booking, version: i64) -> Result<&mut Booking, Refusal> {
    if booking.version == version { Ok(booking) } else { Err("reservation.stale") }
}

/// A dead booking is held again, where its slot is free.
fn hold_again(world: &mut World, at: usize) -> Result<(), Refusal> {
    if !world.bookings[at].is_dead() {
        return Ok(());
    }
    let Booking { id, mentee, start, needs_approval, .. } = world.bookings[at].clone();
    world.may_hold(mentee)?;
    if needs_approval {
        return Err("reservation.not_allowed");
    }
    world.room(world.bookings[at].mentor(), mentee, start, Some(&id))?;
    let now = world.now;
    let booking = &mut world.bookings[at];
    booking.step(State::AwaitingPayment);
    booking.hold(now);
    booking.payment_failed = false;
    Ok(())
}

fn confirm(world: &mut World, attempt: &Id) -> Result<&'static str, Refusal> {
    let (at, which) = world.with_attempt(attempt).ok_or("payment.not_found")?;
    match world.bookings[at].attempts[which].state {
        AttemptState::Ready => {}
        AttemptState::Failed => return Err("payment.attempt_over"),
        _ => return Ok("accepted"),
    }
    hold_again(world, at)?;
    let booking = &mut world.bookings[at];
    match booking.state {
        State::AwaitingPayment => {}
        State::Paying => return Err("payment.in_progress"),
        State::Confirmed | State::InSession | State::Completed => {
            return Err("payment.already_confirmed");
        }
        _ => return Err("reservation.not_allowed"),
    }
    booking.step(State::Paying);
    booking.attempts[which].state = AttemptState::Confirming;
    Ok("accepted")
}

fn cancel(booking: &mut Booking, by: Side, now: Time, place: usize) -> Result<&'static str, Refusal> {
    if !matches!(booking.state, State::Requested | State::AwaitingPayment | State::Confirmed) {
        return Err("reservation.not_allowed");
    }
    let share = if by == Side::Mentee { booking.share(now) } else { 100 };
    let refund = match booking.capture() {
        Some(_) => (PRICE * share / 100).min(PRICE - booking.given()),
        None => 0,
    };
    booking.step(State::Cancelled);
    (booking.hold_until, booking.deadline) = (None, None);
    if refund > 0 {
        booking.promise(place, refund);
    }
    Ok("200")
}

fn propose(world: &mut World, id: &Id, by: Side, to: Time, version: i64) -> Result<&'static str, Refusal> {
    let now = world.now;
    let at = world.at(id).ok_or("reservation.not_found")?;
    let booking = seen(&mut world.bookings[at], version)?;
    if booking.state != State::Confirmed {
        return Err("reservation.not_allowed");
    }
    if booking.proposal.is_some() {
        return Err("reservation.reschedule_pending");
    }
    if booking.moves >= 2 || booking.proposals >= 6 {
        return Err("reservation.reschedule_limit");
    }
    if to == booking.start {
        return Err("reservation.reschedule_same");
    }
    let (mentor, mentee) = (booking.mentor(), booking.mentee);
    world.room(mentor, mentee, to, Some(id))?;
    let booking = &mut world.bookings[at];
    let until = (now + TimeDelta::hours(48)).min(booking.start.min(to) - TimeDelta::hours(1));
    let proposal = Proposal { by, to, until };
    let is_far = booking.start - now >= TimeDelta::hours(24);
    if by == Side::Mentee && !booking.on_request() && is_far {
        booking.move_to(&proposal, now);
    } else {
        booking.step(State::Confirmed);
        booking.proposal = Some(proposal);
        booking.proposals += 1;
    }
    Ok("201")
}

impl Booking {
    fn promise(&mut self, place: usize, amount: i64) {
        self.refunds.push(Refund { id: Id::New(place), amount, state: RefundState::Queued });
    }

    /// The proposal that the other side made.
    fn answerable(&self, by: Side) -> Option<Proposal> {
        self.proposal.clone().filter(|p| p.by != by && self.state == State::Confirmed)
    }

    fn move_to(&mut self, proposal: &Proposal, now: Time) {
        if proposal.by == Side::Mentee {
            self.cap = self.share(now);
        }
        self.step(State::Confirmed);
        self.start = proposal.to;
        self.moves += 1;
        self.proposal = None;
    }
}

impl What {
    /// The delivery that a job comes with.
    pub fn delivery(&self) -> Option<Delivery> {
        match self {
            Self::Resolve { delivery, .. }
            | Self::ExpireHold { delivery, .. }
            | Self::ExpireRequest { delivery, .. }
            | Self::ExpireMove { delivery, .. }
            | Self::GiveBack { delivery, .. } => Some(*delivery),
            _ => None,
        }
    }
}
