//! Texts about reviews, in both languages. What a review says stands in none of them.

use super::Text;
use super::facts::{Facts, line, says};

pub(super) fn en(kind: &str, f: &Facts) -> Option<Text> {
    let session = f.session();
    let is_reply = f.word("part") == "reply";
    Some(match kind {
        "review.received" => says(
            "The other side has reviewed your session",
            [
                session,
                line("You will read it as soon as you have written your own review."),
                f.time("publishAt").map(|at| format!("You can write until {at}; then it is published.")),
            ],
        ),
        "review.published" => says(
            "The reviews of your session are published",
            [
                session,
                match stars(f, !f.is_mentor()) {
                    Some(stars) => Some(format!("About you: {stars}")),
                    None => line("The other side has written none."),
                },
                stars(f, f.is_mentor()).map(|stars| format!("By you: {stars}")),
            ],
        ),
        "review.replied" => says("Your review was replied to", [session]),
        "review.hidden" => says(
            if is_reply { "Your reply was hidden" } else { "Your review was hidden" },
            [
                session,
                line(match f.word("why") {
                    "abusive" => "It insults or threatens.",
                    "personal_data" => "It tells personal data.",
                    "illegal" => "It must not be published by law.",
                    "off_topic" => "It is not about the session.",
                    "fake" => "It is not taken for your own experience.",
                    "spam" => "It is advertising.",
                    _ => "It breaks our rules.",
                }),
                f.reason().map(|reason| format!("Reason: {reason}")),
                if is_reply {
                    None
                } else if matches!(f.word("why"), "off_topic" | "fake" | "spam") {
                    line("Its stars no longer count.")
                } else {
                    line("Its stars still count.")
                },
            ],
        ),
        "review.restored" => says(
            if is_reply { "Your reply is shown again" } else { "Your review is shown again" },
            [session, f.reason().map(|reason| format!("Reason: {reason}"))],
        ),
        _ => return None,
    })
}

pub(super) fn ko(kind: &str, f: &Facts) -> Option<Text> {
    let session = f.session();
    let is_reply = f.word("part") == "reply";
    Some(match kind {
        "review.received" => says(
            "상대방이 세션 후기를 남겼습니다",
            [
                session,
                line("내 후기를 작성하면 바로 확인할 수 있습니다."),
                f.time("publishAt").map(|at| format!("{at}까지 작성할 수 있으며, 그 뒤에 공개됩니다.")),
            ],
        ),
        "review.published" => says(
            "세션 후기가 공개되었습니다",
            [
                session,
                match stars(f, !f.is_mentor()) {
                    Some(stars) => Some(format!("받은 후기: {stars}")),
                    None => line("상대방은 후기를 남기지 않았습니다."),
                },
                stars(f, f.is_mentor()).map(|stars| format!("작성한 후기: {stars}")),
            ],
        ),
        "review.replied" => says("내 후기에 답글이 달렸습니다", [session]),
        "review.hidden" => says(
            if is_reply {
                "내 답글이 숨김 처리되었습니다"
            } else {
                "내 후기가 숨김 처리되었습니다"
            },
            [
                session,
                line(match f.word("why") {
                    "abusive" => "모욕이나 위협이 담겨 있습니다.",
                    "personal_data" => "개인정보가 담겨 있습니다.",
                    "illegal" => "법에 따라 공개할 수 없는 내용입니다.",
                    "off_topic" => "세션과 관련 없는 내용입니다.",
                    "fake" => "실제 경험에 따른 후기로 보기 어렵습니다.",
                    "spam" => "광고성 내용입니다.",
                    _ => "운영 정책에 맞지 않습니다.",
                }),
                f.reason().map(|reason| format!("사유: {reason}")),
                if is_reply {
                    None
                } else if matches!(f.word("why"), "off_topic" | "fake" | "spam") {
                    line("별점은 더 이상 평점에 반영되지 않습니다.")
                } else {
                    line("별점은 그대로 평점에 반영됩니다.")
                },
            ],
        ),
        "review.restored" => says(
            if is_reply {
                "내 답글이 다시 공개되었습니다"
            } else {
                "내 후기가 다시 공개되었습니다"
            },
            [session, f.reason().map(|reason| format!("사유: {reason}"))],
        ),
        _ => return None,
    })
}

/// The stars that one side gave, such as `★★★★☆`.
fn stars(f: &Facts, by_mentor: bool) -> Option<String> {
    let given = f.data[if by_mentor { "starsByMentor" } else { "starsByMentee" }].as_u64()?;
    let given = usize::try_from(given).ok().filter(|given| (1..=5).contains(given))?;
    Some(format!("{}{}", "★".repeat(given), "☆".repeat(5 - given)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::render;
    use crate::user::{Locale, TimeZone};

    #[test]
    fn each_side_reads_what_was_given_to_it_and_by_it() {
        let body = |role: &str, locale| {
            let zone: TimeZone = "Asia/Seoul".parse().expect("a zone");
            let data = json!({ "role": role, "starsByMentee": 4, "starsByMentor": null });
            render("review.published", &data, locale, zone).body
        };
        assert_eq!(body("mentor", Locale::En), "About you: ★★★★☆");
        assert_eq!(body("mentee", Locale::En), "The other side has written none.\nBy you: ★★★★☆");
        assert_eq!(body("mentor", Locale::Ko), "받은 후기: ★★★★☆");
    }

    #[test]
    fn whoever_is_hidden_hears_whether_their_stars_count() {
        let body = |part: &str, why: &str| {
            let data = json!({ "part": part, "why": why, "reason": "see the rules" });
            render("review.hidden", &data, Locale::En, "UTC".parse().expect("a zone")).body
        };
        assert!(body("review", "abusive").ends_with("Reason: see the rules\nIts stars still count."));
        assert!(body("review", "spam").ends_with("Its stars no longer count."));
        assert!(body("reply", "spam").ends_with("Reason: see the rules"));
    }
}
