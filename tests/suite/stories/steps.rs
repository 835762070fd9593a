//! What can happen in a story.

use chrono::TimeDelta;
use konnect_sandbox::{Effect, Endpoint, Fault, Method, NewCheckout, WebhookMode};
use konnect_tests::Booking;
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};

use super::office::Office;
use super::teller::{PRICE, Teller};

#[derive(Clone, Debug)]
pub enum Step {
    /// The mentee orders and types the card, or asks for an account to pay into.
    Checkout {
        deposit: bool,
    },
    /// One of the checkouts is confirmed, with another amount when it is tampered with.
    Confirm {
        which: usize,
        tampered: bool,
    },
    /// Up to so many due jobs run.
    Work {
        jobs: u32,
    },
    /// All that is due runs.
    WorkAll,
    /// A worker takes a job and is never heard of again.
    DieBeforeTheCall,
    /// A worker is so slow that its job is given to another one while the provider answers.
    DieBeforeTheCommit,
    Fault(Fault),
    ClearFaults,
    Webhooks(WebhookMode),
    ReleaseWebhooks,
    Forge,
    Pass(TimeDelta),
    ToTheStart,
    Cancel {
        by_mentor: bool,
    },
    CancelTwice,
    Complete,
    /// Somebody gives back in the provider's console.
    Console {
        amount: Option<i64>,
    },
    Deposit,
    ReverseDeposit,
    Reconcile,
    /// A confirmation, a cancellation and the jobs, all at once.
    Rush {
        which: usize,
    },
    Office(Office),
}

const DECLINES: &[&str] = &[
    "REJECT_CARD_PAYMENT",
    "INVALID_CARD_EXPIRATION",
    "NOT_AVAILABLE_BANK",
    "EXCEED_MAX_DAILY_PAYMENT_COUNT",
    "PROVIDER_ERROR",
    "FAILED_INTERNAL_SYSTEM_PROCESSING",
    "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING",
    "UNAUTHORIZED_KEY",
    "A_CODE_OF_TOMORROW",
];
const REFUSED_CANCELS: &[&str] = &[
    "PROVIDER_ERROR",
    "FAILED_REFUND_PROCESS",
    "FORBIDDEN_CONSECUTIVE_REQUEST",
    "EXCEED_MAX_REFUND_DUE",
    "A_CODE_OF_TOMORROW",
];

const REFUSED_PAYOUTS: &[&str] = &[
    "NOT_ENOUGH_AMOUNT",
    "FAILED_INTERNAL_SYSTEM_PROCESSING",
    "FORBIDDEN_SELLER_PAYOUT",
    "A_CODE_OF_TOMORROW",
];

fn effect(dice: &mut StdRng, codes: &[&str]) -> Effect {
    match dice.random_range(0..6) {
        0 => Effect::DropBefore,
        1 | 2 => Effect::DropAfterCommit,
        3 => Effect::Status(*[500, 502, 503, 504, 429].choose(dice).expect("some")),
        _ => Effect::decline(codes.choose(dice).expect("some")),
    }
}

impl Step {
    /// Most stories begin with somebody who pays.
    pub fn beginning(dice: &mut StdRng) -> Vec<Self> {
        let mut steps = Vec::new();
        if dice.random_range(0..10) < 8 {
            steps.push(Self::Checkout { deposit: dice.random_range(0..6) == 0 });
            if dice.random_range(0..4) == 0 {
                let codes = if dice.random_range(0..2) == 0 { DECLINES } else { &DECLINES[4..] };
                steps.push(Self::Fault(Fault::once(Endpoint::Confirm, effect(dice, codes))));
            }
            steps.push(Self::Confirm { which: 0, tampered: false });
            if dice.random_range(0..10) < 7 {
                steps.push(Self::WorkAll);
            }
        }
        steps
    }

    pub fn roll(dice: &mut StdRng) -> Self {
        let which = dice.random_range(0..3);
        match dice.random_range(0..128) {
            0..18 => Self::Checkout { deposit: dice.random_range(0..5) == 0 },
            18..34 => Self::Confirm { which, tampered: dice.random_range(0..12) == 0 },
            34..44 => Self::WorkAll,
            44..49 => Self::Work { jobs: dice.random_range(1..4) },
            49..51 => Self::DieBeforeTheCall,
            51..54 => Self::DieBeforeTheCommit,
            54..58 => Self::Fault(Fault::times(Endpoint::Confirm, which as u32 + 1, effect(dice, DECLINES))),
            58..61 => {
                Self::Fault(Fault::times(Endpoint::Cancel, which as u32 + 1, effect(dice, REFUSED_CANCELS)))
            }
            61..63 => {
                Self::Fault(Fault::times(Endpoint::Get, which as u32 + 1, effect(dice, &["PROVIDER_ERROR"])))
            }
            63..64 => Self::ClearFaults,
            64..67 => Self::Webhooks(
                *[
                    WebhookMode::Normal,
                    WebhookMode::Early,
                    WebhookMode::Twice,
                    WebhookMode::Late,
                    WebhookMode::None,
                ]
                .choose(dice)
                .expect("some"),
            ),
            67..69 => Self::ReleaseWebhooks,
            69..71 => Self::Forge,
            71..78 => {
                Self::Pass(TimeDelta::seconds(*[5, 61, 300, 960, 7_200, 86_400].choose(dice).expect("some")))
            }
            78..80 => Self::ToTheStart,
            80..83 => Self::Cancel { by_mentor: which == 0 },
            83..84 => Self::CancelTwice,
            84..86 => Self::Complete,
            86..88 => Self::Console { amount: (which > 0).then(|| dice.random_range(1..=PRICE)) },
            88..91 => Self::Deposit,
            91..92 => Self::ReverseDeposit,
            92..95 => Self::Reconcile,
            95..100 => Self::Rush { which },
            100..102 => {
                Self::Fault(Fault::times(Endpoint::Payout, which as u32 + 1, effect(dice, REFUSED_PAYOUTS)))
            }
            102..103 => Self::Fault(Fault::times(Endpoint::PayoutList, 1, effect(dice, &["PROVIDER_ERROR"]))),
            103..105 => Self::Pass(TimeDelta::hours(49)),
            _ => Self::Office(Office::roll(dice)),
        }
    }
}

impl Teller<'_> {
    pub async fn take(&mut self, booking: &Booking, step: &Step) {
        let app = self.app;
        match step {
            Step::Checkout { deposit } => self.check_out(booking, *deposit).await,
            Step::Confirm { which, tampered } => {
                let Some(mut body) = self.confirmations.get(*which).cloned() else { return };
                if *tampered {
                    body["amount"] = json!(PRICE - 1);
                }
                let answer = self.mentee(booking).await.client.post("/v1/payments/confirm", body).await;
                self.note(&answer);
            }
            Step::Work { jobs } => {
                for _ in 0..*jobs {
                    let Some(delivery) = app.take_due().await else { break };
                    app.executor.execute(delivery).await.expect("the database");
                }
            }
            Step::WorkAll => {
                app.run_jobs().await;
            }
            Step::DieBeforeTheCall => {
                let _lost = app.take_due().await;
            }
            Step::DieBeforeTheCommit => {
                if let Some(delivery) = app.take_due().await {
                    app.run_while_its_lease_ends(delivery).await;
                }
            }
            Step::Fault(fault) => app.sandbox.fault(fault.clone()),
            Step::ClearFaults => app.sandbox.clear_faults(),
            Step::Webhooks(mode) => app.sandbox.webhooks(*mode),
            Step::ReleaseWebhooks => {
                app.sandbox.release_webhooks().await;
            }
            Step::Forge => self.forge().await,
            Step::Pass(by) => app.advance(*by),
            Step::ToTheStart => {
                self.attend(booking).await;
                if app.now() < booking.starts_at {
                    app.advance_to(booking.starts_at);
                }
            }
            Step::Cancel { by_mentor } => self.cancel(booking, *by_mentor).await,
            Step::CancelTwice => {
                let (mentee, mentor) = (self.mentee(booking).await, app.log_in(&self.mentor).await);
                let body = self.cancellation(booking).await;
                let path = format!("{}/cancel", booking.path());
                let (a, b) =
                    tokio::join!(mentee.client.post(&path, body.clone()), mentor.client.post(&path, body));
                self.note(&a);
                self.note(&b);
            }
            Step::Complete => {
                let path = format!("{}/complete", booking.path());
                let answer = self.mentee(booking).await.client.post(&path, Value::Null).await;
                self.note(&answer);
            }
            Step::Console { amount } => {
                if let Some(key) = self.some_payment() {
                    let done = app.sandbox.cancel_in_console(&key, *amount, "by hand");
                    self.log.push(format!("    {:?}", done.map(|p| p.balance_amount)));
                }
            }
            Step::Deposit => {
                if let Some(key) = self.some_payment() {
                    let done = app.sandbox.deposit(&key);
                    self.log.push(format!("    {:?}", done.map(|p| p.status)));
                }
            }
            Step::ReverseDeposit => {
                if let Some(key) = self.some_payment() {
                    let done = app.sandbox.reverse_deposit(&key);
                    self.log.push(format!("    {:?}", done.map(|p| p.status)));
                }
            }
            Step::Reconcile => {
                self.reconcile().await;
                app.run_jobs().await;
            }
            Step::Rush { which } => self.rush(booking, *which).await,
            Step::Office(step) => self.go_to_office(booking, step).await,
        }
        app.sandbox.settle().await;
    }

    async fn check_out(&mut self, booking: &Booking, deposit: bool) {
        let path = format!("{}/payment-orders", booking.path());
        let answer = self.mentee(booking).await.client.post(&path, json!({})).await;
        self.note(&answer);
        let Some(order_id) = answer.body["orderId"].as_str() else { return };
        let method = if deposit { Method::VirtualAccount } else { Method::Card };
        let new = NewCheckout { method, ..NewCheckout::new(order_id, PRICE) };
        if let Ok(card) = self.app.sandbox.checkout_with(new) {
            let body = json!({ "orderId": order_id, "paymentKey": card.payment_key, "amount": PRICE });
            self.confirmations.insert(0, body);
        }
    }

    async fn cancellation(&self, booking: &Booking) -> Value {
        let view = self.mentee(booking).await.client.get(&booking.path()).await.ok(200);
        json!({ "reason": "a story", "expectedVersion": view["version"] })
    }

    async fn cancel(&mut self, booking: &Booking, by_mentor: bool) {
        let body = self.cancellation(booking).await;
        let who = if by_mentor { self.app.log_in(&self.mentor).await } else { self.mentee(booking).await };
        let answer = who.client.post(&format!("{}/cancel", booking.path()), body).await;
        self.note(&answer);
    }

    /// A webhook that somebody else sends about one of the payments.
    async fn forge(&mut self) {
        let Some(key) = self.some_payment() else { return };
        let Some(payment) = self.app.sandbox.payment(&key) else { return };
        let status =
            if self.chance(50) { konnect_sandbox::Status::Done } else { konnect_sandbox::Status::Canceled };
        self.app.sandbox.forge_status(&key, &payment.order_id, status, PRICE).await;
    }

    /// The provider's key of one of this story's payments.
    fn some_payment(&mut self) -> Option<String> {
        let body = self.confirmations.choose(&mut self.dice)?;
        Some(body["paymentKey"].as_str().expect("a key").to_owned())
    }

    async fn rush(&mut self, booking: &Booking, which: usize) {
        let app = self.app;
        let mentee = self.mentee(booking).await;
        let cancellation = self.cancellation(booking).await;
        let path = format!("{}/cancel", booking.path());
        let confirmation = self.confirmations.get(which).cloned();
        let confirm = async {
            match confirmation {
                Some(body) => Some(mentee.client.post("/v1/payments/confirm", body).await),
                None => None,
            }
        };
        let work = async {
            while let Some(delivery) = app.take_due().await {
                app.executor.execute(delivery).await.expect("the database");
            }
        };
        let more_work = async {
            while let Some(delivery) = app.take_due().await {
                app.executor.execute(delivery).await.expect("the database");
            }
        };
        let (confirmed, cancelled, (), ()) =
            tokio::join!(confirm, mentee.client.post(&path, cancellation), work, more_work);
        if let Some(answer) = confirmed {
            self.note(&answer);
        }
        self.note(&cancelled);
    }
}
