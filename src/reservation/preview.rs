//! What a mentor's new hours would do to the bookings ahead: nothing, but they may not fit in any more.

use sqlx::MySqlPool;

use super::error::Error;
use super::model::Reservation;
use super::query;
use crate::availability::{self, NewSchedule, Refusal, Standing};
use crate::clock::Instant;
use crate::id::UserId;

/// A booking ahead that the new hours would not offer, and the first rule that it breaks.
#[derive(Clone, Debug)]
pub struct Conflict {
    pub reservation: Reservation,
    pub rule: Refusal,
}

/// The bookings ahead of a mentor that another schedule would not offer, soonest first, and how many there are in all
/// (the first thousand are looked at). Nothing is written, and every booking keeps its instants.
///
/// # Errors
/// `schedule.invalid`
pub async fn conflicts(
    pool: &MySqlPool,
    mentor: UserId,
    new: &NewSchedule,
    now: Instant,
) -> Result<(Vec<Conflict>, usize), Error> {
    let ahead = query::booked_ahead(pool, mentor, now).await?;
    let standing: Vec<Standing> = ahead
        .iter()
        .map(|r| Standing {
            reservation: r.id,
            mentee: r.mentee_id,
            starts_at: r.starts_at,
            duration_min: r.duration_min,
        })
        .collect();
    let rules = availability::misfits(pool, mentor, new, &standing).await?;
    let all = ahead.len();
    let broken = ahead.into_iter().zip(rules);
    let conflicts = broken.filter_map(|(reservation, rule)| Some(Conflict { reservation, rule: rule? }));
    Ok((conflicts.collect(), all))
}
