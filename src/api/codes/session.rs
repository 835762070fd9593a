//! Codes about live sessions.

use super::{Code, row};

pub(super) static CODES: &[Code] = &[
    row(
        409,
        "session.extension_taken",
        "The time after the session is taken.",
        "세션 다음 시간이 이미 예약되어 있습니다.",
    ),
    row(
        409,
        "session.extension_pending",
        "An extension waits for its answer or its payment already.",
        "이미 연장을 요청했습니다. 응답이나 결제를 기다려 주세요.",
    ),
    row(
        409,
        "session.extension_over",
        "The time to answer this extension has passed.",
        "연장 요청에 응답할 수 있는 시간이 지났습니다.",
    ),
    row(
        409,
        "session.extension_paying",
        "The payment of an extension is being checked. Try again in a moment.",
        "연장 결제를 확인하는 중입니다. 잠시 뒤에 다시 시도해 주세요.",
    ),
];
