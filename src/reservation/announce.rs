//! Who hears of a change, and how.

use serde_json::{Value, json};

use super::model::{Reservation, State};
use crate::db::Tx;
use crate::event;
use crate::job::NotifyEvent;
use crate::outbox;

/// Tells both sides: an event on their feeds and a job that makes their notices.
pub(super) async fn announce(tx: &mut Tx, r: &Reservation, cause: &str, more: Value) -> sqlx::Result<()> {
    let kind = format!("reservation.{cause}");
    let mut data = json!({
        "reservationId": r.id,
        "state": r.state,
        "version": r.version,
        "title": r.title,
        "startsAt": r.starts_at,
        "timeZone": r.time_zone,
        "holdUntil": r.hold_until,
        "answerBy": r.request_deadline,
        "refund": r.refund_krw,
        "absent": r.absent,
        "extends": r.extends_id,
        "endedAt": r.ended_at,
    });
    if let (Value::Object(data), Value::Object(more)) = (&mut data, more) {
        data.extend(more);
    }
    event::append(tx, &[r.mentor_id, r.mentee_id], &kind, data.clone()).await?;
    if !is_notice(r.state, cause) {
        return Ok(());
    }
    let notice = NotifyEvent {
        event_key: format!("{}:{}:{cause}", r.id, r.version),
        kind,
        people: vec![r.mentor_id, r.mentee_id],
        reservation_id: Some(r.id),
        data,
        expires_at: None,
    };
    outbox::enqueue(tx, &notice).await?;
    Ok(())
}

/// Steps that pass in seconds are shown on the screen and are no news in a mailbox; a request is, because the
/// mentor must answer it. The account to pay into is told to the payer alone, by the payment.
fn is_notice(state: State, cause: &str) -> bool {
    match cause {
        "reserved" => state == State::Requested,
        "paying" | "reclaimed" | "started" | "deposit_awaited" => false,
        _ => true,
    }
}
