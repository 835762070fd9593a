//! The job system: due rows, the relay's batches, workers' places, the database's processors, one lock for each
//! mentor, and a provider that takes its time and fails.

use std::collections::{BTreeMap, VecDeque};

use super::engine::{Dice, Events, MS, Sample, Span, Station, Time, whole};

/// One database with the relay and the workers of its jobs.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Transactions that the database works on at once.
    pub processors: usize,
    /// Jobs that its workers run at once.
    pub places: usize,
    /// The most rows of one of the relay's transactions, and the most deliveries that wait for a worker.
    pub batch: usize,
    pub outstanding: usize,
    /// The relay's transaction, and what each row adds to it.
    pub publish: Span,
    pub publish_each: f64,
    /// Through Redis to the worker.
    pub hop: Span,
    /// The claim, and the transaction that finishes a job, beside what the job itself does.
    pub claim: Span,
    pub finish: Span,
    pub provider: Span,
    /// Of a hundred calls, so many end without an answer and come again after `again`.
    pub failing: f64,
    pub again: Span,
}

/// What a job does.
#[derive(Clone, Copy, Debug)]
pub struct Due {
    pub at: Time,
    pub mentor: u32,
    /// Of the database, under the mentor's lock.
    pub work: f64,
    pub asks_provider: bool,
    /// Jobs that it writes, due at once, under nobody's lock.
    pub follow: u8,
}

/// Stands for no mentor.
pub const NOBODY: u32 = u32::MAX;

impl Due {
    fn locks(&self) -> bool {
        self.work > 0.0 && self.mentor != NOBODY
    }
}

#[derive(Clone, Copy)]
enum Event {
    Due(usize),
    RelayEnds,
    Delivered(usize),
    /// A step of a job's in the database ends.
    Worked(usize),
    Answered(usize),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Waits,
    Claims,
    Locked,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// From due to the handler's first statement, of the jobs that were given.
    pub lag: Sample,
    /// The same of the jobs that these wrote.
    pub lag_of_others: Sample,
    /// From due to the end, of the jobs that were given.
    pub whole: Sample,
    pub last: Time,
    /// Of the database's processors.
    pub utilisation: f64,
    pub retries: usize,
    /// Due times and lags of all jobs, for pictures.
    pub lags: Vec<(Time, Time)>,
    /// The longest time that a job waited for its mentor's lock.
    pub lock_wait: Time,
}

struct Run<'a> {
    setup: &'a Setup,
    /// Those that were given, then those that they wrote.
    jobs: Vec<Due>,
    given: usize,
    dice: Dice,
    events: Events<Event>,
    due: VecDeque<usize>,
    relay: Vec<usize>,
    outstanding: usize,
    places: Station<usize>,
    database: Station<usize>,
    steps: Vec<Step>,
    asked: Vec<bool>,
    /// Who has a mentor's lock, and who waits for it since when.
    locks: BTreeMap<u32, VecDeque<(usize, Time)>>,
    first: Vec<Option<Time>>,
    out: Outcome,
    ends: Vec<Time>,
}

/// Runs all jobs to their end.
pub fn run(setup: &Setup, jobs: &[Due], seed: u64) -> Outcome {
    let mut events = Events::default();
    for (number, job) in jobs.iter().enumerate() {
        events.at(job.at, Event::Due(number));
    }
    let out = Outcome {
        lag: Sample::default(),
        lag_of_others: Sample::default(),
        whole: Sample::default(),
        last: 0,
        utilisation: 0.0,
        retries: 0,
        lags: Vec::new(),
        lock_wait: 0,
    };
    let mut run = Run {
        setup,
        jobs: jobs.to_vec(),
        given: jobs.len(),
        dice: Dice::new(seed),
        events,
        due: VecDeque::new(),
        relay: Vec::new(),
        outstanding: 0,
        places: Station::new(setup.places),
        database: Station::new(setup.processors),
        steps: vec![Step::Waits; jobs.len()],
        asked: vec![false; jobs.len()],
        locks: BTreeMap::new(),
        first: vec![None; jobs.len()],
        out,
        ends: vec![0; jobs.len()],
    };
    while let Some((now, event)) = run.events.next() {
        run.happens(now, event);
    }
    run.conclude()
}

impl Run<'_> {
    fn happens(&mut self, now: Time, event: Event) {
        match event {
            Event::Due(job) => {
                self.due.push_back(job);
                self.publish(now);
            }
            Event::RelayEnds => {
                for job in std::mem::take(&mut self.relay) {
                    let hop = whole(self.dice.span(self.setup.hop));
                    self.events.at(now + hop, Event::Delivered(job));
                }
                self.publish(now);
            }
            Event::Delivered(job) => {
                if let Some(job) = self.places.arrive(job) {
                    self.claim(now, job);
                }
            }
            Event::Worked(job) => {
                if let Some(next) = self.database.leave() {
                    self.serve(now, next);
                }
                match self.steps[job] {
                    Step::Claims => self.begin(now, job),
                    _ => self.end(now, job),
                }
            }
            Event::Answered(job) => {
                if self.dice.unit() * 100.0 < self.setup.failing {
                    self.out.retries += 1;
                    let again = whole(self.dice.span(self.setup.again));
                    self.events.at(now + again, Event::Due(job));
                    self.steps[job] = Step::Waits;
                    self.free_place(now);
                } else {
                    self.asked[job] = true;
                    self.lock(now, job);
                }
            }
        }
    }

    /// The relay takes what is due, unless it is at it or enough is on its way.
    fn publish(&mut self, now: Time) {
        if !self.relay.is_empty() {
            return;
        }
        let room = self.setup.outstanding.saturating_sub(self.outstanding);
        let count = self.due.len().min(self.setup.batch).min(room);
        if count == 0 {
            return;
        }
        self.relay.extend(self.due.drain(..count));
        self.outstanding += count;
        let fixed = self.dice.span(self.setup.publish);
        self.events.at(now + whole(fixed + self.setup.publish_each * count as f64), Event::RelayEnds);
    }

    fn claim(&mut self, now: Time, job: usize) {
        self.outstanding -= 1;
        self.steps[job] = Step::Claims;
        self.query(now, job);
        self.publish(now);
    }

    /// A step in the database, as soon as one of its processors is free.
    fn query(&mut self, now: Time, job: usize) {
        if let Some(job) = self.database.arrive(job) {
            self.serve(now, job);
        }
    }

    fn serve(&mut self, now: Time, job: usize) {
        let takes = match self.steps[job] {
            Step::Claims => self.dice.span(self.setup.claim),
            _ => self.jobs[job].work + self.dice.span(self.setup.finish),
        };
        self.database.worked += whole(takes);
        self.events.at(now + whole(takes), Event::Worked(job));
    }

    /// The handler's first statement.
    fn begin(&mut self, now: Time, job: usize) {
        self.first[job].get_or_insert(now);
        if self.jobs[job].asks_provider && !self.asked[job] {
            let takes = whole(self.dice.span(self.setup.provider));
            self.events.at(now + takes, Event::Answered(job));
        } else {
            self.lock(now, job);
        }
    }

    fn lock(&mut self, now: Time, job: usize) {
        self.steps[job] = Step::Locked;
        if !self.jobs[job].locks() {
            return self.query(now, job);
        }
        let queue = self.locks.entry(self.jobs[job].mentor).or_default();
        queue.push_back((job, now));
        if queue.len() == 1 {
            self.query(now, job);
        }
    }

    fn end(&mut self, now: Time, job: usize) {
        self.ends[job] = now;
        self.out.last = self.out.last.max(now);
        if self.jobs[job].locks() {
            let mentor = self.jobs[job].mentor;
            let queue = self.locks.get_mut(&mentor).expect("it has the lock");
            queue.pop_front();
            match queue.front().copied() {
                Some((next, since)) => {
                    self.out.lock_wait = self.out.lock_wait.max(now - since);
                    self.query(now, next);
                }
                None => {
                    self.locks.remove(&mentor);
                }
            }
        }
        self.follow(now, job);
        self.free_place(now);
    }

    fn follow(&mut self, now: Time, job: usize) {
        let was = self.jobs[job];
        for _ in 0..was.follow {
            let number = self.jobs.len();
            // Half of the statements: a notice or a message to somebody.
            let work = was.work / 2.0;
            self.jobs.push(Due { at: now, mentor: NOBODY, work, asks_provider: false, follow: 0 });
            self.steps.push(Step::Waits);
            self.asked.push(false);
            self.first.push(None);
            self.ends.push(0);
            self.events.at(now, Event::Due(number));
        }
    }

    fn free_place(&mut self, now: Time) {
        if let Some(next) = self.places.leave() {
            self.claim(now, next);
        }
    }

    fn conclude(mut self) -> Outcome {
        let begun = self.jobs.iter().zip(&self.first).map(|(job, first)| (job.at, *first));
        let all: Vec<(Time, Time)> =
            begun.map(|(due, first)| (due, first.expect("every job has begun") - due)).collect();
        let sample = |lags: &[(Time, Time)]| Sample::new(lags.iter().map(|(_, lag)| *lag).collect());
        self.out.lag = sample(&all[..self.given]);
        self.out.lag_of_others = sample(&all[self.given..]);
        self.out.lags = all;
        let ends = self.jobs.iter().zip(&self.ends).take(self.given);
        self.out.whole = Sample::new(ends.map(|(job, end)| end - job.at).collect());
        let first = self.jobs.iter().map(|job| job.at).min().unwrap_or(0);
        let span = (self.out.last - first).max(1) * self.setup.processors as u64;
        self.out.utilisation = self.database.worked as f64 / span as f64;
        self.out
    }
}

impl Setup {
    /// The machine of `docs/PERFORMANCE.md`. Three figures from there set what cannot be read from the code: 2,456 no-op
    /// jobs a second through everything on two processors, that is 0.81 ms of a processor for each; from commit to start
    /// on an idle system 4.02 ms at the median and 7.22 ms at the 99th percentile.
    pub fn measured() -> Self {
        Self {
            processors: 2,
            places: 32,
            batch: 500,
            outstanding: 2_000,
            publish: Span::Skewed { p50: 1.7 * MS, p99: 4.3 * MS },
            publish_each: 0.05 * MS,
            hop: Span::Skewed { p50: 1.7 * MS, p99: 4.3 * MS },
            claim: Span::Skewed { p50: 0.37 * MS, p99: 1.1 * MS },
            finish: Span::Skewed { p50: 0.345 * MS, p99: 1.05 * MS },
            provider: Span::Skewed { p50: 180.0 * MS, p99: 1_500.0 * MS },
            failing: 1.0,
            again: Span::Exponential(5_000.0 * MS),
        }
    }
}
