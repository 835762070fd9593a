//! Texts about payouts, in both languages.

use super::Text;
use super::facts::{Facts, line, says};

/// Every kind about payouts with a text of its own.
pub(super) const KINDS: [&str; 9] = [
    "payout.account_changed",
    "payout.account_registered",
    "payout.account_rejected",
    // A mail to the address of the account that was replaced.
    "payout.account_replaced",
    "payout.seller_approved",
    "payout.kyc_required",
    "payout.carried_over",
    "payout.paid",
    "payout.failed",
];

pub(super) fn en(kind: &str, f: &Facts) -> Option<Text> {
    let account = f.text("accountNumber").map(|number| format!("Account: {number}"));
    let amount = f.won("amount").map(|won| format!("Amount: {won}"));
    Some(match kind {
        "payout.account_changed" => says(
            "Your payout account was changed",
            [
                account,
                f.time("frozenUntil").map(|at| format!("Nothing is paid out before {at}.")),
                line("If it was not you, change your password at once and write to us."),
            ],
        ),
        "payout.account_registered" => says(
            "Your payout account is registered",
            [
                account,
                line(if f.word("status") == "approval_required" {
                    "The payment company sends you a link: prove there who you are. Payouts begin after that."
                } else {
                    "Payouts go there from the next batch on."
                }),
            ],
        ),
        "payout.account_rejected" => says(
            "Your payout account was not accepted",
            [
                account,
                line(match f.word("code") {
                    "ACCOUNT_OWNER_CHECK_FAILED" | "NOT_MATCH_PAYEE_NAME" => {
                        "The bank knows another holder for this number. Check the number and the holder's name."
                    }
                    _ => "Check the bank, the number and what you told us of yourself or your business.",
                }),
                line("Give it again. What you have earned is kept for you."),
            ],
        ),
        "payout.account_replaced" => says(
            "A payout account was replaced",
            [
                account,
                line(
                    "You were the contact of this account at Konnect. Payouts go to another account from now on.",
                ),
                line("If you did not ask for that, write to us at once: nothing is paid out for a while."),
            ],
        ),
        "payout.seller_approved" => says(
            "You can be paid out now",
            [line("Your identity is checked. The next batch pays what is ready.")],
        ),
        "payout.kyc_required" => says(
            "Your identity must be checked",
            [
                line("The payment company sends you a link. Payouts wait until it has checked who you are."),
                line("What you have earned is kept for you."),
            ],
        ),
        "payout.carried_over" => says(
            "Your payout waits for you",
            [
                amount,
                line(match f.word("reason") {
                    "no_account" => "Give us a bank account for your payouts.",
                    "account_rejected" => "Your bank account was not accepted. Please give it again.",
                    _ => "The payment company must check who you are. Follow the link it sent you.",
                }),
                line("Nothing is lost: it goes into the next batch after that."),
            ],
        ),
        "payout.paid" => says("Your payout has arrived", [amount]),
        "payout.failed" => says(
            "Your payout did not arrive",
            [amount, line("Nothing is lost: the next batch pays it again. Please check your bank account.")],
        ),
        _ => return None,
    })
}

pub(super) fn ko(kind: &str, f: &Facts) -> Option<Text> {
    let account = f.text("accountNumber").map(|number| format!("계좌: {number}"));
    let amount = f.won("amount").map(|won| format!("금액: {won}"));
    Some(match kind {
        "payout.account_changed" => says(
            "정산 계좌가 변경되었습니다",
            [
                account,
                f.time("frozenUntil").map(|at| format!("{at}까지는 지급되지 않습니다.")),
                line("본인이 변경하지 않았다면 즉시 비밀번호를 바꾸고 고객센터에 알려 주세요."),
            ],
        ),
        "payout.account_registered" => says(
            "정산 계좌가 등록되었습니다",
            [
                account,
                line(if f.word("status") == "approval_required" {
                    "결제사가 보내는 링크에서 본인 확인을 마치면 지급이 시작됩니다."
                } else {
                    "다음 정산부터 이 계좌로 지급됩니다."
                }),
            ],
        ),
        "payout.account_rejected" => says(
            "정산 계좌를 등록하지 못했습니다",
            [
                account,
                line(match f.word("code") {
                    "ACCOUNT_OWNER_CHECK_FAILED" | "NOT_MATCH_PAYEE_NAME" => {
                        "은행의 예금주와 다릅니다. 계좌번호와 예금주 이름을 확인해 주세요."
                    }
                    _ => "은행, 계좌번호, 본인 또는 사업자 정보를 확인해 주세요.",
                }),
                line("다시 등록해 주세요. 정산 금액은 그대로 보관됩니다."),
            ],
        ),
        "payout.account_replaced" => says(
            "정산 계좌가 다른 계좌로 바뀌었습니다",
            [
                account,
                line("이 주소는 위 Konnect 정산 계좌의 연락처였습니다. 앞으로는 다른 계좌로 지급됩니다."),
                line("요청한 적이 없다면 즉시 고객센터에 알려 주세요. 당분간 지급되지 않습니다."),
            ],
        ),
        "payout.seller_approved" => says(
            "이제 정산금을 받을 수 있습니다",
            [line("본인 확인이 끝났습니다. 다음 정산에서 지급됩니다.")],
        ),
        "payout.kyc_required" => says(
            "본인 확인이 필요합니다",
            [
                line("결제사가 보내는 링크에서 본인 확인을 마칠 때까지 지급이 미뤄집니다."),
                line("정산 금액은 그대로 보관됩니다."),
            ],
        ),
        "payout.carried_over" => says(
            "정산금 지급이 다음으로 미뤄졌습니다",
            [
                amount,
                line(match f.word("reason") {
                    "no_account" => "정산받을 계좌를 등록해 주세요.",
                    "account_rejected" => "등록한 계좌를 확인하지 못했습니다. 다시 등록해 주세요.",
                    _ => "결제사의 본인 확인이 필요합니다. 받은 링크에서 확인을 마쳐 주세요.",
                }),
                line("금액은 사라지지 않으며, 처리되면 다음 정산에서 지급됩니다."),
            ],
        ),
        "payout.paid" => says("정산금이 입금되었습니다", [amount]),
        "payout.failed" => says(
            "정산금이 입금되지 않았습니다",
            [amount, line("금액은 사라지지 않으며, 다음 정산에서 다시 지급됩니다. 계좌를 확인해 주세요.")],
        ),
        _ => return None,
    })
}
