//! Texts about payments by bank transfer: the account to pay into, and a deposit that the bank took back.

use super::Text;
use super::facts::{Facts, line, says};

pub(super) fn en(kind: &str, f: &Facts) -> Option<Text> {
    Some(match kind {
        "payment.deposit_awaited" => says(
            "Please transfer the money to this account",
            [
                f.session(),
                account(f, |(_, en)| en).map(|account| format!("Account: {account}")),
                f.won("amount").map(|won| format!("Amount: {won}")),
                f.time("payBy").map(|at| format!("Pay by {at}. Your slot is held until then.")),
            ],
        ),
        "payment.reversed" => says(
            "Your transfer was taken back by the bank",
            [
                f.session(),
                line("The session is not paid now. Please transfer the money again or contact support."),
            ],
        ),
        "reservation.capture_reversed" if f.is_mentor() => says(
            "A payment was taken back",
            [
                f.session(),
                line(
                    "The mentee's bank took the transfer back. The session is not confirmed until it is paid.",
                ),
            ],
        ),
        "reservation.capture_reversed" => says(
            "Your transfer was taken back by the bank",
            [
                f.session(),
                line("Your booking is not confirmed any more."),
                f.hold_until().map(|at| format!("Pay by {at} to keep your slot.")),
            ],
        ),
        _ => return None,
    })
}

pub(super) fn ko(kind: &str, f: &Facts) -> Option<Text> {
    Some(match kind {
        "payment.deposit_awaited" => says(
            "아래 계좌로 입금해 주세요",
            [
                f.session(),
                account(f, |(ko, _)| ko).map(|account| format!("입금 계좌: {account}")),
                f.won("amount").map(|won| format!("입금 금액: {won}")),
                f.time("payBy").map(|at| format!("입금 기한: {at}. 그때까지 시간을 잡아 둡니다.")),
            ],
        ),
        "payment.reversed" => says(
            "은행에서 입금이 취소되었습니다",
            [f.session(), line("현재 결제되지 않은 세션입니다. 다시 입금하시거나 고객센터로 문의해 주세요.")],
        ),
        "reservation.capture_reversed" if f.is_mentor() => says(
            "입금이 취소된 예약이 있습니다",
            [
                f.session(),
                line("은행에서 멘티의 입금이 취소되어, 다시 결제될 때까지 예약이 확정되지 않습니다."),
            ],
        ),
        "reservation.capture_reversed" => says(
            "은행에서 입금이 취소되었습니다",
            [
                f.session(),
                line("예약 확정이 해제되었습니다."),
                f.hold_until().map(|at| format!("{at}까지 다시 결제하면 시간을 유지할 수 있습니다.")),
            ],
        ),
        _ => return None,
    })
}

/// Bank, number and holder, as far as they are known.
fn account(f: &Facts, name: impl Fn((&'static str, &'static str)) -> &'static str) -> Option<String> {
    let number = f.text("accountNumber")?;
    let bank = f.text("bank").map(|code| bank(&code).map_or(code, |names| name(names).to_owned()));
    Some([bank, Some(number), f.text("holder")].into_iter().flatten().collect::<Vec<_>>().join(" "))
}

/// The name of a bank by its two digits, in Korean and English. A bank that is not here is shown by its code.
fn bank(code: &str) -> Option<(&'static str, &'static str)> {
    Some(match code {
        "02" => ("KDB산업은행", "KDB"),
        "03" => ("IBK기업은행", "IBK"),
        "06" => ("KB국민은행", "KB Kookmin"),
        "07" => ("Sh수협은행", "Suhyup"),
        "11" => ("NH농협은행", "NongHyup"),
        "20" => ("우리은행", "Woori"),
        "23" => ("SC제일은행", "SC First"),
        "31" => ("iM뱅크(대구)", "iM Bank (Daegu)"),
        "32" => ("부산은행", "Busan"),
        "34" => ("광주은행", "Gwangju"),
        "37" => ("전북은행", "Jeonbuk"),
        "39" => ("경남은행", "Kyongnam"),
        "45" => ("새마을금고", "MG Saemaul"),
        "48" => ("신협", "Shinhyup"),
        "71" => ("우체국", "Korea Post"),
        "81" => ("하나은행", "Hana"),
        "88" => ("신한은행", "Shinhan"),
        "89" => ("케이뱅크", "K bank"),
        "90" => ("카카오뱅크", "KakaoBank"),
        "92" => ("토스뱅크", "Toss Bank"),
        _ => return None,
    })
}
