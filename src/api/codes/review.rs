//! The codes of reviews.

use super::{Code, row};

pub(super) static CODES: &[Code] = &[
    row(404, "review.not_found", "There is no such review.", "없는 후기입니다."),
    row(
        409,
        "review.not_possible",
        "Only sessions that took place and were not given back whole can be reviewed.",
        "완료되었고 전액 환불되지 않은 세션만 후기를 남길 수 있습니다.",
    ),
    row(
        409,
        "review.window_over",
        "The time to review this session is over.",
        "이 세션의 후기를 작성할 수 있는 기간이 지났습니다.",
    ),
    row(
        409,
        "review.exists",
        "You have reviewed this session. Send the version that you want to overwrite.",
        "이미 후기를 작성했습니다. 고치려면 버전을 함께 보내 주세요.",
    ),
    row(
        409,
        "review.stale",
        "The review was changed meanwhile. Read it again.",
        "후기가 그사이 바뀌었습니다. 다시 불러와 주세요.",
    ),
    row(422, "review.invalid", "The review breaks a rule.", "후기 내용이 규칙에 맞지 않습니다."),
    row(
        409,
        "review.not_allowed",
        "The review is in a state that does not allow this.",
        "현재 후기 상태에서는 할 수 없습니다.",
    ),
    row(
        409,
        "review.edit_limit",
        "This was changed too often to be changed again.",
        "수정할 수 있는 횟수를 넘었습니다.",
    ),
    row(
        409,
        "review.reply_closed",
        "This reply can no longer be edited.",
        "답글을 수정할 수 있는 기간이 지났습니다.",
    ),
    row(409, "review.own", "You cannot report your own words.", "자신이 쓴 글은 신고할 수 없습니다."),
    row(
        429,
        "review.report_limit",
        "You have reported as much as one person may in a day.",
        "하루에 신고할 수 있는 횟수를 넘었습니다.",
    ),
    row(
        403,
        "review.own_case",
        "You are a side of this review. Another administrator must look at it.",
        "본인과 관련된 후기는 다른 관리자가 처리해야 합니다.",
    ),
];
