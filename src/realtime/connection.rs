//! One WebSocket: the events of its user, from the handshake to the close.

use std::io;
use std::ops::ControlFlow::{Break, Continue};
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use poem::web::websocket::{Message, WebSocketStream};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use super::bucket::Bucket;
use super::ending::{
    BINARY, Ending, FLOOD, FRAMES, Flow, MALFORMED, REVOKED, SILENT, TOKEN_EXPIRED, TOO_LARGE, TOO_SLOW,
    ends_session,
};
use super::feed::{Feed, Resync};
use super::fetch::{self, Done};
use super::frame::{self, Inbound, Outbound};
use super::guest::{GuestLink, Peer, Said};
use super::house::House;
use super::listener::{Listener, Signal};
use super::plain;
use super::seat::Seat;
use super::wire::{MAX_MESSAGE, Turn, Wire};
use crate::auth::{Principal, Tokens};
use crate::context::Origin;
use crate::event::Event;
use crate::id::{ConnectionId, jitter};

/// How often expiry, silence and slowness are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long before the end of its token a client is warned.
const WARNING: TimeDelta = TimeDelta::seconds(60);
const PING: Duration = Duration::from_secs(20);
/// A client of which nothing was heard for this long, not even an answer to a ping, is gone.
const SILENCE: Duration = Duration::from_secs(60);
/// How long a full queue may stay unread.
const SLOW: Duration = Duration::from_secs(10);
/// A client that is too slow again within this time after a resync is closed.
const SLOW_AGAIN: Duration = Duration::from_secs(30);
/// At a stop, sockets close within this time, not all at once.
const DRAIN_MS: u64 = 2_000;
/// Clients come back spread over this time.
const RETURN_MS: u64 = 5_000;

/// A socket that is about to open: made by [`Hub::open`](super::Hub::open), before the protocol is switched.
pub struct Connection {
    pub(super) tokens: Tokens,
    pub(super) principal: Principal,
    pub(super) seat: Seat,
    pub(super) listener: Listener,
    pub(super) head: i64,
    pub(super) after: Option<i64>,
    pub(super) stop: CancellationToken,
}

impl Connection {
    /// Serves the client until either side ends it. `origin`: from where it came.
    ///
    /// What the future holds is small, and the rest is in one box: idle sockets are many, and a future keeps room for
    /// whatever is moved through it.
    pub fn run(
        self,
        socket: WebSocketStream,
        house: House,
        origin: Origin,
    ) -> impl Future<Output = ()> + Send {
        let now = Instant::now();
        let Self { tokens, principal, seat, listener, head, after, stop } = self;
        let after = after.unwrap_or(head);
        let open = Box::new(Open {
            wire: Wire::new(Box::new(socket)),
            peer: Peer { user: principal.user_id, connection: ConnectionId::generate(), origin },
            house,
            guest: None,
            feed: Feed::new(after, head),
            listener,
            tokens,
            principal,
            work: FuturesUnordered::new(),
            refreshing: false,
            warned: false,
            bucket: Bucket::new(FRAMES, now),
            heard_at: now,
            pinged_at: now,
            stalled_at: now,
            resynced_at: None,
        });
        async move {
            open.run(head, after, stop).await;
            drop(seat);
        }
    }
}

/// Says goodbye, and closes a little later: clients leave one by one and come back one by one.
async fn leave(mut wire: Wire<Box<WebSocketStream>>) {
    let farewell = Outbound::GoingAway { retry_after_ms: 200 + jitter(RETURN_MS) };
    // A client whose queue is full learns it from the close.
    let _ = wire.push(Message::text(farewell.json()));
    let linger = sleep(Duration::from_millis(200 + jitter(DRAIN_MS)));
    let ended = async { while !matches!(wire.turn().await, Turn::Ended(_)) {} };
    tokio::select! {
        () = linger => {}
        () = ended => return,
    }
    wire.close(1001, "going away").await;
}

/// Waits until the guest says that its frames are not taken.
async fn reads_too_slowly(too_slow: &Option<CancellationToken>) {
    match too_slow {
        Some(too_slow) => too_slow.cancelled().await,
        None => std::future::pending().await,
    }
}

/// What the guest says next.
async fn next_of(guest: &mut Option<GuestLink>) -> Option<Said> {
    match guest {
        Some(guest) => guest.next().await,
        None => std::future::pending().await,
    }
}

struct Open {
    wire: Wire<Box<WebSocketStream>>,
    peer: Peer,
    house: House,
    /// Called with the first command for a room.
    guest: Option<GuestLink>,
    feed: Feed,
    listener: Listener,
    tokens: Tokens,
    principal: Principal,
    work: FuturesUnordered<BoxFuture<'static, Done>>,
    /// A token is being verified: one at a time.
    refreshing: bool,
    warned: bool,
    bucket: Bucket,
    heard_at: Instant,
    pinged_at: Instant,
    stalled_at: Instant,
    resynced_at: Option<Instant>,
}

impl Open {
    async fn run(mut self: Box<Self>, head: i64, after: i64, stop: CancellationToken) {
        let mut ending = self.welcome(head, after);
        if ending.is_continue() {
            ending = Break(self.serve(&stop).await);
        }
        let ending = ending.break_value().unwrap_or(Ending::Gone);
        // Nothing more is heard or read; the seat is kept until the socket is closed.
        let Self { wire, listener, work, principal, guest, .. } = *self;
        drop((listener, work));
        tracing::debug!(user = %principal.user_id, ?ending, "socket ends");
        match ending {
            Ending::Gone => wire.finish().await,
            Ending::GoingAway => leave(wire).await,
            Ending::Close(code, reason) => {
                metrics::counter!("konnect_sockets_closed_total", "code" => code.to_string()).increment(1);
                wire.close(code, reason).await;
            }
        }
        if let Some(guest) = guest {
            guest.close().await;
        }
    }

    async fn serve(&mut self, stop: &CancellationToken) -> Ending {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if let Some(need) = self.feed.need(self.wire.is_idle()) {
                let session = self.principal.session_id;
                self.work.push(fetch::read(self.house.core(), self.listener.topic(), session, need));
            }
            let too_slow = self.guest.as_ref().map(|guest| guest.too_slow.clone());
            let takes_more = self.wire.has_room() && !self.feed.is_stalled();
            let flow = tokio::select! {
                biased;
                () = stop.cancelled() => Break(Ending::GoingAway),
                _ = look.tick() => self.look(),
                Some(done) = self.work.next(), if !self.work.is_empty() => self.answered(done),
                turn = self.wire.turn() => self.turned(turn),
                () = reads_too_slowly(&too_slow) => Break(TOO_SLOW),
                said = next_of(&mut self.guest), if takes_more && self.guest.is_some() => match said {
                    Some(said) => self.send(Message::text(plain::text(said))),
                    None => Break(TOO_SLOW),
                },
                signal = self.listener.recv() => self.signalled(signal),
            };
            if let Break(ending) = flow {
                return ending;
            }
        }
    }

    fn welcome(&mut self, head: i64, after: i64) -> Flow {
        let welcome = Outbound::Welcome {
            protocol: super::PROTOCOL,
            topic: self.listener.topic(),
            head,
            after,
            server_now: self.house.core().clock.now(),
            session_expires_at: self.principal.expires_at,
        };
        let text = welcome.json();
        self.send(Message::text(text))
    }

    /// Once a second.
    fn look(&mut self) -> Flow {
        // Tokens end by our clock, which can be moved; silence and slowness are of the network.
        let (now, tick) = (self.house.core().clock.now(), Instant::now());
        let expires_at = self.principal.expires_at;
        if now >= expires_at {
            return Break(TOKEN_EXPIRED);
        }
        if tick - self.heard_at >= SILENCE {
            return Break(SILENT);
        }
        if self.feed.is_stalled() {
            return if tick - self.stalled_at >= SLOW { Break(TOO_SLOW) } else { Continue(()) };
        }
        if !self.warned && now >= expires_at - WARNING {
            self.warned = true;
            self.say(&Outbound::TokenExpiring { session_expires_at: expires_at })?;
        }
        if tick - self.pinged_at >= PING {
            self.pinged_at = tick;
            self.send(Message::ping([]))?;
        }
        Continue(())
    }

    fn signalled(&mut self, signal: Signal) -> Flow {
        match signal {
            Signal::CatchUp => self.feed.catch_up(),
            Signal::Frame(event) => {
                // Whatever its place in the order: after the end of the session nothing is sent.
                if ends_session(&event, self.principal.session_id) {
                    return Break(REVOKED);
                }
                if self.feed.hint(event.seq) {
                    self.send_event(&event)?;
                }
            }
        }
        Continue(())
    }

    fn answered(&mut self, done: Done) -> Flow {
        match done {
            Done::Unanswered => self.feed.unanswered(),
            Done::Head { session, session_lives: false, .. } if session == self.principal.session_id => {
                return Break(REVOKED);
            }
            Done::Head { generation, head, .. } => {
                if let Some(resync) = self.feed.head(head, generation) {
                    self.resync(resync)?;
                }
            }
            Done::Events { generation, events } => {
                let mut sent = 0;
                for event in &events {
                    if ends_session(event, self.principal.session_id) {
                        return Break(REVOKED);
                    }
                    if self.feed.row(event.seq, generation) {
                        self.send_event(event)?;
                        sent += 1;
                    }
                }
                if let Some(resync) = self.feed.batch_end(sent, generation) {
                    self.resync(resync)?;
                }
            }
            Done::Refreshed(outcome) => {
                self.refreshing = false;
                return self.refreshed(outcome);
            }
        }
        Continue(())
    }

    fn refreshed(&mut self, outcome: Result<Principal, &'static str>) -> Flow {
        match outcome {
            Ok(principal) if principal.user_id == self.principal.user_id => {
                if principal.session_id != self.principal.session_id {
                    // Its end may have passed by before it became ours: the head is read with it.
                    self.feed.catch_up();
                }
                self.principal = principal;
                self.warned = false;
                self.say(&Outbound::Refreshed { session_expires_at: self.principal.expires_at })
            }
            Ok(_) => self.say(&Outbound::Error { code: "auth.other_user" }),
            Err(code) => self.say(&Outbound::Error { code }),
        }
    }

    fn turned(&mut self, turn: Turn) -> Flow {
        match turn {
            Turn::Drained => {
                self.feed.drained();
                Continue(())
            }
            Turn::Ended(error) => Break(error.map_or(Ending::Gone, |error| broken(&error))),
            Turn::Received(message) => {
                self.heard_at = Instant::now();
                if !self.bucket.take(self.heard_at) {
                    return Break(FLOOD);
                }
                match message {
                    Message::Text(text) if text.len() > MAX_MESSAGE => Break(TOO_LARGE),
                    Message::Text(text) => self.received(&text),
                    Message::Binary(_) => Break(BINARY),
                    Message::Close(_) => Break(Ending::Gone),
                    Message::Ping(_) | Message::Pong(_) => Continue(()),
                }
            }
        }
    }

    fn received(&mut self, text: &str) -> Flow {
        if let Some((kind, fields)) = frame::for_room(text) {
            let guest = self.guest.get_or_insert_with(|| GuestLink::new(&self.house, self.peer.clone()));
            let asked = plain::ask(guest, &self.house.core().clock, &kind, fields);
            return if asked { Continue(()) } else { Break(FLOOD) };
        }
        match Inbound::parse(text) {
            Ok(Inbound::Ping {}) => self.say(&Outbound::Pong { server_now: self.house.core().clock.now() }),
            Ok(Inbound::Resume { after }) => {
                self.feed.rewind(after);
                Continue(())
            }
            Ok(Inbound::AuthRefresh { .. }) if self.refreshing => {
                self.say(&Outbound::Error { code: "auth.refresh_in_progress" })
            }
            Ok(Inbound::AuthRefresh { token }) => {
                self.refreshing = true;
                self.work.push(fetch::verify(self.house.core(), &self.tokens, token));
                Continue(())
            }
            Err(rejected) => self.say(&Outbound::Error { code: rejected.code() }),
        }
    }

    fn resync(&mut self, resync: Resync) -> Flow {
        metrics::counter!("konnect_socket_resyncs_total").increment(1);
        self.resynced_at = Some(Instant::now());
        let Resync { reason, head } = resync;
        let text = Outbound::ResyncRequired { topic: self.listener.topic(), reason, head }.json();
        self.send(Message::text(text))
    }

    fn send_event(&mut self, event: &Event) -> Flow {
        frame::push_span(event).in_scope(|| self.send(Message::text(frame::event_json(event))))
    }

    fn say(&mut self, frame: &Outbound<'_>) -> Flow {
        self.send(Message::text(frame.json()))
    }

    fn send(&mut self, message: Message) -> Flow {
        // A stalled client gets nothing: it is told to resync when it reads again.
        if self.feed.is_stalled() {
            return Continue(());
        }
        if self.wire.push(message) {
            metrics::counter!("konnect_frames_sent_total").increment(1);
            return Continue(());
        }
        let now = Instant::now();
        if self.resynced_at.is_some_and(|at| now - at < SLOW_AGAIN) {
            return Break(TOO_SLOW);
        }
        self.wire.clear();
        self.feed.stall();
        self.stalled_at = now;
        // The warning may have been in the queue.
        self.warned = false;
        Continue(())
    }
}

/// The socket's own errors come as text alone.
fn broken(error: &io::Error) -> Ending {
    match error.kind() {
        io::ErrorKind::Other if error.to_string().starts_with("Space limit exceeded") => TOO_LARGE,
        io::ErrorKind::Other => MALFORMED,
        _ => Ending::Gone,
    }
}
