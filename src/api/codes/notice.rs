//! Codes about notices and what people chose to hear of.

use super::{Code, row};

pub(super) static CODES: &[Code] = &[
    row(404, "notice.not_found", "There is no such notice.", "없는 알림입니다."),
    row(
        422,
        "notice.preference_locked",
        "This is told in any case: it is about your money, a standing booking or the safety of your account.",
        "결제, 확정된 예약, 계정 보안에 관한 알림은 끌 수 없습니다.",
    ),
    row(
        422,
        "notice.preference_unknown",
        "These notices do not come on this channel.",
        "이 방식으로는 보내지 않는 알림입니다.",
    ),
    row(
        422,
        "notice.digest_unknown",
        "Only mails that can wait are gathered in a digest.",
        "급하지 않은 메일만 모아서 받을 수 있습니다.",
    ),
];
