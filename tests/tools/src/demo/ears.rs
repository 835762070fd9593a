//! What one person hears and says over the WebSocket, across reconnections.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use konnect_tools::client::{Event, Frame, Socket, Welcome};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::text::{instant, short, time, won};
use super::timeline::{Mark, Timeline};

/// How long an event may take.
const PATIENCE: Duration = Duration::from_secs(10);
const REFRESHED: &str = "refreshed";

#[derive(Default)]
struct Heard {
    events: Vec<Event>,
    /// Frames of rooms, with their types.
    frames: Vec<(String, Value)>,
    /// What came back to commands, by their `ref`; a token that was taken is under `refreshed`.
    answers: HashMap<String, Value>,
    /// The position before the first event.
    start: i64,
    topic: String,
    closed: Option<Option<(u16, String)>>,
    fault: Option<String>,
}

impl Heard {
    fn last(&self) -> i64 {
        self.events.last().map_or(self.start, |event| event.id)
    }
}

pub struct Ears {
    who: String,
    line: Timeline,
    heard: Arc<Mutex<Heard>>,
    changed: watch::Sender<()>,
    task: Option<JoinHandle<()>>,
    mouth: Option<mpsc::UnboundedSender<Value>>,
    asked: usize,
}

impl Ears {
    pub fn new(role: &str, line: Timeline) -> Self {
        let changed = watch::Sender::new(());
        let who = format!("WS {role}");
        Self { who, line, heard: Arc::default(), changed, task: None, mouth: None, asked: 0 }
    }

    /// Listens to a socket that was opened, the first time, or after [`last`](Self::last).
    pub fn attach(&mut self, mut socket: Socket, welcome: Welcome) {
        let mut heard = lock(&self.heard);
        if heard.events.is_empty() {
            heard.start = welcome.after;
        }
        heard.topic = welcome.topic;
        heard.closed = None;
        drop(heard);
        let (who, line) = (self.who.clone(), self.line.clone());
        let (heard, changed) = (self.heard.clone(), self.changed.clone());
        let (mouth, mut words) = mpsc::unbounded_channel::<Value>();
        self.mouth = Some(mouth);
        self.task = Some(tokio::spawn(async move {
            loop {
                let next = tokio::select! {
                    next = socket.next() => next,
                    Some(word) = words.recv() => match socket.send(&word).await {
                        Ok(()) => continue,
                        Err(error) => Err(error),
                    },
                };
                let over = match next {
                    Ok(frame) => take(&who, &line, &heard, frame),
                    Err(error) => {
                        lock(&heard).fault = Some(format!("{error:#}"));
                        true
                    }
                };
                changed.send_replace(());
                if over {
                    return;
                }
            }
        }));
    }

    /// The connection is gone, without a goodbye.
    pub fn cut(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }

    /// Gives a command for a room and waits for its answer.
    ///
    /// # Errors
    /// When it is refused, or not answered within 10 s.
    pub async fn ask(&mut self, kind: &str, room: &str, fields: &Value) -> Result<Value> {
        self.asked += 1;
        let reference = format!("c{}", self.asked);
        let mut frame = json!({ "type": kind, "ref": reference, "room": room });
        let own = fields.as_object().context("fields")?;
        frame.as_object_mut().context("a frame")?.extend(own.clone());
        self.say(frame)?;
        let about = format!("an answer to {kind}");
        let answer = self.until(&about, |heard| heard.answers.get(&reference).cloned()).await?;
        match answer["type"].as_str() {
            Some("ok") => Ok(answer["data"].clone()),
            _ => bail!("not as promised: {kind} is refused: {answer}"),
        }
    }

    /// Goes on with a fresh access token, on the connection that is open.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub async fn refresh(&self, token: &str) -> Result<()> {
        lock(&self.heard).answers.remove(REFRESHED);
        self.say(json!({ "type": "auth.refresh", "token": token }))?;
        self.until(REFRESHED, |heard| heard.answers.get(REFRESHED).map(|_| ())).await
    }

    fn say(&self, frame: Value) -> Result<()> {
        let mouth = self.mouth.as_ref().context("no socket is open")?;
        mouth.send(frame).with_context(|| format!("{}: the socket is gone", self.who))
    }

    /// Waits for a frame of a room of which something is so; frames that came before count too.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub async fn wait_frame(&self, kind: &str, so: impl Fn(&Value) -> bool) -> Result<Value> {
        let found = |heard: &Heard| {
            let mut of_kind = heard.frames.iter().filter(|(found, _)| found == kind);
            of_kind.find(|(_, frame)| so(frame)).map(|(_, frame)| frame.clone())
        };
        self.until(kind, found).await
    }

    /// The position of the last event that arrived.
    pub fn last(&self) -> i64 {
        lock(&self.heard).last()
    }

    /// The name of the feed, as the welcome said.
    pub fn topic(&self) -> String {
        lock(&self.heard).topic.clone()
    }

    /// How many events arrived.
    pub fn count(&self) -> usize {
        lock(&self.heard).events.len()
    }

    /// How many frames of rooms arrived.
    pub fn frames(&self) -> usize {
        lock(&self.heard).frames.len()
    }

    /// Waits for an event of this kind about this reservation; events that came before count too.
    ///
    /// # Errors
    /// After 10 s, and when the socket said something wrong.
    pub async fn wait(&self, kind: &str, reservation: &str) -> Result<Event> {
        let about = format!("{kind} about {}", short(reservation));
        let found = |heard: &Heard| {
            let mut of_kind = heard.events.iter().filter(|event| event.kind == kind);
            of_kind.find(|event| event.data["reservationId"] == reservation).cloned()
        };
        self.until(&about, found).await
    }

    /// Waits for an event of this kind, whatever it is about.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub async fn wait_any(&self, kind: &str) -> Result<Event> {
        self.until(kind, |heard| heard.events.iter().find(|event| event.kind == kind).cloned()).await
    }

    /// Waits for a notice of this kind in the app.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub async fn wait_notice(&self, kind: &str) -> Result<Event> {
        let found = |heard: &Heard| {
            let mut notices = heard.events.iter().filter(|event| event.kind == "notice.created");
            notices.find(|event| event.data["kind"] == kind).cloned()
        };
        self.until(&format!("a notice of {kind}"), found).await
    }

    /// Waits until every event up to `head` has arrived.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub async fn catch_up(&self, head: i64) -> Result<()> {
        self.until(&format!("event #{head}"), |heard| (heard.last() >= head).then_some(())).await
    }

    /// Waits for the server's close and says its code; `None` when the connection broke without one.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub async fn closed(&self) -> Result<Option<u16>> {
        let closed = self.until("the end of the socket", |heard| heard.closed.clone()).await?;
        Ok(closed.map(|(code, _)| code))
    }

    async fn until<T>(&self, what: &str, found: impl Fn(&Heard) -> Option<T>) -> Result<T> {
        let mut changed = self.changed.subscribe();
        let give_up = tokio::time::Instant::now() + PATIENCE;
        loop {
            let got = {
                let heard = lock(&self.heard);
                if let Some(fault) = &heard.fault {
                    bail!("{}: {fault}", self.who);
                }
                found(&heard)
            };
            if let Some(got) = got {
                return Ok(got);
            }
            if tokio::time::timeout_at(give_up, changed.changed()).await.is_err() {
                bail!("not as promised: {} did not get {what} within {PATIENCE:?}", self.who);
            }
        }
    }
}

impl Drop for Ears {
    fn drop(&mut self) {
        self.cut();
    }
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Prints and keeps a frame. `true`: it was the last one.
fn take(who: &str, line: &Timeline, heard: &Mutex<Heard>, frame: Frame) -> bool {
    match frame {
        Frame::Event(event) => {
            line.line(who, Mark::Frame, &format!("#{:<3} {}", event.id, summary(&event)));
            let mut heard = lock(heard);
            let expected = heard.last() + 1;
            if event.id != expected {
                heard.fault = Some(format!("event #{} came instead of #{expected}", event.id));
            }
            heard.events.push(event);
            false
        }
        Frame::Room(kind, frame) => {
            line.line(who, Mark::Frame, format!("     {kind:<30} {}", told(&frame)).trim_end());
            lock(heard).frames.push((kind, frame));
            false
        }
        Frame::Control(_, frame) if frame["ref"].is_string() => {
            let reference = frame["ref"].as_str().unwrap_or_default().to_owned();
            lock(heard).answers.insert(reference, frame);
            false
        }
        Frame::Control(kind, frame) => {
            line.line(who, Mark::Frame, &kind);
            if kind == REFRESHED {
                lock(heard).answers.insert(kind.clone(), frame.clone());
            }
            // None of these is to be expected here.
            if matches!(kind.as_str(), "resync_required" | "error") {
                lock(heard).fault = Some(frame.to_string());
            }
            false
        }
        Frame::Closed(close) => {
            let how = match &close {
                Some((code, reason)) => format!("closed by the server: {code} {reason}"),
                None => "connection lost".to_owned(),
            };
            line.line(who, Mark::Frame, &how);
            lock(heard).closed = Some(close);
            true
        }
    }
}

/// The kind of an event with the facts that matter to a reader.
fn summary(event: &Event) -> String {
    let data = &event.data;
    let mut facts: Vec<String> = Vec::new();
    let mut fact = |name: &str, show: fn(&Value) -> Option<String>| {
        let value = data.get(name).filter(|value| !value.is_null());
        facts.extend(value.and_then(show));
    };
    fact("state", text);
    fact("holdUntil", |v| Some(format!("held until {}", time(instant(v)?))));
    fact("amount", |v| v.as_i64().map(won));
    fact("code", text);
    fact("class", text);
    fact("net", |v| Some(format!("{} for the mentor", won(v.as_i64()?))));
    fact("fee", |v| Some(format!("{} fee", won(v.as_i64()?))));
    fact("kind", text);
    fact("unread", |v| Some(format!("{v} unread")));
    format!("{:<30} {}", event.kind, facts.join(", ")).trim_end().to_owned()
}

/// The facts of a room's frame that matter to a reader.
fn told(frame: &Value) -> String {
    let mut facts = Vec::new();
    for name in ["seq", "text", "role", "present", "kind", "reason", "secondsLeft"] {
        match &frame[name] {
            Value::Null => {}
            Value::String(text) => facts.push(text.clone()),
            Value::Bool(yes) => facts.push(format!("{name} {yes}")),
            other => facts.push(format!("{name} {other}")),
        }
    }
    facts.join(", ")
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}
