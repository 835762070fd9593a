//! The statements of one `POST /v1/reservations`, sent straight to the database: nothing is parsed, judged,
//! mapped or answered. The limit that reservations are compared with.
//!
//! The texts are those of `src/`; that they still are is checked at each run by what the server hears.

use std::collections::HashMap;

use chrono::TimeDelta;
use konnect::clock::Instant;
use konnect::core::Core;
use konnect::id::{EventId, JobId, ReservationId, UserId, secret};
use konnect::transact;
use serde_json::{Value, json};
use sqlx::MySqlConnection;
use uuid::Uuid;

use super::world::{DURATION, Mentee, Mentor, context};

/// Whose slot is taken by whom.
#[derive(Clone, Copy)]
pub struct Slot<'a> {
    pub mentor: &'a Mentor,
    pub mentee: &'a Mentee,
    pub starts_at: Instant,
}

/// As long as any other.
const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-ec7e4cd01ba67a86-00";

const SESSION: &str = "SELECT factor_at FROM sessions WHERE id = ? AND revoked_at IS NULL";
const KEY: &str =
    "INSERT INTO idempotency_keys (user_id, idem_key, request_hash, created_at) VALUES (?, ?, ?, ?)";
const OFFERING: &str = "SELECT o.id, o.mentor_id, o.title, o.description, o.price_krw, o.duration_min,
    o.more_options, o.category, o.kind, o.refund_policy, o.is_public, o.is_active, o.version, o.created_at
    FROM offerings o JOIN mentors m ON m.user_id = o.mentor_id AND m.state = 'approved'
    JOIN users u ON u.id = o.mentor_id AND u.state = 'active'
    WHERE o.is_public = TRUE AND o.is_active = TRUE AND o.id = ?";
const LOCK: &str = "SELECT person_id FROM calendars WHERE person_id IN (?, ?) ORDER BY person_id FOR UPDATE";
const ACTIVE: &str = "SELECT id FROM users WHERE state = 'active' AND id IN (?, ?)";
const TWIN: &str = "SELECT id, offering_id, mentor_id, mentee_id, title, price_krw, duration_min, time_zone,
    policy_version, starts_at, ends_at, schedule_version, state, version, request_deadline, hold_until,
    payment_failed, refund_krw, absent, extends_id, ended_at, needs_approval, moves_freely, move_id, move_by,
    move_to, move_until, move_proposals, refund_cap_bps, created_at, updated_at FROM reservations
    WHERE live_mentee_id = ? AND offering_id = ? AND starts_at = ? AND duration_min = ?";
const HOLDS: &str = "SELECT id, COALESCE(hold_until, request_deadline) AS ends FROM reservations
    WHERE live_mentee_id = ? ORDER BY ends, id";
const PAUSE: &str =
    "SELECT h.at FROM reservations r STRAIGHT_JOIN reservation_history h ON h.reservation_id = r.id
    WHERE r.mentee_id = ? AND r.updated_at >= ? AND r.extends_id IS NULL AND h.cause IN ('expired', 'payment_failed')
    AND h.at >= ? ORDER BY h.at DESC LIMIT ?";
const SCHEDULE: &str = "SELECT s.time_zone, s.slot_interval_min, s.slot_offset_min, s.buffer_before_min,
    s.buffer_after_min, s.min_notice_min, s.horizon_days, s.max_per_day, s.max_per_week, s.max_per_mentee_week,
    s.version, CASE WHEN EXISTS (
        SELECT 1 FROM schedule_windows e WHERE e.mentor_id = s.mentor_id
        AND (e.weekday < w.weekday OR (e.weekday = w.weekday AND e.from_minute < w.from_minute))
    ) THEN NULL ELSE s.exceptions END AS exceptions, w.weekday, w.from_minute, w.to_minute
    FROM schedules s LEFT JOIN schedule_windows w ON w.mentor_id = s.mentor_id
    WHERE s.mentor_id = ? ORDER BY w.weekday, w.from_minute";
const CLAIMS: &str = "SELECT cell_start, reservation_id FROM slot_claims
    WHERE person_id = ? AND cell_start >= ? AND cell_start < ? ORDER BY cell_start";
const RESERVATION: &str = "INSERT INTO reservations (id, offering_id, mentor_id, mentee_id, title, price_krw,
    duration_min, time_zone, policy_version, starts_at, ends_at, schedule_version, state, version, request_deadline,
    hold_until, payment_failed, refund_krw, extends_id, needs_approval, moves_freely, created_at, updated_at,
    local_starts_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
/// An hour and the quarter after it.
const CLAIM_MENTOR: &str = "INSERT INTO slot_claims (person_id, cell_start, reservation_id)
    VALUES (?, ?, ?), (?, ?, ?), (?, ?, ?), (?, ?, ?), (?, ?, ?)";
const CLAIM_MENTEE: &str = "INSERT INTO slot_claims (person_id, cell_start, reservation_id)
    VALUES (?, ?, ?), (?, ?, ?), (?, ?, ?), (?, ?, ?)";
const RAISE: &str = "UPDATE calendars SET version = version + 1 WHERE person_id = ?";
const RAISED: &str = "SELECT k.version, c.mentor_id IS NOT NULL FROM calendars k
    LEFT JOIN mentor_cards c ON c.mentor_id = k.person_id WHERE k.person_id = ?";
const HISTORY: &str = "INSERT INTO reservation_history
    (reservation_id, version, from_state, to_state, cause, reason, actor_kind, actor_id, request_id,
    from_starts_at, to_starts_at, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
const JOB: &str = "INSERT INTO outbox
    (id, kind, queue, payload, dedup_key, subject, run_at, state, attempts, request_id, trace, created_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, 'pending', 0, ?, ?, ?)";
const HEADS: &str =
    "INSERT INTO topic_heads (topic, seq) VALUES (?, 1), (?, 1) ON DUPLICATE KEY UPDATE seq = seq + 1";
/// With the row that says whether anybody outside listens.
const SEQS: &str = "SELECT topic, seq FROM topic_heads WHERE topic IN (?, ?, 'webhooks')";
const EVENTS: &str = "INSERT INTO events (topic, seq, id, type, at, data, change_id, people, actor_kind, actor_id,
    request_id, client_ip, user_agent, worker, job_kind, origin_until)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
const ANSWERED: &str = "UPDATE idempotency_keys SET response = ? WHERE user_id = ? AND idem_key = ?";
const SHOW: &str = "SELECT id, offering_id, mentor_id, mentee_id, title, price_krw, duration_min, time_zone,
    policy_version, starts_at, ends_at, schedule_version, state, version, request_deadline, hold_until,
    payment_failed, refund_krw, absent, extends_id, ended_at, needs_approval, moves_freely, move_id, move_by,
    move_to, move_until, move_proposals, refund_cap_bps, created_at, updated_at FROM reservations
    WHERE id = ? AND (mentor_id = ? OR mentee_id = ?)";
const GIVEN: &str = "SELECT f.reservation_id, CAST(SUM(f.amount_krw) AS SIGNED) FROM refunds f
    JOIN payment_attempts a ON a.id = f.attempt_id AND a.state = 'done'
    WHERE f.state IN ('queued', 'needs_account', 'sent', 'unknown', 'manual_review', 'done', 'by_hand')
    AND f.reservation_id IN (?) GROUP BY f.reservation_id";

/// All statements of one reservation, in their order, in the transaction they run in.
pub async fn reservation(core: &Core, slot: Slot<'_>) -> sqlx::Result<()> {
    let Slot { mentor, mentee, .. } = slot;
    let pool = core.db.pool();
    sqlx::query(SESSION).bind(mentee.session).fetch_one(pool).await?;
    let id = transact!(core.db, context(), sqlx::Error, tx => {
        let now = tx.now;
        let id = ReservationId::generate();
        let key = secret();
        let on = tx.conn();
        sqlx::query(KEY).bind(mentee.id).bind(&key).bind(&[7u8; 32][..]).bind(now).execute(&mut *on).await?;
        sqlx::query(OFFERING).bind(mentor.offering).fetch_one(&mut *on).await?;
        judge(on, slot, now).await?;
        write(on, slot, id, now).await?;
        announce(on, slot, id, now).await?;
        sqlx::query(ANSWERED).bind(id.to_string()).bind(mentee.id).bind(&key).execute(&mut *on).await?;
        Ok(id)
    })?;
    sqlx::query(SHOW).bind(id).bind(mentee.id).bind(mentee.id).fetch_one(pool).await?;
    sqlx::query(GIVEN).bind(id).fetch_all(pool).await?;
    Ok(())
}

/// Locks, and reads what the rules are judged by.
async fn judge(on: &mut MySqlConnection, slot: Slot<'_>, now: Instant) -> sqlx::Result<()> {
    let Slot { mentor, mentee, starts_at } = slot;
    let mut people = [mentor.id, mentee.id];
    people.sort_unstable();
    sqlx::query(LOCK).bind(people[0]).bind(people[1]).fetch_all(&mut *on).await?;
    sqlx::query(ACTIVE).bind(mentor.id).bind(mentee.id).fetch_all(&mut *on).await?;
    let twin = sqlx::query(TWIN).bind(mentee.id).bind(mentor.offering).bind(starts_at).bind(DURATION);
    twin.fetch_optional(&mut *on).await?;
    sqlx::query(HOLDS).bind(mentee.id).fetch_all(&mut *on).await?;
    let since = now - TimeDelta::minutes(75);
    sqlx::query(PAUSE).bind(mentee.id).bind(since).bind(since).bind(3i64).fetch_all(&mut *on).await?;
    sqlx::query(SCHEDULE).bind(mentor.id).fetch_all(&mut *on).await?;
    sqlx::query(CLAIMS).bind(mentor.id).bind(starts_at).bind(cell(starts_at, 5)).fetch_all(&mut *on).await?;
    Ok(())
}

async fn write(
    on: &mut MySqlConnection,
    slot: Slot<'_>,
    id: ReservationId,
    now: Instant,
) -> sqlx::Result<()> {
    let Slot { mentor, mentee, starts_at } = slot;
    sqlx::query(RESERVATION)
        .bind(id)
        .bind(mentor.offering)
        .bind(mentor.id)
        .bind(mentee.id)
        .bind("백엔드 코드 리뷰")
        .bind(50_000i64)
        .bind(DURATION)
        .bind("Asia/Seoul")
        .bind(1i16)
        .bind(starts_at)
        .bind(cell(starts_at, 4))
        .bind(1i64)
        .bind("awaiting_payment")
        .bind(1i64)
        .bind(None::<Instant>)
        .bind(now + TimeDelta::minutes(15))
        .bind(false)
        .bind(None::<i64>)
        .bind(None::<ReservationId>)
        .bind(false)
        .bind(true)
        .bind(now)
        .bind(now)
        .bind(starts_at + TimeDelta::hours(9))
        .execute(&mut *on)
        .await?;
    for (statement, person, cells) in [(CLAIM_MENTOR, mentor.id, 5), (CLAIM_MENTEE, mentee.id, 4)] {
        let mut claim = sqlx::query(statement);
        for i in 0..cells {
            claim = claim.bind(person).bind(cell(starts_at, i)).bind(id);
        }
        claim.execute(&mut *on).await?;
    }
    for person in [mentor.id, mentee.id] {
        sqlx::query(RAISE).bind(person).execute(&mut *on).await?;
        let (version, is_listed): (i64, bool) =
            sqlx::query_as(RAISED).bind(person).fetch_one(&mut *on).await?;
        if is_listed {
            refresh(on, person, version, now).await?;
        }
    }
    sqlx::query(HISTORY)
        .bind(id)
        .bind(1i64)
        .bind(None::<&str>)
        .bind("awaiting_payment")
        .bind("reserved")
        .bind(None::<&str>)
        .bind("user")
        .bind(mentee.id)
        .bind("bench")
        .bind(None::<Instant>)
        .bind(None::<Instant>)
        .bind(now)
        .execute(&mut *on)
        .await?;
    Ok(())
}

/// What the catalogue knows of the mentor is old now.
async fn refresh(on: &mut MySqlConnection, mentor: UserId, version: i64, now: Instant) -> sqlx::Result<()> {
    let kind = "catalogue.refresh_next_free.v1";
    let payload = json!({ "mentor_id": mentor, "cause": { "calendar": version } });
    let key = format!("{kind}:{mentor}:calendar:{version}");
    let job =
        Job { kind, queue: "reminder", payload, key, subject: mentor.0, run_at: now + TimeDelta::seconds(1) };
    enqueue(on, job, now).await
}

struct Job {
    kind: &'static str,
    queue: &'static str,
    payload: Value,
    key: String,
    subject: Uuid,
    run_at: Instant,
}

async fn enqueue(on: &mut MySqlConnection, job: Job, now: Instant) -> sqlx::Result<()> {
    sqlx::query(JOB)
        .bind(JobId::generate())
        .bind(job.kind)
        .bind(job.queue)
        .bind(job.payload.to_string())
        .bind(job.key)
        .bind(job.subject)
        .bind(job.run_at)
        .bind("bench")
        .bind(TRACE)
        .bind(now)
        .execute(&mut *on)
        .await?;
    Ok(())
}

/// The deadline of the hold and the warning before it, and an event to each side.
async fn announce(
    on: &mut MySqlConnection,
    slot: Slot<'_>,
    id: ReservationId,
    now: Instant,
) -> sqlx::Result<()> {
    let Slot { mentor, mentee, starts_at } = slot;
    let deadline = now + TimeDelta::minutes(15);
    for (kind, queue, run_at) in [
        ("reservation.expire_hold.v1", "booking", deadline),
        ("reservation.warn_hold.v1", "reminder", deadline - TimeDelta::minutes(5)),
    ] {
        let payload = json!({ "reservation_id": id, "deadline": deadline });
        let key = format!("{kind}:{id}:{}", deadline.timestamp_micros());
        enqueue(on, Job { kind, queue, payload, key, subject: id.0, run_at }, now).await?;
    }
    let data = json!({
        "reservationId": id, "state": "awaiting_payment", "version": 1, "title": "백엔드 코드 리뷰",
        "startsAt": starts_at, "timeZone": "Asia/Seoul", "holdUntil": deadline, "refund": null, "absent": null,
        "answerBy": null, "endedAt": null, "extends": null,
    })
    .to_string();
    let mut people: [UserId; 2] = [mentor.id, mentee.id];
    people.sort_unstable();
    let topics = people.map(konnect::event::user_topic);
    sqlx::query(HEADS).bind(&topics[0]).bind(&topics[1]).execute(&mut *on).await?;
    let seqs: HashMap<String, i64> = sqlx::query_as(SEQS)
        .bind(&topics[0])
        .bind(&topics[1])
        .fetch_all(&mut *on)
        .await?
        .into_iter()
        .collect();
    let change = EventId::generate();
    let mut events = sqlx::query(EVENTS);
    for (person, topic) in people.into_iter().zip(&topics) {
        // One of the two carries who did it and from where.
        let is_head = person == mentor.id;
        events = events
            .bind(topic)
            .bind(seqs[topic])
            .bind(if is_head { change } else { EventId::generate() })
            .bind("reservation.reserved")
            .bind(now)
            .bind(&data)
            .bind(change)
            .bind(is_head.then(|| json!(people)))
            .bind(is_head.then_some("user"))
            .bind(is_head.then_some(mentee.id))
            .bind(is_head.then_some("bench"))
            .bind(is_head.then_some("127.0.0.1"))
            .bind(None::<&str>)
            .bind(None::<&str>)
            .bind(None::<&str>)
            .bind(is_head.then(|| (now + TimeDelta::days(1_096)).naive_utc()));
    }
    events.execute(&mut *on).await?;
    Ok(())
}

/// The instant so many quarters of an hour later.
fn cell(start: Instant, cells: i32) -> Instant {
    start + TimeDelta::minutes(15) * cells
}
