//! What the provider's answer about an attempt means.

use konnect::client::toss::{self, Class, Status, TossError};
use konnect::id::AttemptId;
use konnect::payment::{Asked, Capture, Decline, Deposit};

/// What the provider says of an attempt.
pub enum Verdict {
    Captured(Capture),
    /// The payer has an account to pay into.
    Waiting(Deposit),
    Declined(Decline),
    /// Nothing is known: ask again. `fresh_key`: the provider bound its refusal to the idempotency key.
    Unknown {
        why: String,
        class: Class,
        fresh_key: bool,
    },
    /// The payer has authenticated and the money was not taken: it can be asked for.
    Confirmable,
    /// The same of money that would buy nothing: the provider lets it expire within minutes.
    Unwanted,
    /// The payer is still at the checkout.
    Unauthenticated,
    /// Money was taken that is not ours to give back: by another merchant, in another currency. Names the field.
    Foreign(&'static str),
}

/// The first field in which a payment was never ours, whatever its amount. `merchant`: who must have been paid, where
/// that is configured.
pub fn foreign(found: &toss::Payment, merchant: Option<&str>) -> Option<&'static str> {
    if found.currency != "KRW" {
        Some("currency")
    } else if merchant.is_some() && found.m_id.as_deref() != merchant {
        Some("mId")
    } else {
        None
    }
}

/// What a payment's status means for the attempt `id`.
pub fn judge(found: &toss::Payment, id: AttemptId, merchant: Option<&str>) -> Verdict {
    // The payer's key names the payment of another order: no money of this one.
    if found.order_id != id.to_string() {
        return declined("NOT_FOUND_PAYMENT");
    }
    let failed = |code: &str| declined(found.failure.as_ref().map_or(code, |failure| failure.code.as_str()));
    match &found.status {
        // Nothing is left of a payment that is not booked yet: taken and given back by hand, or never paid in.
        Status::Canceled => failed("CANCELED"),
        Status::PartialCanceled if found.is_fully_refunded() => failed("CANCELED"),
        // Cancelled in part still means captured first; the cancel itself is reconciled apart.
        Status::Done | Status::PartialCanceled if found.approved_at.is_some() => {
            match foreign(found, merchant) {
                Some(field) => Verdict::Foreign(field),
                None => Verdict::Captured(captured(found)),
            }
        }
        Status::WaitingForDeposit => match (foreign(found, merchant), &found.virtual_account) {
            (Some(field), _) => Verdict::Foreign(field),
            (None, Some(account)) => Verdict::Waiting(deposit(found, account)),
            (None, None) => unknown("a deposit is awaited without an account"),
        },
        Status::InProgress => Verdict::Confirmable,
        Status::Ready => Verdict::Unauthenticated,
        Status::Aborted => failed("ABORTED"),
        Status::Expired => failed("EXPIRED"),
        other => unknown(&format!("status {}", other.as_str())),
    }
}

fn declined(code: &str) -> Verdict {
    let class = Class::NewPayment.as_str();
    Verdict::Declined(Decline { code: code.to_owned(), class, ..Decline::default() })
}

fn unknown(why: &str) -> Verdict {
    Verdict::Unknown { why: why.to_owned(), class: Class::LookUp, fresh_key: false }
}

fn captured(found: &toss::Payment) -> Capture {
    let transaction_key = found.approval_transaction_key().or(found.last_transaction_key.as_deref());
    Capture {
        payment_key: found.payment_key.clone(),
        order_id: found.order_id.clone(),
        amount: found.total_amount,
        currency: found.currency.clone(),
        method: found.method.clone(),
        transaction_key: transaction_key.map(str::to_owned),
        has_cancels: !found.cancels.is_empty(),
        evidence: found.raw.to_string(),
    }
}

fn deposit(found: &toss::Payment, account: &toss::VirtualAccount) -> Deposit {
    Deposit {
        payment_key: found.payment_key.clone(),
        order_id: found.order_id.clone(),
        amount: found.total_amount,
        currency: found.currency.clone(),
        method: found.method.clone(),
        account_number: account.account_number.clone(),
        bank: account.bank_code.clone(),
        holder: account.customer_name.clone(),
        due_at: account.due_date,
        secret: found.secret.clone(),
        evidence: found.raw.to_string(),
    }
}

/// What it means that the provider does not know the payment by this key. While it may be at work on our request, it need
/// not show the payment yet (I13): asked again under the same idempotency key, it says itself that there is none.
pub fn not_found(payment_key: Option<&str>, asked: Asked) -> Verdict {
    match payment_key {
        None => Verdict::Unauthenticated,
        Some(_) if asked == Asked::Lately => Verdict::Confirmable,
        Some(_) => declined("NOT_FOUND_PAYMENT"),
    }
}

/// Money that was never asked for, and will not be.
pub fn never_taken() -> Verdict {
    declined("NOT_ASKED_FOR")
}

/// A read that failed says nothing about the money.
pub fn unread(error: &TossError) -> Verdict {
    Verdict::Unknown { why: error.to_string(), class: error.class(), fresh_key: false }
}

/// What a refusal of the confirmation means. A refusal that says nothing about the money is looked into; one that is
/// our own fault is no decline, and somebody is told.
pub fn refused(error: &TossError) -> Verdict {
    match error {
        TossError::Refused { code, class, .. } if class.is_declined() => {
            Verdict::Declined(Decline { code: code.clone(), class: class.as_str(), ..Decline::default() })
        }
        TossError::Refused { code, class: class @ (Class::Contact | Class::Stop), .. } => {
            metrics::counter!("konnect_provider_stops_total", "call" => "confirm", "code" => code.clone())
                .increment(1);
            tracing::error!(code, "the provider refuses our key, contract or request: payments stand still");
            Verdict::Unknown { why: code.clone(), class: *class, fresh_key: true }
        }
        error => {
            let why = error.code().map_or_else(|| error.to_string(), str::to_owned);
            Verdict::Unknown { why, class: error.class(), fresh_key: !error.keeps_key() }
        }
    }
}
