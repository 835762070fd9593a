//! What is shown of the facts, and what they earn. Pure.

use super::model::Facts;

/// Fewer say nothing.
const ENOUGH: i64 = 5;
/// Minutes.
const QUICK: i64 = 120;
/// Of a hundred.
const KEEPS: i64 = 95;

/// What a mentor's facts earn them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Badge {
    /// Half of the requests were answered within two hours.
    QuickAnswers,
    /// At least 95 of 100 sessions took place.
    KeepsSessions,
    /// Missed none.
    AlwaysThere,
}

impl Facts {
    /// The median time until a request was answered, in minutes; `None` where there are too few to say.
    pub fn answer_minutes(&self) -> Option<i64> {
        self.answer_min.filter(|_| self.answers >= ENOUGH)
    }

    /// Of a hundred, rounded down: nobody seems better than they are.
    pub fn completion_percent(&self) -> Option<i64> {
        (self.sessions >= ENOUGH).then(|| 100 * self.completed / self.sessions)
    }

    /// Of a hundred, rounded up.
    pub fn no_show_percent(&self) -> Option<i64> {
        (self.sessions >= ENOUGH).then(|| (100 * self.absences + self.sessions - 1) / self.sessions)
    }

    pub fn badges(&self) -> Vec<Badge> {
        let earned = [
            (Badge::QuickAnswers, self.answer_minutes().is_some_and(|minutes| minutes <= QUICK)),
            (Badge::KeepsSessions, self.completion_percent().is_some_and(|percent| percent >= KEEPS)),
            (Badge::AlwaysThere, self.no_show_percent() == Some(0)),
        ];
        earned.into_iter().filter(|(_, is_earned)| *is_earned).map(|(badge, _)| badge).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_facts_say_nothing_and_rounding_does_not_flatter() {
        let few = Facts { answers: 4, answer_min: Some(1), sessions: 4, completed: 4, absences: 0 };
        assert_eq!(
            (few.answer_minutes(), few.completion_percent(), few.no_show_percent()),
            (None, None, None)
        );
        assert_eq!(few.badges(), []);
        let good = Facts { answers: 5, answer_min: Some(120), sessions: 5, completed: 5, absences: 0 };
        assert_eq!(good.badges(), [Badge::QuickAnswers, Badge::KeepsSessions, Badge::AlwaysThere]);
        let nearly =
            Facts { answers: 5, answer_min: Some(121), sessions: 1_000, completed: 949, absences: 1 };
        assert_eq!((nearly.completion_percent(), nearly.no_show_percent()), (Some(94), Some(1)));
        assert_eq!(nearly.badges(), []);
    }
}
