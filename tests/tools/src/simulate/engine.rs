//! The parts of a discrete-event simulation: a calendar of events, a station that serves several at once, dice.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Microseconds since the beginning.
pub type Time = u64;

pub const MS: f64 = 1_000.0;
pub const SECOND: f64 = 1_000_000.0;

struct Entry<E> {
    at: Time,
    number: u64,
    event: E,
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The earliest is the greatest; of one instant, the one that was written first.
impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

/// What will happen, in order.
pub struct Events<E> {
    heap: BinaryHeap<Entry<E>>,
    written: u64,
}

impl<E> Default for Events<E> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), written: 0 }
    }
}

impl<E> Events<E> {
    pub fn at(&mut self, at: Time, event: E) {
        self.written += 1;
        self.heap.push(Entry { at, number: self.written, event });
    }

    pub fn next(&mut self) -> Option<(Time, E)> {
        self.heap.pop().map(|entry| (entry.at, entry.event))
    }
}

/// Serves so many at once, the others in the order of their arrival.
pub struct Station<J> {
    servers: usize,
    busy: usize,
    queue: VecDeque<J>,
    /// Microseconds of all its servers together.
    pub worked: u64,
}

impl<J> Station<J> {
    pub fn new(servers: usize) -> Self {
        Self { servers, busy: 0, queue: VecDeque::new(), worked: 0 }
    }

    /// The job comes back when it can begin now.
    pub fn arrive(&mut self, job: J) -> Option<J> {
        if self.busy < self.servers {
            self.busy += 1;
            return Some(job);
        }
        self.queue.push_back(job);
        None
    }

    /// One has ended: the next that begins now.
    pub fn leave(&mut self) -> Option<J> {
        let next = self.queue.pop_front();
        if next.is_none() {
            self.busy -= 1;
        }
        next
    }
}

/// How long something takes, in microseconds.
#[derive(Clone, Copy, Debug)]
pub enum Span {
    Fixed(f64),
    /// By its mean.
    Exponential(f64),
    /// Log-normal, by its median and its 99th percentile.
    Skewed {
        p50: f64,
        p99: f64,
    },
}

pub struct Dice(StdRng);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// From 0 up to 1.
    pub fn unit(&mut self) -> f64 {
        self.0.random_range(0.0..1.0)
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.0.random_range(0..end)
    }

    pub fn span(&mut self, span: Span) -> f64 {
        match span {
            Span::Fixed(value) => value,
            Span::Exponential(mean) => -mean * (1.0 - self.unit()).ln(),
            Span::Skewed { p50, p99 } => {
                // The 99th percentile of the normal distribution lies 2.3263 deviations above its middle.
                let deviation = (p99 / p50).ln() / 2.3263;
                p50 * (deviation * self.normal()).exp()
            }
        }
    }

    /// Box and Muller.
    fn normal(&mut self) -> f64 {
        let (a, b) = (1.0 - self.unit(), self.unit());
        (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
    }
}

pub fn whole(micros: f64) -> Time {
    micros.max(0.0).round() as Time
}

/// Microseconds, sorted, of which percentiles are asked.
#[derive(Clone, Debug, Default)]
pub struct Sample(Vec<Time>);

impl Sample {
    pub fn new(mut all: Vec<Time>) -> Self {
        all.sort_unstable();
        Self(all)
    }

    /// Milliseconds; 0 of an empty sample.
    pub fn percentile(&self, percent: usize) -> f64 {
        let Some(last) = self.0.len().checked_sub(1) else { return 0.0 };
        self.0[(last * percent).div_ceil(100)] as f64 / MS
    }

    /// Milliseconds.
    #[cfg(test)]
    pub fn mean(&self) -> f64 {
        self.0.iter().sum::<Time>() as f64 / MS / self.0.len().max(1) as f64
    }

    pub fn max(&self) -> f64 {
        self.percentile(100)
    }
}
