//! How often each message came: what is sent again after a crash must be recognisable as the same one.

use std::collections::HashMap;

use serde::Serialize;

/// Messages that are told apart; beyond that they are counted alone.
const KEPT: usize = 200_000;

#[derive(Debug, Default)]
pub(crate) struct Tally {
    times: HashMap<String, u32>,
    all: usize,
}

/// What came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Messages that were taken.
    pub all: usize,
    /// Those with a name of their own: the `Message-ID` of a mail, device and collapse id of a push.
    pub distinct: usize,
}

impl Tally {
    pub(crate) fn add(&mut self, name: String) {
        self.all += 1;
        if self.times.len() < KEPT || self.times.contains_key(&name) {
            *self.times.entry(name).or_default() += 1;
        }
    }

    pub(crate) fn count(&self) -> Count {
        Count { all: self.all, distinct: self.times.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_again_is_counted_and_told_apart() {
        let mut tally = Tally::default();
        for name in ["a", "b", "a"] {
            tally.add(name.to_owned());
        }
        assert_eq!(tally.count(), Count { all: 3, distinct: 2 });
    }
}
