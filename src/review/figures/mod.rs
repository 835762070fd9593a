//! What people are rated: integers that are changed with the reviews they count, and looked over by a reconciler.

mod query;

use sqlx::MySqlExecutor;

use super::content::Stars;
use super::model::{Review, Side};
use crate::db::{Db, Tx};
use crate::id::UserId;
use crate::mentor;

/// How many gave how many stars to one person on one side of sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Figures {
    stars_1: i64,
    stars_2: i64,
    stars_3: i64,
    stars_4: i64,
    stars_5: i64,
}

impl Figures {
    /// `distribution`: how many gave each number of stars, from 1 to 5.
    pub fn of(distribution: [i64; 5]) -> Self {
        let [stars_1, stars_2, stars_3, stars_4, stars_5] = distribution;
        Self { stars_1, stars_2, stars_3, stars_4, stars_5 }
    }

    /// How many gave each number of stars, from 1 to 5.
    pub fn distribution(&self) -> [i64; 5] {
        [self.stars_1, self.stars_2, self.stars_3, self.stars_4, self.stars_5]
    }

    pub fn count(&self) -> i64 {
        self.distribution().iter().sum()
    }

    /// The sum of all stars.
    pub fn total(&self) -> i64 {
        (1..).zip(self.distribution()).map(|(stars, count): (i64, i64)| stars * count).sum()
    }

    /// The average in tenths of a star, half a tenth rounded up; `None` where there is nothing to average.
    pub fn tenths(&self) -> Option<i64> {
        let count = self.count();
        (count > 0).then(|| (20 * self.total() + count) / (2 * count))
    }

    pub(super) fn add(&mut self, stars: Stars, by: i64) {
        let counts =
            [&mut self.stars_1, &mut self.stars_2, &mut self.stars_3, &mut self.stars_4, &mut self.stars_5];
        *counts[usize::from(stars.get()) - 1] += by;
    }
}

/// The figures of one person on one side; of somebody who was never reviewed they are empty.
pub async fn figures(executor: impl MySqlExecutor<'_>, person: UserId, side: Side) -> sqlx::Result<Figures> {
    Ok(query::find(executor, person, side).await?.unwrap_or_default())
}

/// Writes a mentor's figures into their card again, whatever stands there. For a reconciler, under the card's lock.
pub async fn show_again(tx: &mut Tx, mentor: UserId) -> sqlx::Result<()> {
    show(tx, mentor).await
}

/// Brings the figures from what reviews counted for to what they count for, in the transaction that changes the reviews.
/// In order, against deadlocks.
pub(super) async fn follow(tx: &mut Tx, changes: &[(Review, Review)]) -> sqlx::Result<()> {
    let mut changes: Vec<_> = changes.iter().filter(|(was, is)| was.counts() != is.counts()).collect();
    changes.sort_by_key(|(_, is)| (is.subject_id, is.side.other()));
    for (_, is) in changes {
        let mut by = Figures::default();
        by.add(is.stars, if is.counts() { 1 } else { -1 });
        query::change(tx, is.subject_id, is.side.other(), &by).await?;
        if is.side.other() == Side::Mentor {
            show(tx, is.subject_id).await?;
        }
    }
    Ok(())
}

/// Brings the mentor's card in the catalogue along; the caller has the figures' lock.
async fn show(tx: &mut Tx, mentor: UserId) -> sqlx::Result<()> {
    let figures = query::find(tx.conn(), mentor, Side::Mentor).await?.unwrap_or_default();
    mentor::rate(tx, mentor, mentor::Stars(figures.distribution())).await
}

/// Whose figures a reconciler compares with their rows: those who were not looked at for longest, and those whose
/// reviews changed a moment ago. In order.
pub async fn unchecked_figures(db: &Db, limit: u32) -> sqlx::Result<Vec<(UserId, Side)>> {
    let recent = db.now() - chrono::TimeDelta::minutes(5);
    let mut found = query::oldest_checked(db.pool(), limit).await?;
    found.extend(query::touched_since(db.pool(), recent, limit).await?);
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Compares a person's figures with the rows, and counts them again where they differ. `false`: they did.
///
/// The figures are locked first. Whoever changes a review has that lock until its commit, or waits for it and adds its
/// change to what was counted without it.
pub async fn check_figures(tx: &mut Tx, person: UserId, side: Side) -> sqlx::Result<bool> {
    let kept = query::lock(tx, person, side).await?;
    let counted = query::count(tx, person, side).await?;
    query::set(tx, person, side, &counted).await?;
    if side == Side::Mentor {
        show(tx, person).await?;
    }
    if kept != counted {
        metrics::counter!("konnect_review_drifts_total").increment(1);
        tracing::error!(%person, side = side.name(), ?kept, ?counted, "figures were not those of the reviews");
    }
    Ok(kept == counted)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(distribution: [i64; 5]) -> Figures {
        let mut figures = Figures::default();
        for (stars, count) in (1..).zip(distribution) {
            figures.add(Stars::new(stars).unwrap(), count);
        }
        figures
    }

    #[test]
    fn averages_are_rounded_half_up() {
        for (distribution, tenths) in [
            ([0, 0, 0, 0, 0], None),
            ([0, 0, 0, 0, 1], Some(50)),
            ([1, 0, 0, 0, 0], Some(10)),
            ([0, 0, 0, 1, 2], Some(47)),
            ([0, 0, 0, 2, 1], Some(43)),
            // 4.25 and 4.75
            ([0, 0, 0, 3, 1], Some(43)),
            ([0, 0, 0, 1, 3], Some(48)),
            // 4.949…
            ([0, 0, 0, 51, 949], Some(49)),
            ([0, 0, 0, 50, 950], Some(50)),
            ([i64::from(u32::MAX), 0, 0, 0, 0], Some(10)),
        ] {
            assert_eq!(of(distribution).tenths(), tenths, "{distribution:?}");
        }
    }

    proptest! {
        #[test]
        fn an_average_is_the_nearest_tenth(distribution in prop::array::uniform5(0_i64..100_000)) {
            let figures = of(distribution);
            if let Some(tenths) = figures.tenths() {
                // |tenths / 10 - total / count| <= 1 / 20, in integers.
                let apart = 2 * (tenths * figures.count() - 10 * figures.total());
                prop_assert!(-figures.count() < apart && apart <= figures.count());
                prop_assert!((10..=50).contains(&tenths));
            }
        }

        #[test]
        fn what_is_added_and_taken_away_leaves_nothing(all in prop::collection::vec(1_u8..=5, 0..60)) {
            let mut figures = Figures::default();
            for stars in &all {
                figures.add(Stars::new(*stars).unwrap(), 1);
            }
            prop_assert_eq!(figures.count(), i64::try_from(all.len()).unwrap());
            prop_assert_eq!(figures.total(), all.iter().map(|s| i64::from(*s)).sum::<i64>());
            for stars in all.iter().rev() {
                figures.add(Stars::new(*stars).unwrap(), -1);
            }
            prop_assert_eq!(figures, Figures::default());
        }
    }
}
