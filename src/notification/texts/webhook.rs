//! Texts for administrators about systems of others, in both languages.

use super::Text;
use super::facts::{Facts, line, says};

/// Every kind about webhooks.
pub(super) const KINDS: [&str; 1] = ["webhook.disabled"];

pub(super) fn en(kind: &str, f: &Facts) -> Option<Text> {
    if kind != "webhook.disabled" {
        return None;
    }
    let why = match f.word("why") {
        "gone" => "It answered that it is gone for good (410).",
        _ => "Nothing but failures came of it for five days.",
    };
    Some(says(
        "A webhook endpoint was disabled",
        [
            f.text("host").map(|host| format!("Endpoint: {host}")),
            line(why),
            f.time("since").map(|since| format!("Failing since: {since}")),
            line("Events are kept for none but enabled endpoints. Enable it and send again what failed."),
        ],
    ))
}

pub(super) fn ko(kind: &str, f: &Facts) -> Option<Text> {
    if kind != "webhook.disabled" {
        return None;
    }
    let why = match f.word("why") {
        "gone" => "영구히 사라졌다는 응답(410)을 받았습니다.",
        _ => "5일 동안 전송이 모두 실패했습니다.",
    };
    Some(says(
        "웹훅 수신 주소를 비활성화했습니다",
        [
            f.text("host").map(|host| format!("수신 주소: {host}")),
            line(why),
            f.time("since").map(|since| format!("실패 시작: {since}")),
            line("활성 상태인 주소에만 이벤트가 쌓입니다. 다시 활성화한 뒤 실패한 전송을 재전송해 주세요."),
        ],
    ))
}
