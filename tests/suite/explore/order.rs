//! Whether some order of the steps of a round explains what was answered and what is there afterwards.

use std::collections::HashSet;

use super::act::{Act, At};
use super::model::World;

/// Looks through every order of steps, in which each operation's own steps keep theirs.
///
/// # Errors
/// None explains it: the pictures that orders with the right answers would have led to.
pub fn explain(
    before: &World,
    acts: &[Act],
    answers: &[String],
    after: &[String],
) -> Result<(), Vec<Vec<String>>> {
    let mut search = Search { acts, answers, after, seen: HashSet::new(), ends: Vec::new() };
    if search.from(before, vec![At::Start; acts.len()]) { Ok(()) } else { Err(search.ends) }
}

struct Search<'a> {
    acts: &'a [Act],
    answers: &'a [String],
    after: &'a [String],
    /// Where the search was before.
    seen: HashSet<(World, Vec<At>)>,
    ends: Vec<Vec<String>>,
}

impl Search<'_> {
    fn from(&mut self, world: &World, at: Vec<At>) -> bool {
        if !self.seen.insert((world.clone(), at.clone())) {
            return false;
        }
        if at.iter().all(|at| matches!(at, At::Over(_))) {
            let picture = world.picture();
            let fits = picture == self.after;
            if !fits && !self.ends.contains(&picture) {
                self.ends.push(picture);
            }
            return fits;
        }
        for place in 0..at.len() {
            if matches!(at[place], At::Over(_)) {
                continue;
            }
            let (next, is_at) = self.acts[place].next(world, &at[place], place);
            if matches!(&is_at, At::Over(answer) if *answer != self.answers[place]) {
                continue;
            }
            let mut all = at.clone();
            all[place] = is_at;
            if self.from(&next, all) {
                return true;
            }
        }
        false
    }
}
