//! Slots, states and deadlines: what stands beside the money.

use chrono::TimeDelta;

use super::super::model::{Check, Driver};

const NONE: TimeDelta = TimeDelta::zero();
const MINUTE: TimeDelta = TimeDelta::seconds(60);

const fn booking(
    name: &'static str,
    grace: TimeDelta,
    en: &'static str,
    ko: &'static str,
    sql: &'static str,
) -> Check {
    Check { name, driver: Driver::Reservation, is_money: false, grace, en, ko, sql }
}

/// That no cell is claimed twice is the primary key of `slot_claims`; here is what a key cannot say.
pub const CHECKS: &[Check] = &[
    booking(
        "I1",
        NONE,
        "Two live sessions of one mentor overlap.",
        "한 멘토의 진행 예정 세션 두 개가 겹칩니다.",
        "SELECT d.id, CAST(JSON_OBJECT('other', HEX(b.id), 'mentor', HEX(d.mentor_id)) AS CHAR)
         FROM reservations d JOIN reservations b
            ON b.mentor_id = d.mentor_id AND b.id <> d.id AND d.starts_at < b.ends_at AND b.starts_at < d.ends_at
         WHERE {scope}
            AND d.state IN ('requested', 'awaiting_payment', 'paying', 'confirmed', 'in_session')
            AND b.state IN ('requested', 'awaiting_payment', 'paying', 'confirmed', 'in_session')",
    ),
    booking(
        "I2",
        NONE,
        "Two live sessions of one mentee overlap.",
        "한 멘티의 진행 예정 세션 두 개가 겹칩니다.",
        "SELECT d.id, CAST(JSON_OBJECT('other', HEX(b.id), 'mentee', HEX(d.mentee_id)) AS CHAR)
         FROM reservations d JOIN reservations b
            ON b.mentee_id = d.mentee_id AND b.id <> d.id AND d.starts_at < b.ends_at AND b.starts_at < d.ends_at
         WHERE {scope}
            AND d.state IN ('requested', 'awaiting_payment', 'paying', 'confirmed', 'in_session')
            AND b.state IN ('requested', 'awaiting_payment', 'paying', 'confirmed', 'in_session')",
    ),
    booking(
        "I1-claims",
        NONE,
        "A live reservation claims no cell of the calendars.",
        "살아 있는 예약이 캘린더의 칸을 차지하지 않고 있습니다.",
        "SELECT d.id, CAST(JSON_OBJECT('state', d.state) AS CHAR) FROM reservations d
         WHERE {scope} AND d.state IN ('requested', 'awaiting_payment', 'paying', 'confirmed', 'in_session')
            AND d.updated_at < {before}
            AND NOT EXISTS (SELECT 1 FROM slot_claims c WHERE c.reservation_id = d.id)",
    ),
    booking(
        "I1-move",
        NONE,
        "A proposal to move a booking claims no cell of the calendars.",
        "시간 변경 제안이 캘린더의 칸을 차지하지 않고 있습니다.",
        "SELECT d.id, CAST(JSON_OBJECT('move', HEX(d.move_id)) AS CHAR) FROM reservations d
         WHERE {scope} AND d.move_id IS NOT NULL AND d.updated_at < {before}
            AND NOT EXISTS (SELECT 1 FROM slot_claims c WHERE c.reservation_id = d.move_id)",
    ),
    booking(
        "I4",
        NONE,
        "A reservation that is over still claims cells.",
        "끝난 예약이 아직 캘린더의 칸을 차지하고 있습니다.",
        "SELECT d.id, CAST(JSON_OBJECT('state', d.state) AS CHAR) FROM reservations d
         WHERE {scope}
            AND d.state IN ('rejected', 'expired', 'payment_failed', 'cancelled', 'no_show', 'completed')
            AND d.updated_at < {before}
            AND EXISTS (SELECT 1 FROM slot_claims c WHERE c.reservation_id = d.id)",
    ),
    booking(
        "I5",
        NONE,
        "A reservation was changed without a line in its history.",
        "이력 없이 바뀐 예약입니다.",
        "SELECT t.id, CAST(JSON_OBJECT('version', t.version, 'lines', t.lines_written) AS CHAR)
         FROM (SELECT d.id, d.version,
                  (SELECT COUNT(*) FROM reservation_history h WHERE h.reservation_id = d.id) AS lines_written
               FROM reservations d WHERE {scope} AND d.updated_at < {before}) t
         WHERE t.version <> t.lines_written",
    ),
    booking(
        "I20-hold",
        MINUTE,
        "No job waits for the end of a hold.",
        "결제 대기 시간이 끝날 때 실행될 작업이 없습니다.",
        "SELECT d.id, CAST(JSON_OBJECT('holdUntil', CAST(d.hold_until AS CHAR)) AS CHAR) FROM reservations d
         WHERE {scope} AND d.state = 'awaiting_payment' AND d.updated_at < {before}
            AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.subject = d.id AND o.kind = 'reservation.expire_hold.v1'
                            AND o.state IN ('pending', 'published') AND o.run_at = d.hold_until)",
    ),
    booking(
        "I20-request",
        MINUTE,
        "No job waits for the deadline of a request.",
        "요청 응답 기한에 실행될 작업이 없습니다.",
        "SELECT d.id, CAST(JSON_OBJECT('deadline', CAST(d.request_deadline AS CHAR)) AS CHAR) FROM reservations d
         WHERE {scope} AND d.state = 'requested' AND d.updated_at < {before}
            AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.subject = d.id
                            AND o.kind = 'reservation.expire_request.v1'
                            AND o.state IN ('pending', 'published') AND o.run_at = d.request_deadline)",
    ),
    booking(
        "I20-move",
        MINUTE,
        "No job waits for the end of a proposal to move a booking.",
        "시간 변경 제안이 끝날 때 실행될 작업이 없습니다.",
        "SELECT d.id, CAST(JSON_OBJECT('until', CAST(d.move_until AS CHAR)) AS CHAR) FROM reservations d
         WHERE {scope} AND d.move_id IS NOT NULL AND d.updated_at < {before}
            AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.subject = d.id AND o.kind = 'reservation.expire_move.v1'
                            AND o.state IN ('pending', 'published') AND o.run_at = d.move_until)",
    ),
    booking(
        "I20-start",
        MINUTE,
        "No job waits for the start of a session.",
        "세션 시작 시각에 실행될 작업이 없습니다.",
        "SELECT d.id, CAST(JSON_OBJECT('startsAt', CAST(d.starts_at AS CHAR)) AS CHAR) FROM reservations d
         WHERE {scope} AND d.state = 'confirmed' AND d.updated_at < {before}
            AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.subject = d.id AND o.kind = 'reservation.start.v1'
                            AND o.state IN ('pending', 'published') AND o.run_at >= d.starts_at)",
    ),
];
