//! The provider's error codes with their documented statuses and texts.
//!
//! Clients match on `code`: the status of a code says little about whether money may have moved.

use serde::Serialize;

use crate::idempotency::Saved;

/// The language of an answer: `Accept-Language`, Korean by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Language {
    #[default]
    Korean,
    English,
}

impl Language {
    pub(crate) fn of(accept_language: Option<&str>) -> Self {
        let english = accept_language.is_some_and(|l| l.trim_start().to_ascii_lowercase().starts_with("en"));
        if english { Self::English } else { Self::Korean }
    }
}

/// An error answer of the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TossError {
    pub(crate) status: u16,
    pub(crate) code: String,
}

impl TossError {
    /// The error with its documented status; 400 for a code that is not in the table.
    pub(crate) fn of(code: &str) -> Self {
        Self { status: find(code).map_or(400, |known| known.1), code: code.to_owned() }
    }

    pub(crate) fn with_status(code: &str, status: Option<u16>) -> Self {
        let error = Self::of(code);
        Self { status: status.unwrap_or(error.status), ..error }
    }

    pub(crate) fn is_known(code: &str) -> bool {
        find(code).is_some()
    }

    pub(crate) fn message(&self, language: Language) -> &'static str {
        match (find(&self.code), language) {
            (Some(known), Language::Korean) => known.2,
            (Some(known), Language::English) => known.3,
            (None, Language::Korean) => "요청을 처리하지 못했습니다.",
            (None, Language::English) => "The request could not be processed.",
        }
    }

    pub(crate) fn answer(&self, language: Language) -> Saved {
        #[derive(Serialize)]
        struct Body<'a> {
            code: &'a str,
            message: &'a str,
        }
        let body = Body { code: &self.code, message: self.message(language) };
        Saved::json(self.status, serde_json::to_vec(&body).expect("two strings are valid JSON"))
    }

    /// True for what the card company or the bank refuses: the payment is over (ABORTED) and the user needs
    /// another card or method. Everything else leaves the payment as it was.
    pub(crate) fn ends_payment(&self) -> bool {
        const ENDING: &[&str] =
            &["REJECT_", "INVALID_REJECT_CARD", "INVALID_STOPPED_CARD", "INVALID_CARD_", "EXCEED_MAX_"];
        const ALSO: &[&str] = &["INVALID_PASSWORD", "FDS_ERROR", "RESTRICTED_TRANSFER_ACCOUNT"];
        ENDING.iter().any(|prefix| self.code.starts_with(prefix)) || ALSO.contains(&self.code.as_str())
    }
}

type Known = (&'static str, u16, &'static str, &'static str);

fn find(code: &str) -> Option<&'static Known> {
    CODES.iter().find(|known| known.0 == code)
}

/// Code, status, Korean text, English text.
#[rustfmt::skip]
const CODES: &[Known] = &[
    // Keys and requests.
    ("UNAUTHORIZED_KEY", 401, "인증되지 않은 시크릿 키 혹은 클라이언트 키 입니다.", "Unauthorized secret key or client key."),
    ("INVALID_API_KEY", 400, "잘못된 시크릿키 연동 정보 입니다.", "Incorrect secret key."),
    ("INCORRECT_BASIC_AUTH_FORMAT", 403, "잘못된 요청입니다. ':' 를 포함해 인코딩해주세요.", "Wrong request. Encode the key together with ':'."),
    ("FORBIDDEN_REQUEST", 403, "허용되지 않은 요청입니다.", "Not allowed request."),
    ("INVALID_REQUEST", 400, "잘못된 요청입니다.", "The bad request."),
    ("INVALID_IDEMPOTENCY_KEY", 400, "멱등키는 300자 이하여야 합니다.", "The idempotency key must not exceed 300 characters."),
    ("IDEMPOTENT_REQUEST_PROCESSING", 409, "이전 멱등 요청이 처리중입니다.", "The previous idempotent request is being processed."),
    ("INVALID_TEST_CODE", 400, "잘못된 테스트 코드입니다.", "Invalid test code."),
    ("INVALID_ORDER_ID", 400, "주문번호는 영문 대소문자, 숫자, 특수문자(-, _)로 이루어진 6자 이상 64자 이하여야 합니다.", "The order id must have 6 to 64 letters, digits, '-' or '_'."),
    ("NOT_REGISTERED_BUSINESS", 400, "등록되지 않은 사업자 번호입니다.", "Unregistered business number."),
    ("NOT_FOUND_TERMINAL_ID", 400, "단말기번호(Terminal Id)가 없습니다.", "The terminal id was not found."),
    ("INVALID_AUTHORIZE_AUTH", 400, "유효하지 않은 인증 방식입니다.", "Invalid authentication method."),
    ("INVALID_UNREGISTERED_SUBMALL", 400, "등록되지 않은 서브몰입니다.", "Unregistered sub-mall."),
    // Nothing known about the outcome.
    ("PROVIDER_ERROR", 400, "일시적인 오류가 발생했습니다. 잠시 후 다시 시도해주세요.", "Temporary error. Please try again later."),
    ("CARD_PROCESSING_ERROR", 400, "카드사에서 오류가 발생했습니다.", "An error occurred at the card company."),
    ("FAILED_INTERNAL_SYSTEM_PROCESSING", 500, "내부 시스템 처리 작업이 실패했습니다. 잠시 후 다시 시도해주세요.", "Internal processing failed. Please try again later."),
    ("FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING", 500, "[S] 기존 요청을 처리중입니다.", "[S] An earlier request is being processed."),
    ("UNKNOWN_PAYMENT_ERROR", 500, "결제에 실패했어요. 같은 문제가 반복된다면 은행이나 카드사로 문의해주세요.", "The payment failed. If this repeats, ask your bank or card company."),
    ("COMMON_ERROR", 500, "일시적인 오류가 발생했습니다. 잠시 후 다시 시도해주세요.", "Temporary error. Please try again later."),
    ("FORBIDDEN_CONSECUTIVE_REQUEST", 403, "반복적인 요청은 허용되지 않습니다. 잠시 후 다시 시도해주세요.", "Repeated requests are not allowed. Please try again later."),
    // Conflicts and expiry.
    ("ALREADY_PROCESSED_PAYMENT", 400, "이미 처리된 결제 입니다.", "The payment was already processed."),
    ("DUPLICATED_ORDER_ID", 400, "이미 승인 및 취소가 진행된 중복된 주문번호 입니다. 다른 주문번호로 진행해주세요.", "The order id was used already. Use another one."),
    ("UNAPPROVED_ORDER_ID", 400, "아직 승인되지 않은 주문번호입니다.", "The order id is not approved yet."),
    ("ALREADY_COMPLETED_PAYMENT", 400, "이미 완료된 결제 입니다.", "The payment is already complete."),
    ("NOT_FOUND_PAYMENT", 404, "존재하지 않는 결제 정보 입니다.", "The payment does not exist."),
    ("NOT_FOUND_PAYMENT_SESSION", 404, "결제 시간이 만료되어 결제 진행 데이터가 존재하지 않습니다.", "The payment time is over; its data does not exist any more."),
    ("EXPIRED_PAYMENT", 400, "결제가 만료되었습니다.", "The payment has expired."),
    // The user needs another card or method.
    ("REJECT_CARD_PAYMENT", 403, "한도초과 혹은 잔액부족으로 결제에 실패했습니다.", "The payment failed: limit exceeded or balance too low."),
    ("REJECT_CARD_COMPANY", 403, "결제 승인이 거절되었습니다.", "The payment was refused."),
    ("REJECT_ACCOUNT_PAYMENT", 403, "잔액부족으로 결제에 실패했습니다.", "The payment failed: balance too low."),
    ("REJECT_TOSSPAY_INVALID_ACCOUNT", 403, "선택하신 출금 계좌가 출금이체 등록이 되어 있지 않아요. 계좌를 다시 등록해 주세요.", "The account is not registered for withdrawal. Please register it again."),
    ("INVALID_REJECT_CARD", 400, "카드 사용이 거절되었습니다. 카드사 문의가 필요합니다.", "The card was refused. Please ask the card company."),
    ("INVALID_STOPPED_CARD", 400, "정지된 카드 입니다.", "The card is suspended."),
    ("INVALID_CARD_LOST_OR_STOLEN", 400, "분실 혹은 도난 카드입니다.", "The card was reported lost or stolen."),
    ("INVALID_CARD_NUMBER", 400, "카드번호를 다시 확인해주세요.", "Please check the card number."),
    ("INVALID_CARD_EXPIRATION", 400, "카드 정보를 다시 확인해주세요. (유효기간)", "Please check the card's expiry date."),
    ("INVALID_PASSWORD", 403, "결제 비밀번호가 일치하지 않습니다.", "The password is wrong."),
    ("FDS_ERROR", 403, "[토스페이먼츠] 위험거래가 감지되어 결제가 제한됩니다.", "[Toss Payments] A risky transaction was found; the payment is limited."),
    ("RESTRICTED_TRANSFER_ACCOUNT", 400, "계좌는 등록 후 12시간 뒤부터 결제할 수 있습니다.", "The account can be used 12 hours after its registration."),
    ("EXCEED_MAX_AUTH_COUNT", 403, "최대 인증 횟수를 초과했습니다. 카드사로 문의해주세요.", "Too many authentications. Please ask the card company."),
    ("EXCEED_MAX_CARD_INSTALLMENT_PLAN", 400, "설정 가능한 최대 할부 개월 수를 초과했습니다.", "Too many instalments."),
    ("EXCEED_MAX_DAILY_PAYMENT_COUNT", 400, "하루 결제 가능 횟수를 초과했습니다.", "Too many payments today."),
    ("EXCEED_MAX_PAYMENT_AMOUNT", 400, "하루 결제 가능 금액을 초과했습니다.", "Today's limit is exceeded."),
    ("EXCEED_MAX_AMOUNT", 400, "거래금액 한도를 초과했습니다.", "The limit of the transaction is exceeded."),
    ("EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT", 400, "당월 결제 가능금액을 초과 하셨습니다.", "This month's limit is exceeded."),
    ("EXCEED_MAX_ONE_DAY_AMOUNT", 403, "일일 한도를 초과했습니다.", "The daily limit is exceeded."),
    ("NOT_AVAILABLE_PAYMENT", 400, "결제가 불가능한 시간대입니다.", "Payments are not possible at this time."),
    ("NOT_AVAILABLE_BANK", 403, "은행 서비스 시간이 아닙니다.", "The bank's service is closed at this time."),
    ("BELOW_MINIMUM_AMOUNT", 400, "신용카드는 결제금액이 100원 이상, 계좌는 200원이상부터 결제가 가능합니다.", "A card needs at least 100 won, an account 200 won."),
    // Cancels.
    ("ALREADY_CANCELED_PAYMENT", 400, "이미 취소된 결제 입니다.", "The payment was already cancelled."),
    ("ALREADY_REFUND_PAYMENT", 400, "이미 환불된 결제입니다.", "The payment was already refunded."),
    ("NOT_MATCHES_REFUNDABLE_AMOUNT", 400, "잔액 결과가 일치하지 않습니다.", "The refundable amount does not match."),
    ("REFUND_REJECTED", 400, "환불이 거절됐습니다. 결제사에 문의 부탁드립니다.", "The refund was rejected. Please ask the payment company."),
    ("INVALID_REFUND_AMOUNT", 400, "잘못된 환불 금액입니다.", "Wrong refund amount."),
    ("NOT_CANCELABLE_AMOUNT", 403, "취소 할 수 없는 금액 입니다.", "The amount can not be cancelled."),
    ("NOT_CANCELABLE_PAYMENT", 403, "취소 할 수 없는 결제 입니다.", "The payment can not be cancelled."),
    ("NOT_ALLOWED_PARTIAL_REFUND", 403, "에스크로 주문, 현금 카드 결제일 때는 부분 환불이 불가합니다.", "A partial refund is not possible for this payment."),
    ("NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT", 403, "입금 대기중인 결제는 부분 환불이 불가합니다.", "A payment that waits for its deposit can not be refunded in part."),
    ("INVALID_REFUND_ACCOUNT_INFO", 400, "환불 계좌번호와 예금주명이 일치하지 않습니다.", "The refund account and its holder do not match."),
    ("INVALID_REFUND_ACCOUNT_NUMBER", 400, "잘못된 환불 계좌번호입니다.", "Wrong refund account number."),
    ("INVALID_BANK", 400, "유효하지 않은 은행입니다.", "The bank is not valid."),
    ("EXCEED_CANCEL_LIMIT", 403, "취소 한도를 초과하였습니다.", "The cancel limit is exceeded."),
    ("EXCEED_MAX_REFUND_DUE", 403, "환불 가능한 기간이 지났습니다.", "The time for refunds is over."),
    ("FAILED_REFUND_PROCESS", 500, "은행 응답시간 지연이나 일시적인 오류로 환불요청에 실패했습니다.", "The refund failed: the bank is slow or has a temporary error."),
    ("FAILED_METHOD_HANDLING_CANCEL", 500, "취소 중 결제 시 사용한 결제 수단 처리과정에서 일시적인 오류가 발생했습니다.", "A temporary error of the payment method during the cancel."),
    ("FAILED_PARTIAL_REFUND", 500, "은행 점검, 해약 계좌 등의 사유로 부분 환불이 실패했습니다.", "The partial refund failed."),
    // Payouts. The real tables could not be read: codes marked * are guesses after their older names.
    ("FORBIDDEN_SELLER_PAYOUT", 403, "지급대행을 요청할 수 없는 셀러입니다.", "No payout can be requested for this seller."),
    ("NOT_ENOUGH_AMOUNT", 400, "지급 가능한 금액이 부족합니다.", "The available balance is too low."),
    ("INVALID_PAYABLE_DATE", 400, "지급 가능한 날짜 또는 시간이 아닙니다.", "No payout is possible at this date or time."),
    ("NOT_ALLOWED_HOLIDAY", 400, "영업일이 아닌 날에는 지급할 수 없습니다.", "No payout is possible on a holiday."),
    ("PAYOUT_NOT_FOUND", 404, "존재하지 않는 지급대행 요청입니다.", "The payout does not exist."),
    ("ACCOUNT_OWNER_CHECK_FAILED", 400, "계좌 소유주를 확인할 수 없습니다.", "The owner of the account could not be checked."),
    ("NOT_MATCH_PAYEE_NAME", 400, "예금주명이 일치하지 않습니다.", "The name of the account's owner does not match."),
    // * SELLER_NOT_FOUND, DUPLICATED_REF_SELLER_ID, DUPLICATED_REF_PAYOUT_ID, NOT_CANCELABLE_PAYOUT.
    ("SELLER_NOT_FOUND", 404, "존재하지 않는 셀러입니다.", "The seller does not exist."),
    ("DUPLICATED_REF_SELLER_ID", 400, "이미 사용된 셀러 참조 번호입니다.", "The reference of the seller was used already."),
    ("DUPLICATED_REF_PAYOUT_ID", 400, "이미 사용된 지급대행 참조 번호입니다.", "The reference of the payout was used already."),
    ("NOT_CANCELABLE_PAYOUT", 403, "취소할 수 없는 지급대행 요청입니다.", "The payout can not be cancelled."),
    // The window.
    ("PAY_PROCESS_CANCELED", 400, "사용자에 의해 결제가 취소되었습니다.", "The user cancelled the payment."),
    ("PAY_PROCESS_ABORTED", 400, "결제가 실패되었습니다.", "The payment failed."),
];
