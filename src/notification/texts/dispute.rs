//! Texts about disputes and no-shows, in both languages.

use super::Text;
use super::facts::{Facts, line, says};

pub(super) fn en(kind: &str, f: &Facts) -> Option<Text> {
    let session = f.session();
    let reason = f.reason().map(|reason| format!("Reason: {reason}"));
    let refund = f.some_won("refund").map(|won| match f.is_mentor() {
        true => format!("To be given back to the mentee: {won}"),
        false => format!("To be refunded: {won}"),
    });
    Some(match kind {
        "reservation.no_show" => says(
            match who(f, "absent") {
                Who::Reader => "You were marked as absent",
                Who::Other => "The other side was marked as absent",
                Who::Nobody => "Nobody came to the session",
            },
            [
                session,
                reason,
                line(match f.data["absent"].as_str() {
                    Some("mentee") => "The mentor is paid for the session.",
                    Some("mentor") => "Everything is refunded to the mentee.",
                    _ => "We will look at it before any money moves.",
                }),
                line("If this is not right, open a dispute before the time to report a problem is over."),
            ],
        ),
        "reservation.no_show_reported" => says(
            "The other side says that somebody did not come",
            [session, line("If this is not right, say who was there, or write to us.")],
        ),
        "dispute.opened" => {
            let title = match who(f, "openedBy") {
                Who::Reader => "Your dispute is open",
                Who::Other => "A problem with a session was reported",
                Who::Nobody => "We are reviewing a session",
            };
            let what = match who(f, "openedBy") {
                Who::Reader => "The other side can answer",
                Who::Other => "Please answer",
                Who::Nobody => "Please show what happened",
            };
            let until = f.time("deadline").map(|at| format!("{what} by {at}."));
            says(title, [session, f.some_won("claim").map(|won| format!("Claimed: {won}")), until])
        }
        "dispute.answered" => says(
            "A dispute was answered",
            [
                session,
                f.some_won("offer").map(|won| format!("Offered: {won}")),
                f.time("deadline").map(|at| format!("Both sides can show evidence until {at}.")),
            ],
        ),
        "dispute.in_review" => {
            says("A dispute is being decided", [session, line("You will hear when it is decided.")])
        }
        "dispute.accepted" => says("The dispute was settled by agreement", [session, refund]),
        "dispute.decided" => says(
            "The dispute was decided",
            [
                session,
                line(match f.data["outcome"].as_str() {
                    Some("upheld") => "The claim was upheld.",
                    Some("partly") => "The claim was upheld in part.",
                    _ => "The claim was dismissed.",
                }),
                reason,
                refund,
                f.some_won("compensation")
                    .filter(|_| f.is_mentor())
                    .map(|won| format!("Added to your earnings, before fees: {won}")),
            ],
        ),
        "dispute.withdrawn" => says("The dispute was withdrawn", [session]),
        _ => return None,
    })
}

pub(super) fn ko(kind: &str, f: &Facts) -> Option<Text> {
    let session = f.session();
    let reason = f.reason().map(|reason| format!("사유: {reason}"));
    let refund = f.some_won("refund").map(|won| match f.is_mentor() {
        true => format!("멘티에게 환불될 금액: {won}"),
        false => format!("환불 예정 금액: {won}"),
    });
    Some(match kind {
        "reservation.no_show" => says(
            match who(f, "absent") {
                Who::Reader => "불참으로 처리되었습니다",
                Who::Other => "상대방이 불참으로 처리되었습니다",
                Who::Nobody => "세션에 아무도 참석하지 않았습니다",
            },
            [
                session,
                reason,
                line(match f.data["absent"].as_str() {
                    Some("mentee") => "멘토에게 세션 금액이 정산됩니다.",
                    Some("mentor") => "멘티에게 전액 환불됩니다.",
                    _ => "확인이 끝날 때까지 금액은 그대로 보관됩니다.",
                }),
                line("사실과 다르면 문제 신고 기간 안에 이의를 제기해 주세요."),
            ],
        ),
        "reservation.no_show_reported" => says(
            "상대방이 불참을 신고했습니다",
            [session, line("사실과 다르면 참석 여부를 알려 주시거나 고객센터로 문의해 주세요.")],
        ),
        "dispute.opened" => {
            let title = match who(f, "openedBy") {
                Who::Reader => "분쟁을 접수했습니다",
                Who::Other => "세션에 대한 문제가 신고되었습니다",
                Who::Nobody => "세션을 확인하고 있습니다",
            };
            let what = match who(f, "openedBy") {
                Who::Reader => "상대방이 답변할 수 있습니다.",
                Who::Other => "답변해 주세요.",
                Who::Nobody => "있었던 일을 알려 주세요.",
            };
            let until = f.time("deadline").map(|at| format!("{at}까지 {what}"));
            says(title, [session, f.some_won("claim").map(|won| format!("요구 금액: {won}")), until])
        }
        "dispute.answered" => says(
            "분쟁에 답변이 등록되었습니다",
            [
                session,
                f.some_won("offer").map(|won| format!("제안 금액: {won}")),
                f.time("deadline").map(|at| format!("{at}까지 양쪽 모두 증거를 제출할 수 있습니다.")),
            ],
        ),
        "dispute.in_review" => says("분쟁을 검토하고 있습니다", [session, line("결정되면 알려 드립니다.")]),
        "dispute.accepted" => says("분쟁이 합의로 끝났습니다", [session, refund]),
        "dispute.decided" => says(
            "분쟁이 결정되었습니다",
            [
                session,
                line(match f.data["outcome"].as_str() {
                    Some("upheld") => "요구가 받아들여졌습니다.",
                    Some("partly") => "요구가 일부 받아들여졌습니다.",
                    _ => "요구가 받아들여지지 않았습니다.",
                }),
                reason,
                refund,
                f.some_won("compensation")
                    .filter(|_| f.is_mentor())
                    .map(|won| format!("정산에 더해질 금액(수수료 차감 전): {won}")),
            ],
        ),
        "dispute.withdrawn" => says("분쟁이 취하되었습니다", [session]),
        _ => return None,
    })
}

/// Whom a fact names, seen by the reader.
enum Who {
    Reader,
    Other,
    /// No side, or both.
    Nobody,
}

fn who(f: &Facts, key: &str) -> Who {
    match (f.data[key].as_str(), f.is_mentor()) {
        (Some("mentor"), true) | (Some("mentee"), false) => Who::Reader,
        (Some("mentor"), false) | (Some("mentee"), true) => Who::Other,
        _ => Who::Nobody,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::render;
    use crate::user::{Locale, TimeZone};

    fn title(kind: &str, key: &str, party: &str, role: &str) -> String {
        let zone: TimeZone = "Asia/Seoul".parse().expect("a zone");
        render(kind, &json!({ key: party, "role": role }), Locale::En, zone).title
    }

    #[test]
    fn each_side_reads_what_is_its_own() {
        assert_eq!(title("reservation.no_show", "absent", "mentor", "mentor"), "You were marked as absent");
        assert_eq!(
            title("reservation.no_show", "absent", "mentor", "mentee"),
            "The other side was marked as absent"
        );
        assert_eq!(title("reservation.no_show", "absent", "both", "mentee"), "Nobody came to the session");
        assert_eq!(title("dispute.opened", "openedBy", "mentee", "mentee"), "Your dispute is open");
        assert_eq!(
            title("dispute.opened", "openedBy", "mentee", "mentor"),
            "A problem with a session was reported"
        );
        assert_eq!(title("dispute.opened", "openedBy", "platform", "mentor"), "We are reviewing a session");
    }
}
