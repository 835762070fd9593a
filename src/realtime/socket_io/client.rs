//! One connection to a namespace.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use serde::Serialize;
use serde_json::{Map, Value, json};
use socketioxide::SendError;
use socketioxide::SocketError;
use socketioxide::extract::SocketRef;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::Namespace;
use super::door::Door;
use super::reply::Reply;
use crate::auth::{self, Principal};
use crate::context::Origin;
use crate::event;
use crate::id::{ConnectionId, jitter};
use crate::realtime::bucket::Bucket;
use crate::realtime::command::Command;
use crate::realtime::ending::{FRAMES, ends_session};
use crate::realtime::guest::{AGAIN, Asks, Peer, Recipient, Said, call_for};
use crate::realtime::listener::{Listener, Signal};
use crate::realtime::lock;
use crate::realtime::refusal::Refusal;
use crate::realtime::seat::Seat;

/// How often expiry is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long the database may take to say whether a session lives, before it is asked anew.
const PATIENCE: Duration = Duration::from_secs(3);
const WARNING: TimeDelta = TimeDelta::seconds(60);
/// At a stop, connections close within this time, not all at once; clients come back spread over the other.
const DRAIN_MS: u64 = 2_000;
const RETURN_MS: u64 = 5_000;

pub struct Client {
    door: Arc<Door>,
    line: Mutex<Line>,
    namespace: Namespace,
    peer: Peer,
    state: Mutex<State>,
    /// The connection is over.
    gone: CancellationToken,
}

/// Whether the client may be told something.
enum Line {
    /// Not yet.
    Opening,
    /// The library's socket holds handlers that hold the client: it is let go of in the end.
    Open(SocketRef),
    Over,
}

struct State {
    principal: Principal,
    /// The end of its session may have been missed.
    unsure: bool,
    warned: bool,
    bucket: Bucket,
    /// The way to the guest, who is called with the first command.
    asks: Option<Asks>,
    /// Counts the connection until it is over and its rooms know.
    seat: Option<Arc<Seat>>,
}

/// The client, as its guest sees it.
struct Guided {
    client: Arc<Client>,
    _seat: Option<Arc<Seat>>,
}

impl Recipient for Guided {
    fn take(&self, said: &Said) -> bool {
        match said {
            Said::Told(told) => self.client.take(&told.kind, told.body()),
            Said::Own { kind, fields } => self.client.take(kind, fields),
            // Answers are the library's acknowledgements here.
            Said::Answer(_) => true,
        }
    }

    fn too_slow(&self) {
        self.client.close("TOO_SLOW");
    }
}

impl Client {
    /// Somebody who was let in. Commands may come before [`begin`](Self::begin): the client may know of its admission
    /// before the library says so.
    pub fn new(
        door: Arc<Door>,
        namespace: Namespace,
        principal: Principal,
        seat: Seat,
        origin: Origin,
    ) -> Arc<Self> {
        let peer = Peer { user: principal.user_id, connection: ConnectionId::generate(), origin };
        let bucket = Bucket::new(FRAMES, Instant::now());
        let seat = Some(Arc::new(seat));
        Arc::new(Self {
            door,
            line: Mutex::new(Line::Opening),
            namespace,
            peer,
            state: Mutex::new(State { principal, unsure: false, warned: false, bucket, asks: None, seat }),
            gone: CancellationToken::new(),
        })
    }

    /// The connection is open: it is served from now on, unless it is over already.
    pub fn begin(self: Arc<Self>, socket: SocketRef) {
        let topic = event::user_topic(self.peer.user);
        let listener = self.door.house.hub().listen(topic);
        *lock(&self.line) = Line::Open(socket);
        tokio::spawn(self.keep(listener));
    }

    /// The library says that the connection is over.
    pub fn left(&self) {
        self.disconnect(None);
    }

    /// Watches over the connection: its token, its session, the process.
    async fn keep(self: Arc<Self>, mut listener: Listener) {
        let stop = self.door.house.hub().stopping();
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let ends = tokio::select! {
                () = self.gone.cancelled() => break,
                () = stop.cancelled() => return self.go_away().await,
                _ = look.tick() => match self.look() {
                    Some(reason) => Some(reason),
                    None => self.look_at_session().await,
                },
                signal = listener.recv() => self.heard(signal).await,
            };
            if let Some(reason) = ends {
                self.close(reason);
                break;
            }
        }
        self.disconnect(None);
    }

    /// Ends the connection, if it is not over yet, and forgets it. The client hears the reason before, if there is one.
    fn disconnect(&self, reason: Option<&'static str>) {
        // Before the others hear that it is over: they end it without a reason.
        let line = std::mem::replace(&mut *lock(&self.line), Line::Over);
        self.gone.cancel();
        let mut state = lock(&self.state);
        // The guest leaves its rooms when nobody can ask it any more.
        let parted = (state.asks.take(), state.seat.take());
        drop(state);
        drop(parted);
        if let Line::Open(socket) = line {
            tokio::spawn(end(socket, reason));
        }
    }

    /// `false`: the client has no room for it now.
    fn take(&self, kind: &str, fields: &(impl Serialize + ?Sized)) -> bool {
        let sent = match &*lock(&self.line) {
            Line::Opening => return false,
            Line::Over => return true,
            Line::Open(socket) => socket.emit(kind, fields),
        };
        if sent.is_ok() {
            metrics::counter!("konnect_frames_sent_total").increment(1);
        }
        !matches!(sent, Err(SendError::Socket(SocketError::InternalChannelFull)))
    }

    /// Once a second. The reason to close, if there is one.
    fn look(&self) -> Option<&'static str> {
        let now = self.door.house.core().clock.now();
        let mut state = lock(&self.state);
        let expires_at = state.principal.expires_at;
        if now >= expires_at {
            return Some("INVALID_TOKEN");
        }
        if !state.warned && now >= expires_at - WARNING {
            state.warned = true;
            drop(state);
            self.tell("token_expiring", &json!({ "sessionExpiresAt": expires_at }));
        }
        None
    }

    async fn heard(&self, signal: Signal) -> Option<&'static str> {
        match signal {
            Signal::Frame(event) => {
                let session = lock(&self.state).principal.session_id;
                ends_session(&event, session).then_some("SESSION_ENDED")
            }
            // Something was missed: the end of the session, perhaps.
            Signal::CatchUp => {
                lock(&self.state).unsure = true;
                self.look_at_session().await
            }
        }
    }

    /// Asks whether the session lives, where its end may have been missed. Without an answer it is asked again with the
    /// next look.
    async fn look_at_session(&self) -> Option<&'static str> {
        let session = {
            let state = lock(&self.state);
            if !state.unsure {
                return None;
            }
            state.principal.session_id
        };
        let pool = self.door.house.core().db.pool();
        let Ok(Ok(lives)) = timeout(PATIENCE, auth::session_live(pool, session)).await else {
            metrics::counter!("konnect_socket_reads_failed_total").increment(1);
            return None;
        };
        let mut state = lock(&self.state);
        // The client may have gone on with another session meanwhile: that one is asked about next.
        if state.principal.session_id != session {
            return None;
        }
        state.unsure = false;
        (!lives).then_some("SESSION_ENDED")
    }

    fn close(&self, reason: &'static str) {
        if self.gone.is_cancelled() {
            return;
        }
        metrics::counter!("konnect_sockets_closed_total", "code" => reason).increment(1);
        self.disconnect(Some(reason));
    }

    async fn go_away(&self) {
        self.tell("going_away", &json!({ "retryAfterMs": 200 + jitter(RETURN_MS) }));
        tokio::select! {
            () = sleep(Duration::from_millis(200 + jitter(DRAIN_MS))) => {}
            () = self.gone.cancelled() => {}
        }
        self.disconnect(None);
    }

    fn tell(&self, kind: &str, fields: &Value) {
        // A client that has no room for it will see the connection end.
        let _ = self.take(kind, fields);
    }

    /// An event of the client.
    pub fn received(self: &Arc<Self>, name: &str, data: Option<Value>, ack: Reply) {
        if self.gone.is_cancelled() {
            return;
        }
        metrics::counter!("konnect_socketio_events_total").increment(1);
        if !lock(&self.state).bucket.take(Instant::now()) {
            self.close("RATE_LIMITED");
            return;
        }
        let fields = match data {
            Some(Value::Object(fields)) => fields,
            None | Some(Value::Null) => Map::new(),
            Some(_) => return self.answer(ack, Err(Refusal::new("frame.invalid"))),
        };
        match name {
            "ping" => self.answer(ack, Ok(json!({ "serverNow": self.door.house.core().clock.now() }))),
            "auth.refresh" => drop(tokio::spawn(self.clone().refresh(fields, ack))),
            other => self.ask(other, fields, ack),
        }
    }

    fn ask(self: &Arc<Self>, event: &str, fields: Map<String, Value>, ack: Reply) {
        let Some(kind) = self.namespace.command(event) else {
            return self.answer(ack, Err(Refusal::new("frame.unknown_type")));
        };
        let command = match Command::parse(kind, fields) {
            Ok(command) => command,
            Err(refusal) => return self.answer(ack, Err(refusal)),
        };
        let client = self.clone();
        let mut state = lock(&self.state);
        // Whoever ends the connection says so first, and takes the guest away after.
        if self.gone.is_cancelled() {
            return;
        }
        let seat = state.seat.clone();
        let asks = state.asks.get_or_insert_with(|| {
            let guided = Guided { client: self.clone(), _seat: seat };
            call_for(&self.door.house, self.peer.clone(), Arc::new(guided))
        });
        let asked = asks.ask(command, move |outcome| client.answer(ack, outcome));
        drop(state);
        if !asked {
            self.close("RATE_LIMITED");
        }
    }

    async fn refresh(self: Arc<Self>, fields: Map<String, Value>, ack: Reply) {
        let token = fields.get("token").and_then(Value::as_str).filter(|_| fields.len() == 1);
        let Some(token) = token else { return self.answer(ack, Err(Refusal::new("frame.invalid"))) };
        let outcome = match self.door.verify(token).await {
            Ok(principal) if principal.user_id == self.peer.user => {
                let expires_at = principal.expires_at;
                let mut state = lock(&self.state);
                // The end of another session may have passed by before it became ours.
                state.unsure |= state.principal.session_id != principal.session_id;
                state.principal = principal;
                state.warned = false;
                Ok(json!({ "sessionExpiresAt": expires_at }))
            }
            Ok(_) => Err(Refusal::new("INVALID_TOKEN")),
            Err(refused) => Err(Refusal::new(refused.0)),
        };
        self.answer(ack, outcome);
    }

    fn answer(&self, ack: Reply, outcome: Result<Value, Refusal>) {
        let answer = match outcome {
            Ok(data) => json!({ "ok": true, "data": data }),
            Err(refusal) => {
                json!({ "ok": false, "error": refusal.object(self.door.house.core().clock.now()) })
            }
        };
        ack.send(answer);
    }
}

/// Says why, and leaves the namespace. The library refuses both while a client that does not read has filled its channel:
/// then they wait until it reads again, or until the library misses its answers to pings and drops it.
async fn end(socket: SocketRef, reason: Option<&'static str>) {
    if let Some(reason) = reason {
        let fields = json!({ "reason": reason });
        while let Err(SendError::Socket(SocketError::InternalChannelFull)) = socket.emit("closing", &fields) {
            sleep(AGAIN).await;
        }
    }
    while let Err(SocketError::InternalChannelFull) = socket.clone().disconnect() {
        sleep(AGAIN).await;
    }
}
