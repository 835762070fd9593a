//! What an operator does about a refund that does not go on by itself, in Korean and English.

use super::request::Lang;
use crate::payment::{Refund, RefundState};

/// `None`: it goes on by itself, or is over.
pub(super) fn what_to_do(refund: &Refund, lang: Lang) -> Option<&'static str> {
    if refund.ending.is_some() {
        return None;
    }
    let code = refund.error_code.as_deref().unwrap_or_default();
    let (korean, english) = match refund.state {
        RefundState::AwaitingApproval => APPROVE,
        RefundState::NeedsAccount => ACCOUNT,
        RefundState::ManualReview => of_code(code).unwrap_or(SILENCE),
        RefundState::Unknown => setting(code)?,
        _ => return None,
    };
    Some(match lang {
        Lang::Ko => korean,
        Lang::En => english,
    })
}

type Words = (&'static str, &'static str);

const APPROVE: Words = (
    "요청한 관리자가 아닌 다른 관리자가 사유를 확인하고 승인하거나 반려해 주세요.",
    "Another administrator than the one who asked reads the reason, and approves or rejects.",
);
const ACCOUNT: Words = (
    "결제자가 환불 계좌를 입력하기를 기다립니다. 답이 없으면 연락해 확인하고, 직접 이체했다면 증빙과 함께 완료 처리해 주세요.",
    "Waits for the payer to name a bank account; they were told. If no answer comes, call them. When you transferred \
     the money yourself, mark it done with the evidence.",
);
const SILENCE: Words = (
    "결제사가 오랫동안 결과를 알려 주지 않았습니다. 결제사 관리자 화면에서 이 결제를 확인한 뒤 다시 시도하세요. 재시도는 먼저 조회하므로 두 번 환불되지 않습니다.",
    "The provider did not say for long how it ended. Look at the payment in its console, then retry: a retry reads \
     first, so nothing is given back twice.",
);

fn of_code(code: &str) -> Option<Words> {
    setting(code).or_else(|| {
        Some(match code {
            "EXCEED_MAX_REFUND_DUE" => (
                "결제사를 통한 환불 기한이 지났습니다. 결제자와 계좌를 확인해 직접 이체한 뒤 증빙과 함께 완료 처리해 주세요.",
                "It is too late for the provider. Ask the payer for a bank account, transfer the money, and mark it \
                 done with the transfer's reference.",
            ),
            "NOT_ALLOWED_PARTIAL_REFUND"
            | "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT"
            | "EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT"
            | "INVALID_REFUND_AMOUNT" => (
                "이 결제 수단은 이 금액의 부분 환불을 지원하지 않습니다. 결제자 계좌로 직접 이체한 뒤 완료 처리하거나, 환불을 포기해 주세요.",
                "This method cannot give back a part like this. Transfer the money to the payer and mark it done, or \
                 give the refund up.",
            ),
            "NOT_CANCELABLE_AMOUNT"
            | "ALREADY_CANCELED_PAYMENT"
            | "ALREADY_REFUND_PAYMENT"
            | "NOT_MATCHES_REFUNDABLE_AMOUNT" => (
                "결제사에 남은 금액이 장부와 다릅니다. 결제사 관리자 화면에서 누가 취소했는지 확인하세요. 이 환불이 이미 처리된 것이면 완료 처리하고, 아니면 직접 이체하거나 포기해 주세요.",
                "The provider has less left than our books. See in its console who cancelled. If that was this refund, \
                 mark it done; else transfer the money yourself, or give the refund up.",
            ),
            "NOT_CANCELABLE_PAYMENT"
            | "NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER"
            | "REFUND_REJECTED"
            | "EXCEED_CANCEL_LIMIT"
            | "NOT_SUPPORTED_REFUND" => (
                "결제사가 환불을 거절했습니다. 결제 키로 결제사에 문의해 해결되면 다시 시도하고, 안 되면 직접 이체한 뒤 완료 처리해 주세요.",
                "The provider refuses. Ask its support with the payment key; then retry, or transfer the money yourself \
                 and mark it done.",
            ),
            "EXCEED_MAX_REFUND_AMOUNT" | "NOT_AVAILABLE_BANK" | "MAINTAINED_METHOD" => (
                "한도나 점검 때문에 오래 처리되지 않았습니다. 결제사에 한도를 확인한 뒤 다시 시도해 주세요.",
                "A limit or maintenance stood in the way for too long. Ask the provider about the limit, then retry.",
            ),
            "refund.owed" => (
                "멘토에게 갈 수 없는 돈이라 포기할 수 없습니다. 직접 이체한 뒤 완료 처리해 주세요.",
                "This money is the payer's and cannot be kept. Transfer it yourself and mark it done.",
            ),
            _ => return None,
        })
    })
}

/// Faults of ours: every refund meets them.
fn setting(code: &str) -> Option<Words> {
    const CODES: [&str; 6] = [
        "UNAUTHORIZED_KEY",
        "INVALID_API_KEY",
        "INCORRECT_BASIC_AUTH_FORMAT",
        "FORBIDDEN_REQUEST",
        "INVALID_REQUEST",
        "NOT_FOUND_PAYMENT",
    ];
    CODES.contains(&code).then_some((
        "저희 설정이나 요청의 문제입니다. 결제 키와 가맹점 설정을 확인하세요. 고친 뒤에는 자동으로 다시 시도하며, 검토 상태라면 재시도를 눌러 주세요.",
        "A fault of ours: check key and merchant settings. Once repaired it is tried again by itself; in review, press \
         retry.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_that_ends_before_a_person_says_what_to_do() {
        for code in [
            "EXCEED_MAX_REFUND_DUE",
            "NOT_ALLOWED_PARTIAL_REFUND",
            "NOT_CANCELABLE_AMOUNT",
            "NOT_CANCELABLE_PAYMENT",
            "REFUND_REJECTED",
            "EXCEED_CANCEL_LIMIT",
            "NOT_SUPPORTED_REFUND",
            "UNAUTHORIZED_KEY",
            "EXCEED_MAX_REFUND_AMOUNT",
            "refund.owed",
        ] {
            let (korean, english) = of_code(code).expect(code);
            assert!(korean.chars().any(|c| ('가'..='힣').contains(&c)), "{code}");
            assert!(english.is_ascii(), "{code}");
        }
        assert!(of_code("SOMETHING_NEW").is_none());
    }
}
