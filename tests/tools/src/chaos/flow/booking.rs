//! The booking: a slot is taken, perhaps asked for, perhaps moved, perhaps cancelled.

use std::time::Duration;

use chrono::TimeDelta;
use konnect::clock::Instant;
use rand::RngExt;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::super::people::{Mentee, PRICE};
use super::{Flow, Kind, Outside, because, state};

/// A session that is given up early begins so much later than the others.
const FAR: TimeDelta = TimeDelta::hours(30);
/// One that is moved to the others' time was to begin so much after it.
const LATER: TimeDelta = TimeDelta::hours(2);
/// A change that meets another one is tried again so often.
const ROUNDS: usize = 6;

impl Flow {
    /// From the slot to a confirmed booking, or to wherever this one is meant to end before its session.
    pub async fn book(&mut self, outside: &Outside) {
        let hesitates = if self.kind == Kind::Race { 0 } else { self.dice.random_range(0..4_000) };
        sleep(Duration::from_millis(hesitates)).await;
        if !self.take_slot(outside).await {
            return;
        }
        match self.kind {
            Kind::HoldExpires | Kind::RequestExpires => return,
            Kind::Rejected => return self.answer_request(outside, false).await,
            Kind::Approved => self.answer_request(outside, true).await,
            _ => {}
        }
        if !self.pay(outside).await {
            return;
        }
        match self.kind {
            Kind::CancelledLate => self.cancel(outside, false, PRICE / 2).await,
            Kind::CancelledEarly => self.cancel(outside, false, PRICE).await,
            Kind::CancelledByMentor => self.cancel(outside, true, PRICE).await,
            Kind::Moved => self.change_time(outside, true).await,
            Kind::MoveDeclined => self.change_time(outside, false).await,
            _ => {}
        }
    }

    async fn take_slot(&mut self, outside: &Outside) -> bool {
        let starts_at = match self.kind {
            Kind::CancelledEarly => self.starts_at + FAR,
            Kind::Moved => self.starts_at + LATER,
            _ => self.starts_at,
        };
        let asks = matches!(self.kind, Kind::Approved | Kind::Rejected | Kind::RequestExpires);
        let offering = if asks { self.mentor.approval } else { self.mentor.instant };
        let body = json!({ "offeringId": offering, "startsAt": starts_at, "expectedPrice": PRICE });
        let reserve = |who: &Mentee| {
            let (caller, body) = (who.caller.clone(), body.clone());
            async move { caller.post("/v1/reservations", &body).await }
        };
        let answer = match &self.rival {
            None => reserve(&self.mentee).await,
            Some(rival) => {
                let (mine, theirs) = tokio::join!(reserve(&self.mentee), reserve(rival));
                let (Some(mine), Some(theirs)) = (mine, theirs) else { return false };
                let lost = |status: u16, body: &Value| status == 409 && body["code"] == "slot.taken";
                let right = mine.status == 201 && lost(theirs.status, &theirs.body)
                    || theirs.status == 201 && lost(mine.status, &mine.body);
                if !right {
                    self.wrong(outside, "one of two should have the slot", &mine);
                    self.wrong(outside, "one of two should have the slot", &theirs);
                    return false;
                }
                if theirs.status == 201 {
                    std::mem::swap(&mut self.mentee, self.rival.as_mut().expect("a rival"));
                    Some(theirs)
                } else {
                    Some(mine)
                }
            }
        };
        let Some(answer) = answer else { return false };
        let wanted = if asks { "requested" } else { "awaiting_payment" };
        if answer.status != 201 || state(&answer.body) != wanted {
            self.wrong(outside, "a free slot was not given", &answer);
            return false;
        }
        self.id = answer.body["id"].as_str().map(str::to_owned);
        true
    }

    async fn answer_request(&mut self, outside: &Outside, yes: bool) {
        let (path, body, wanted) = match yes {
            true => (self.path("/approve"), json!({}), "awaiting_payment"),
            false => (self.path("/reject"), because("not my field"), "rejected"),
        };
        let Some(answer) = self.mentor.caller.post(&path, &body).await else { return };
        // Without a key of its own, a call whose first answer was lost is told that it came too late.
        if !matches!(answer.status, 200 | 409) {
            return self.wrong(outside, "a request could not be answered", &answer);
        }
        let Some(view) = self.view(outside).await else { return };
        if state(&view) == wanted {
            self.facts.is_rejected = !yes;
        } else {
            self.wrong(outside, "a request that was answered is not so", &answer);
        }
    }

    /// Cancels, and expects so many won back.
    async fn cancel(&mut self, outside: &Outside, by_mentor: bool, back: i64) {
        let caller = if by_mentor { self.mentor.caller.clone() } else { self.mentee.caller.clone() };
        for _ in 0..ROUNDS {
            let Some(view) = self.view(outside).await else { return };
            let mut body = because("something came up");
            body["expectedVersion"] = view["version"].clone();
            let Some(answer) = caller.post(&self.path("/cancel"), &body).await else { return };
            match answer.status {
                200 => {
                    self.facts.is_cancelled = true;
                    self.facts.promised = answer.body["refund"].as_i64();
                    if state(&answer.body) != "cancelled" || self.facts.promised != Some(back) {
                        self.wrong(outside, &format!("{back} should be given back"), &answer);
                    }
                    return;
                }
                409 if answer.body["code"] == "reservation.stale" => {}
                _ => return self.wrong(outside, "a confirmed booking can be cancelled", &answer),
            }
        }
    }

    /// The mentee proposes another time; the mentor takes it, or does not.
    async fn change_time(&mut self, outside: &Outside, yes: bool) {
        let to = if yes { self.starts_at } else { self.starts_at + LATER };
        if !self.propose(outside, to).await {
            return;
        }
        for _ in 0..ROUNDS {
            let Some(view) = self.view(outside).await else { return };
            if view["reschedule"].is_null() {
                // The answer was lost, and its twin came too late.
                break;
            }
            let mut body = json!({ "expectedVersion": view["version"] });
            let path = if yes { "/reschedules/accept" } else { "/reschedules/decline" };
            if !yes {
                body["reason"] = json!("not then");
            }
            let Some(answer) = self.mentor.caller.post(&self.path(path), &body).await else { return };
            match (answer.status, answer.body["code"].as_str().unwrap_or_default()) {
                (200, _) => break,
                (409, "reservation.stale" | "reservation.reschedule_over") => {}
                _ => return self.wrong(outside, "a proposal could not be answered", &answer),
            }
        }
        let Some(view) = self.view(outside).await else { return };
        let starts_at: Option<Instant> = view["startsAt"].as_str().and_then(|at| at.parse().ok());
        if starts_at != Some(self.starts_at) {
            outside.record.wrong(format!(
                "flow {}: it is at {} and not at {}",
                self.number, view["startsAt"], self.starts_at
            ));
        }
    }

    async fn propose(&mut self, outside: &Outside, to: Instant) -> bool {
        for _ in 0..ROUNDS {
            let Some(view) = self.view(outside).await else { return false };
            let mut body = because("another time is better");
            body["startsAt"] = json!(to);
            body["expectedVersion"] = view["version"].clone();
            let path = self.path("/reschedules");
            let Some(answer) = self.mentee.caller.post(&path, &body).await else { return false };
            match answer.status {
                201 => return true,
                409 if answer.body["code"] == "reservation.stale" => {}
                _ => {
                    self.wrong(outside, "another time could not be proposed", &answer);
                    return false;
                }
            }
        }
        false
    }
}
