//! One topic on one socket: what to send now, what to read from the database, what to give up. Pure.

use super::cursor::{Cursor, Verdict};
use super::frame::Reason;

/// Events that are replayed at most; whoever missed more reads the state anew.
pub const REPLAY: i64 = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Everything up to the cursor was sent; the next event comes by pub/sub.
    Live,
    /// Something is missing; how much is unknown.
    Behind,
    /// The events up to `to` are read in batches, as fast as the client takes them.
    Replaying { to: i64 },
    /// The client does not read: nothing is sent until its queue has drained.
    Stalled,
}

/// What has to be read from the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The head of the topic, and whether the session lives.
    Head { generation: u32 },
    /// The events after this sequence.
    Events { after: i64, generation: u32 },
}

/// Events up to `head` are given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resync {
    pub reason: Reason,
    pub head: i64,
}

#[derive(Debug)]
pub struct Feed {
    cursor: Cursor,
    phase: Phase,
    /// More happened while the database was read.
    again: bool,
    /// The client was too slow: it is not caught up but told.
    slow: bool,
    reading: bool,
    /// An answer to a question of an earlier generation is stale.
    generation: u32,
}

impl Feed {
    /// Starts after `after`, with `head` the newest event.
    pub fn new(after: i64, head: i64) -> Self {
        let phase = if after == head { Phase::Live } else { Phase::Behind };
        Self { cursor: Cursor::after(after), phase, again: false, slow: false, reading: false, generation: 0 }
    }

    /// Whether an event that came by pub/sub is sent now.
    pub fn hint(&mut self, seq: i64) -> bool {
        if self.phase != Phase::Live {
            self.again = true;
            return false;
        }
        match self.cursor.take(seq) {
            Verdict::Send => true,
            Verdict::Drop => false,
            Verdict::Gap => {
                self.phase = Phase::Behind;
                false
            }
        }
    }

    /// Something was missed.
    pub fn catch_up(&mut self) {
        match self.phase {
            Phase::Live => self.phase = Phase::Behind,
            _ => self.again = true,
        }
    }

    /// The client wants everything after `after`, again if need be.
    pub fn rewind(&mut self, after: i64) {
        // A stalled client is told to resync when it reads again.
        if self.phase == Phase::Stalled || self.slow || after == self.cursor.last() {
            return;
        }
        self.cursor.jump(after);
        self.restart(Phase::Behind);
    }

    /// The client does not take what it is sent.
    pub fn stall(&mut self) {
        self.restart(Phase::Stalled);
    }

    pub fn is_stalled(&self) -> bool {
        self.phase == Phase::Stalled
    }

    /// Whether another batch is read as soon as the client has room for it.
    pub fn waits_for_room(&self) -> bool {
        matches!(self.phase, Phase::Replaying { .. }) && !self.reading
    }

    /// The client has taken everything.
    pub fn drained(&mut self) {
        if self.phase == Phase::Stalled {
            self.slow = true;
            self.restart(Phase::Behind);
        }
    }

    /// What to read next, once per answer. `has_room`: whether the client takes another batch.
    pub fn need(&mut self, has_room: bool) -> Option<Need> {
        if self.reading {
            return None;
        }
        let generation = self.generation;
        let need = match self.phase {
            Phase::Behind => {
                self.again = false;
                Need::Head { generation }
            }
            Phase::Replaying { .. } if has_room => Need::Events { after: self.cursor.last(), generation },
            _ => return None,
        };
        self.reading = true;
        Some(need)
    }

    /// The question could not be answered: it will be asked again.
    pub fn unanswered(&mut self) {
        self.reading = false;
    }

    pub fn head(&mut self, head: i64, generation: u32) -> Option<Resync> {
        self.reading = false;
        if generation != self.generation {
            return None;
        }
        let missing = head.saturating_sub(self.cursor.last());
        let reason = match missing {
            _ if self.slow => Reason::SlowConsumer,
            ..0 => Reason::UnknownPosition,
            0 => {
                self.done();
                return None;
            }
            1..=REPLAY => {
                self.phase = Phase::Replaying { to: head };
                return None;
            }
            _ => Reason::TooFarBehind,
        };
        Some(self.give_up(reason, head))
    }

    /// A row of a batch, in order: whether it is sent. Rows of a stale batch are not.
    pub fn row(&mut self, seq: i64, generation: u32) -> bool {
        generation == self.generation
            && matches!(self.phase, Phase::Replaying { .. })
            && self.cursor.take(seq) == Verdict::Send
    }

    /// The end of a batch. `sent`: how many of its rows were.
    pub fn batch_end(&mut self, sent: usize, generation: u32) -> Option<Resync> {
        self.reading = false;
        let Phase::Replaying { to } = self.phase else { return None };
        if generation != self.generation {
            return None;
        }
        if self.cursor.last() >= to {
            self.done();
        } else if sent == 0 {
            // The head says that they were there: they are no longer kept.
            return Some(self.give_up(Reason::Gone, to));
        }
        None
    }

    fn give_up(&mut self, reason: Reason, head: i64) -> Resync {
        self.slow = false;
        self.cursor.jump(head);
        self.done();
        Resync { reason, head }
    }

    fn done(&mut self) {
        self.phase = if self.again { Phase::Behind } else { Phase::Live };
    }

    fn restart(&mut self, phase: Phase) {
        self.phase = phase;
        self.generation = self.generation.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests;
