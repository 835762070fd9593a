//! Who wants which slot: people look at a mentor's free slots, think, and ask for one that somebody else may have taken
//! meanwhile. Each request holds the mentor's calendar for one transaction, taken or not.

use std::collections::HashSet;

use super::engine::{Dice, Events, MS, SECOND, Sample, Span, Time, whole};

#[derive(Clone, Debug)]
pub struct Market {
    pub mentors: usize,
    /// Free slots of each, ahead.
    pub slots: usize,
    /// Requests by mentor fall with the power of the mentor's rank; 0 is the same for all.
    pub zipf: f64,
    /// Of all mentors together, a second.
    pub requests: f64,
    pub seconds: f64,
    /// From seeing the list to asking.
    pub thinking: Span,
    /// How old the list is when it is seen, at most.
    pub stale: f64,
    /// The transaction, under the mentor's lock.
    pub reserve: Span,
    /// Each next slot of the list is wanted so much less than the one before it.
    pub taste: f64,
}

#[derive(Debug)]
pub struct Outcome {
    pub asked: usize,
    pub refused: usize,
    /// Nothing was free any more.
    pub sold_out: usize,
    /// From asking to the answer.
    pub answer: Sample,
    /// Seconds until the last answer.
    pub last: f64,
}

impl Outcome {
    /// Percent of those who asked.
    pub fn conflicts(&self) -> f64 {
        100.0 * self.refused as f64 / self.asked.max(1) as f64
    }
}

enum Event {
    Look(usize),
    Ask { mentor: usize, slot: usize },
}

/// A mentor's slots with the instants at which they went, and until when the calendar is held.
#[derive(Clone, Default)]
struct Calendar {
    taken: Vec<(usize, Time)>,
    held_until: Time,
}

pub fn run(market: &Market, seed: u64) -> Outcome {
    let mut dice = Dice::new(seed);
    let ranks = cumulative(market.mentors, market.zipf);
    let mut calendars = vec![Calendar::default(); market.mentors];
    let mut events = Events::default();
    let mut at = 0.0;
    loop {
        at += dice.span(Span::Exponential(SECOND / market.requests));
        if at >= market.seconds * SECOND {
            break;
        }
        let point = dice.unit();
        events.at(whole(at), Event::Look(ranks.partition_point(|sum| *sum < point)));
    }
    let (mut asked, mut refused, mut sold_out, mut last) = (0, 0, 0, 0);
    let mut answers = Vec::new();
    while let Some((now, event)) = events.next() {
        match event {
            Event::Look(mentor) => {
                let mentor = mentor.min(market.mentors - 1);
                let seen_at = now.saturating_sub(whole(dice.unit() * market.stale));
                let gone: HashSet<usize> = calendars[mentor]
                    .taken
                    .iter()
                    .filter(|(_, at)| *at <= seen_at)
                    .map(|(s, _)| *s)
                    .collect();
                let free: Vec<usize> = (0..market.slots).filter(|slot| !gone.contains(slot)).collect();
                if free.is_empty() {
                    sold_out += 1;
                    continue;
                }
                let slot = free[wanted(&mut dice, free.len(), market.taste)];
                events.at(now + whole(dice.span(market.thinking)), Event::Ask { mentor, slot });
            }
            Event::Ask { mentor, slot } => {
                asked += 1;
                let calendar = &mut calendars[mentor];
                let ends = now.max(calendar.held_until) + whole(dice.span(market.reserve));
                calendar.held_until = ends;
                answers.push(ends - now);
                last = last.max(ends);
                if calendar.taken.iter().any(|(s, _)| *s == slot) {
                    refused += 1;
                } else {
                    calendar.taken.push((slot, ends));
                }
            }
        }
    }
    Outcome { asked, refused, sold_out, answer: Sample::new(answers), last: last as f64 / SECOND }
}

/// The shares of the first mentor, the first two, and so on.
fn cumulative(mentors: usize, power: f64) -> Vec<f64> {
    let weights: Vec<f64> = (1..=mentors).map(|rank| (rank as f64).powf(-power)).collect();
    let sum: f64 = weights.iter().sum();
    let mut so_far = 0.0;
    weights
        .into_iter()
        .map(|weight| {
            so_far += weight / sum;
            so_far
        })
        .collect()
}

/// One place of a list, of which the first are wanted most.
fn wanted(dice: &mut Dice, length: usize, taste: f64) -> usize {
    (0..length).find(|_| dice.unit() < taste).unwrap_or_else(|| dice.below(length))
}

/// The calendar of [`Setup::measured`](super::jobs::Setup::measured)'s machine: 710 reservations a second on two
/// processors are 2.8 ms of one for each.
pub const RESERVE: Span = Span::Skewed { p50: 2.6 * MS, p99: 6.0 * MS };

#[cfg(test)]
mod tests {
    use super::*;

    fn market() -> Market {
        Market {
            mentors: 1,
            slots: 1,
            zipf: 0.0,
            requests: 100.0,
            seconds: 1.0,
            thinking: Span::Fixed(10.0 * SECOND),
            stale: 0.0,
            reserve: Span::Fixed(5.0 * MS),
            taste: 0.1,
        }
    }

    #[test]
    fn of_all_who_want_one_slot_at_once_one_gets_it() {
        let outcome = run(&market(), 1);
        assert_eq!(outcome.refused, outcome.asked - 1);
        assert!(outcome.asked > 60, "a hundred, more or less: {}", outcome.asked);
    }

    #[test]
    fn whoever_sees_the_truth_and_asks_at_once_is_never_refused() {
        let quick = Market { slots: 500, thinking: Span::Fixed(0.0), reserve: Span::Fixed(0.0), ..market() };
        assert_eq!(run(&quick, 1).refused, 0);
    }

    #[test]
    fn two_who_choose_blindly_among_n_meet_once_in_n() {
        // Pairs of people, a mentor for each pair; nobody sees the other.
        let pairs = Market {
            mentors: 100_000,
            slots: 20,
            requests: 200_000.0,
            taste: 0.0,
            reserve: Span::Fixed(0.0),
            ..market()
        };
        let outcome = run(&pairs, 1);
        // The others at one's mentor are Poisson with mean 2; by the occupancy of 20 slots the share refused is
        // 1 - 20 (1 - exp(-2/20)) / 2.
        let expected = 100.0 * (1.0 - 20.0 * (1.0 - (-0.1_f64).exp()) / 2.0);
        assert!((outcome.conflicts() / expected - 1.0).abs() < 0.05, "{} of {expected}", outcome.conflicts());
    }
}
