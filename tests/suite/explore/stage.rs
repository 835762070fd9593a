//! Who goes next: operations run truly at once, but each statement of theirs waits for its turn, and dice that start
//! from a seed choose among those that wait. Whoever waits for a row's lock does not answer within some milliseconds;
//! then somebody else is chosen, until the lock is there.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::future::BoxFuture;
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

/// A statement without an answer for so long waits for a lock.
const BLOCKED: Duration = Duration::from_millis(15);
/// An operation that says nothing for so long does something else than SQL, and is not waited for.
const ELSEWHERE: Duration = Duration::from_millis(150);
/// A play without an end.
const ENDLESS: Duration = Duration::from_secs(60);

#[derive(Default)]
pub struct Stage {
    lanes: Mutex<Vec<Lane>>,
    changed: Notify,
}

struct Lane {
    plays: bool,
    waiting: VecDeque<Ticket>,
    /// Connections whose statement has no answer yet.
    asked: HashMap<u64, Instant>,
    /// When something last happened in it.
    since: Instant,
    /// Statements that went through so far, in plays and between them.
    passed: u64,
}

struct Ticket {
    connection: u64,
    text: String,
    go: oneshot::Sender<()>,
}

/// A statement that was let through.
#[derive(Clone, Debug)]
pub struct Turn {
    pub lane: usize,
    pub text: String,
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.text.split_whitespace().collect();
        let text: String = words.join(" ").chars().take(120).collect();
        write!(f, "{}: {text}", self.lane)
    }
}

/// How the dice choose.
enum Plan {
    /// Everybody has the same chance each time.
    Fair,
    /// Whoever went last mostly goes on.
    Long { last: usize },
    /// The first in the order who can goes, until somebody is put last; these steps say when.
    Ranks { order: Vec<usize>, changes: Vec<u32>, step: u32 },
}

/// Whoever ends, also by a panic, does not play any more.
struct End {
    stage: Arc<Stage>,
    lane: usize,
}

impl Drop for End {
    fn drop(&mut self) {
        self.stage.end(self.lane);
    }
}

enum Look {
    Over,
    Choose(Vec<usize>),
    Wait(Instant),
}

impl Stage {
    pub fn new(lanes: usize) -> Arc<Self> {
        let lane = || Lane {
            plays: false,
            waiting: VecDeque::new(),
            asked: HashMap::new(),
            since: Instant::now(),
            passed: 0,
        };
        let lanes = std::iter::repeat_with(lane).take(lanes).collect();
        Arc::new(Self { lanes: Mutex::new(lanes), changed: Notify::new() })
    }

    /// Waits until a statement of this lane may go to the database; at once when nothing is played there.
    pub async fn turn(&self, lane: usize, connection: u64, text: String) {
        let (go, gone) = oneshot::channel();
        {
            let mut lanes = self.lock();
            let lane = &mut lanes[lane];
            lane.passed += 1;
            if !lane.plays {
                return;
            }
            lane.asked.remove(&connection);
            lane.waiting.push_back(Ticket { connection, text, go });
        }
        self.changed.notify_one();
        // Whoever is dropped with the stage passes.
        let _ = gone.await;
    }

    /// Statements of a lane so far.
    pub fn passed(&self, lane: usize) -> u64 {
        self.lock()[lane].passed
    }

    pub fn answered(&self, lane: usize, connection: u64) {
        let mut lanes = self.lock();
        if lanes[lane].asked.remove(&connection).is_some() {
            lanes[lane].since = Instant::now();
            drop(lanes);
            self.changed.notify_one();
        }
    }

    /// Plays operations, each in the lane of its place, until all have ended: what they answered, and the turns.
    pub async fn play<T: Send + 'static>(
        self: &Arc<Self>,
        dice: &mut StdRng,
        acts: Vec<BoxFuture<'static, T>>,
    ) -> (Vec<T>, Vec<Turn>) {
        let mut plan = Plan::roll(dice, acts.len());
        {
            let mut lanes = self.lock();
            assert!(acts.len() <= lanes.len(), "a lane for each");
            for lane in lanes.iter_mut().take(acts.len()) {
                (lane.plays, lane.since) = (true, Instant::now());
            }
        }
        let mut running = Vec::new();
        for (lane, act) in acts.into_iter().enumerate() {
            let stage = self.clone();
            running.push(tokio::spawn(async move {
                let _end = End { stage, lane };
                act.await
            }));
        }
        let mut turns = Vec::new();
        let give_up = Instant::now() + ENDLESS;
        loop {
            match self.look() {
                Look::Over => break,
                Look::Choose(able) => turns.push(self.let_go(plan.choose(dice, &able))),
                Look::Wait(until) => {
                    let _ = tokio::time::timeout_at(until, self.changed.notified()).await;
                }
            }
            if Instant::now() > give_up {
                let told: Vec<String> = turns.iter().map(Turn::to_string).collect();
                panic!("operations do not end:\n{}", told.join("\n"));
            }
        }
        let mut answers = Vec::new();
        for task in running {
            answers.push(task.await.expect("an operation does not panic"));
        }
        (answers, turns)
    }

    /// What can be done now. Nobody is chosen while somebody is about to say something, so that it does not depend on
    /// the machine's speed who can be chosen.
    fn look(&self) -> Look {
        let (mut able, mut busy_until, mut plays) = (Vec::new(), None::<Instant>, false);
        let now = Instant::now();
        for (number, lane) in self.lock().iter().enumerate().filter(|(_, lane)| lane.plays) {
            plays = true;
            let until = if !lane.waiting.is_empty() {
                able.push(number);
                continue;
            } else if let Some(asked) = lane.asked.values().min() {
                *asked + BLOCKED
            } else {
                lane.since + ELSEWHERE
            };
            if until > now {
                busy_until = Some(busy_until.map_or(until, |other| other.min(until)));
            }
        }
        match busy_until {
            _ if !plays => Look::Over,
            Some(until) => Look::Wait(until),
            None if able.is_empty() => Look::Wait(now + BLOCKED),
            None => Look::Choose(able),
        }
    }

    fn let_go(&self, number: usize) -> Turn {
        let mut lanes = self.lock();
        let lane = &mut lanes[number];
        let Ticket { connection, text, go } = lane.waiting.pop_front().expect("it waits");
        lane.asked.insert(connection, Instant::now());
        // A connection that was given up meanwhile has nobody who waits.
        let _ = go.send(());
        Turn { lane: number, text }
    }

    fn end(&self, lane: usize) {
        {
            let mut lanes = self.lock();
            let lane = &mut lanes[lane];
            lane.plays = false;
            lane.asked.clear();
            for ticket in lane.waiting.drain(..) {
                let _ = ticket.go.send(());
            }
        }
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Lane>> {
        self.lanes.lock().expect("nobody panics with it")
    }
}

impl Plan {
    fn roll(dice: &mut StdRng, lanes: usize) -> Self {
        match dice.random_range(0..4) {
            0 => Self::Fair,
            1 => Self::Long { last: dice.random_range(0..lanes) },
            _ => {
                let mut order: Vec<usize> = (0..lanes).collect();
                order.shuffle(dice);
                let changes = (0..dice.random_range(1..=3)).map(|_| dice.random_range(0..45)).collect();
                Self::Ranks { order, changes, step: 0 }
            }
        }
    }

    fn choose(&mut self, dice: &mut StdRng, able: &[usize]) -> usize {
        let any = able[dice.random_range(0..able.len())];
        match self {
            Self::Fair => any,
            Self::Long { last } => {
                if !able.contains(last) || dice.random_range(0..10) == 0 {
                    *last = any;
                }
                *last
            }
            Self::Ranks { order, changes, step } => {
                *step += 1;
                if changes.contains(step) {
                    let first = order.iter().position(|lane| able.contains(lane)).expect("somebody is able");
                    let put_last = order.remove(first);
                    order.push(put_last);
                }
                *order.iter().find(|lane| able.contains(lane)).expect("somebody is able")
            }
        }
    }
}
