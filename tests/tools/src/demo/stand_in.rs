//! The stand-in for Toss and the mail server: its payment window, and the commands that make it misbehave.

use anyhow::{Context, Result};
use konnect_tools::client::Rest;
use serde_json::{Value, json};

use super::text::{short, won};
use super::timeline::{Mark, Timeline};

pub struct StandIn {
    rest: Rest,
    line: Timeline,
}

/// What the redirect from the payment window brings back.
pub struct Redirect {
    pub payment_key: String,
}

impl StandIn {
    pub fn new(url: &str, line: Timeline) -> Result<Self> {
        Ok(Self { rest: Rest::new(url)?, line })
    }

    /// The payer types the card into the provider's window, which authenticates it.
    pub async fn type_card(&self, order: &Value) -> Result<Redirect> {
        let body = json!({
            "orderId": order["orderId"], "amount": order["amount"], "orderName": order["orderName"],
            "customerKey": order["customerKey"],
        });
        let answer = self.rest.post("/sandbox/checkout").json(&body).send().await?.expect(200)?.body;
        let payment_key = answer["paymentKey"].as_str().context("paymentKey")?.to_owned();
        let (order, amount) =
            (short(order["orderId"].as_str().unwrap_or_default()), order["amount"].as_i64());
        let what = format!("the card is typed: order {order}, {}, authenticated", won(amount.unwrap_or(0)));
        self.line.line("Toss", Mark::Turn, &what);
        Ok(Redirect { payment_key })
    }

    /// The next confirmation of this order goes wrong.
    pub async fn spoil_confirm(&self, order_id: &str, effect: &Value, says: &str) -> Result<()> {
        let fault =
            json!({ "on": "confirm", "times": 1, "effect": effect, "match": { "orderId": order_id } });
        self.rest.post("/sandbox/faults").json(&fault).send().await?.expect(200)?;
        self.line.line("Toss", Mark::Turn, &format!("told to {says}"));
        Ok(())
    }

    /// `late` webhooks are held until they are released; the others are `normal`.
    pub async fn webhooks(&self, mode: &str) -> Result<()> {
        self.rest.post("/sandbox/webhooks").json(&json!({ "mode": mode })).send().await?.expect(204)?;
        Ok(())
    }

    pub async fn release_webhooks(&self) -> Result<()> {
        let released = self.rest.post("/sandbox/webhooks/release").send().await?.expect(200)?.body;
        self.line.line("Toss", Mark::Turn, &format!("sends the webhooks it held: {}", released["released"]));
        Ok(())
    }

    /// How often the stand-in was asked to confirm this order.
    pub async fn confirmations(&self, order_id: &str) -> Result<usize> {
        let calls = self.rest.get("/sandbox/calls").send().await?.expect(200)?.body;
        let calls = calls.as_array().context("calls")?;
        let asked = |call: &&Value| call["endpoint"] == "confirm" && call["orderId"] == order_id;
        Ok(calls.iter().filter(asked).count())
    }

    /// The subjects of the mails to one address, oldest first.
    pub async fn mails_to(&self, address: &str) -> Result<Vec<String>> {
        let mails = self.rest.get("/sandbox/mails").send().await?.expect(200)?.body;
        let ours = |mail: &&Value| mail["to"].as_array().is_some_and(|to| to.iter().any(|t| t == address));
        let subject = |mail: &Value| mail["subject"].as_str().unwrap_or_default().to_owned();
        Ok(mails.as_array().context("mails")?.iter().filter(ours).map(subject).collect())
    }
}
