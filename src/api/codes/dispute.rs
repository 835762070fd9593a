//! The codes of disputes and no-shows.

use super::{Code, row};

pub(super) static CODES: &[Code] = &[
    row(404, "dispute.not_found", "There is no such dispute.", "없는 분쟁입니다."),
    row(
        409,
        "dispute.not_possible",
        "There is nothing to dispute about this reservation as it is now.",
        "현재 예약 상태에서는 문제를 신고할 수 없습니다.",
    ),
    row(
        409,
        "dispute.window_over",
        "The time to report a problem with this session is over.",
        "이 세션의 문제를 신고할 수 있는 기간이 지났습니다.",
    ),
    row(
        409,
        "dispute.already_open",
        "A dispute about this reservation is open. Add to that one.",
        "이 예약에 진행 중인 분쟁이 있습니다. 그 분쟁에 내용을 추가해 주세요.",
    ),
    row(
        409,
        "dispute.already_decided",
        "A dispute about this reservation was decided already.",
        "이 예약의 분쟁은 이미 결정되었습니다.",
    ),
    row(
        409,
        "dispute.already_withdrawn",
        "You have withdrawn a dispute about this reservation. It cannot be opened again.",
        "이미 취하한 분쟁은 다시 열 수 없습니다.",
    ),
    row(
        403,
        "dispute.own_case",
        "You are a side of this. Another administrator must decide.",
        "당사자는 결정할 수 없습니다. 다른 관리자가 결정해야 합니다.",
    ),
    row(
        422,
        "dispute.claim_exceeds",
        "No more can be claimed than the price, or agreed to than was claimed.",
        "가격보다 많이 요구하거나, 요구한 금액보다 많이 합의할 수 없습니다.",
    ),
    row(
        422,
        "dispute.amount_unwanted",
        "Whoever contests names no amount.",
        "이의를 제기할 때는 금액을 적지 않습니다.",
    ),
    row(
        409,
        "dispute.not_allowed",
        "The dispute is in a state that does not allow this, or it is the other side's to do.",
        "현재 분쟁 상태에서는 할 수 없거나, 상대방만 할 수 있습니다.",
    ),
    row(
        409,
        "dispute.stale",
        "The dispute was changed meanwhile. Read it again.",
        "분쟁이 그사이 바뀌었습니다. 다시 불러와 주세요.",
    ),
    row(
        409,
        "dispute.evidence_closed",
        "The time to show evidence is over.",
        "증거를 제출할 수 있는 기간이 지났습니다.",
    ),
    row(
        409,
        "dispute.evidence_limit",
        "Each side can show at most 20 things.",
        "증거는 한쪽당 20건까지 제출할 수 있습니다.",
    ),
    row(422, "dispute.link_invalid", "A link must be an https address.", "링크는 https 주소여야 합니다."),
    row(
        422,
        "dispute.decision_invalid",
        "The decision contradicts itself.",
        "결정 내용이 서로 맞지 않습니다.",
    ),
    row(
        403,
        "dispute.same_person",
        "Another administrator must approve this.",
        "다른 관리자가 승인해야 합니다.",
    ),
    row(
        409,
        "no_show.too_early",
        "Nobody counts as absent before 10 minutes after the start.",
        "시작 후 10분이 지나야 노쇼로 처리할 수 있습니다.",
    ),
];
