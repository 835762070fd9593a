//! Codes about holds and about moving a booking.

use super::{Code, row};

pub(super) static CODES: &[Code] = &[
    row(
        409,
        "reservation.hold_limit",
        "You hold as many unpaid slots as one person may. Pay or cancel one first.",
        "결제하지 않은 예약이 너무 많습니다. 먼저 결제하거나 취소해 주세요.",
    ),
    row(
        429,
        "reservation.cool_down",
        "Several slots that you held ran out unpaid. You can hold another one a little later.",
        "결제하지 않고 지나간 예약이 많아 잠시 뒤에 다시 예약할 수 있습니다.",
    ),
    row(
        409,
        "reservation.account_closed",
        "An account that is suspended or being deleted books nothing.",
        "정지되었거나 탈퇴 중인 계정으로는 예약할 수 없습니다.",
    ),
    row(
        409,
        "reservation.free_used",
        "You have had a free session with this mentor, or have one ahead.",
        "이 멘토와의 무료 세션은 한 번만 예약할 수 있습니다.",
    ),
    row(
        422,
        "slot.duration_unknown",
        "The offering has no session of this length.",
        "이 상품에 없는 세션 길이입니다.",
    ),
    row(
        409,
        "reservation.reschedule_pending",
        "A proposal to move this booking waits for its answer already.",
        "이 예약의 시간 변경 제안이 이미 답변을 기다리고 있습니다.",
    ),
    row(
        409,
        "reservation.reschedule_limit",
        "This booking was moved, or proposed to be moved, as often as it may be.",
        "이 예약은 시간을 더 변경할 수 없습니다.",
    ),
    row(
        409,
        "reservation.reschedule_too_late",
        "It is too late to move this booking: the other side would have no time to answer.",
        "시작이 임박해 시간을 변경할 수 없습니다.",
    ),
    row(
        422,
        "reservation.reschedule_same",
        "The booking is at this time already.",
        "이미 그 시간으로 예약되어 있습니다.",
    ),
    row(
        409,
        "reservation.reschedule_over",
        "No proposal to move this booking waits for this answer.",
        "답변을 기다리는 시간 변경 제안이 없습니다.",
    ),
    row(
        409,
        "waitlist.not_possible",
        "The mentor approves each booking of this offering: ask for a time instead.",
        "멘토가 예약을 승인하는 상품은 대기할 수 없습니다. 시간을 골라 요청해 주세요.",
    ),
    row(
        422,
        "waitlist.invalid_range",
        "Wait for a stretch of at most 14 days that begins within 180 days from now.",
        "앞으로 180일 이내에 시작하는 14일 이하의 범위로 대기할 수 있습니다.",
    ),
    row(
        409,
        "waitlist.limit",
        "You wait for as much as one person may. Leave one of the lists first.",
        "대기할 수 있는 수를 넘었습니다. 먼저 다른 대기를 취소해 주세요.",
    ),
    row(409, "waitlist.joined", "You wait for this offering already.", "이미 이 상품을 대기하고 있습니다."),
    row(404, "waitlist.not_found", "You do not wait for this.", "대기 중인 항목이 아닙니다."),
];
