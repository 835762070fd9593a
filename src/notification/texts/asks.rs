//! Texts that ask somebody to do something: pay before the hold ends, say what a session was like, read a message,
//! look at a time that is another one now.

use super::Text;
use super::facts::{Facts, line, says};

pub(super) fn en(kind: &str, f: &Facts) -> Option<Text> {
    Some(match kind {
        "reservation.hold_ending" => says(
            "The time to pay ends soon",
            [f.session(), f.hold_until().map(|at| format!("Pay by {at}, or it opens for others."))],
        ),
        "reservation.clock_changed" => says(
            "Please check the time of your session",
            [
                f.session(),
                shift(f).map(|(zone, was, is)| {
                    format!("The clocks of {zone} follow a new rule: there it begins at {is}, not at {was}.")
                }),
                line(
                    "The session itself was not moved. If the time does not suit you any more, tell the other side, or cancel it.",
                ),
            ],
        ),
        "chat.messages" => says(
            if f.is_mentor() { "Your mentee wrote to you" } else { "Your mentor wrote to you" },
            [f.session(), line("Read it in the chat of your booking.")],
        ),
        "review.requested" => says(
            if f.is_mentor() { "How was your mentee?" } else { "How was your session?" },
            [f.session(), line("Tell us in a minute: your review helps others to choose.")],
        ),
        _ => return None,
    })
}

pub(super) fn ko(kind: &str, f: &Facts) -> Option<Text> {
    Some(match kind {
        "reservation.hold_ending" => says(
            "결제 시간이 곧 끝납니다",
            [
                f.session(),
                f.hold_until().map(|at| format!("{at}까지 결제하지 않으면 이 시간은 다시 열립니다.")),
            ],
        ),
        "reservation.clock_changed" => says(
            "세션 시각을 확인해 주세요",
            [
                f.session(),
                shift(f).map(|(zone, was, is)| {
                    format!("{zone} 시간대의 규칙이 바뀌어 현지 시각이 {was}에서 {is}로 달라졌습니다.")
                }),
                line(
                    "세션 자체는 옮겨지지 않았습니다. 시간이 맞지 않으면 상대방과 상의하거나 예약을 취소해 주세요.",
                ),
            ],
        ),
        "chat.messages" => says(
            if f.is_mentor() {
                "멘티가 메시지를 보냈습니다"
            } else {
                "멘토가 메시지를 보냈습니다"
            },
            [f.session(), line("예약의 채팅에서 읽을 수 있습니다.")],
        ),
        "review.requested" => says(
            if f.is_mentor() {
                "멘티와의 세션은 어떠셨나요?"
            } else {
                "세션은 어떠셨나요?"
            },
            [f.session(), line("후기를 남겨 주세요. 다른 분들의 선택에 도움이 됩니다.")],
        ),
        _ => return None,
    })
}

/// The zone whose clocks changed, and what they showed and show.
fn shift(f: &Facts) -> Option<(String, String, String)> {
    Some((f.text("timeZone")?, f.text("was")?, f.text("is")?))
}
