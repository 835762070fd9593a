//! The session and what follows: who comes, who complains, who gets something back.

use std::time::Duration;

use rand::RngExt;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::super::people::PRICE;
use super::super::room::Side;
use super::{Flow, Kind, Outside, because, state};

/// How long a front end waits for a session that has begun to be shown so.
const BEGINS: Duration = Duration::from_secs(60);

impl Flow {
    /// Both come who mean to, talk and leave, until a moment before the start.
    pub async fn meet(&mut self, outside: &Outside, until: Instant) {
        if self.id.is_none() || !self.is_to_meet() {
            return;
        }
        let Some(view) = self.view(outside).await else { return };
        if state(&view) != "confirmed" {
            return;
        }
        let comes = match self.kind {
            Kind::MenteeAbsent => [true, false],
            Kind::MentorAbsent => [false, true],
            Kind::NobodyComes => [false, false],
            _ => [true, true],
        };
        let lines = self.dice.random_range(2..6);
        let room = self.id.clone().unwrap_or_default();
        let [mentor_said, mentee_said] = &mut self.said;
        let (mentor, mentee) = (self.mentor.caller.clone(), self.mentee.caller.clone());
        let mut first = Side { caller: &mentor, record: &outside.record, room: &room, said: mentor_said };
        let mut second = Side { caller: &mentee, record: &outside.record, room: &room, said: mentee_said };
        let came = async |side: &mut Side<'_>, comes: bool| comes && side.attend(lines, until).await;
        let (a, b) = tokio::join!(came(&mut first, comes[0]), came(&mut second, comes[1]));
        self.facts.was_there = [a, b];
    }

    /// After the session: the mentee says that it is over, or that it was not as agreed.
    pub async fn look_back(&mut self, outside: &Outside) {
        if self.id.is_none() || !self.is_to_meet() || !self.has_begun(outside).await {
            return;
        }
        let says_so = self.chance(50);
        match self.kind {
            Kind::Disputed | Kind::DisputeWithdrawn => self.complain(outside).await,
            _ if says_so => self.complete(outside).await,
            _ => {}
        }
    }

    /// `false`: there was no session.
    async fn has_begun(&mut self, outside: &Outside) -> bool {
        let begun = Instant::now();
        loop {
            let Some(view) = self.view(outside).await else { return false };
            match state(&view) {
                "in_session" => return true,
                "confirmed" if begun.elapsed() < BEGINS => sleep(Duration::from_millis(500)).await,
                "confirmed" => {
                    outside.record.count("sessions", "not shown as begun an hour after the start");
                    return false;
                }
                "no_show" if self.facts.was_there == [true, true] => {
                    outside.record.wrong(format!(
                        "flow {} ({}): both came, and somebody is absent",
                        self.number, self.kind
                    ));
                    return false;
                }
                _ => return false,
            }
        }
    }

    async fn complete(&mut self, outside: &Outside) {
        let Some(answer) = self.mentee.caller.post(&self.path("/complete"), &json!({})).await else { return };
        let Some(view) = self.view(outside).await else { return };
        if state(&view) == "completed" {
            self.facts.is_completed = true;
        } else if answer.status == 200 || self.facts.was_there == [true, true] {
            self.wrong(outside, "a session that is over can be completed", &answer);
        }
    }

    async fn complain(&mut self, outside: &Outside) {
        let kind = self.one_of(&["quality", "technical", "other"]);
        let claim = self.one_of(&[PRICE, PRICE / 2, 1_000]);
        let body = json!({ "kind": kind, "description": "It was not as agreed.", "claim": claim });
        let Some(answer) = self.mentee.caller.post(&self.path("/disputes"), &body).await else { return };
        match (answer.status, answer.body["code"].as_str().unwrap_or_default()) {
            (201, _) => {
                self.dispute = answer.body["id"].as_str().map(str::to_owned);
            }
            // Nobody knows yet who came: that is looked into first.
            (409, "dispute.already_open") => {}
            _ => self.wrong(outside, "a session can be disputed", &answer),
        }
    }

    /// Two days after the session: disputes are answered or withdrawn, goodwill is shown.
    pub async fn come_to_terms(&mut self, outside: &Outside) {
        if self.kind == Kind::Goodwill && self.facts.is_paid {
            self.be_generous(outside).await;
        }
        let Some(dispute) = self.dispute.clone() else { return };
        let path = format!("/v1/disputes/{dispute}");
        let answer = if self.kind == Kind::DisputeWithdrawn {
            self.mentee.caller.post(&format!("{path}/withdraw"), &json!({})).await
        } else {
            let yes = self.chance(40);
            let kind = if yes { "accept" } else { "contest" };
            let mut body = json!({ "kind": kind, "text": "I see it like this." });
            if yes {
                body["amount"] = json!(1_000);
            }
            self.mentor.caller.post(&format!("{path}/answer"), &body).await
        };
        let Some(answer) = answer else { return };
        if answer.status != 200 {
            self.wrong(outside, "an open dispute can be answered and withdrawn", &answer);
        }
    }

    async fn be_generous(&mut self, outside: &Outside) {
        let path = format!("/v1/admin/reservations/{}/refunds", self.id.as_deref().unwrap_or_default());
        let mut body = because("goodwill");
        body["amount"] = json!(5_000);
        body["bearer"] = json!(self.one_of(&["shared", "platform"]));
        let Some(answer) = outside.admins[0].post(&path, &body).await else { return };
        let code = answer.body["code"].as_str().unwrap_or_default();
        // A session that nobody has decided about is still on; one that was given back has nothing left.
        let known = ["refund.use_cancel", "refund.exceeds", "refund.nothing_captured"];
        if answer.status != 201 && !known.contains(&code) {
            self.wrong(outside, "goodwill can be shown after a session", &answer);
        }
    }
}
