//! The position of one client in one topic.

/// What to do with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The next one: hand it on.
    Send,
    /// Handed on already.
    Drop,
    /// Something before it is missing: read the events after the cursor from the database.
    Gap,
}

/// The last sequence that was handed on. Sequences of a topic start at 1 and have no gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    last: i64,
}

impl Cursor {
    /// A cursor after `last`; 0 is the beginning of the topic.
    pub fn after(last: i64) -> Self {
        Self { last }
    }

    pub fn last(self) -> i64 {
        self.last
    }

    /// Judges an event and, when it is to be sent, moves past it.
    pub fn take(&mut self, seq: i64) -> Verdict {
        if seq <= self.last {
            Verdict::Drop
        } else if seq == self.last.saturating_add(1) {
            self.last = seq;
            Verdict::Send
        } else {
            Verdict::Gap
        }
    }

    /// Goes to another position: forward over what is given up, or back to what is wanted again.
    pub fn jump(&mut self, last: i64) {
        self.last = last;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_seq_once_and_in_order() {
        let mut cursor = Cursor::after(3);
        assert_eq!(cursor.take(4), Verdict::Send);
        assert_eq!(cursor.take(4), Verdict::Drop);
        assert_eq!(cursor.take(2), Verdict::Drop);
        assert_eq!(cursor.take(6), Verdict::Gap);
        assert_eq!(cursor.last(), 4, "a gap does not move the cursor");
        assert_eq!(cursor.take(5), Verdict::Send);
        assert_eq!(cursor.take(6), Verdict::Send);
    }

    #[test]
    fn absurd_sequences_do_not_overflow() {
        let mut cursor = Cursor::after(i64::MAX);
        assert_eq!(cursor.take(i64::MAX), Verdict::Drop);
        assert_eq!(cursor.take(i64::MIN), Verdict::Drop);
    }
}
