//! Texts about the safety of an account, in both languages.

use super::Text;
use super::facts::{Facts, line, says};

/// Every kind about the safety of the account.
pub(super) const KINDS: [&str; 2] = ["security.new_login", "security.token_reused"];

pub(super) fn en(kind: &str, f: &Facts) -> Option<Text> {
    let at = f.time("at").map(|at| format!("When: {at}"));
    Some(match kind {
        "security.new_login" => says(
            "A new device logged in to your account",
            [
                at,
                f.text("device").map(|device| format!("Device: {device}")),
                line("If it was not you, end that login in your profile and write to us at once."),
            ],
        ),
        "security.token_reused" => says(
            "We ended one of your logins for your safety",
            [
                at,
                line(
                    "Somebody else may have had a copy of it. Log in again, and look at the list of your logins.",
                ),
            ],
        ),
        _ => return None,
    })
}

pub(super) fn ko(kind: &str, f: &Facts) -> Option<Text> {
    let at = f.time("at").map(|at| format!("시각: {at}"));
    Some(match kind {
        "security.new_login" => says(
            "새 기기에서 로그인했습니다",
            [
                at,
                f.text("device").map(|device| format!("기기: {device}")),
                line("본인이 아니라면 프로필에서 그 로그인을 종료하고 바로 알려 주세요."),
            ],
        ),
        "security.token_reused" => says(
            "안전을 위해 로그인을 종료했습니다",
            [
                at,
                line(
                    "다른 사람이 로그인 정보를 가졌을 수 있습니다. 다시 로그인하고 로그인 목록을 확인해 주세요.",
                ),
            ],
        ),
        _ => return None,
    })
}
