//! Texts about the safety of an account, in both languages.

use super::Text;
use super::facts::{Facts, line, says};

/// Every kind about the safety of the account.
pub(super) const KINDS: &[&str] = &[
    "security.new_login",
    "security.token_reused",
    "security.email_code",
    "security.email_in_use",
    "security.email_changed",
    "security.email_moved",
    "security.email_restored",
    "security.password_changed",
    "security.identity_linked",
    "security.identity_unlinked",
    "security.factor_on",
    "security.factor_off",
    "security.recovery_code_used",
    "security.leaving",
];

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
        "security.email_code" => says(
            match f.word("purpose") {
                "register" => "Your code to join Konnect",
                "reset" => "Your code for a new password",
                "change" => "Your code for your new address",
                _ => "Your code to confirm this address",
            },
            [
                f.text("code").map(|code| format!("Code: {code}")),
                line("It is good for 10 minutes. We never ask you for it: give it to nobody."),
                line("If you did not ask for it, ignore this mail. Nothing has changed."),
            ],
        ),
        "security.email_in_use" => says(
            "Somebody wanted to use your address",
            [
                at,
                line(
                    "It was asked for as the new address of another account. Yours has it, so nothing has changed.",
                ),
                line("If it was you, log in with this address, or delete that account first."),
            ],
        ),
        "security.email_changed" => says(
            "Your account has a new address",
            [
                at,
                line("You log in with it, and our mails come to it. Your other logins were ended."),
                line("If it was not you, look for our mail in your old mailbox: it takes the account back."),
            ],
        ),
        "security.email_moved" => says(
            "Your account has another address now",
            [
                at,
                line("You no longer log in with this one, and our mails go to the new one."),
                line("If it was you, there is nothing to do."),
                f.time("until").map(|until| format!("If it was not you, take the account back by {until}:")),
                line("Every login ends, and you set a new password by a code that we mail to you here."),
            ],
        ),
        "security.email_restored" => says(
            "Your account has its old address again",
            [
                at,
                line("Every login was ended, and the password is good no longer."),
                line(
                    "Set a new password by a mailed code, then look at your ways in and your payout account.",
                ),
            ],
        ),
        "security.password_changed" => says(
            "Your password was changed",
            [
                at,
                line("Your other logins were ended."),
                line("If it was not you, set a new password at once and write to us."),
            ],
        ),
        "security.identity_linked" => says(
            "Your account has another way in",
            [
                at,
                provider(f),
                line("If it was not you, remove it in your profile and set a new password at once."),
            ],
        ),
        "security.identity_unlinked" => says(
            "A way into your account was removed",
            [at, provider(f), line("If it was not you, set a new password at once and write to us.")],
        ),
        "security.factor_on" => says(
            "Your account has a second factor",
            [
                at,
                line(
                    "From now on a login needs a code of your app. Keep the recovery codes where you find them.",
                ),
            ],
        ),
        "security.factor_off" => says(
            "Your account has no second factor any more",
            [at, line("If it was not you, set a new password at once and write to us.")],
        ),
        "security.recovery_code_used" => says(
            "A recovery code was used",
            [
                at,
                f.text("left").map(|left| format!("Codes left: {left}")),
                line("If it was not you, set a new password at once and write to us."),
            ],
        ),
        "security.leaving" => says(
            "Your account will be deleted",
            [
                f.time("until").map(|until| format!("On: {until}")),
                line("Until then you can log in and keep it."),
                line("If it was not you, log in, set a new password and write to us."),
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
        "security.email_code" => says(
            match f.word("purpose") {
                "register" => "Konnect 가입 인증번호",
                "reset" => "새 비밀번호를 위한 인증번호",
                "change" => "새 이메일 주소를 위한 인증번호",
                _ => "이메일 확인 인증번호",
            },
            [
                f.text("code").map(|code| format!("인증번호: {code}")),
                line(
                    "10분 동안 쓸 수 있습니다. Konnect는 인증번호를 묻지 않으니 누구에게도 알려 주지 마세요.",
                ),
                line("요청하지 않았다면 이 메일을 무시하세요. 바뀐 것은 없습니다."),
            ],
        ),
        "security.email_in_use" => says(
            "다른 계정에서 이 이메일 주소를 쓰려고 했습니다",
            [
                at,
                line(
                    "다른 계정의 새 이메일로 요청되었습니다. 이미 회원님의 계정이 쓰고 있어 바뀐 것은 없습니다.",
                ),
                line("본인이 요청했다면 이 주소로 로그인하거나 그 계정을 먼저 탈퇴해 주세요."),
            ],
        ),
        "security.email_changed" => says(
            "이메일 주소가 변경되었습니다",
            [
                at,
                line("이제 이 주소로 로그인하고 안내를 받습니다. 다른 로그인은 모두 종료했습니다."),
                line("본인이 아니라면 이전 메일함에서 안내 메일을 찾아 계정을 되찾아 주세요."),
            ],
        ),
        "security.email_moved" => says(
            "계정의 이메일 주소가 다른 주소로 변경되었습니다",
            [
                at,
                line("이제 이 주소로는 로그인할 수 없고, 안내는 새 주소로 보냅니다."),
                line("본인이 변경했다면 아무것도 하지 않아도 됩니다."),
                f.time("until")
                    .map(|until| format!("본인이 아니라면 {until}까지 계정을 되찾을 수 있습니다.")),
                line(
                    "되찾으면 모든 로그인이 종료되고, 이 주소로 받은 인증번호로 비밀번호를 다시 설정합니다.",
                ),
            ],
        ),
        "security.email_restored" => says(
            "이전 이메일 주소로 되돌렸습니다",
            [
                at,
                line("모든 로그인을 종료했고 비밀번호는 더 이상 쓸 수 없습니다."),
                line("인증번호로 비밀번호를 다시 설정한 뒤 로그인 방법과 정산 계좌를 확인해 주세요."),
            ],
        ),
        "security.password_changed" => says(
            "비밀번호가 변경되었습니다",
            [
                at,
                line("다른 로그인은 모두 종료했습니다."),
                line("본인이 아니라면 바로 비밀번호를 다시 설정하고 알려 주세요."),
            ],
        ),
        "security.identity_linked" => says(
            "새 로그인 방법이 연결되었습니다",
            [
                at,
                provider(f),
                line("본인이 아니라면 프로필에서 연결을 끊고 바로 비밀번호를 다시 설정해 주세요."),
            ],
        ),
        "security.identity_unlinked" => says(
            "로그인 방법의 연결을 끊었습니다",
            [at, provider(f), line("본인이 아니라면 바로 비밀번호를 다시 설정하고 알려 주세요.")],
        ),
        "security.factor_on" => says(
            "2단계 인증을 시작했습니다",
            [at, line("이제 로그인할 때 앱의 인증번호가 필요합니다. 복구 코드를 안전한 곳에 보관해 주세요.")],
        ),
        "security.factor_off" => says(
            "2단계 인증을 해제했습니다",
            [at, line("본인이 아니라면 바로 비밀번호를 다시 설정하고 알려 주세요.")],
        ),
        "security.recovery_code_used" => says(
            "복구 코드로 인증했습니다",
            [
                at,
                f.text("left").map(|left| format!("남은 복구 코드: {left}개")),
                line("본인이 아니라면 바로 비밀번호를 다시 설정하고 알려 주세요."),
            ],
        ),
        "security.leaving" => says(
            "계정이 삭제될 예정입니다",
            [
                f.time("until").map(|until| format!("삭제 예정: {until}")),
                line("그 전에 로그인하면 계정을 유지할 수 있습니다."),
                line("본인이 아니라면 로그인해서 비밀번호를 바꾸고 알려 주세요."),
            ],
        ),
        _ => return None,
    })
}

/// The provider, as it writes itself; an issuer, as the operator calls it.
fn provider(f: &Facts) -> Option<String> {
    match f.word("provider") {
        "google" => line("Google"),
        "kakao" => line("Kakao"),
        "naver" => line("Naver"),
        _ => f.text("provider"),
    }
}
