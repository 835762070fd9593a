//! The payment: a card is typed, the provider may refuse, hang up or take its time, and the payer waits.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::super::people::PRICE;
use super::{Flow, Kind, Outside, state};

/// Cards that a payer tries.
const CARDS: usize = 4;
/// How long a payer looks at "we are checking"; whatever is not known then is known later.
const LOOKS: Duration = Duration::from_secs(100);

/// What became of one card.
enum Card {
    Taken,
    Declined,
    /// Still being asked for, or the booking is over.
    Open,
}

impl Flow {
    /// Tries to pay. `true`: the booking is confirmed.
    pub(super) async fn pay(&mut self, outside: &Outside) -> bool {
        let spoils = self.spoils();
        for number in 0..CARDS {
            let spoil = spoils.get(number).cloned().flatten();
            match self.try_card(outside, spoil).await {
                Some(Card::Taken) => {
                    self.facts.is_paid = true;
                    return true;
                }
                Some(Card::Declined) if self.kind == Kind::Declined => return false,
                Some(Card::Declined) => {}
                Some(Card::Open) | None => {
                    outside.record.count("payments", "still open when the payer gave up looking");
                    return false;
                }
            }
        }
        outside.record.count("payments", "no card was taken");
        false
    }

    /// What the provider is told to do with the first cards.
    fn spoils(&mut self) -> Vec<Option<Value>> {
        let decline = json!({ "decline": "REJECT_CARD_PAYMENT" });
        match self.kind {
            Kind::SecondCard | Kind::Declined => vec![Some(decline)],
            Kind::LostAnswer => vec![Some(json!({ "drop_after_commit": true }))],
            Kind::LateAnswer => {
                let late =
                    [json!({ "delay_ms": 4_000 }), json!({ "hang_ms": 6_000 }), json!({ "status": 500 })];
                vec![Some(self.one_of(&late))]
            }
            _ => Vec::new(),
        }
    }

    async fn try_card(&mut self, outside: &Outside, spoil: Option<Value>) -> Option<Card> {
        let path = self.path("/payment-orders");
        let order = self.mentee.caller.post(&path, &json!({})).await?;
        if order.status != 200 || order.body["amount"] != PRICE {
            // The money of a card before this one may have come after all.
            let view = self.view(outside).await?;
            if matches!(state(&view), "confirmed" | "paying") {
                return self.wait(outside).await;
            }
            self.wrong(outside, "a held slot has no order", &order);
            return None;
        }
        let order = order.body;
        if let Some(effect) = spoil {
            let only = json!({ "orderId": order["orderId"] });
            let fault = json!({ "on": "confirm", "times": 1, "effect": effect, "match": only });
            outside.toss.post("/sandbox/faults").json(&fault).send().await.ok()?;
        }
        let card = json!({ "orderId": order["orderId"], "amount": order["amount"] });
        let typed = outside.toss.post("/sandbox/checkout").json(&card).send().await.ok()?;
        if typed.status != 200 {
            // The order was paid by the card before.
            return self.wait(outside).await;
        }
        let body = json!({
            "orderId": order["orderId"], "paymentKey": typed.body["paymentKey"], "amount": order["amount"],
        });
        let asked = self.mentee.caller.post_and_wait("/v1/payments/confirm", &body).await?;
        let code = asked.body["code"].as_str().unwrap_or_default();
        if !matches!(
            (asked.status, code),
            (200 | 202, _) | (409, "payment.in_progress" | "payment.already_confirmed")
        ) {
            self.wrong(outside, "a typed card was not asked for its money", &asked);
            return None;
        }
        self.wait(outside).await
    }

    /// Until the outcome is known, or the payer has seen enough.
    async fn wait(&self, outside: &Outside) -> Option<Card> {
        let begun = Instant::now();
        loop {
            let view = self.view(outside).await?;
            match state(&view) {
                "confirmed" | "in_session" => return Some(Card::Taken),
                "awaiting_payment" => return Some(Card::Declined),
                "paying" if begun.elapsed() < LOOKS => sleep(Duration::from_millis(700)).await,
                _ => return Some(Card::Open),
            }
        }
    }
}
