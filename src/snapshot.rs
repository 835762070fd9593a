//! What the world outside is told: a change together with its subject as it is now, written by the transaction that
//! makes the change. It hangs on [`crate::event`], which every change goes through, so that no path can leave it out.
//!
//! This is a leaf: it reads the rows of a subject by SQL of its own, because the domains that own them stand above it.
//! People are ids here, and what they wrote stays out.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::clock::Instant;
use crate::db::Tx;
use crate::event::Event;
use crate::id::EventId;
use crate::job::FanOutWebhook;
use crate::outbox;

/// Every type of event that is told outside. Names are a promise: never renamed, never taken away.
pub const TYPES: &[&str] = &[
    "dispute.accepted",
    "dispute.answered",
    "dispute.conceded",
    "dispute.decided",
    "dispute.in_review",
    "dispute.opened",
    "dispute.withdrawn",
    "payment.captured",
    "payment.checking",
    "payment.declined",
    "payment.deposit_awaited",
    "payment.refund_account_needed",
    "payment.refunded",
    "payment.reversed",
    "payout.cancelled",
    "payout.failed",
    "payout.paid",
    "payout.queued",
    "reservation.approved",
    "reservation.cancelled",
    "reservation.capture_reversed",
    "reservation.completed",
    "reservation.confirmed",
    "reservation.deposit_awaited",
    "reservation.ended_early",
    "reservation.expired",
    "reservation.no_show",
    "reservation.paying",
    "reservation.payment_declined",
    "reservation.payment_failed",
    "reservation.reclaimed",
    "reservation.rejected",
    "reservation.request_expired",
    "reservation.reschedule_declined",
    "reservation.reschedule_expired",
    "reservation.reschedule_proposed",
    "reservation.reschedule_withdrawn",
    "reservation.rescheduled",
    "reservation.reserved",
    "reservation.started",
    "review.hidden",
    "review.published",
    "review.replied",
    "review.restored",
    "review.withdrawn",
    "settlement.accrued",
];

/// The facts of an event that are told: ids, amounts, words of ours. What is not here is not told.
const FACTS: &[&str] = &[
    "absent",
    "amount",
    "answerBy",
    "by",
    "carried",
    "cause",
    "claim",
    "class",
    "code",
    "compensation",
    "deadline",
    "disputeId",
    "fee",
    "fromStartsAt",
    "gross",
    "net",
    "offer",
    "openedBy",
    "orderId",
    "outcome",
    "part",
    "paymentId",
    "payoutId",
    "refund",
    "refundId",
    "reviewId",
    "reviewIds",
    "starsByMentee",
    "starsByMentor",
    "state",
    "toStartsAt",
    "version",
    "why",
    "withholding",
];

/// The row of `topic_heads` that says how many endpoints listen.
pub const LISTENERS: &str = "webhooks";

/// What a change is about; its changes are numbered.
enum Subject {
    Reservation(Uuid),
    Payout(Uuid),
}

impl Subject {
    fn of(data: &Value) -> Option<Self> {
        let id = |name: &str| data[name].as_str()?.parse().ok();
        id("reservationId").map(Self::Reservation).or_else(|| id("payoutId").map(Self::Payout))
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Reservation(_) => "reservation",
            Self::Payout(_) => "payout",
        }
    }

    fn id(&self) -> Uuid {
        match self {
            Self::Reservation(id) | Self::Payout(id) => *id,
        }
    }
}

/// Writes what is told of one change, and the job that brings it to whoever listens.
pub async fn take(tx: &mut Tx, event: &Event) -> sqlx::Result<()> {
    let Some(subject) = Subject::of(&event.data.0).filter(|_| TYPES.contains(&event.kind.as_str())) else {
        return Ok(());
    };
    let Some(mut data) = resource(tx, &subject).await? else { return Ok(()) };
    data.insert("facts".to_owned(), facts(&event.data.0));
    let seq = next_seq(tx, subject.id()).await?;
    let message = Message { id: event.id, kind: &event.kind, at: event.at, subject, seq };
    message.insert(tx, &Value::Object(data)).await
}

/// An event that an administrator makes up to see whether an endpoint hears; its subject is the endpoint.
pub async fn take_test(tx: &mut Tx, endpoint: Uuid) -> sqlx::Result<EventId> {
    let (id, at) = (EventId::generate(), tx.now);
    let seq = next_seq(tx, endpoint).await?;
    let body = body(id, "webhook.test", at, ("endpoint", endpoint), seq, &json!({}));
    insert(tx, id, "webhook.test", ("endpoint", endpoint), seq, &body, Some(at)).await?;
    Ok(id)
}

struct Message<'a> {
    id: EventId,
    kind: &'a str,
    at: Instant,
    subject: Subject,
    seq: i64,
}

impl Message<'_> {
    async fn insert(&self, tx: &mut Tx, data: &Value) -> sqlx::Result<()> {
        let subject = (self.subject.kind(), self.subject.id());
        let body = body(self.id, self.kind, self.at, subject, self.seq, data);
        insert(tx, self.id, self.kind, subject, self.seq, &body, None).await?;
        outbox::enqueue(tx, &FanOutWebhook { event_id: self.id }).await?;
        Ok(())
    }
}

fn body(id: EventId, kind: &str, at: Instant, subject: (&str, Uuid), seq: i64, data: &Value) -> String {
    json!({
        "id": id,
        "type": kind,
        "timestamp": at,
        "subject": { "kind": subject.0, "id": subject.1 },
        "sequence": seq,
        "data": data,
    })
    .to_string()
}

/// The known facts among those of an event, and no others.
fn facts(data: &Value) -> Value {
    let known = |name: &str| {
        let value = data.get(name).filter(|value| !value.is_null())?;
        Some((name.to_owned(), value.clone()))
    };
    FACTS.iter().filter_map(|name| known(name)).collect::<Map<_, _>>().into()
}

/// The subject as this transaction leaves it; `None` where there is no such row.
async fn resource(tx: &mut Tx, subject: &Subject) -> sqlx::Result<Option<Map<String, Value>>> {
    let mut data = Map::new();
    match subject {
        Subject::Reservation(id) => {
            let Some(row) = reservation(tx, *id).await? else { return Ok(None) };
            let (reservation, payment) = row.shown();
            data.insert("reservation".to_owned(), reservation);
            data.insert("payment".to_owned(), payment);
        }
        Subject::Payout(id) => {
            let Some(row) = payout(tx, *id).await? else { return Ok(None) };
            data.insert("payout".to_owned(), row.shown());
        }
    }
    Ok(Some(data))
}

/// A reservation and its payment. All instants are UTC, amounts whole won.
#[derive(sqlx::FromRow)]
struct ReservationRow {
    id: Uuid,
    offering_id: Uuid,
    mentor_id: Uuid,
    mentee_id: Uuid,
    title: String,
    price_krw: i64,
    duration_min: u32,
    time_zone: String,
    state: String,
    version: i64,
    starts_at: Instant,
    ends_at: Instant,
    hold_until: Option<Instant>,
    request_deadline: Option<Instant>,
    refund_krw: Option<i64>,
    absent: Option<String>,
    extends_id: Option<Uuid>,
    ended_at: Option<Instant>,
    move_by: Option<String>,
    move_to: Option<Instant>,
    move_until: Option<Instant>,
    created_at: Instant,
    updated_at: Instant,
    payment_id: Option<Uuid>,
    payment_state: Option<String>,
    payment_version: Option<i64>,
    payment_amount: Option<i64>,
    refunded: i64,
}

impl ReservationRow {
    fn shown(self) -> (Value, Value) {
        let moving = self.move_to.map(|to| json!({ "by": self.move_by, "to": to, "until": self.move_until }));
        let reservation = json!({
            "id": self.id, "offeringId": self.offering_id, "mentorId": self.mentor_id, "menteeId": self.mentee_id,
            "title": self.title, "price": self.price_krw, "durationMinutes": self.duration_min,
            "timeZone": self.time_zone, "state": self.state, "version": self.version,
            "startsAt": self.starts_at, "endsAt": self.ends_at, "holdUntil": self.hold_until,
            "answerBy": self.request_deadline, "refund": self.refund_krw, "absent": self.absent,
            "extends": self.extends_id, "endedAt": self.ended_at, "move": moving, "createdAt": self.created_at,
            "updatedAt": self.updated_at,
        });
        let payment = self.payment_id.map(|id| {
            json!({
                "id": id, "state": self.payment_state, "version": self.payment_version,
                "amount": self.payment_amount, "refunded": self.refunded,
            })
        });
        (reservation, json!(payment))
    }
}

async fn reservation(tx: &mut Tx, id: Uuid) -> sqlx::Result<Option<ReservationRow>> {
    sqlx::query_as(
        "SELECT r.id, r.offering_id, r.mentor_id, r.mentee_id, r.title, r.price_krw, r.duration_min, r.time_zone,
                r.state, r.version, r.starts_at, r.ends_at, r.hold_until, r.request_deadline, r.refund_krw, r.absent,
                r.extends_id, r.ended_at, r.move_by, r.move_to, r.move_until, r.created_at, r.updated_at,
                p.id AS payment_id, p.state AS payment_state, p.version AS payment_version,
                p.amount_krw AS payment_amount,
                (SELECT CAST(COALESCE(SUM(f.amount_krw), 0) AS SIGNED) FROM refunds f
                 WHERE f.reservation_id = r.id AND f.state IN ('done', 'by_hand')) AS refunded
         FROM reservations r LEFT JOIN payments p ON p.reservation_id = r.id WHERE r.id = ?",
    )
    .bind(id)
    .fetch_optional(tx.conn())
    .await
}

/// A transfer to a mentor.
#[derive(sqlx::FromRow)]
struct PayoutRow {
    id: Uuid,
    mentor_id: Uuid,
    amount_krw: i64,
    carried_krw: i64,
    state: String,
    error_code: Option<String>,
    created_at: Instant,
    updated_at: Instant,
}

impl PayoutRow {
    fn shown(self) -> Value {
        json!({
            "id": self.id, "mentorId": self.mentor_id, "amount": self.amount_krw, "carried": self.carried_krw,
            "state": self.state, "error": self.error_code, "createdAt": self.created_at, "updatedAt": self.updated_at,
        })
    }
}

async fn payout(tx: &mut Tx, id: Uuid) -> sqlx::Result<Option<PayoutRow>> {
    sqlx::query_as(
        "SELECT id, mentor_id, amount_krw, carried_krw, state, error_code, created_at, updated_at FROM payouts
         WHERE id = ?",
    )
    .bind(id)
    .fetch_optional(tx.conn())
    .await
}

/// The next number of a subject; its head stays locked until the commit, as those of feeds do.
async fn next_seq(tx: &mut Tx, subject: Uuid) -> sqlx::Result<i64> {
    let topic = format!("webhook:{subject}");
    sqlx::query("INSERT INTO topic_heads (topic, seq) VALUES (?, 1) ON DUPLICATE KEY UPDATE seq = seq + 1")
        .bind(&topic)
        .execute(tx.conn())
        .await?;
    sqlx::query_scalar("SELECT seq FROM topic_heads WHERE topic = ?").bind(topic).fetch_one(tx.conn()).await
}

async fn insert(
    tx: &mut Tx,
    id: EventId,
    kind: &str,
    subject: (&str, Uuid),
    seq: i64,
    body: &str,
    fanned_out_at: Option<Instant>,
) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "INSERT INTO webhook_events (id, type, subject_kind, subject_id, seq, body, at, fanned_out_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(id)
    .bind(kind)
    .bind(subject.0)
    .bind(subject.1)
    .bind(seq)
    .bind(body)
    .bind(now)
    .bind(fanned_out_at)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Says how many endpoints listen; from the commit on, changes are kept for them, or no longer.
pub async fn set_listeners(tx: &mut Tx, count: i64) -> sqlx::Result<()> {
    sqlx::query("UPDATE topic_heads SET seq = ? WHERE topic = ?")
        .bind(count)
        .bind(LISTENERS)
        .execute(tx.conn())
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_stays_inside() {
        let told = facts(&json!({
            "reason": "my secret", "accountNumber": "110", "refundId": "r", "offer": null, "amount": 5, "nested": {},
        }));
        assert_eq!(told, json!({ "amount": 5, "refundId": "r" }));
        assert!(TYPES.is_sorted() && FACTS.is_sorted());
    }
}
