//! Asking both sides what their session was like.

use chrono::TimeDelta;
use serde_json::json;

use super::error::Error;
use super::model::Role;
use super::query;
use crate::db::Tx;
use crate::job::{AskReview, NotifyEvent};
use crate::outbox;
use crate::payment::{self, RefundState};
use crate::reservation::{self, Expiry, State};

/// Nobody is asked later than this after the end.
const WORTH_ASKING: TimeDelta = TimeDelta::days(14);

/// Asks, unless the session did not take place after all, one side never came, or money of it went back: then
/// there are disputes and refunds to hear of.
pub async fn ask_review(tx: &mut Tx, job: &AskReview) -> Result<Expiry, Error> {
    let Some(r) = reservation::lock(tx, job.reservation_id).await? else { return Ok(Expiry::Moot) };
    let until = r.ends_at + WORTH_ASKING;
    if r.state != State::Completed || tx.now >= until {
        return Ok(Expiry::Moot);
    }
    let stays = query::presences(tx.conn(), r.id).await?;
    let came = |side| stays.iter().any(|stay| stay.side == side);
    let refunds = payment::refunds_of(tx.conn(), r.id).await?;
    let gives_back = refunds.iter().any(|refund| refund.state != RefundState::Rejected);
    if !came(Role::Mentor) || !came(Role::Mentee) || gives_back {
        return Ok(Expiry::Moot);
    }
    let notice = NotifyEvent {
        event_key: format!("{}:review", r.id),
        kind: "review.requested".to_owned(),
        people: vec![r.mentor_id, r.mentee_id],
        reservation_id: Some(r.id),
        data: json!({
            "reservationId": r.id, "title": r.title, "startsAt": r.starts_at, "timeZone": r.time_zone,
        }),
        expires_at: Some(until),
    };
    outbox::enqueue(tx, &notice).await?;
    Ok(Expiry::Done)
}
