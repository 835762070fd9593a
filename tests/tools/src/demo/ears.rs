//! What one person hears over the WebSocket, across reconnections.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Result, bail};
use konnect_tools::client::{Event, Frame, Socket, Welcome};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::text::{instant, short, time, won};
use super::timeline::{Mark, Timeline};

/// How long an event may take.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Default)]
struct Heard {
    events: Vec<Event>,
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
}

impl Ears {
    pub fn new(role: &str, line: Timeline) -> Self {
        let changed = watch::Sender::new(());
        Self { who: format!("WS {role}"), line, heard: Arc::default(), changed, task: None }
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
        self.task = Some(tokio::spawn(async move {
            loop {
                let over = match socket.next().await {
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
        Frame::Control(kind, frame) => {
            line.line(who, Mark::Frame, &kind);
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

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}
