//! What administrators, bankers and angry people do in a story.

use konnect::id::DisputeId;
use konnect::payment;
use konnect_sandbox::PayoutStatus;
use konnect_tests::{Booking, Person};
use rand::RngExt;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};

use super::teller::{PRICE, Teller};

/// A step of the back office, or one that leads there.
#[derive(Clone, Debug)]
pub enum Office {
    /// An administrator gives something back; the second one agrees, refuses, or has no time.
    Goodwill {
        amount: i64,
        bearer: &'static str,
    },
    /// The mentee asks what a cancellation would give back and takes it, at once or too late.
    QuotedCancel {
        late: bool,
    },
    AdminCancel {
        refund: Value,
    },
    Dispute {
        by_mentor: bool,
        kind: &'static str,
        claim: i64,
    },
    NoShow {
        absent: &'static str,
    },
    /// A batch of payouts is run.
    Batch,
    /// What is under way to the mentor arrives, or comes back.
    Bank {
        arrives: bool,
    },
    /// Everything that waits for a person is answered.
    Desk,
}

impl Office {
    pub fn roll(dice: &mut rand::rngs::StdRng) -> Self {
        let amount = dice.random_range(1..=PRICE);
        match dice.random_range(0..14) {
            0 | 1 => Self::Goodwill { amount, bearer: ["shared", "platform"].choose(dice).expect("some") },
            2 | 3 => Self::QuotedCancel { late: dice.random_range(0..4) == 0 },
            4 => Self::AdminCancel {
                refund: [json!("full"), json!("policy")].choose(dice).expect("some").clone(),
            },
            5..8 => Self::Dispute {
                by_mentor: dice.random_range(0..4) == 0,
                kind: ["quality", "not_held", "no_show"].choose(dice).expect("some"),
                claim: amount,
            },
            8 => Self::NoShow { absent: ["mentee", "mentor", "both"].choose(dice).expect("some") },
            9 | 10 => Self::Batch,
            11 | 12 => Self::Bank { arrives: dice.random_range(0..3) > 0 },
            _ => Self::Desk,
        }
    }
}

impl Teller<'_> {
    pub async fn admin(&self, which: usize) -> Person {
        self.app.log_in(&self.admins[which]).await
    }

    pub async fn go_to_office(&mut self, booking: &Booking, step: &Office) {
        let app = self.app;
        match step {
            Office::Goodwill { amount, bearer } => {
                let path = format!("/v1/admin/reservations/{}/refunds", booking.id);
                let body = json!({ "amount": amount, "bearer": bearer, "reason": "a story" });
                let answer = self.admin(0).await.client.post(&path, body).await;
                self.note(&answer);
            }
            Office::QuotedCancel { late } => self.cancel_by_quote(booking, *late).await,
            Office::AdminCancel { refund } => {
                let path = format!("/v1/admin/reservations/{}/cancel", booking.id);
                let body = json!({ "reason": "a story", "refund": refund });
                let answer = self.admin(0).await.client.post(&path, body).await;
                self.note(&answer);
            }
            Office::Dispute { by_mentor, kind, claim } => {
                let who = if *by_mentor { &self.mentor } else { &booking.mentee };
                let answer = app.dispute(booking, who, kind, *claim).await;
                self.note(&answer);
            }
            Office::NoShow { absent } => {
                let path = format!("/v1/admin/reservations/{}/no-show", booking.id);
                let body = json!({ "absent": absent, "reason": "a story" });
                let answer = self.admin(0).await.client.post(&path, body).await;
                self.note(&answer);
            }
            Office::Batch => {
                app.open_batch().await;
                app.run_jobs().await;
            }
            Office::Bank { arrives } => self.bank(*arrives),
            Office::Desk => self.clear_desk(booking).await,
        }
    }

    async fn cancel_by_quote(&mut self, booking: &Booking, late: bool) {
        let mentee = self.mentee(booking).await;
        let quoted = mentee.client.post(&format!("{}/cancellation-quotes", booking.path()), json!({})).await;
        self.note(&quoted);
        let Some(quote) = quoted.body["id"].as_str() else { return };
        if late {
            self.app.advance(chrono::TimeDelta::seconds(121));
        }
        let view = mentee.client.get(&booking.path()).await.ok(200);
        let body = json!({ "reason": "a story", "expectedVersion": view["version"], "quoteId": quote });
        let answer = mentee.client.post(&format!("{}/cancel", booking.path()), body).await;
        self.note(&answer);
        if answer.status.is_success() {
            assert!(!late, "a quote that has run out was honoured\n{}", self.log.join("\n"));
            // Nothing is promised, and nothing shown, where nothing was paid.
            let given = answer.body["refund"].as_i64().unwrap_or(0);
            assert_eq!(Some(given), quoted.body["refund"].as_i64(), "exactly what was promised");
        }
    }

    /// The bank answers for every payout that is under way.
    pub fn bank(&mut self, arrives: bool) {
        for payout in self.app.sandbox.payouts() {
            if payout.status == PayoutStatus::InProgress {
                let done = if arrives {
                    self.app.sandbox.complete_payout(&payout.ref_payout_id)
                } else {
                    self.app.sandbox.fail_payout(&payout.ref_payout_id, "ACCOUNT_CLOSED")
                };
                self.log.push(format!("    {:?}", done.map(|p| p.status)));
            }
        }
    }

    /// Administrators and payers answer what waits for them.
    pub async fn clear_desk(&mut self, booking: &Booking) {
        let pool = self.app.core.db.pool();
        for refund in payment::refunds_of(pool, booking.id).await.expect("the database") {
            let path = format!("/v1/admin/refunds/{}", refund.id);
            let answer = match refund.state.name() {
                "awaiting_approval" if self.chance(60) => {
                    self.admin(1).await.client.post(&format!("{path}/approve"), json!({})).await
                }
                "awaiting_approval" => {
                    let because = json!({ "reason": "a story" });
                    self.admin(1).await.client.post(&format!("{path}/reject"), because).await
                }
                "manual_review" => self.admin(0).await.client.post(&format!("{path}/retry"), json!({})).await,
                "needs_account" => {
                    let account =
                        json!({ "bank": "88", "accountNumber": "110123456789", "holderName": "김민아" });
                    let path = format!("{}/refund-account", booking.path());
                    self.mentee(booking).await.client.post(&path, account).await
                }
                _ => continue,
            };
            self.note(&answer);
        }
        self.decide_disputes(booking).await;
        self.resolve_payouts().await;
    }

    /// Two administrators look at the provider's console and say what became of a payout that nobody answers for.
    pub async fn resolve_payouts(&mut self) {
        for payout in self.app.payouts_of(&self.mentor).await {
            if payout.state.name() != "manual_review" {
                continue;
            }
            let id = payout.id.to_string();
            let there = self.app.sandbox.payouts_of(&id);
            if there.iter().any(|p| p.status == PayoutStatus::InProgress) {
                continue;
            }
            let arrived = there.iter().any(|p| p.status == PayoutStatus::Completed);
            let outcome = if arrived { "paid" } else { "failed" };
            for admin in 0..2 {
                let body = json!({ "outcome": outcome, "evidence": "the console" });
                let path = format!("/v1/admin/payouts/{id}/resolve");
                let answer = self.admin(admin).await.client.post(&path, body).await;
                self.note(&answer);
            }
        }
    }

    async fn decide_disputes(&mut self, booking: &Booking) {
        let pool = self.app.core.db.pool();
        let cases: Vec<(DisputeId, String, i64)> =
            sqlx::query_as("SELECT id, state, claim_krw FROM disputes WHERE reservation_id = ? ORDER BY id")
                .bind(booking.id)
                .fetch_all(pool)
                .await
                .expect("the database");
        for (id, state, claim) in cases {
            let path = format!("/v1/admin/disputes/{id}");
            let answer = match &*state {
                "in_review" => {
                    let refund = if self.chance(50) { 0 } else { claim };
                    let outcome = if refund == 0 { "dismissed" } else { "upheld" };
                    let bearer = if self.chance(50) { "shared" } else { "platform" };
                    let body = json!({
                        "outcome": outcome, "refund": refund, "bearer": bearer, "reason": "a story",
                    });
                    let mut answer =
                        self.admin(0).await.client.post(&format!("{path}/decide"), body.clone()).await;
                    if !answer.status.is_success() {
                        // More than is left: then nothing is given.
                        self.note(&answer);
                        let body = json!({
                            "outcome": "dismissed", "refund": 0, "bearer": bearer, "reason": "a story",
                        });
                        answer = self.admin(0).await.client.post(&format!("{path}/decide"), body).await;
                    }
                    answer
                }
                "proposed" => self.admin(1).await.client.post(&format!("{path}/approve"), json!({})).await,
                _ => continue,
            };
            self.note(&answer);
        }
    }
}
