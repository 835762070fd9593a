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
    row(
        422,
        "notice.quiet_hours_invalid",
        "Quiet hours go from one time of day to another, such as 22:00 to 07:00, for at most 16 hours.",
        "방해 금지 시간은 22:00~07:00처럼 시작과 끝이 다른 16시간 이내여야 합니다.",
    ),
    row(422, "notice.digest_hour_invalid", "The hour must be 0 to 23.", "시각은 0부터 23 사이여야 합니다."),
];
