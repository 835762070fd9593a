//! Texts about the reader's mailbox, in both languages.

use super::Text;
use super::facts::{line, says};

pub(super) fn en(kind: &str) -> Option<Text> {
    Some(match kind {
        "mail.undeliverable" => says(
            "We cannot send you e-mail",
            [
                line(
                    "Your mail server refuses our mails, so we have stopped sending them. Your notices are here.",
                ),
                line("When it takes mail again, switch e-mail on in your notice settings."),
            ],
        ),
        _ => return None,
    })
}

pub(super) fn ko(kind: &str) -> Option<Text> {
    Some(match kind {
        "mail.undeliverable" => says(
            "이메일을 보내지 못하고 있습니다",
            [
                line(
                    "메일 서버가 수신을 거부하여 이메일 발송을 멈췄습니다. 알림은 이곳에서 확인할 수 있습니다.",
                ),
                line("다시 받을 수 있게 되면 알림 설정에서 이메일을 켜 주세요."),
            ],
        ),
        _ => return None,
    })
}
