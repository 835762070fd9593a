//! The codes of mentors, of what they offer, and of searching for them.

use super::{Code, row};

pub(super) static CODES: &[Code] = &[
    row(404, "mentor.not_found", "There is no such mentor.", "없는 멘토입니다."),
    row(409, "mentor.already_applied", "You have applied already.", "이미 신청했습니다."),
    row(409, "mentor.not_pending", "This application is decided already.", "이미 처리된 신청입니다."),
    row(
        409,
        "mentor.stale",
        "It was changed meanwhile. Read it again.",
        "그사이 바뀌었습니다. 다시 불러와 주세요.",
    ),
    row(403, "mentor.not_approved", "Only approved mentors can do this.", "승인된 멘토만 할 수 있습니다."),
    row(422, "mentor.invalid", "The application breaks a rule.", "신청 내용이 규칙에 맞지 않습니다."),
    row(404, "offering.not_found", "There is no such offering.", "없는 상품입니다."),
    row(
        409,
        "offering.stale",
        "The offering was changed meanwhile. Read it again.",
        "상품이 그사이 바뀌었습니다. 다시 불러와 주세요.",
    ),
    row(409, "offering.retired", "The offering was taken off the market.", "판매가 끝난 상품입니다."),
    row(422, "offering.invalid", "The offering breaks a rule.", "상품 내용이 규칙에 맞지 않습니다."),
    row(
        422,
        "search.invalid",
        "What is asked for cannot be: see the field and its rule.",
        "검색 조건이 올바르지 않습니다. 필드와 규칙을 확인해 주세요.",
    ),
];
