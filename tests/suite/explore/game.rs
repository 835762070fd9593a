//! One seed: a few people, and rounds in which some of what could be done is done at once.

use chrono::TimeDelta;
use futures_util::future::BoxFuture;
use konnect::id::secret;
use konnect::job::{
    ConfirmPayment, ExpireHold, ExpireMove, ExpireRequest, Job, RefundPayment, RequeryPayment,
};
use konnect::outbox::{self, Delivery};
use konnect::payment::{AttemptState, RefundState};
use konnect::reservation::State;
use konnect::transact;
use konnect_sandbox::{Effect, Endpoint, Fault};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::act::{Act, What};
use super::model::{Booking, Id, PRICE, Side, World};
use super::order::explain;
use super::place::{Cast, LANES, Place};
use super::request::{answer, request};

/// What a seed came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Played {
    pub rounds: usize,
    pub acts: usize,
    pub statements: usize,
    /// Rounds in which somebody was refused.
    pub refusals: usize,
}

pub struct Game<'a> {
    place: &'a Place,
    cast: Cast,
    dice: StdRng,
    /// Deliveries of the core's jobs that nobody has run yet: they come late.
    late: Vec<(Delivery, String, Value)>,
    log: Vec<String>,
    played: Played,
}

impl<'a> Game<'a> {
    /// Plays one seed.
    ///
    /// # Errors
    /// A round that no order explains, or what the audit finds: with everything that led to it.
    pub async fn play(place: &'a Place, seed: u64) -> Result<Played, String> {
        let mut dice = StdRng::seed_from_u64(seed);
        let (mentors, mentees) = (dice.random_range(1..=2), dice.random_range(2..=3));
        let cast = place.cast(seed, mentors, mentees).await;
        let mut game =
            Self { place, cast, dice, late: Vec::new(), log: Vec::new(), played: Played::default() };
        for _ in 0..game.dice.random_range(4..=8) {
            game.pass().await;
            if let Err(why) = game.round().await {
                return Err(format!("seed {seed}: {why}\n{}", game.log.join("\n")));
            }
        }
        game.end().await.map_err(|why| format!("seed {seed}: {why}\n{}", game.log.join("\n")))?;
        Ok(game.played)
    }

    /// Time passes, and what becomes due is taken from the outbox.
    async fn pass(&mut self) {
        let seconds = *[0, 0, 5, 61, 300, 660, 960].choose(&mut self.dice).expect("some");
        self.place.app.advance(TimeDelta::seconds(seconds));
        self.log.push(format!("-- {seconds} s pass"));
        self.take_due().await;
    }

    async fn round(&mut self) -> Result<(), String> {
        self.prepare().await;
        let seen = self.place.look(&self.cast).await;
        let acts = self.roll(&seen);
        // Again: some have been at the checkout since.
        let before = self.place.look(&self.cast).await;
        for (place, act) in acts.iter().enumerate() {
            self.log.push(format!("   {place} (key {}): {:?}", act.key, act.what));
        }
        let mut running = Vec::new();
        let keys: Vec<String> = acts.iter().map(|_| secret()).collect();
        for (lane, act) in acts.iter().enumerate() {
            running.push(self.run(lane, act, &keys[act.key], &before).await);
        }
        let (answers, turns) = self.place.stage.play(&mut self.dice, running).await;
        self.log.extend(turns.iter().map(|turn| format!("      {turn}")));
        self.log.push(format!("   answers: {answers:?}"));
        self.played.rounds += 1;
        self.played.acts += acts.len();
        self.played.statements += turns.len();
        self.played.refusals += usize::from(answers.iter().any(|answer| answer.contains('.')));
        let after = self.place.picture(&self.cast).await;
        explain(&before, &acts, &answers, &after).map_err(|ends| {
            let mut text = format!("no order explains {answers:?}\n   before: {:#?}\n", before.picture());
            text += &format!("   after: {after:#?}\n   orders with these answers lead to: {ends:#?}");
            text
        })?;
        self.place.money(&self.cast).await?;
        let found = self.place.app.audit().await;
        if !found.is_empty() {
            return Err(format!("the audit finds {found:#?}"));
        }
        Ok(())
    }

    /// Mostly somebody who can pay has been at the checkout, and sometimes the provider will say no; sometimes somebody
    /// asks what became of a payment.
    async fn prepare(&mut self) {
        let world = self.place.look(&self.cast).await;
        for booking in world.bookings {
            let Id::Row(id) = &booking.id else { continue };
            let has_ready = booking.attempts.iter().any(|a| a.state == AttemptState::Ready);
            if booking.state == State::AwaitingPayment && !has_ready && self.chance(80) {
                let client = self.place.client(0, &self.cast.mentees[booking.mentee]).await;
                client.post(&format!("/v1/reservations/{id}/payment-orders"), json!({})).await.ok(200);
            }
            for attempt in booking.attempts.iter().filter(|a| a.state == AttemptState::Confirming) {
                let Id::Row(attempt) = &attempt.id else { continue };
                if self.chance(40) {
                    self.ask_again(attempt).await;
                }
            }
        }
    }

    /// What a reconciler writes when an answer is overdue.
    async fn ask_again(&mut self, attempt: &str) {
        let job = RequeryPayment { attempt_id: attempt.parse().expect("an id") };
        let app = &self.place.app;
        transact!(app.core.db, app.context(), sqlx::Error, tx => { outbox::enqueue(tx, &job).await })
            .expect("the outbox");
        self.take_due().await;
    }

    /// Takes what is due from the outbox. Deliveries of the core's jobs about this seed's bookings are kept, all others
    /// are run.
    async fn take_due(&mut self) {
        while let Some(delivery) = self.place.app.take_due().await {
            let row = self.place.app.job(delivery.job_id).await;
            let payload: Value = serde_json::from_str(&row.payload).expect("JSON");
            if is_core(&row.kind) && self.is_own(&payload).await {
                self.late.push((delivery, row.kind, payload));
            } else {
                self.place.app.run_delivery(delivery).await;
            }
        }
    }

    /// Whether a job is about this seed, and not about one before it.
    async fn is_own(&self, payload: &Value) -> bool {
        let world = self.place.look(&self.cast).await;
        let id = |name: &str| payload[name].as_str().map(|id| Id::Row(id.to_owned()));
        id("reservation_id").is_some_and(|id| world.at(&id).is_some())
            || id("attempt_id").is_some_and(|id| world.with_attempt(&id).is_some())
            || id("refund_id").is_some_and(|id| world.with_refund(&id).is_some())
    }

    /// Two to four operations, most of them about the same booking or the same time.
    fn roll(&mut self, world: &World) -> Vec<Act> {
        let wanted = self.dice.random_range(2..=LANES);
        let focus = world.bookings.choose(&mut self.dice).cloned();
        let mut jobs: Vec<usize> = (0..self.late.len()).collect();
        jobs.shuffle(&mut self.dice);
        let mut acts: Vec<Act> = Vec::new();
        while acts.len() < wanted {
            let key = acts.len();
            // The same request, or the same delivery, once more.
            if !acts.is_empty() && self.chance(18) {
                let twin = acts.choose(&mut self.dice).expect("some").clone();
                acts.push(twin);
                continue;
            }
            let job = if self.chance(45) { jobs.pop() } else { None };
            let what = match (job, &focus) {
                (Some(at), _) => self.job(at),
                (None, Some(booking)) if self.chance(75) => self.about(booking),
                (None, _) if self.chance(70) || world.bookings.is_empty() => {
                    Some(self.reserve(focus.as_ref()))
                }
                _ => {
                    let other = world.bookings.choose(&mut self.dice).expect("some").clone();
                    self.about(&other)
                }
            };
            let what = what.unwrap_or_else(|| self.reserve(focus.as_ref()));
            acts.push(Act { what, key });
        }
        let used: Vec<Delivery> = acts.iter().filter_map(|act| act.what.delivery()).collect();
        self.late.retain(|(delivery, ..)| !used.contains(delivery));
        acts
    }

    fn reserve(&mut self, focus: Option<&Booking>) -> What {
        let half_hours = self.dice.random_range(0..4);
        let any = self.cast.first + TimeDelta::minutes(30 * half_hours);
        let start = focus.map(|b| b.start).filter(|_| self.dice.random_range(0..2) == 0).unwrap_or(any);
        What::Reserve {
            mentee: self.dice.random_range(0..self.cast.mentees.len()),
            offering: self.dice.random_range(0..self.cast.offerings.len()),
            start,
        }
    }

    /// Something that could be done about a booking, whether or not it is allowed.
    fn about(&mut self, booking: &Booking) -> Option<What> {
        let (id, version) = (booking.id.clone(), booking.version);
        let by = *[Side::Mentee, Side::Mentor].choose(&mut self.dice).expect("two");
        let to = self.cast.first + TimeDelta::minutes(30 * self.dice.random_range(0..8));
        let amount = *[1, 20_000, 30_000, PRICE].choose(&mut self.dice).expect("some");
        let cancel = What::Cancel { id: id.clone(), by, version };
        let ready = booking.attempts.iter().find(|a| a.state != AttemptState::Failed).cloned();
        let pay = ready.map(|attempt| self.confirmation(&attempt.id));
        let mut choices = match booking.state {
            State::Requested => {
                vec![What::Approve { id: id.clone() }, What::Reject { id: id.clone() }, cancel]
            }
            State::AwaitingPayment => vec![What::Order { id: id.clone() }, cancel],
            State::Paying => vec![What::Order { id: id.clone() }, cancel],
            State::Confirmed if booking.proposal.is_some() => vec![
                What::Accept { id: id.clone(), by, version },
                What::Accept { id: id.clone(), by, version },
                What::Decline { id: id.clone(), by, version },
                What::Withdraw { id: id.clone(), by, version },
                cancel,
                What::Goodwill { id: id.clone(), amount },
            ],
            State::Confirmed => vec![
                What::Propose { id: id.clone(), by, to, version },
                What::Propose { id: id.clone(), by, to, version },
                What::Goodwill { id: id.clone(), amount },
                cancel,
            ],
            State::Cancelled => vec![What::Goodwill { id: id.clone(), amount }],
            State::Expired | State::PaymentFailed => vec![What::Order { id: id.clone() }],
            _ => return None,
        };
        if matches!(
            booking.state,
            State::AwaitingPayment | State::Paying | State::Expired | State::PaymentFailed
        ) && let Some(pay) = pay
        {
            choices.push(pay.clone());
            choices.push(pay);
        }
        choices.choose(&mut self.dice).cloned()
    }

    /// What the checkout brings back. Whoever was not there, or too long ago, goes there first.
    fn confirmation(&mut self, attempt: &Id) -> What {
        let Id::Row(order) = attempt else { unreachable!("orders of this round are not known") };
        let now = self.place.app.now();
        let known = self.place.app.sandbox.payment_of_order(order);
        let key = match known {
            Some(payment) => payment.payment_key,
            None => {
                let refused = self.chance(25);
                if refused {
                    let declined = Effect::decline("REJECT_CARD_COMPANY");
                    self.place.app.sandbox.fault(Fault::once(Endpoint::Confirm, declined).for_order(order));
                }
                self.cast.checkouts.insert(order.clone(), (now, refused));
                self.place.app.sandbox.checkout(order, PRICE).expect("the card is accepted").payment_key
            }
        };
        let body = json!({ "orderId": order, "paymentKey": key, "amount": PRICE });
        What::Confirm { attempt: attempt.clone(), body }
    }

    /// A delivery that came late.
    fn job(&mut self, at: usize) -> Option<What> {
        let (delivery, kind, payload) = self.late[at].clone();
        let field = |name: &str| payload[name].as_str().expect("a field").to_owned();
        let (reservation, deadline) =
            (|| Id::Row(field("reservation_id")), || field("deadline").parse().expect("an instant"));
        Some(match kind.as_str() {
            ConfirmPayment::KIND | RequeryPayment::KIND => {
                What::Resolve { attempt: Id::Row(field("attempt_id")), delivery }
            }
            RefundPayment::KIND => What::GiveBack { refund: Id::Row(field("refund_id")), delivery },
            ExpireHold::KIND => What::ExpireHold { id: reservation(), deadline: deadline(), delivery },
            ExpireRequest::KIND => What::ExpireRequest { id: reservation(), deadline: deadline(), delivery },
            ExpireMove::KIND => What::ExpireMove { id: reservation(), deadline: deadline(), delivery },
            _ => return None,
        })
    }

    /// The operation itself, in its lane.
    async fn run(&self, lane: usize, act: &Act, key: &str, world: &World) -> BoxFuture<'static, String> {
        if let Some(delivery) = act.what.delivery() {
            let executor = self.place.lanes[lane].executor.clone();
            return Box::pin(async move {
                let ended = executor.execute(delivery).await.expect("the database is there");
                format!("{ended:?}")
            });
        }
        let (who, path, body) = request(&act.what, world, &self.cast, &self.place.admin);
        let client = self.place.client(lane, &who).await;
        let key = key.to_owned();
        let is_payment = matches!(act.what, What::Confirm { .. });
        Box::pin(async move { answer(client.post_as(&path, body, &key).await, is_payment) })
    }

    /// What was late comes at last; then nothing may be left that is due, and the money agrees.
    async fn end(&mut self) -> Result<(), String> {
        for (delivery, ..) in std::mem::take(&mut self.late) {
            self.place.app.run_delivery(delivery).await;
        }
        for minutes in [0, 1, 20, 60] {
            self.place.app.advance(TimeDelta::minutes(minutes));
            self.place.app.run_jobs().await;
        }
        self.place.app.sandbox.clear_faults();
        let world = self.place.look(&self.cast).await;
        let open =
            |b: &Booking| b.refunds.iter().any(|f| f.state.is_open() && f.state != RefundState::ManualReview);
        if let Some(booking) = world.bookings.iter().find(|b| open(b)) {
            return Err(format!("money is still on its way back: {booking:#?}"));
        }
        let dead = self.place.app.jobs_in("dead").await;
        if dead.is_empty() {
            self.place.money(&self.cast).await
        } else {
            Err(format!("dead jobs: {dead:#?}"))
        }
    }

    fn chance(&mut self, of_hundred: u32) -> bool {
        self.dice.random_range(0..100) < of_hundred
    }
}

/// Kinds whose deliveries are kept for rounds.
fn is_core(kind: &str) -> bool {
    [
        ConfirmPayment::KIND,
        RequeryPayment::KIND,
        RefundPayment::KIND,
        ExpireHold::KIND,
        ExpireRequest::KIND,
        ExpireMove::KIND,
    ]
    .contains(&kind)
}
