use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::client::toss::errors::table_codes;

const CLASSES: [Class; 7] = [
    Class::AskAgain,
    Class::LookUp,
    Class::OtherMethod,
    Class::Later,
    Class::NewPayment,
    Class::Contact,
    Class::Stop,
];

/// What the provider's documents say of each call's codes, section by section. A code that a call's sections do not
/// name is an unknown outcome there, or the class that the whole table gives it.
#[rustfmt::skip]
const CONFIRM: &[(Class, &str)] = &[
    (Class::AskAgain, "IDEMPOTENT_REQUEST_PROCESSING"),
    // Transient, or the outcome is unknown.
    (Class::LookUp,
        "PROVIDER_ERROR CARD_PROCESSING_ERROR FAILED_INTERNAL_SYSTEM_PROCESSING
         FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING UNKNOWN_PAYMENT_ERROR COMMON_ERROR
         FORBIDDEN_CONSECUTIVE_REQUEST"),
    // Conflict.
    (Class::LookUp,
        "ALREADY_PROCESSED_PAYMENT DUPLICATED_ORDER_ID UNAPPROVED_ORDER_ID ALREADY_COMPLETED_PAYMENT"),
    // Expired or gone.
    (Class::NewPayment, "NOT_FOUND_PAYMENT_SESSION NOT_FOUND_PAYMENT EXPIRED_PAYMENT"),
    // Another card or method.
    (Class::OtherMethod,
        "REJECT_CARD_PAYMENT REJECT_CARD_COMPANY REJECT_ACCOUNT_PAYMENT REJECT_TOSSPAY_INVALID_ACCOUNT
         INVALID_REJECT_CARD INVALID_STOPPED_CARD INVALID_CARD_LOST_OR_STOLEN INVALID_CARD_NUMBER
         INVALID_CARD_EXPIRATION INVALID_PASSWORD EXCEED_MAX_AUTH_COUNT RESTRICTED_TRANSFER_ACCOUNT
         INVALID_ACCOUNT_INFO_RE_REGISTER NOT_ALLOWED_POINT_USE EXCEED_MAX_CARD_INSTALLMENT_PLAN
         INVALID_CARD_INSTALLMENT_PLAN NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT
         NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN FDS_ERROR"),
    // Limits of one payment, whatever the day.
    (Class::OtherMethod,
        "EXCEED_MAX_PAYMENT_AMOUNT EXCEED_MAX_AMOUNT EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT BELOW_MINIMUM_AMOUNT"),
    // Limits of a time.
    (Class::Later,
        "EXCEED_MAX_DAILY_PAYMENT_COUNT EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT
         EXCEED_MAX_ONE_DAY_AMOUNT NOT_AVAILABLE_PAYMENT NOT_AVAILABLE_BANK MAINTAINED_METHOD"),
    (Class::Stop,
        "UNAUTHORIZED_KEY INVALID_API_KEY INCORRECT_BASIC_AUTH_FORMAT FORBIDDEN_REQUEST INVALID_REQUEST
         INVALID_AUTHORIZE_AUTH NOT_FOUND_TERMINAL_ID INVALID_UNREGISTERED_SUBMALL NOT_REGISTERED_BUSINESS
         INVALID_IDEMPOTENCY_KEY INVALID_TEST_CODE EXCEED_MAX_QUERY_LIMIT"),
    // With the payer's redirect.
    (Class::NewPayment, "PAY_PROCESS_CANCELED PAY_PROCESS_ABORTED USER_CANCEL"),
    (Class::OtherMethod, "NOT_SUPPORTED_METHOD"),
    (Class::Stop, "INVALID_CLIENT_KEY INSECURE_KEY_USAGE"),
];

#[rustfmt::skip]
const CANCEL: &[(Class, &str)] = &[
    (Class::AskAgain, "IDEMPOTENT_REQUEST_PROCESSING"),
    (Class::LookUp,
        "ALREADY_CANCELED_PAYMENT ALREADY_REFUND_PAYMENT NOT_MATCHES_REFUNDABLE_AMOUNT PROVIDER_ERROR
         NOT_CANCELABLE_AMOUNT FORBIDDEN_CONSECUTIVE_REQUEST FAILED_INTERNAL_SYSTEM_PROCESSING
         FAILED_REFUND_PROCESS FAILED_METHOD_HANDLING_CANCEL FAILED_PARTIAL_REFUND COMMON_ERROR
         FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING ALREADY_REFUNDING_PAYMENT DUPLICATED_REQUEST"),
    (Class::Later, "NOT_AVAILABLE_BANK EXCEED_MAX_REFUND_AMOUNT MAINTAINED_METHOD"),
    (Class::Contact,
        "INVALID_REFUND_ACCOUNT_INFO INVALID_REFUND_ACCOUNT_NUMBER INVALID_BANK
         EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT REFUND_REJECTED FORBIDDEN_BANK_REFUND_REQUEST
         NOT_CANCELABLE_PAYMENT NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER EXCEED_MAX_REFUND_DUE
         EXCEED_CANCEL_LIMIT NOT_ALLOWED_PARTIAL_REFUND NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT
         NOT_SUPPORTED_REFUND INVALID_REFUND_AMOUNT"),
    (Class::Stop,
        "INVALID_REQUEST UNAUTHORIZED_KEY INVALID_API_KEY FORBIDDEN_REQUEST INCORRECT_BASIC_AUTH_FORMAT
         NOT_FOUND_PAYMENT INVALID_IDEMPOTENCY_KEY"),
];

const SELLER: &[(Class, &str)] = &[
    (Class::AskAgain, "IDEMPOTENT_REQUEST_PROCESSING"),
    (Class::Contact, "ACCOUNT_OWNER_CHECK_FAILED NOT_MATCH_PAYEE_NAME INVALID_BANK"),
    (Class::Stop, "INVALID_REQUEST UNAUTHORIZED_KEY INVALID_API_KEY FORBIDDEN_REQUEST"),
    (Class::LookUp, "PAYOUT_NOT_FOUND COMMON_ERROR FORBIDDEN_CONSECUTIVE_REQUEST"),
];

const PAYOUT: &[(Class, &str)] = &[
    (Class::AskAgain, "IDEMPOTENT_REQUEST_PROCESSING"),
    (
        Class::Later,
        "FORBIDDEN_SELLER_PAYOUT INVALID_PAYABLE_DATE NOT_ALLOWED_HOLIDAY NOT_ENOUGH_AMOUNT NOT_AVAILABLE_BANK",
    ),
    (Class::Contact, "ACCOUNT_OWNER_CHECK_FAILED NOT_MATCH_PAYEE_NAME"),
    (Class::Stop, "INVALID_REQUEST UNAUTHORIZED_KEY INVALID_API_KEY FORBIDDEN_REQUEST"),
    (Class::LookUp, "PAYOUT_NOT_FOUND COMMON_ERROR FORBIDDEN_CONSECUTIVE_REQUEST DUPLICATED_REQUEST"),
];

fn named(spec: &[(Class, &'static str)]) -> BTreeMap<&'static str, Class> {
    let mut all = BTreeMap::new();
    for (class, codes) in spec {
        for code in codes.split_whitespace() {
            assert!(all.insert(code, *class).is_none(), "{code} stands twice");
        }
    }
    all
}

#[test]
fn every_code_has_the_class_that_the_documents_give_it() {
    let calls =
        [(Call::Confirm, CONFIRM), (Call::Cancel, CANCEL), (Call::Seller, SELLER), (Call::Payout, PAYOUT)];
    let mut all = BTreeSet::new();
    for (call, spec) in calls {
        for (code, class) in named(spec) {
            assert_eq!(classify(call, code), class, "{code} at {call:?}");
            all.insert(code);
        }
    }
    let table: Vec<_> = table_codes().collect();
    let known: BTreeSet<_> = table.iter().copied().collect();
    assert_eq!(table.len(), known.len(), "a code stands in two rows");
    assert_eq!(known, all, "the table and the documents name the same codes");
}

#[test]
fn a_code_outside_its_call_is_an_unknown_outcome() {
    for call in [Call::Confirm, Call::Cancel, Call::Seller, Call::Payout, Call::Read] {
        assert_eq!(classify(call, "NEVER_HEARD_OF"), Class::LookUp, "{call:?}");
    }
    // No decline: this one is about the balance of a payout.
    assert_eq!(classify(Call::Confirm, "NOT_ENOUGH_AMOUNT"), Class::LookUp);
    assert_eq!(classify(Call::Cancel, "NOT_ENOUGH_AMOUNT"), Class::LookUp);
    assert_eq!(classify(Call::Payout, "REJECT_CARD_PAYMENT"), Class::LookUp);
    assert_eq!(classify(Call::Confirm, "REFUND_REJECTED"), Class::LookUp);
    for (code, class) in named(CONFIRM) {
        let expected = if class == Class::Stop { Class::Stop } else { Class::LookUp };
        assert_eq!(classify(Call::Read, code), expected, "{code}");
    }
}

#[test]
fn classes_have_words_that_lead_back_to_them() {
    let words: BTreeSet<_> = CLASSES.iter().map(|class| class.as_str()).collect();
    assert_eq!(words.len(), CLASSES.len());
    for class in CLASSES {
        assert_eq!(Class::parse(class.as_str()), Some(class));
    }
    assert_eq!(Class::parse("CONTACT"), None);
    let declined: Vec<_> = CLASSES.into_iter().filter(|class| class.is_declined()).collect();
    assert_eq!(declined, [Class::OtherMethod, Class::Later, Class::NewPayment]);
}

#[test]
fn a_refund_asks_for_another_account_where_that_helps() {
    let asking: Vec<_> = table_codes().filter(|code| needs_refund_account(code)).collect();
    assert_eq!(asking.len(), 4);
    for code in asking {
        assert_eq!(classify(Call::Cancel, code), Class::Contact, "{code}");
        let text = guidance(Some(code), Class::Contact, "ko");
        assert!(text.contains("계좌"), "{code}: {text}");
    }
    assert!(!needs_refund_account("REFUND_REJECTED") && !needs_refund_account(""));
}

#[test]
fn every_code_has_guidance_in_both_languages() {
    let both = |code: Option<&str>, class| {
        let (ko, en) = (guidance(code, class, "ko-KR"), guidance(code, class, "en"));
        assert!(!ko.is_ascii() && en.is_ascii() && ko != en, "{code:?} {class:?}");
        en
    };
    for code in table_codes() {
        for call in [Call::Confirm, Call::Cancel, Call::Seller, Call::Payout] {
            both(Some(code), classify(call, code));
        }
    }
    let texts: BTreeSet<_> = CLASSES.into_iter().map(|class| both(None, class)).collect();
    // Asking again and looking it up are the same to a payer.
    assert_eq!(texts.len(), CLASSES.len() - 1);
    assert_eq!(Class::Later.guidance("EN"), guidance(Some("NO_SUCH_CODE"), Class::Later, "en-US"));
    assert_eq!(guidance(Some("UNAUTHORIZED_KEY"), Class::Stop, "en"), Class::Stop.guidance("en"));
}

/// A payer whose outcome may yet be a success is never told to pay again.
#[test]
fn nobody_is_sent_to_pay_twice() {
    for class in [Class::AskAgain, Class::LookUp, Class::Stop] {
        assert!(class.guidance("en").contains("do not pay again"), "{class:?}");
        assert!(class.guidance("ko").contains("다시 결제하지 말고"), "{class:?}");
    }
}

#[test]
fn errors_are_read_by_code_not_by_status() {
    let refused = |status, code: &str, call| {
        let body = json!({"code": code, "message": "설명"}).to_string();
        let error = judge(call, &answer(status, &body)).unwrap_err();
        assert_eq!(error.code(), Some(code));
        error
    };
    assert!(refused(403, "REJECT_CARD_PAYMENT", Call::Confirm).is_declined());
    assert_eq!(refused(400, "PROVIDER_ERROR", Call::Confirm).class(), Class::LookUp);
    assert_eq!(refused(400, "REFUND_REJECTED", Call::Cancel).class(), Class::Contact);
    assert_eq!(refused(404, "NOT_FOUND_PAYMENT", Call::Confirm).class(), Class::NewPayment);
    assert_eq!(refused(404, "NOT_FOUND_PAYMENT", Call::Cancel).class(), Class::Stop);
    assert_eq!(refused(400, "NEVER_HEARD_OF", Call::Confirm).class(), Class::LookUp);
    assert_eq!(refused(404, "NOT_FOUND_PAYMENT_SESSION", Call::Read).class(), Class::LookUp);
    assert_eq!(refused(401, "UNAUTHORIZED_KEY", Call::Read).class(), Class::Stop);
    let running = refused(409, "IDEMPOTENT_REQUEST_PROCESSING", Call::Confirm);
    assert!(running.class() == Class::AskAgain && running.keeps_key());
    assert!(!refused(500, "COMMON_ERROR", Call::Confirm).keeps_key());
    let v2 = r#"{"version":"2022-11-16","traceId":"t","error":{"code":"UNAUTHORIZED_KEY","message":"m"}}"#;
    assert_eq!(judge(Call::Read, &answer(401, v2)).unwrap_err().class(), Class::Stop);
}
