//! One device of one person: it comes, hears the room's log, says something, is cut off, and comes back where it may.

use std::collections::VecDeque;
use std::time::Duration;

use konnect::id::ReservationId;
use konnect_tests::Person;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::link::Link;
use super::record::Draft;
use super::storm::Storm;
use super::view::View;

/// Drafts that wait for their answers at the same time.
const AT_ONCE: usize = 2;
/// Without an answer for so long, the connection is given up.
const PATIENCE: Duration = Duration::from_secs(12);
/// A token is fresh for 15 minutes.
const TOKEN: Duration = Duration::from_secs(600);
const EMOJI: [&str; 3] = ["👍", "🎉", "❤️"];
/// The store was away, or there was too much at once: the same may be said again.
const AGAIN: [&str; 2] = ["UNAVAILABLE", "RATE_LIMITED"];
/// Somebody deleted what it was about.
const FINAL: [&str; 1] = ["MESSAGE_NOT_FOUND"];

pub struct Device<'a> {
    storm: &'a Storm<'a>,
    pub name: String,
    person: Person,
    user: String,
    token_at: Instant,
    pub room: ReservationId,
    dice: StdRng,
    node: usize,
    said: u64,
    /// Drafts without an answer, the oldest first, and when they were sent last.
    waiting: VecDeque<(Draft, Instant)>,
    pub view: View,
    /// Everything of the log up to here is known.
    pub last: i64,
    own: Vec<i64>,
    settled: watch::Receiver<bool>,
    cuts: watch::Receiver<u64>,
}

/// Why a connection is over.
type Over = Result<(), String>;

impl<'a> Device<'a> {
    pub fn new(storm: &'a Storm<'a>, name: String, person: &Person, room: ReservationId, seed: u64) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        Self {
            storm,
            name,
            person: person.clone(),
            user: person.id.to_string(),
            token_at: Instant::now(),
            room,
            node: dice.random_range(0..2),
            dice,
            said: 0,
            waiting: VecDeque::new(),
            view: View::default(),
            last: 0,
            own: Vec::new(),
            settled: storm.settled.subscribe(),
            cuts: storm.cuts.subscribe(),
        }
    }

    fn note(&self, what: &str, more: Value) {
        self.storm.record.note(&self.name, what, more);
    }

    /// From the first connection until everything is settled and known.
    pub async fn live(mut self) -> Self {
        let mut tries = 0;
        loop {
            let is_last = *self.settled.borrow_and_update();
            let over = self.visit(is_last).await;
            if is_last && over.is_ok() {
                return self;
            }
            self.note("gone", json!(over.err()));
            tries += u32::from(is_last);
            if tries > 10 {
                self.storm.record.wrong(&self.name, "does not learn the rest".to_owned());
                return self;
            }
            self.stay_away(is_last).await;
        }
    }

    /// A moment, or until a good part of what is left was said without this device.
    async fn stay_away(&mut self, is_last: bool) {
        self.node = self.dice.random_range(0..2);
        let left = self.storm.left();
        if !is_last && self.waiting.is_empty() && self.dice.random_range(0..100) < 6 {
            let until = left * self.dice.random_range(40..90) / 100;
            self.note("sleeps", json!({ "left": left, "until": until }));
            while self.storm.left() > until {
                sleep(Duration::from_millis(50)).await;
            }
        }
        sleep(Duration::from_millis(self.dice.random_range(20..300))).await;
    }

    /// One connection. `is_last`: nothing more is said, and it ends well when everything is known.
    async fn visit(&mut self, is_last: bool) -> Over {
        if self.token_at.elapsed() > TOKEN {
            (self.person, self.token_at) = (self.storm.app.log_in(&self.person).await, Instant::now());
        }
        let mut link =
            Link::open(&self.storm.bases[self.node], self.person.client.token().expect("a token")).await?;
        self.note("connected", json!({ "node": self.node, "after": self.last }));
        let head = self.join(&mut link).await?;
        for at in 0..self.waiting.len() {
            let draft = self.waiting[at].0.clone();
            self.waiting[at].1 = Instant::now();
            self.note("resent", json!(draft.client_id));
            self.send(&mut link, &draft).await?;
        }
        if is_last {
            let rest = async {
                while self.last < head {
                    let frame = link.next().await?;
                    self.heard(&mut link, frame).await?;
                }
                Ok::<(), String>(())
            };
            return timeout(PATIENCE, rest)
                .await
                .unwrap_or_else(|_| Err("the rest does not come".to_owned()));
        }
        self.cuts.mark_unchanged();
        let mut acts_at = Instant::now();
        loop {
            tokio::select! {
                frame = link.next() => self.heard(&mut link, frame?).await?,
                () = sleep_until(acts_at) => {
                    acts_at = Instant::now() + Duration::from_millis(self.dice.random_range(50..150));
                    self.act(&mut link).await?;
                }
                changed = self.cuts.changed() => {
                    changed.expect("the storm lasts");
                    if self.dice.random_range(0..2) == 0 {
                        return Err("cut".to_owned());
                    }
                }
                changed = self.settled.changed() => {
                    changed.expect("the storm lasts");
                    return Err("settled".to_owned());
                }
            }
        }
    }

    /// Enters the room after what is known; its head.
    async fn join(&mut self, link: &mut Link) -> Result<i64, String> {
        let after = json!({ "after": self.last });
        let answer = self.ask(link, "chat.join", after).await?;
        match answer["type"] == "ok" {
            true => Ok(answer["data"]["head"].as_i64().unwrap_or_default()),
            false => {
                let code = answer["code"].as_str().unwrap_or_default().to_owned();
                if !AGAIN.contains(&&*code) {
                    self.storm.record.wrong(&self.name, format!("may not join: {answer}"));
                }
                Err(code)
            }
        }
    }

    /// A command and its answer, at the beginning, when nothing else is heard of the log.
    async fn ask(&mut self, link: &mut Link, kind: &str, fields: Value) -> Result<Value, String> {
        self.say(link, kind, kind, &fields).await?;
        let answer = async {
            loop {
                let frame = link.next().await?;
                if frame["ref"] == kind {
                    return Ok(frame);
                }
                if frame["seq"].is_i64() && frame["type"] != "chat.read" {
                    self.storm.record.wrong(&self.name, format!("an entry before the answer: {frame}"));
                }
            }
        };
        timeout(PATIENCE, answer).await.unwrap_or_else(|_| Err(format!("no answer to {kind}")))
    }

    async fn say(&mut self, link: &mut Link, kind: &str, reference: &str, fields: &Value) -> Over {
        let sent = link.say(kind, reference, &self.room.to_string(), fields).await;
        if sent { Ok(()) } else { Err("the connection broke".to_owned()) }
    }

    async fn send(&mut self, link: &mut Link, draft: &Draft) -> Over {
        self.storm.record.sent(&self.user, draft);
        self.say(link, draft.kind, &draft.client_id, &draft.fields).await
    }

    /// Says something, or leaves.
    async fn act(&mut self, link: &mut Link) -> Over {
        if self.waiting.front().is_some_and(|(_, since)| since.elapsed() > PATIENCE) {
            return Err("an answer was lost".to_owned());
        }
        if let Some(echo) = self.storm.echo_of(&self.user) {
            self.note("echoed", json!(echo.client_id));
            return self.send(link, &echo).await;
        }
        match self.dice.random_range(0..100) {
            0 => return Err("leaves".to_owned()),
            1 => {
                let (kind, fields) = ("chat.read", json!({ "seq": self.last.max(1) }));
                return self.say(link, kind, kind, &fields).await;
            }
            _ => {}
        }
        if self.waiting.len() >= AT_ONCE || !self.storm.take() {
            return Ok(());
        }
        let draft = self.draft();
        self.waiting.push_back((draft.clone(), Instant::now()));
        self.note("said", json!(draft));
        self.send(link, &draft).await?;
        match self.dice.random_range(0..100) {
            // Whatever is answered now is lost.
            0..4 => Err("does not wait for the answer".to_owned()),
            4..8 => {
                self.storm.echo(&self.user, draft);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn draft(&mut self) -> Draft {
        self.said += 1;
        let client_id = format!("{}:{}", self.name, self.said);
        let recent: Vec<i64> = self.view.messages.keys().rev().take(20).copied().collect();
        let (of_all, of_own) =
            (recent.choose(&mut self.dice).copied(), self.own.choose(&mut self.dice).copied());
        let text = format!("{} says {} 말", self.name, self.said);
        let (kind, mut fields) = match (self.dice.random_range(0..100), of_all, of_own) {
            (0..6, _, Some(seq)) => ("chat.edit", json!({ "seq": seq, "text": text })),
            (6..8, _, Some(seq)) => ("chat.delete", json!({ "seq": seq })),
            (8..18, Some(seq), _) => {
                let emoji = EMOJI.choose(&mut self.dice).expect("emoji");
                ("chat.react", json!({ "seq": seq, "emoji": emoji, "on": self.dice.random::<bool>() }))
            }
            _ => ("chat.send", json!({ "text": text })),
        };
        fields["clientId"] = json!(client_id);
        Draft { client_id, kind, fields }
    }

    async fn heard(&mut self, link: &mut Link, frame: Value) -> Over {
        let kind = frame["type"].as_str().unwrap_or_default().to_owned();
        match kind.as_str() {
            "ok" | "error" => self.answered(&frame)?,
            "resync_required" if frame["room"].is_string() => self.resync(link, &frame).await?,
            "chat.message" | "chat.edited" | "chat.deleted" | "chat.reacted" => self.entry(&kind, &frame),
            _ => {}
        }
        Ok(())
    }

    /// An entry of the log: the next one, and no other.
    fn entry(&mut self, kind: &str, frame: &Value) {
        let seq = frame["seq"].as_i64().unwrap_or_default();
        self.note("heard", json!([kind, seq]));
        if seq != self.last + 1 {
            let why = format!("heard {seq} after {}", self.last);
            self.storm.record.wrong(&self.name, why);
        }
        self.last = seq;
        self.view.take(kind, frame);
    }

    fn answered(&mut self, answer: &Value) -> Over {
        let Some(client_id) = answer["ref"].as_str().filter(|name| name.contains(':')) else { return Ok(()) };
        let at = self.waiting.iter().position(|(draft, _)| draft.client_id == client_id);
        if answer["type"] == "ok" {
            let (seq, duplicate) = (answer["data"]["seq"].as_i64(), answer["data"]["duplicate"].as_bool());
            self.note("acked", json!([client_id, seq, duplicate]));
            let (seq, duplicate) = (seq.unwrap_or_default(), duplicate.unwrap_or_default());
            self.storm.record.acked(&self.user, client_id, seq, duplicate);
            if let Some((draft, _)) = at.and_then(|at| self.waiting.remove(at)) {
                self.storm.answered();
                if draft.kind == "chat.send" {
                    self.own.push(seq);
                }
            }
            return Ok(());
        }
        let code = answer["code"].as_str().unwrap_or_default();
        self.note("refused", json!([client_id, code]));
        self.storm.record.refused(&self.user, client_id, code);
        if AGAIN.contains(&code) {
            // An echo is said once.
            return if at.is_some() { Err("says it again".to_owned()) } else { Ok(()) };
        }
        if !FINAL.contains(&code) {
            self.storm.record.wrong(&self.name, format!("refused: {answer}"));
        }
        if at.and_then(|at| self.waiting.remove(at)).is_some() {
            self.storm.answered();
        }
        Ok(())
    }

    /// Entries up to the head will not come: the history is read instead.
    async fn resync(&mut self, link: &mut Link, frame: &Value) -> Over {
        self.note("resync", frame.clone());
        let head = frame["head"].as_i64().unwrap_or_default();
        if frame["reason"] == "unknown_position" || head < self.last {
            self.storm.record.wrong(&self.name, format!("knew {} and hears {frame}", self.last));
        }
        let (mut view, mut after, mut later) = (View::default(), 0, Vec::new());
        loop {
            let reference = format!("history {after}");
            self.say(link, "chat.history", &reference, &json!({ "after": after, "limit": 100 })).await?;
            let page = async {
                loop {
                    let frame = link.next().await?;
                    match frame["ref"] == *reference {
                        true => return Ok::<_, String>(frame),
                        false => later.push(frame),
                    }
                }
            };
            let page = timeout(PATIENCE, page).await.map_err(|_| "no history".to_owned())??;
            if page["type"] != "ok" {
                return Err(format!("no history: {page}"));
            }
            for message in page["data"]["messages"].as_array().into_iter().flatten() {
                view.take("chat.message", message);
                after = message["seq"].as_i64().unwrap_or_default();
            }
            if page["data"]["more"] != true {
                break;
            }
            // A connection has its limits.
            sleep(Duration::from_millis(60)).await;
        }
        (self.view, self.last) = (view, head);
        for frame in later {
            Box::pin(self.heard(link, frame)).await?;
        }
        Ok(())
    }
}
