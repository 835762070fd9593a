//! What a person is told to do next, in Korean and English: the payer after a payment or refund, the payee after a
//! payout. The provider's own messages are not shown: they come in one language and name things that only a
//! merchant understands.

use super::errors::Class;

/// The best text for a code, else the text of its class. `language` is a language tag; Korean for `ko…`,
/// English for every other.
pub fn guidance(code: Option<&str>, class: Class, language: &str) -> &'static str {
    let (korean, english) = code.and_then(of_code).unwrap_or_else(|| of_class(class));
    if language.to_ascii_lowercase().starts_with("ko") { korean } else { english }
}

impl Class {
    /// The text of the class alone; `language` as in [`guidance`].
    pub fn guidance(self, language: &str) -> &'static str {
        guidance(None, self, language)
    }
}

fn of_class(class: Class) -> (&'static str, &'static str) {
    match class {
        Class::AskAgain | Class::LookUp => (
            "결제 결과를 확인하고 있습니다. 다시 결제하지 말고 잠시만 기다려 주세요.",
            "We are checking the result of your payment. Please wait a moment and do not pay again.",
        ),
        Class::OtherMethod => (
            "이 결제 수단으로는 결제할 수 없습니다. 다른 카드나 결제 수단으로 다시 시도해 주세요.",
            "This payment method was declined. Please try again with another card or method.",
        ),
        Class::Later => (
            "지금은 이 결제 수단을 사용할 수 없습니다. 나중에 다시 시도하거나 다른 결제 수단을 이용해 주세요.",
            "This payment method cannot be used right now. Please try again later or use another one.",
        ),
        Class::NewPayment => (
            "이 결제는 완료되지 않고 종료되었습니다. 결제를 처음부터 다시 진행해 주세요.",
            "This payment ended without being completed. Please start the payment again.",
        ),
        Class::Contact => (
            "요청을 그대로 처리할 수 없습니다. 고객센터로 문의해 주세요.",
            "This cannot be done as asked. Please contact support.",
        ),
        Class::Stop => (
            "저희 쪽 문제로 처리하지 못했습니다. 담당자가 확인하고 있으니 다시 결제하지 말고 안내를 기다려 주세요.",
            "This failed because of a fault on our side. Our staff are looking into it; please wait to hear from us \
             and do not pay again.",
        ),
    }
}

fn of_code(code: &str) -> Option<(&'static str, &'static str)> {
    of_payment(code).or_else(|| of_refund(code)).or_else(|| of_payout(code))
}

fn of_payment(code: &str) -> Option<(&'static str, &'static str)> {
    Some(match code {
        "REJECT_CARD_PAYMENT" => (
            "한도 초과 또는 잔액 부족으로 결제가 거절되었습니다. 다른 카드나 결제 수단으로 다시 시도해 주세요.",
            "Declined: the limit or the balance is not sufficient. Please try another card or method.",
        ),
        "INVALID_STOPPED_CARD" | "INVALID_CARD_LOST_OR_STOLEN" => (
            "사용이 정지된 카드입니다. 다른 카드로 다시 시도해 주세요.",
            "This card is blocked. Please try another card.",
        ),
        "INVALID_CARD_NUMBER" | "INVALID_CARD_EXPIRATION" | "INVALID_PASSWORD" => (
            "카드 정보가 올바르지 않습니다. 카드 번호, 유효기간, 비밀번호를 확인한 뒤 다시 시도해 주세요.",
            "The card details are not right. Please check number, expiry date and password, then try again.",
        ),
        "EXCEED_MAX_AUTH_COUNT" => (
            "인증 횟수를 초과했습니다. 카드사에 문의하거나 다른 결제 수단을 이용해 주세요.",
            "Too many failed authentications. Please ask your card company or use another method.",
        ),
        "FDS_ERROR" => (
            "이상 거래 방지를 위해 결제가 중단되었습니다. 문자로 받은 링크에서 본인 확인을 한 뒤 다시 시도해 주세요.",
            "Stopped by fraud protection. Please verify by the link sent to your phone, then try again.",
        ),
        "BELOW_MINIMUM_AMOUNT" => (
            "이 결제 수단의 최소 결제 금액보다 적습니다. 다른 결제 수단을 이용해 주세요.",
            "The amount is below the minimum of this method. Please use another one.",
        ),
        "EXCEED_MAX_DAILY_PAYMENT_COUNT"
        | "EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT"
        | "EXCEED_MAX_ONE_DAY_AMOUNT" => (
            "오늘의 결제 한도를 초과했습니다. 내일 다시 시도하거나 다른 결제 수단을 이용해 주세요.",
            "The limit of the day is reached. Please try again tomorrow or use another method.",
        ),
        "NOT_AVAILABLE_PAYMENT" | "NOT_AVAILABLE_BANK" => (
            "은행 점검 시간이거나 이용할 수 없는 시간입니다. 나중에 다시 시도하거나 다른 결제 수단을 이용해 주세요.",
            "The bank is not available at this time. Please try again later or use another method.",
        ),
        "NOT_FOUND_PAYMENT_SESSION" | "EXPIRED_PAYMENT" => (
            "결제 가능 시간이 지났습니다. 결제를 처음부터 다시 진행해 주세요.",
            "The time to pay has passed. Please start the payment again.",
        ),
        "PAY_PROCESS_CANCELED" | "USER_CANCEL" => (
            "결제를 취소하셨습니다. 예약 시간이 남아 있으면 다시 결제할 수 있습니다.",
            "You cancelled the payment. You can pay again while your slot is held.",
        ),
        _ => return None,
    })
}

fn of_refund(code: &str) -> Option<(&'static str, &'static str)> {
    Some(match code {
        "INVALID_REFUND_ACCOUNT_INFO" | "INVALID_REFUND_ACCOUNT_NUMBER" | "INVALID_BANK" => (
            "환불 계좌 정보가 올바르지 않습니다. 은행, 계좌번호, 예금주를 확인한 뒤 다시 입력해 주세요.",
            "The refund account is not right. Please check bank, number and holder, then enter it again.",
        ),
        "FORBIDDEN_BANK_REFUND_REQUEST" => (
            "이 계좌로는 환불할 수 없습니다. 다른 환불 계좌를 입력해 주세요.",
            "This account cannot receive the refund. Please enter another one.",
        ),
        "EXCEED_MAX_REFUND_DUE" => (
            "결제사를 통한 환불 가능 기간이 지났습니다. 고객센터에서 다른 환불 방법을 안내해 드립니다.",
            "It is too late for a refund through the payment method. Support will arrange another way.",
        ),
        "NOT_ALLOWED_PARTIAL_REFUND"
        | "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT"
        | "EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT" => (
            "이 결제 수단은 요청한 금액만큼의 부분 환불을 지원하지 않습니다. 고객센터에서 다른 환불 방법을 안내해 드립니다.",
            "This payment method does not allow a refund of that part. Support will arrange another way.",
        ),
        "REFUND_REJECTED"
        | "NOT_CANCELABLE_PAYMENT"
        | "NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER"
        | "EXCEED_CANCEL_LIMIT"
        | "NOT_SUPPORTED_REFUND"
        | "INVALID_REFUND_AMOUNT" => (
            "결제사에서 환불을 처리하지 못했습니다. 고객센터에서 다른 환불 방법을 안내해 드립니다.",
            "The payment provider did not make the refund. Support will arrange another way.",
        ),
        "EXCEED_MAX_REFUND_AMOUNT" => (
            "환불 처리가 지연되고 있습니다. 자동으로 다시 시도하니 기다려 주세요.",
            "The refund is delayed. It is tried again without you; please wait.",
        ),
        _ => return None,
    })
}

fn of_payout(code: &str) -> Option<(&'static str, &'static str)> {
    Some(match code {
        "ACCOUNT_OWNER_CHECK_FAILED" | "NOT_MATCH_PAYEE_NAME" => (
            "정산 계좌의 예금주를 확인할 수 없습니다. 은행, 계좌번호, 예금주를 확인한 뒤 다시 등록해 주세요.",
            "The holder of the payout account could not be verified. Please check and register it again.",
        ),
        "FORBIDDEN_SELLER_PAYOUT" => (
            "정산을 받으려면 본인 확인이 필요합니다. 문자나 이메일로 받은 안내를 완료해 주세요. 금액은 다음 정산에 포함됩니다.",
            "Your identity must be verified before a payout. Please follow the message you received by phone or \
             e-mail; the amount is part of the next payout.",
        ),
        "NOT_ENOUGH_AMOUNT" | "INVALID_PAYABLE_DATE" | "NOT_ALLOWED_HOLIDAY" => (
            "지금은 지급할 수 없어 다음 지급일로 미뤄졌습니다. 금액은 그대로 보존됩니다.",
            "The payout could not be made now and moves to the next payout day. The amount is kept.",
        ),
        _ => return None,
    })
}
