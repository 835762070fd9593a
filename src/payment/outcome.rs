//! What came of an attempt.

use chrono::TimeDelta;
use serde_json::json;

use super::deposit;
use super::error::Error;
use super::model::{Attempt, AttemptState, Capture, Decline, Payment, PaymentState};
use super::query::{self, AttemptOutcome};
use super::refund;
use crate::availability;
use crate::config::Rules;
use crate::db::{Tx, database_error};
use crate::event;
use crate::id::{AttemptId, ReservationId, secret};
use crate::job::{AccrueSettlement, SyncPayment};
use crate::ledger;
use crate::money::Krw;
use crate::outbox;
use crate::reservation::{self, Absent, Reservation, State};

/// The code of an open attempt whose payment at the provider does not fit: only a person asks about it again.
pub const MISMATCH: &str = "PROVIDER_MISMATCH";

/// The provider takes the money of a payment until ten minutes after its payer authenticated. So long after we first asked
/// for it, with room, nothing of ours can be on its way there any more.
const ON_ITS_WAY: TimeDelta = TimeDelta::minutes(15);

/// What a job may do about an attempt now.
#[derive(Clone, Debug)]
pub enum Intent {
    /// Ask the provider to take the money.
    Confirm { payment_key: String, amount: Krw, idempotency_key: String },
    /// The provider was asked before and we do not know what it did: look first.
    LookUp {
        payment_key: Option<String>,
        amount: Krw,
        idempotency_key: String,
        asked: Asked,
        /// Whether the money would buy something: else it is not asked for again.
        is_wanted: bool,
    },
    /// The outcome is known.
    Over,
}

/// Whether we asked the provider to take the money of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Never,
    /// It may be at work on it, and need not show the payment yet.
    Lately,
    LongAgo,
}

/// Writes the intent to ask the provider, before it is asked (S21). Money that is known to buy nothing is not asked for:
/// the reservation is paid or over, or its session has begun. Then it is only looked up, until the provider has let it
/// expire.
pub async fn prepare(tx: &mut Tx, id: AttemptId) -> Result<Intent, Error> {
    let seen = query::attempt(tx.conn(), id).await?.ok_or(Error::NotFound)?;
    let payment = query::lock_payment(tx, seen.payment_id).await?.ok_or(Error::NotFound)?;
    let attempt = query::lock_attempt(tx, id).await?.ok_or(Error::NotFound)?;
    let reservation =
        reservation::find(tx.conn(), payment.reservation_id).await?.ok_or(reservation::Error::NotFound)?;
    let is_wanted =
        !payment.state.is_captured() && reservation.state == State::Paying && tx.now < reservation.starts_at;
    let asked = match attempt.sent_at {
        None => Asked::Never,
        Some(at) if tx.now < at + ON_ITS_WAY => Asked::Lately,
        Some(_) => Asked::LongAgo,
    };
    let (amount, idempotency_key) = (payment.amount_krw, attempt.idempotency_key.clone());
    if attempt.state.is_captured() {
        return Ok(Intent::Over);
    }
    if matches!(attempt.state, AttemptState::Failed | AttemptState::WaitingForDeposit) {
        // Asked about after all: the provider may have taken the money of what it declined, or a deposit may have
        // come. Without the payer's key nothing can be asked for.
        return Ok(Intent::LookUp { payment_key: None, amount, idempotency_key, asked, is_wanted });
    }
    let asks = asked == Asked::Never && is_wanted && attempt.payment_key.is_some();
    if asks {
        // Also where it is looked up first: it may be asked for after that.
        query::mark_attempt_sent(tx, id).await?;
    }
    match attempt.payment_key.clone() {
        Some(payment_key) if asks && attempt.state == AttemptState::Confirming => {
            Ok(Intent::Confirm { payment_key, amount, idempotency_key })
        }
        payment_key => Ok(Intent::LookUp { payment_key, amount, idempotency_key, asked, is_wanted }),
    }
}

/// What a capture came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It was known before.
    Known,
    /// The reservation is paid.
    Paid,
    /// A session that had begun is paid again: the deposit that the bank took back is there after all. Whoever froze
    /// what it earned thaws it.
    Restored(ReservationId),
    /// It bought nothing and is given back in full. Names the session whose deposit the bank had taken back before, where
    /// it is that: whoever froze what it earned thaws it, as after the account is closed.
    GivenBack(Option<ReservationId>),
}

/// The rows of an attempt, locked: calendars, reservation, payment, attempt.
pub(super) struct Locked {
    pub reservation: Reservation,
    pub payment: Payment,
    pub attempt: Attempt,
}

/// Calendars before the reservation, because a dead one may be re-claimed.
pub(super) async fn lock_all(tx: &mut Tx, id: AttemptId) -> Result<Locked, Error> {
    let seen = query::attempt(tx.conn(), id).await?.ok_or(Error::NotFound)?;
    let payment = query::payment(tx.conn(), seen.payment_id).await?.ok_or(Error::NotFound)?;
    let reservation =
        reservation::find(tx.conn(), payment.reservation_id).await?.ok_or(reservation::Error::NotFound)?;
    availability::lock_calendars(tx, &mut [reservation.mentor_id, reservation.mentee_id]).await?;
    let reservation = reservation::lock(tx, reservation.id).await?.ok_or(reservation::Error::NotFound)?;
    let payment = query::lock_payment(tx, payment.id).await?.ok_or(Error::NotFound)?;
    let attempt = query::lock_attempt(tx, id).await?.ok_or(Error::NotFound)?;
    Ok(Locked { reservation, payment, attempt })
}

/// The provider took the money. Checks its answer against our order, posts the capture once, and confirms the
/// reservation; where that is dead, claims the slot again or gives everything back (S16, I9). Another amount than the
/// order's buys nothing: it is given back as well.
///
/// # Errors
/// `ProviderMismatch`: the answer is not about this order or not in won. Nothing is written; a person looks.
pub async fn apply_capture(
    tx: &mut Tx,
    rules: &Rules,
    id: AttemptId,
    capture: &Capture,
) -> Result<Applied, Error> {
    let Locked { reservation, payment, attempt } = lock_all(tx, id).await?;
    if attempt.state.is_captured() {
        return Ok(Applied::Known);
    }
    let key_fits = attempt.payment_key.as_deref().is_none_or(|key| key == capture.payment_key);
    if capture.order_id != id.to_string() || capture.currency != "KRW" || !key_fits {
        return Err(Error::ProviderMismatch);
    }
    let bought = if payment.state.is_captured() {
        Bought::Nothing("surplus")
    } else if capture.amount != payment.amount_krw {
        metrics::counter!("konnect_payment_mismatch_total", "field" => "totalAmount").increment(1);
        tracing::error!(order_id = %id, taken = capture.amount.0, due = payment.amount_krw.0, "another amount was taken");
        Bought::Nothing("mismatch")
    } else {
        buy(tx, rules, &attempt, reservation.clone()).await?
    };
    // Before the payer is told, so that listeners outside see the payment as of this change. Where nothing was bought, the
    // payer may retry the reservation, and its payment stays payable.
    let was_asked_for = attempt.state.is_open() && payment.state.is_open();
    let becomes = match bought {
        Bought::Session(_) | Bought::Again => Some(PaymentState::Done),
        Bought::Nothing(_) => was_asked_for.then_some(PaymentState::Ready),
    };
    if let Some(state) = becomes {
        query::set_payment_state(tx, &payment, state).await?;
    }
    book(tx, &payment, &attempt, capture, &bought).await?;
    let applied = match bought {
        Bought::Session(reservation) => {
            reservation::captured(tx, &reservation).await?;
            Applied::Paid
        }
        Bought::Again => {
            if reservation.state != State::InSession {
                outbox::enqueue(tx, &AccrueSettlement { reservation_id: reservation.id }).await?;
            }
            Applied::Restored(reservation.id)
        }
        Bought::Nothing(cause) => {
            if was_asked_for && cause == "mismatch" && reservation.state == State::Paying {
                reservation::declined(tx, &reservation).await?;
            }
            let again = if attempt.reversals > 0 { attempt.reversals.to_string() } else { String::new() };
            refund::give_back(tx, &payment, id, capture.amount, cause, &again).await?;
            Applied::GivenBack((attempt.reversals > 0).then_some(reservation.id))
        }
    };
    if !matches!(applied, Applied::GivenBack(_)) {
        deposit::close_others(tx, &payment, id).await?;
    }
    if capture.has_cancels {
        outbox::enqueue(tx, &SyncPayment { attempt_id: id }).await?;
    }
    Ok(applied)
}

/// Writes what was taken to the attempt and the ledger, and tells the payer.
async fn book(
    tx: &mut Tx,
    payment: &Payment,
    attempt: &Attempt,
    capture: &Capture,
    bought: &Bought,
) -> Result<(), Error> {
    let id = attempt.id;
    let state = if matches!(bought, Bought::Nothing(_)) { AttemptState::Surplus } else { AttemptState::Done };
    let is_mismatch = matches!(bought, Bought::Nothing("mismatch"));
    let outcome = AttemptOutcome {
        payment_key: Some(&capture.payment_key),
        error_code: is_mismatch.then_some(MISMATCH),
        error_class: is_mismatch.then_some("new_payment"),
        method: capture.method.as_deref(),
        transaction_key: capture.transaction_key.as_deref(),
        evidence: Some(&capture.evidence),
        captured: Some(capture.amount),
        ..AttemptOutcome::default()
    };
    if !query::set_attempt_state(tx, attempt, state, outcome).await? {
        return Err(Error::InProgress);
    }
    let key = match attempt.reversals {
        0 => format!("capture:{id}"),
        reversals => format!("capture:{id}:{reversals}"),
    };
    ledger::post_capture(tx, payment.reservation_id, key, capture.amount).await?;
    if is_mismatch {
        let data = json!({ "code": MISMATCH, "class": "new_payment" });
        tell_payer(tx, payment, id, "payment.declined", data).await?;
    } else if !payment.state.is_captured() {
        tell_payer(tx, payment, id, "payment.captured", json!({})).await?;
    }
    Ok(())
}

/// What captured money is for.
enum Bought {
    /// The reservation, PAYING.
    Session(Box<Reservation>),
    /// A session that took place or does, whose deposit had been taken back.
    Again,
    /// Given back in full, with this cause.
    Nothing(&'static str),
}

async fn buy(tx: &mut Tx, rules: &Rules, attempt: &Attempt, was: Reservation) -> Result<Bought, Error> {
    Ok(match was.state {
        State::InSession | State::Completed if attempt.reversals > 0 => Bought::Again,
        State::NoShow if attempt.reversals > 0 && was.absent == Some(Absent::Mentee) => Bought::Again,
        // Found out too late: a hold ends with the start of the session, and nobody was told to come.
        State::Paying | State::AwaitingPayment if tx.now >= was.starts_at => {
            reservation::failed(tx, &was).await?;
            Bought::Nothing("slot_gone")
        }
        State::Paying => Bought::Session(Box::new(was)),
        State::AwaitingPayment => Bought::Session(Box::new(reservation::begin_payment(tx, &was).await?)),
        State::Expired | State::PaymentFailed => match reservation::reclaim(tx, rules, &was).await {
            Ok(reclaimed) => Bought::Session(Box::new(reservation::begin_payment(tx, &reclaimed).await?)),
            // An error of the database may have rolled everything back: it says nothing about the slot.
            Err(error) if database_error(&error).is_some() => return Err(error.into()),
            Err(_) => {
                // The mentor's cells may be claimed already when the mentee's turn out to be taken (I4).
                availability::release(tx, was.id).await?;
                Bought::Nothing("slot_gone")
            }
        },
        _ => Bought::Nothing("reservation_over"),
    })
}

/// The provider said no. The reservation stays payable while its hold lives.
///
/// `Some`: the account is closed whose deposit the bank had taken back, so that it does not come again. Whoever froze
/// what that session earned thaws it: what was paid for it is owed from now on.
pub async fn apply_decline(
    tx: &mut Tx,
    id: AttemptId,
    decline: &Decline,
) -> Result<Option<ReservationId>, Error> {
    let locked = lock_all(tx, id).await?;
    let Locked { reservation, attempt, .. } = &locked;
    if attempt.state.is_captured() || attempt.state == AttemptState::Failed {
        return Ok(None);
    }
    let gone = attempt.state == AttemptState::WaitingForDeposit && attempt.reversals > 0;
    let gone = gone.then_some(reservation.id);
    write_decline(tx, locked, decline).await?;
    Ok(gone)
}

async fn write_decline(tx: &mut Tx, locked: Locked, decline: &Decline) -> Result<(), Error> {
    let Locked { reservation, payment, attempt } = locked;
    let id = attempt.id;
    let (was_open, was_waiting) = (attempt.state.is_open(), attempt.state == AttemptState::WaitingForDeposit);
    // An account that was refused or given up was told of then; that it is closed now says nothing new.
    let known = attempt.error_code.as_deref().zip(attempt.error_class.as_deref()).filter(|_| was_waiting);
    let (code, class) = known.unwrap_or((&decline.code, decline.class));
    let code: String = code.chars().take(80).collect();
    let outcome = AttemptOutcome {
        error_code: Some(&code),
        error_class: Some(class),
        closed: decline.closed.as_ref().map(|(by, why)| (*by, why.as_str())),
        ..AttemptOutcome::default()
    };
    if !query::set_attempt_state(tx, &attempt, AttemptState::Failed, outcome).await? {
        return Err(Error::InProgress);
    }
    if !was_open && (!was_waiting || known.is_some()) {
        return Ok(());
    }
    // Another attempt may have paid meanwhile.
    if was_open && payment.state.is_open() {
        query::set_payment_state(tx, &payment, PaymentState::Ready).await?;
    }
    let data = json!({ "code": decline.code, "class": decline.class });
    tell_payer(tx, &payment, id, "payment.declined", data).await?;
    if was_open && reservation.state == State::Paying {
        reservation::declined(tx, &reservation).await?;
    }
    Ok(())
}

/// No answer is no failure (I13): the attempt is unknown until the provider has been asked again.
///
/// `class`: what is done about it (`look_up`, `ask_again`, `stop`, `contact`).
///
/// `fresh_key`: the provider refused without deciding, and would repeat that refusal for the same idempotency
/// key for 15 days. A new key is safe because an unknown attempt is looked up before it is asked for again.
pub async fn mark_unknown(
    tx: &mut Tx,
    id: AttemptId,
    why: &str,
    class: &str,
    fresh_key: bool,
) -> Result<(), Error> {
    let seen = query::attempt(tx.conn(), id).await?.ok_or(Error::NotFound)?;
    let payment = query::lock_payment(tx, seen.payment_id).await?.ok_or(Error::NotFound)?;
    let attempt = query::lock_attempt(tx, id).await?.ok_or(Error::NotFound)?;
    if !attempt.state.is_open() {
        return Ok(());
    }
    let code: String = why.chars().take(80).collect();
    let outcome =
        AttemptOutcome { error_code: Some(&code), error_class: Some(class), ..AttemptOutcome::default() };
    query::set_attempt_state(tx, &attempt, AttemptState::Unknown, outcome).await?;
    if fresh_key {
        query::renew_attempt_key(tx, id, &secret()).await?;
    }
    if payment.state == PaymentState::Confirming {
        query::set_payment_state(tx, &payment, PaymentState::Unknown).await?;
        tell_payer(tx, &payment, id, "payment.checking", json!({})).await?;
    }
    Ok(())
}

pub(super) async fn tell_payer(
    tx: &mut Tx,
    payment: &Payment,
    attempt: AttemptId,
    kind: &str,
    more: serde_json::Value,
) -> Result<(), Error> {
    let mut data = json!({
        "paymentId": payment.id,
        "orderId": attempt,
        "reservationId": payment.reservation_id,
        "amount": payment.amount_krw,
    });
    if let (Some(data), serde_json::Value::Object(more)) = (data.as_object_mut(), more) {
        data.extend(more);
    }
    event::append(tx, &[payment.mentee_id], kind, data).await?;
    Ok(())
}
