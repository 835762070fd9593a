//! Texts that ask somebody to do something in time: pay before the hold ends, say what a session was like.

use super::Text;
use super::facts::{Facts, line, says};

pub(super) fn en(kind: &str, f: &Facts) -> Option<Text> {
    Some(match kind {
        "reservation.hold_ending" => says(
            "The time to pay ends soon",
            [f.session(), f.hold_until().map(|at| format!("Pay by {at}, or it opens for others."))],
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
