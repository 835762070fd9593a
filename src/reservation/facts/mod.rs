//! What became of a mentor's bookings of late: the facts behind badges.

mod query;

use chrono::TimeDelta;

use crate::db::Db;
use crate::id::UserId;
use crate::mentor::Facts;

/// How far back facts go.
const WINDOW: TimeDelta = TimeDelta::days(90);

/// Of the last 90 days. What was appealed with success is not in it.
pub async fn facts(db: &Db, mentor: UserId) -> sqlx::Result<Facts> {
    let since = db.now() - WINDOW;
    let minutes = query::answers(db.pool(), mentor, since).await?;
    let counts = query::counts(db.pool(), mentor, since).await?;
    Ok(Facts {
        answers: i64::try_from(minutes.len()).unwrap_or(i64::MAX),
        answer_min: median(&minutes),
        sessions: counts.completed + counts.cancelled + counts.absences,
        completed: counts.completed,
        absences: counts.absences,
    })
}

/// The upper one of the two in the middle. `sorted` is ascending.
fn median(sorted: &[i64]) -> Option<i64> {
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_them_are_no_longer_than_the_median() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[7]), Some(7));
        assert_eq!(median(&[1, 9]), Some(9));
        assert_eq!(median(&[1, 2, 30]), Some(2));
    }
}
