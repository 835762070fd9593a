//! What a payer is told to do next, in Korean and English. The provider's own messages are not shown: they
//! come in one language and name things that only a merchant understands.

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
            "결제를 처리할 수 없습니다. 고객센터로 문의해 주세요.",
            "We could not process the payment. Please contact support.",
        ),
    }
}

fn of_code(code: &str) -> Option<(&'static str, &'static str)> {
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
