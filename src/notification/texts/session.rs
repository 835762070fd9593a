//! Texts about the live session and its extensions, in both languages.

use super::Text;
use super::facts::{Facts, line, says};

pub(super) fn en(kind: &str, f: &Facts) -> Option<Text> {
    let session = f.session();
    Some(match (kind, is_extension(f)) {
        ("session.waiting", _) => says(
            if f.word("side") == "mentor" { "Your mentor is waiting" } else { "Your mentee is waiting" },
            [session, line("Come in: the room is open.")],
        ),
        ("reservation.ended_early", _) => says(
            "The session was ended by both sides",
            [
                session,
                line(if f.is_mentor() {
                    "Well done. You will soon hear what you have earned."
                } else {
                    "Thank you for using Konnect."
                }),
            ],
        ),
        ("reservation.reserved", true) => says(
            if f.is_mentor() { "Your mentee asks for more time" } else { "You asked for more time" },
            [
                session,
                f.some_won("price").map(|won| format!("Price: {won}")),
                line(if f.is_mentor() {
                    "Approve it, give it for nothing, or decline, before the session ends."
                } else {
                    "Nothing is charged before the mentor approves."
                }),
            ],
        ),
        ("reservation.confirmed", true) => {
            says("Your session is extended", [session, line("Stay in the room: it goes on there.")])
        }
        _ => return None,
    })
}

pub(super) fn ko(kind: &str, f: &Facts) -> Option<Text> {
    let session = f.session();
    Some(match (kind, is_extension(f)) {
        ("session.waiting", _) => says(
            if f.word("side") == "mentor" {
                "멘토가 기다리고 있습니다"
            } else {
                "멘티가 기다리고 있습니다"
            },
            [session, line("지금 입장할 수 있습니다.")],
        ),
        ("reservation.ended_early", _) => says(
            "양쪽의 동의로 세션을 일찍 마쳤습니다",
            [
                session,
                line(if f.is_mentor() {
                    "수고하셨습니다. 정산 내역을 곧 알려 드립니다."
                } else {
                    "이용해 주셔서 감사합니다."
                }),
            ],
        ),
        ("reservation.reserved", true) => says(
            if f.is_mentor() {
                "멘티가 시간 연장을 요청했습니다"
            } else {
                "시간 연장을 요청했습니다"
            },
            [
                session,
                f.some_won("price").map(|won| format!("연장 금액: {won}")),
                line(if f.is_mentor() {
                    "세션이 끝나기 전에 승인하거나, 무료로 제공하거나, 거절해 주세요."
                } else {
                    "멘토가 승인하기 전에는 결제되지 않습니다."
                }),
            ],
        ),
        ("reservation.confirmed", true) => {
            says("세션이 연장되었습니다", [session, line("같은 방에서 그대로 이어집니다.")])
        }
        _ => return None,
    })
}

/// Whether the reservation extends a session.
fn is_extension(f: &Facts) -> bool {
    f.data["extends"].is_string()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::render;
    use crate::user::{Locale, TimeZone};

    fn title(kind: &str, data: &Value) -> String {
        let zone: TimeZone = "Asia/Seoul".parse().expect("a zone");
        render(kind, data, Locale::En, zone).title
    }

    #[test]
    fn whoever_is_waited_for_reads_who_waits() {
        assert_eq!(
            title("session.waiting", &json!({ "side": "mentor", "role": "mentee" })),
            "Your mentor is waiting"
        );
        assert_eq!(
            title("session.waiting", &json!({ "side": "mentee", "role": "mentor" })),
            "Your mentee is waiting"
        );
    }

    #[test]
    fn an_extension_is_no_new_booking() {
        let plain = json!({ "role": "mentor", "state": "requested", "extends": null });
        let more = json!({ "role": "mentor", "state": "requested", "extends": "0197" });
        assert_ne!(title("reservation.reserved", &plain), title("reservation.reserved", &more));
        assert_eq!(title("reservation.confirmed", &more), "Your session is extended");
        assert_eq!(title("reservation.confirmed", &plain), "Your session is confirmed");
    }
}
