//! Texts about having a booking at another time, in both languages.

use super::Text;
use super::facts::{Facts, line, says};

pub(super) fn en(kind: &str, f: &Facts) -> Option<Text> {
    let session = f.session();
    let asked = f.time("toStartsAt").map(|at| format!("Proposed: {at}"));
    let stays = line("The booking stays where it is.");
    let reason = f.reason().map(|reason| format!("Reason: {reason}"));
    Some(match kind {
        "reservation.reschedule_proposed" if is_readers(f) => says(
            "You proposed another time",
            [session, asked, f.time("answerBy").map(|at| format!("The other side answers by {at}."))],
        ),
        "reservation.reschedule_proposed" => says(
            if f.is_mentor() {
                "Your mentee proposes another time"
            } else {
                "Your mentor proposes another time"
            },
            [
                session,
                asked,
                reason,
                f.time("answerBy")
                    .map(|at| format!("Please answer by {at}; otherwise it stays where it is.")),
            ],
        ),
        "reservation.rescheduled" => says(
            "The session has another time",
            [
                session,
                f.time("fromStartsAt").map(|at| format!("Before: {at}")),
                line("Nothing is to be paid again."),
            ],
        ),
        "reservation.reschedule_declined" => says(
            if is_readers(f) { "The other time was declined" } else { "You declined another time" },
            [session, asked, reason, stays],
        ),
        "reservation.reschedule_withdrawn" => says(
            if is_readers(f) {
                "You took your proposal back"
            } else {
                "The proposal of another time was taken back"
            },
            [session, asked, stays],
        ),
        "reservation.reschedule_expired" => {
            says("Nobody answered the proposal of another time", [session, asked, stays])
        }
        _ => return None,
    })
}

pub(super) fn ko(kind: &str, f: &Facts) -> Option<Text> {
    let session = f.session();
    let asked = f.time("toStartsAt").map(|at| format!("제안한 시간: {at}"));
    let stays = line("예약은 원래 시간 그대로입니다.");
    let reason = f.reason().map(|reason| format!("사유: {reason}"));
    Some(match kind {
        "reservation.reschedule_proposed" if is_readers(f) => says(
            "시간 변경을 제안했습니다",
            [session, asked, f.time("answerBy").map(|at| format!("상대방이 {at}까지 답할 수 있습니다."))],
        ),
        "reservation.reschedule_proposed" => says(
            if f.is_mentor() {
                "멘티가 시간 변경을 제안했습니다"
            } else {
                "멘토가 시간 변경을 제안했습니다"
            },
            [
                session,
                asked,
                reason,
                f.time("answerBy")
                    .map(|at| format!("{at}까지 답해 주세요. 답이 없으면 원래 시간 그대로 진행합니다.")),
            ],
        ),
        "reservation.rescheduled" => says(
            "세션 시간이 변경되었습니다",
            [
                session,
                f.time("fromStartsAt").map(|at| format!("이전 시간: {at}")),
                line("다시 결제하실 필요는 없습니다."),
            ],
        ),
        "reservation.reschedule_declined" => says(
            if is_readers(f) {
                "시간 변경 제안이 거절되었습니다"
            } else {
                "시간 변경 제안을 거절했습니다"
            },
            [session, asked, reason, stays],
        ),
        "reservation.reschedule_withdrawn" => says(
            if is_readers(f) {
                "시간 변경 제안을 거두었습니다"
            } else {
                "상대방이 시간 변경 제안을 거두었습니다"
            },
            [session, asked, stays],
        ),
        "reservation.reschedule_expired" => says("시간 변경 제안에 답이 없었습니다", [session, asked, stays]),
        _ => return None,
    })
}

/// Whether the reader is the one who proposed it.
fn is_readers(f: &Facts) -> bool {
    f.word("by") == if f.is_mentor() { "mentor" } else { "mentee" }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::render;
    use crate::user::{Locale, TimeZone};

    #[test]
    fn each_side_reads_whose_proposal_it_is() {
        let zone: TimeZone = "Asia/Seoul".parse().expect("a zone");
        let title = |by: &str, role: &str| {
            let data = json!({ "by": by, "role": role, "toStartsAt": "2026-11-24T05:00:00Z" });
            let text = render("reservation.reschedule_proposed", &data, Locale::En, zone);
            assert!(text.body.contains("2026-11-24 (Tue) 14:00 KST"), "{}", text.body);
            text.title
        };
        assert_eq!(title("mentor", "mentor"), "You proposed another time");
        assert_eq!(title("mentor", "mentee"), "Your mentor proposes another time");
        assert_eq!(title("mentee", "mentor"), "Your mentee proposes another time");
    }
}
