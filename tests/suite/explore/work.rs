//! What the jobs of the money do to the model's world: each transaction and each call of the provider is a step.

use konnect::outbox::Delivery;
use konnect::payment::{AttemptState, RefundState};
use konnect::reservation::State;

use super::act::{At, Verdict, over};
use super::model::{Id, PRICE, World};

/// A delivery is run once, whoever brings it.
pub fn claim(world: &mut World, delivery: &Delivery) -> At {
    let name = format!("{} {}", delivery.job_id, delivery.delivery_id);
    if world.claimed.insert(name) { At::Claimed } else { over("Refused") }
}

/// A job that finds out what became of an attempt.
pub fn resolve(world: &mut World, at: &At, id: &Id, delivery: &Delivery) -> At {
    let Some((b, a)) = world.with_attempt(id) else { return over("Dead") };
    let booking = &mut world.bookings[b];
    let hold_lives = booking.hold_until.is_some_and(|until| until > world.now);
    let attempt = &mut booking.attempts[a];
    match at {
        At::Start => claim(world, delivery),
        At::Claimed if attempt.state.is_captured() => over("Done"),
        At::Claimed => {
            attempt.sent = true;
            At::Asking
        }
        At::Asking if attempt.refused && attempt.taken == 0 => At::Answered(Verdict::Declined),
        At::Asking => {
            if attempt.taken == 0 {
                (attempt.taken, attempt.left) = (PRICE, PRICE);
            }
            At::Answered(Verdict::Captured)
        }
        At::Answered(Verdict::Captured) => {
            if attempt.state.is_open() {
                attempt.state = AttemptState::Done;
                booking.step(State::Confirmed);
                (booking.hold_until, booking.payment_failed) = (None, false);
            }
            over("Done")
        }
        _ => {
            if attempt.state.is_open() {
                attempt.state = AttemptState::Failed;
                booking.payment_failed = true;
                booking.step(if hold_lives { State::AwaitingPayment } else { State::PaymentFailed });
                if !hold_lives {
                    booking.hold_until = None;
                }
            }
            over("Done")
        }
    }
}

/// A job that gives money back.
pub fn give_back(world: &mut World, at: &At, id: &Id, delivery: &Delivery) -> At {
    let Some((b, f)) = world.with_refund(id) else { return over("Dead") };
    if *at == At::Start {
        return claim(world, delivery);
    }
    let booking = &mut world.bookings[b];
    let gone = booking.gone();
    let Some(attempt) = booking.attempts.iter_mut().find(|a| a.state == AttemptState::Done) else {
        return over("Dead");
    };
    let refund = &mut booking.refunds[f];
    match at {
        At::Claimed => match refund.state {
            RefundState::Queued => {
                refund.state = RefundState::Sent;
                At::GivingBack(attempt.taken - gone)
            }
            RefundState::Sent | RefundState::Unknown => At::GivingBack(attempt.taken - gone),
            _ => over("Done"),
        },
        At::GivingBack(believed) if *believed == attempt.left => {
            attempt.left -= refund.amount;
            At::Answered(Verdict::GivenBack)
        }
        At::GivingBack(_) => At::Answered(Verdict::Overtaken),
        At::Answered(Verdict::GivenBack) => {
            refund.state = RefundState::Done;
            over("Done")
        }
        _ => {
            refund.state = RefundState::Unknown;
            over("Retried")
        }
    }
}
