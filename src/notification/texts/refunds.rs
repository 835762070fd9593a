//! Texts of refunds that need something of their payer.

use super::Text;
use super::facts::{Facts, line, says};

pub(super) fn en(kind: &str, f: &Facts) -> Option<Text> {
    Some(match kind {
        "payment.refund_account_needed" => says(
            "Your refund needs a bank account",
            [
                f.session(),
                f.won("amount").map(|won| format!("To be refunded: {won}")),
                line("You paid by virtual account. Please enter the account to send the money to."),
            ],
        ),
        _ => return None,
    })
}

pub(super) fn ko(kind: &str, f: &Facts) -> Option<Text> {
    Some(match kind {
        "payment.refund_account_needed" => says(
            "환불받을 계좌를 입력해 주세요",
            [
                f.session(),
                f.won("amount").map(|won| format!("환불 예정 금액: {won}")),
                line("가상계좌로 결제하셨습니다. 환불금을 받을 계좌를 입력해 주세요."),
            ],
        ),
        _ => return None,
    })
}
