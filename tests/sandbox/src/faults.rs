//! Commanded misbehaviour: what the stand-in is told to do wrong, how often, and to whom.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A call the stand-in receives. Faults can be commanded for all but `Token`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Endpoint {
    /// `POST /v1/payments/confirm`
    Confirm,
    /// `POST /v1/payments/{paymentKey}/cancel`
    Cancel,
    /// `GET /v1/payments/{paymentKey}` and `GET /v1/payments/orders/{orderId}`
    Get,
    /// `GET /v1/transactions`
    Transactions,
    /// `GET /v1/settlements`
    Settlements,
    /// Everything below `/v2/sellers`.
    Seller,
    /// `POST /v2/payouts`
    Payout,
    /// `POST /v2/payouts/{id}/cancel`
    PayoutCancel,
    /// `GET /v2/payouts/{id}`
    PayoutGet,
    /// `GET /v2/payouts`
    PayoutList,
    /// `GET /v2/balances`
    Balance,
    /// `POST /token`
    Token,
    /// `POST /v1/projects/{id}/messages:send`
    Fcm,
    /// One mail transaction.
    Smtp,
}

/// What goes wrong.
///
/// As JSON: `{"delay_ms": n}`, `{"decline": CODE, "status": n?}`, `{"status": n}`, `{"drop_before": true}`,
/// `{"drop_after_commit": true}`, `{"hang_ms": n}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "EffectWire", into = "EffectWire")]
pub enum Effect {
    /// The call is worked on for this long, then done as usual, even when the client has gone meanwhile. Until
    /// then its idempotency key answers 409 and its payment refuses a second confirm.
    Delay(Duration),
    /// The provider refuses with this code; nothing is committed. The answer is bound to the idempotency key. A
    /// confirm refused by a card code leaves the payment ABORTED, by any other code IN_PROGRESS. `status` is
    /// the documented one when absent. For FCM: an FCM error code. For SMTP: an enhanced status such as `5.7.1`, said at
    /// RCPT with the reply code `status` (450 or 550 when absent).
    Decline { code: String, status: Option<u16> },
    /// Something in front of the provider answers with this HTTP status (502 to 504 as HTML); nothing is
    /// committed and the idempotency key stays unused. For SMTP: the reply code at RCPT (400-599).
    Status(u16),
    /// The connection is closed without an answer; nothing is committed.
    DropBefore,
    /// Committed (and bound to the idempotency key, and told by webhook), then closed without an answer.
    DropAfterCommit,
    /// No answer for this long, then closed; nothing is committed.
    Hang(Duration),
}

impl Effect {
    /// Shorthand for a refusal with its documented status.
    pub fn decline(code: &str) -> Self {
        Self::Decline { code: code.to_owned(), status: None }
    }
}

/// The calls a fault is for; an empty one fits every call of its endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Match {
    pub payment_key: Option<String>,
    pub order_id: Option<String>,
    /// Payouts: a request that holds this reference, or the query of one with it.
    pub ref_payout_id: Option<String>,
    /// `GET`, `POST` or `DELETE`: what tells a registration from a look at a seller.
    pub method: Option<String>,
    /// FCM: the registration token of the device. SMTP: a recipient's address.
    pub recipient: Option<String>,
}

/// A commanded fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    pub on: Endpoint,
    /// How many calls it hits; `None` until it is cleared.
    #[serde(default)]
    pub times: Option<u32>,
    /// How many of a hundred calls that fit it hits, in an order that is the same in every run; all when absent.
    #[serde(default)]
    pub odds: Option<u32>,
    pub effect: Effect,
    #[serde(default, rename = "match")]
    pub only: Match,
}

impl Fault {
    /// Hits the next call.
    pub fn once(on: Endpoint, effect: Effect) -> Self {
        Self::times(on, 1, effect)
    }

    /// Hits the next `count` calls.
    pub fn times(on: Endpoint, count: u32, effect: Effect) -> Self {
        Self { on, times: Some(count), odds: None, effect, only: Match::default() }
    }

    /// Hits every call until the faults are cleared.
    pub fn always(on: Endpoint, effect: Effect) -> Self {
        Self { on, times: None, odds: None, effect, only: Match::default() }
    }

    /// Hits so many of a hundred calls until the faults are cleared.
    pub fn often(on: Endpoint, of_hundred: u32, effect: Effect) -> Self {
        Self { odds: Some(of_hundred), ..Self::always(on, effect) }
    }

    pub fn for_payment(mut self, payment_key: &str) -> Self {
        self.only.payment_key = Some(payment_key.to_owned());
        self
    }

    pub fn for_order(mut self, order_id: &str) -> Self {
        self.only.order_id = Some(order_id.to_owned());
        self
    }

    pub fn for_payout(mut self, ref_payout_id: &str) -> Self {
        self.only.ref_payout_id = Some(ref_payout_id.to_owned());
        self
    }

    pub fn for_method(mut self, method: &str) -> Self {
        self.only.method = Some(method.to_owned());
        self
    }

    /// Whether the stand-in can do it; a fault that could never strike is a mistake of the test.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        match (self.on, &self.effect) {
            (Endpoint::Token, _) => {
                Err("faults on \"token\" are not supported; revoke the access tokens instead")
            }
            (Endpoint::Smtp, Effect::Decline { code, .. }) if !is_enhanced(code) => {
                Err("an SMTP refusal is a status (400-599) or an enhanced one, such as 5.7.1")
            }
            _ => Ok(()),
        }
    }

    /// FCM: the device's registration token. SMTP: the recipient's address.
    pub fn for_recipient(mut self, recipient: &str) -> Self {
        self.only.recipient = Some(recipient.to_owned());
        self
    }
}

/// Whether a text is a status of RFC 3463 that refuses.
fn is_enhanced(code: &str) -> bool {
    let parts: Vec<_> = code.split('.').collect();
    let number = |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    parts.len() == 3 && matches!(parts[0], "4" | "5") && parts.iter().all(number)
}

/// What a call is about, as far as it can be told before it is worked on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Subject {
    pub(crate) payment_key: Option<String>,
    pub(crate) order_id: Option<String>,
    pub(crate) ref_payout_ids: Vec<String>,
    pub(crate) method: Option<String>,
    pub(crate) recipients: Vec<String>,
}

#[derive(Debug, Default)]
pub(crate) struct Faults {
    commanded: Vec<Fault>,
    /// Dice thrown so far.
    throws: u64,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        if fault.times != Some(0) {
            self.commanded.push(fault);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.commanded.clear();
    }

    pub(crate) fn forget(&mut self, effect: &Effect) {
        self.commanded.retain(|fault| fault.effect != *effect);
    }

    pub(crate) fn list(&self) -> &[Fault] {
        &self.commanded
    }

    /// Takes the oldest fault that fits and uses it once.
    pub(crate) fn take(
        &mut self,
        on: Endpoint,
        subject: &Subject,
        usable: impl Fn(&Effect) -> bool,
    ) -> Option<Effect> {
        let throws = &mut self.throws;
        let at = self.commanded.iter().position(|f| {
            f.on == on && fits(&f.only, subject) && usable(&f.effect) && strikes(f.odds, throws)
        })?;
        let fault = &mut self.commanded[at];
        let effect = fault.effect.clone();
        if let Some(times) = &mut fault.times {
            *times -= 1;
            if *times == 0 {
                self.commanded.remove(at);
            }
        }
        Some(effect)
    }
}

/// Whether a fault with these odds hits the call that fits it: the next number of a fixed row (SplitMix64) decides.
fn strikes(odds: Option<u32>, throws: &mut u64) -> bool {
    let Some(odds) = odds else { return true };
    *throws = throws.wrapping_add(1);
    let mut z = throws.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) % 100 < u64::from(odds)
}

fn fits(only: &Match, subject: &Subject) -> bool {
    let same = |want: &Option<String>, is: &Option<String>| want.is_none() || want == is;
    same(&only.payment_key, &subject.payment_key)
        && same(&only.order_id, &subject.order_id)
        && (only.method.is_none() || only.method == subject.method)
        && only.ref_payout_id.as_ref().is_none_or(|want| subject.ref_payout_ids.contains(want))
        && only.recipient.as_ref().is_none_or(|want| subject.recipients.contains(want))
}

/// The JSON form of an [`Effect`]: one object, exactly one effect in it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EffectWire {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delay_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    decline: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    drop_before: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    drop_after_commit: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hang_ms: Option<u64>,
}

impl TryFrom<EffectWire> for Effect {
    type Error = String;

    fn try_from(wire: EffectWire) -> Result<Self, Self::Error> {
        if wire.status.is_some_and(|status| !(400..=599).contains(&status)) {
            return Err("status must be between 400 and 599".to_owned());
        }
        let status_alone = if wire.decline.is_none() { wire.status } else { None };
        let mut effects: Vec<Effect> = Vec::new();
        effects.extend(wire.delay_ms.map(|ms| Self::Delay(Duration::from_millis(ms))));
        effects.extend(wire.decline.map(|code| Self::Decline { code, status: wire.status }));
        effects.extend(status_alone.map(Self::Status));
        effects.extend(wire.drop_before.then_some(Self::DropBefore));
        effects.extend(wire.drop_after_commit.then_some(Self::DropAfterCommit));
        effects.extend(wire.hang_ms.map(|ms| Self::Hang(Duration::from_millis(ms))));
        match (effects.pop(), effects.is_empty()) {
            (Some(effect), true) => Ok(effect),
            _ => Err("give exactly one effect".to_owned()),
        }
    }
}

impl From<Effect> for EffectWire {
    fn from(effect: Effect) -> Self {
        let millis = |d: Duration| Some(u64::try_from(d.as_millis()).unwrap_or(u64::MAX));
        match effect {
            Effect::Delay(by) => Self { delay_ms: millis(by), ..Self::default() },
            Effect::Decline { code, status } => Self { decline: Some(code), status, ..Self::default() },
            Effect::Status(status) => Self { status: Some(status), ..Self::default() },
            Effect::DropBefore => Self { drop_before: true, ..Self::default() },
            Effect::DropAfterCommit => Self { drop_after_commit: true, ..Self::default() },
            Effect::Hang(by) => Self { hang_ms: millis(by), ..Self::default() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_used_up_and_fits_only_its_subject() {
        let mut faults = Faults::default();
        faults.add(Fault::times(Endpoint::Confirm, 2, Effect::DropBefore).for_order("order-1"));
        let other = Subject { order_id: Some("order-2".into()), ..Subject::default() };
        let mine = Subject { order_id: Some("order-1".into()), ..Subject::default() };
        assert_eq!(faults.take(Endpoint::Confirm, &other, |_| true), None);
        assert_eq!(faults.take(Endpoint::Cancel, &mine, |_| true), None);
        for _ in 0..2 {
            assert_eq!(faults.take(Endpoint::Confirm, &mine, |_| true), Some(Effect::DropBefore));
        }
        assert_eq!(faults.take(Endpoint::Confirm, &mine, |_| true), None);
    }

    #[test]
    fn odds_hit_their_share_of_the_calls() {
        let mut faults = Faults::default();
        faults.add(Fault::often(Endpoint::Cancel, 30, Effect::DropBefore));
        let hits = (0..10_000)
            .filter(|_| faults.take(Endpoint::Cancel, &Subject::default(), |_| true).is_some())
            .count();
        assert!((2_800..3_200).contains(&hits), "{hits} of 10,000 calls");
    }

    #[test]
    fn the_json_form_holds_exactly_one_effect() {
        let fault: Fault = serde_json::from_str(
            r#"{"on":"cancel","times":null,"effect":{"decline":"PROVIDER_ERROR","status":400},"match":{"orderId":"o"}}"#,
        )
        .expect("valid");
        assert_eq!(fault.effect, Effect::Decline { code: "PROVIDER_ERROR".into(), status: Some(400) });
        for bad in [
            r#"{}"#,
            r#"{"delay_ms":1,"hang_ms":1}"#,
            r#"{"status":200}"#,
            r#"{"drop_before":false}"#,
            r#"{"x":1}"#,
        ] {
            assert!(serde_json::from_str::<Effect>(bad).is_err(), "{bad}");
        }
        let text = serde_json::to_string(&Effect::Hang(Duration::from_millis(7))).expect("plain data");
        assert_eq!(text, r#"{"hang_ms":7}"#);
    }
}
