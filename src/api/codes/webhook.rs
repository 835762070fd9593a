//! Codes about webhooks to systems of others.

use super::{Code, row};

pub(super) static CODES: &[Code] = &[
    row(404, "webhook.endpoint_not_found", "There is no such endpoint.", "없는 웹훅 수신 주소입니다."),
    row(404, "webhook.delivery_not_found", "There is no such delivery.", "없는 웹훅 전송 기록입니다."),
    row(
        422,
        "webhook.address_refused",
        "The address must be a public https address without user, password or fragment.",
        "사용자 정보나 프래그먼트가 없는 공개 https 주소여야 합니다.",
    ),
    row(422, "webhook.type_unknown", "There is no such type of event.", "없는 이벤트 유형입니다."),
    row(
        409,
        "webhook.endpoint_limit",
        "There are as many endpoints as there may be. Delete one first.",
        "등록할 수 있는 수신 주소가 가득 찼습니다. 먼저 하나를 삭제해 주세요.",
    ),
    row(
        409,
        "webhook.endpoint_stale",
        "The endpoint was changed meanwhile. Read it again.",
        "수신 주소가 그사이 바뀌었습니다. 다시 불러와 주세요.",
    ),
    row(
        409,
        "webhook.wrong_state",
        "The endpoint is in a state that does not allow this.",
        "현재 수신 주소 상태에서는 할 수 없습니다.",
    ),
    row(409, "webhook.not_replayable", "The delivery is under way already.", "이미 전송 중인 웹훅입니다."),
];
