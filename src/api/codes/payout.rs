//! Codes of payouts.

use super::{Code, row};

pub(super) static CODES: &[Code] = &[
    row(404, "payout.not_found", "There is no such payout.", "없는 지급 건입니다."),
    row(404, "payout.batch_not_found", "There is no such batch.", "없는 정산 차수입니다."),
    row(404, "payout.account_not_found", "There is no payout account yet.", "등록된 정산 계좌가 없습니다."),
    row(
        422,
        "payout.account_invalid",
        "The account breaks a rule.",
        "정산 계좌 정보가 규칙에 맞지 않습니다.",
    ),
    row(
        409,
        "payout.account_stale",
        "The account was changed meanwhile. Read it again.",
        "정산 계좌가 그사이 바뀌었습니다. 다시 불러와 주세요.",
    ),
    row(409, "payout.not_paused", "Payouts are not paused.", "지급이 중지된 상태가 아닙니다."),
    row(409, "payout.over", "This payout is over.", "이미 끝난 지급 건입니다."),
    row(
        409,
        "payout.not_in_review",
        "Nobody has to decide this payout.",
        "사람이 결정할 상태의 지급 건이 아닙니다.",
    ),
    row(
        409,
        "payout.second_person_needed",
        "Another administrator must confirm it.",
        "다른 관리자의 확인이 필요합니다.",
    ),
];
