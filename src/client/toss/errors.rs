//! What each error code of the provider asks us to do: one table.
//!
//! The HTTP status decides nothing: `PROVIDER_ERROR` is a 400 and passes, `REFUND_REJECTED` is a 400 and is
//! final. A code that the table lacks says nothing about the outcome, so the payment is looked up.

use serde_json::Value;

use Class::{AskAgain, Contact, Later, LookUp, NewPayment, OtherMethod, Stop};

/// What to do after a call that did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The same request is still running: ask again with the same idempotency key.
    AskAgain,
    /// The outcome is unknown or another request decided it: read the payment and adopt what is found. When
    /// that shows that nothing happened, go on with a **new** idempotency key; the old one replays this answer.
    LookUp,
    /// Declined for good with this card or account; the payer uses another one, in a new attempt.
    OtherMethod,
    /// Refused for now, and nothing was moved: a limit of the day, a bank outside its hours, a balance that does
    /// not suffice yet.
    Later,
    /// This payment is over (expired, abandoned, unknown to the provider); a new attempt is needed.
    NewPayment,
    /// This one will not be done as asked: a refund that the provider does not make, an account that is not the
    /// payee's. Somebody has to talk to somebody; others like it may go through.
    Contact,
    /// Key, contract, setting or request are at fault, and with them every call of the kind. Stop and alert.
    Stop,
}

impl Class {
    /// The confirmation was refused and took no money; the payer may try again. Not so for [`Class::Stop`]: a
    /// wrong key also refuses to tell of a payment that an earlier call made.
    pub fn is_declined(self) -> bool {
        matches!(self, OtherMethod | Later | NewPayment)
    }

    /// The class of a stable text; `None` for any other.
    pub fn parse(text: &str) -> Option<Self> {
        [AskAgain, LookUp, OtherMethod, Later, NewPayment, Contact, Stop]
            .into_iter()
            .find(|class| class.as_str() == text)
    }

    /// Stable text for rows and APIs.
    pub fn as_str(self) -> &'static str {
        match self {
            AskAgain => "ask_again",
            LookUp => "look_up",
            OtherMethod => "other_method",
            Later => "later",
            NewPayment => "new_payment",
            Contact => "contact",
            Stop => "stop",
        }
    }
}

/// The same code can ask for different things, depending on the call it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Confirm,
    Cancel,
    /// Registering or changing a payee.
    Seller,
    /// Asking for a payout, or taking one back.
    Payout,
    /// An error of a read never says how a thing ended: it is [`Class::Stop`] for a wrong key or request, else
    /// [`Class::LookUp`], which is to read again.
    Read,
}

/// Why a call did not give what it was asked for.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TossError {
    /// The provider's own answer.
    #[error("refused with {code} (status {status}): {message}")]
    Refused {
        code: String,
        /// For people, in the provider's language. Never decide by it.
        message: String,
        /// HTTP.
        status: u16,
        class: Class,
    },
    /// No answer, or one that cannot be understood: the outcome is UNKNOWN, the request may have taken effect.
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// The arguments cannot be sent; the provider heard nothing of this call.
    #[error("not sent: {0}")]
    NotSent(&'static str),
}

impl TossError {
    pub fn class(&self) -> Class {
        match self {
            Self::Refused { class, .. } => *class,
            Self::NoAnswer(_) => LookUp,
            Self::NotSent(_) => Stop,
        }
    }

    /// The provider's code, if it gave one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            Self::NoAnswer(_) | Self::NotSent(_) => None,
        }
    }

    /// [`Class::is_declined`] of an answer; never true without one.
    pub fn is_declined(&self) -> bool {
        matches!(self, Self::Refused { class, .. } if class.is_declined())
    }

    /// Whether the next try must carry the same idempotency key. After any other refusal the same key only
    /// replays that refusal.
    pub fn keeps_key(&self) -> bool {
        matches!(self, Self::NoAnswer(_) | Self::Refused { class: AskAgain, .. })
    }
}

/// The classes of some codes as the answer to each call that changes something, in this order: confirm, cancel,
/// seller, payout. The codes that come with the payer's redirect and in `failure` of a payment stand in the first
/// column. Where the provider's documents never give a code as the answer to a call, it is an unknown outcome
/// there, unless its meaning is the same everywhere.
///
/// What the newer payout endpoints answer is not documented completely; the codes here are those of their
/// predecessor. All others fall to [`Class::LookUp`].
#[rustfmt::skip]
const TABLE: &[([Class; 4], &[&str])] = &[
    ([AskAgain; 4], &["IDEMPOTENT_REQUEST_PROCESSING"]),
    // Passing, or the outcome is unknown. FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING is also the answer to the
    // second of two confirmations at once, while the first succeeds.
    ([LookUp; 4], &[
        "PROVIDER_ERROR", "CARD_PROCESSING_ERROR", "FAILED_INTERNAL_SYSTEM_PROCESSING",
        "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING", "UNKNOWN_PAYMENT_ERROR", "COMMON_ERROR",
        "FORBIDDEN_CONSECUTIVE_REQUEST", "FAILED_REFUND_PROCESS", "FAILED_METHOD_HANDLING_CANCEL",
        "FAILED_PARTIAL_REFUND",
    ]),
    // Another request was here before.
    ([LookUp; 4], &[
        "ALREADY_PROCESSED_PAYMENT", "DUPLICATED_ORDER_ID", "UNAPPROVED_ORDER_ID", "ALREADY_COMPLETED_PAYMENT",
        "ALREADY_CANCELED_PAYMENT", "ALREADY_REFUND_PAYMENT", "ALREADY_REFUNDING_PAYMENT", "DUPLICATED_REQUEST",
        // Also the answer once everything was given back in parts.
        "NOT_CANCELABLE_AMOUNT",
        "NOT_MATCHES_REFUNDABLE_AMOUNT",
    ]),
    // At a cancel we name a payment that was captured: only a foreign key makes it unknown.
    ([NewPayment, Stop, LookUp, LookUp], &[
        "NOT_FOUND_PAYMENT_SESSION", "NOT_FOUND_PAYMENT", "EXPIRED_PAYMENT",
        "PAY_PROCESS_CANCELED", "PAY_PROCESS_ABORTED", "USER_CANCEL",
    ]),
    ([OtherMethod, Contact, LookUp, LookUp], &[
        "REJECT_CARD_PAYMENT", "REJECT_CARD_COMPANY", "REJECT_ACCOUNT_PAYMENT",
        "REJECT_TOSSPAY_INVALID_ACCOUNT", "INVALID_REJECT_CARD", "INVALID_STOPPED_CARD",
        "INVALID_CARD_LOST_OR_STOLEN", "INVALID_CARD_NUMBER", "INVALID_CARD_EXPIRATION", "INVALID_PASSWORD",
        "EXCEED_MAX_AUTH_COUNT", "RESTRICTED_TRANSFER_ACCOUNT", "INVALID_ACCOUNT_INFO_RE_REGISTER",
        "NOT_ALLOWED_POINT_USE", "EXCEED_MAX_CARD_INSTALLMENT_PLAN", "INVALID_CARD_INSTALLMENT_PLAN",
        "NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT", "NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN",
        "FDS_ERROR", "NOT_SUPPORTED_METHOD",
        // The amount of one payment: the same tomorrow.
        "EXCEED_MAX_PAYMENT_AMOUNT", "EXCEED_MAX_AMOUNT", "EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT",
        "BELOW_MINIMUM_AMOUNT",
    ]),
    ([Later, Later, LookUp, LookUp], &[
        "EXCEED_MAX_DAILY_PAYMENT_COUNT", "EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT", "EXCEED_MAX_ONE_DAY_AMOUNT",
        "EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT",
    ]),
    // A bank outside its hours, a method under maintenance.
    ([Later; 4], &["NOT_AVAILABLE_PAYMENT", "NOT_AVAILABLE_BANK", "MAINTAINED_METHOD"]),
    // The refunds of a merchant in a day or month.
    ([LookUp, Later, LookUp, LookUp], &["EXCEED_MAX_REFUND_AMOUNT"]),
    // Key, contract or request.
    ([Stop; 4], &[
        "UNAUTHORIZED_KEY", "INVALID_API_KEY", "INCORRECT_BASIC_AUTH_FORMAT", "FORBIDDEN_REQUEST",
        "INVALID_REQUEST", "INVALID_AUTHORIZE_AUTH", "NOT_FOUND_TERMINAL_ID", "INVALID_UNREGISTERED_SUBMALL",
        "NOT_REGISTERED_BUSINESS", "INVALID_IDEMPOTENCY_KEY", "INVALID_TEST_CODE", "INVALID_CLIENT_KEY",
        "INSECURE_KEY_USAGE",
        // Of the lists: we ask for pages.
        "EXCEED_MAX_QUERY_LIMIT",
    ]),
    // Refunds that need a person: another account, another amount, or another way.
    ([LookUp, Contact, LookUp, LookUp], &[
        "INVALID_REFUND_ACCOUNT_INFO", "INVALID_REFUND_ACCOUNT_NUMBER",
        "EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT", "REFUND_REJECTED", "FORBIDDEN_BANK_REFUND_REQUEST",
        "NOT_CANCELABLE_PAYMENT", "NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER", "EXCEED_MAX_REFUND_DUE",
        "EXCEED_CANCEL_LIMIT", "NOT_ALLOWED_PARTIAL_REFUND", "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT",
        "NOT_SUPPORTED_REFUND", "INVALID_REFUND_AMOUNT",
    ]),
    ([LookUp, Contact, Contact, LookUp], &["INVALID_BANK"]),
    // An account that is not the payee's.
    ([LookUp, LookUp, Contact, Contact], &["ACCOUNT_OWNER_CHECK_FAILED", "NOT_MATCH_PAYEE_NAME"]),
    // Not on this day, not before the payee is approved, not before the sales behind it are settled.
    ([LookUp, LookUp, LookUp, Later], &[
        "FORBIDDEN_SELLER_PAYOUT", "NOT_ENOUGH_AMOUNT", "INVALID_PAYABLE_DATE", "NOT_ALLOWED_HOLIDAY",
    ]),
    // Says nothing of the payout that we mean: its list is read.
    ([LookUp; 4], &["PAYOUT_NOT_FOUND"]),
];

/// Refusals of a refund that another account of the payer can cure. All others need another way.
const ACCOUNT_CODES: [&str; 4] = [
    "INVALID_REFUND_ACCOUNT_INFO",
    "INVALID_REFUND_ACCOUNT_NUMBER",
    "INVALID_BANK",
    "FORBIDDEN_BANK_REFUND_REQUEST",
];

/// What `code` asks for as an answer to `call`; [`Class::LookUp`] for a code that nobody told us of.
pub fn classify(call: Call, code: &str) -> Class {
    let Some(([confirm, cancel, seller, payout], _)) = TABLE.iter().find(|(_, codes)| codes.contains(&code))
    else {
        return LookUp;
    };
    match call {
        Call::Confirm => *confirm,
        Call::Cancel => *cancel,
        Call::Seller => *seller,
        Call::Payout => *payout,
        Call::Read if *confirm == Stop => Stop,
        Call::Read => LookUp,
    }
}

/// Whether a refused refund can be made to another account of the payer: ask for one and cancel again, with a
/// new idempotency key.
pub fn needs_refund_account(code: &str) -> bool {
    ACCOUNT_CODES.contains(&code)
}

/// The provider's error in a body, `{code, message}` or (v2) `{error: {code, message}}`.
pub(super) fn refusal(call: Call, status: u16, body: &Value) -> Option<TossError> {
    let error = body.get("error").unwrap_or(body);
    let code = error.get("code")?.as_str()?;
    if code.is_empty() || code.len() > 100 {
        return None;
    }
    let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
    Some(TossError::Refused {
        code: code.to_owned(),
        message: message.chars().take(510).collect(),
        status,
        class: classify(call, code),
    })
}

#[cfg(test)]
pub(super) fn table_codes() -> impl Iterator<Item = &'static str> {
    TABLE.iter().flat_map(|(_, codes)| codes.iter().copied())
}
