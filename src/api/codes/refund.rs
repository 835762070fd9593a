//! Codes about giving money back.

use super::{Code, row};

pub(super) static CODES: &[Code] = &[
    row(
        422,
        "refund.exceeds",
        "More would be given back than is left.",
        "남은 금액보다 많이 환불할 수 없습니다.",
    ),
    row(404, "refund.not_found", "There is no such refund.", "없는 환불입니다."),
    row(422, "refund.amount_invalid", "A refund is more than nothing.", "환불 금액은 0원보다 커야 합니다."),
    row(
        409,
        "refund.nothing_captured",
        "Nothing was paid that could be given back.",
        "환불할 결제가 없습니다.",
    ),
    row(
        409,
        "refund.use_cancel",
        "A booking that is still on is given back whole by cancelling it.",
        "진행 중인 예약의 전액 환불은 예약 취소로 처리해 주세요.",
    ),
    row(
        409,
        "refund.not_allowed",
        "The refund is in a state that does not allow this.",
        "현재 환불 상태에서는 할 수 없습니다.",
    ),
    row(
        403,
        "refund.same_person",
        "Whoever asked for a refund cannot approve it. Another administrator must.",
        "환불을 요청한 관리자는 승인할 수 없습니다. 다른 관리자가 승인해야 합니다.",
    ),
    row(
        409,
        "refund.owed",
        "This money bought nothing and is the payer's. Give it back, by hand if need be.",
        "결제자에게 돌려줘야 하는 돈입니다. 필요하면 계좌 이체로 환불해 주세요.",
    ),
    row(
        409,
        "refund.no_account_needed",
        "No refund of this booking waits for a bank account.",
        "환불 계좌를 기다리는 환불이 없습니다.",
    ),
    row(422, "refund.account_invalid", "The bank account breaks a rule.", "계좌 정보가 올바르지 않습니다."),
    row(404, "quote.not_found", "There is no such quote of this booking.", "이 예약의 취소 견적이 아닙니다."),
    row(
        409,
        "quote.expired",
        "The quote has run out. Ask for a new one.",
        "취소 견적이 만료되었습니다. 다시 조회해 주세요.",
    ),
    row(409, "quote.used", "The quote was used.", "이미 사용한 취소 견적입니다."),
];
