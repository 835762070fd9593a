//! A connection in its rooms: carries out what its client asks and tells it what happens there. The same for both
//! doors, which hold a [`GuestLink`].

mod asks;
mod hearing;
mod outlet;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::bucket::{Bucket, Rate};
use super::command::{ChatWish, Command, LiveWish, Wish};
use super::feed::Feed;
use super::house::{Effect, House, ReadDone};
use super::refusal::Refusal;
use super::rooms::{Letterbox, Told};
use super::visit::Visit;
use crate::context::Origin;
use crate::id::{ConnectionId, ReservationId, UserId};
use crate::trace;
use asks::Shortcut;
use outlet::Outlet;

pub use asks::Asks;
pub use outlet::{AGAIN, Recipient};

/// Frames that may wait for the client.
const CAPACITY: usize = 256;
/// Rooms one connection may be in.
const ROOMS: usize = 8;
/// Commands that may wait in a lane.
const WAITING: usize = 64;
/// How often a connection may enter sessions: each entry may write a row of evidence.
const JOINS: Rate = Rate { per_second: 0.5, burst: 20.0 };
/// How long a client may leave its frames unread.
const SLOW: Duration = Duration::from_secs(10);
/// A client that is too slow again within this time after a resync is closed.
const SLOW_AGAIN: Duration = Duration::from_secs(30);

/// Who a guest is: what the door has proved.
#[derive(Clone, Debug)]
pub struct Peer {
    pub user: UserId,
    pub connection: ConnectionId,
    /// From where the connection was opened.
    pub origin: Origin,
}

/// What a guest tells its client.
#[derive(Clone, Debug)]
pub enum Said {
    /// What happened in a room.
    Told(Arc<Told>),
    /// What concerns this connection alone.
    Own { kind: &'static str, fields: Value },
    /// The answer to a command, for a door that sends answers as frames.
    Answer(String),
}

/// How an answer reaches the client.
pub type Answer = Box<dyn FnOnce(Result<Value, Refusal>) + Send>;

/// A command with the way its answer goes.
pub struct Ask {
    pub command: Command,
    pub answer: Answer,
}

/// Commands of one lane are carried out one after the other; the lanes do not wait for one another, so that a chat
/// whose store is away holds up no video.
#[derive(Default)]
struct Lane {
    waiting: VecDeque<Ask>,
    busy: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Chat,
    Live,
}

enum Done {
    Answered {
        lane: Which,
        answer: Answer,
        outcome: Result<(Value, Effect), Refusal>,
    },
    Read {
        room: ReservationId,
        done: ReadDone,
    },
    Snapshot {
        room: ReservationId,
        outcome: Result<Value, Refusal>,
    },
    /// A place in a session was given back.
    Ended,
}

/// A guest of a door whose task owns the wire. Dropped, the guest leaves all rooms by itself.
pub struct GuestLink {
    pub asks: Asks,
    said: mpsc::Receiver<Said>,
    /// For answers that are frames.
    pub answers: mpsc::Sender<Said>,
    /// Cancelled when the client reads too slowly: to be heeded also while nothing can be handed on.
    pub too_slow: CancellationToken,
    task: JoinHandle<()>,
}

impl GuestLink {
    pub fn new(house: &House, peer: Peer) -> Self {
        let (answers, said) = mpsc::channel(CAPACITY);
        let too_slow = CancellationToken::new();
        let outlet = Outlet::Queue { sender: answers.clone(), too_slow: too_slow.clone() };
        let (asks, task) = call(house, peer, outlet);
        Self { asks, said, answers, too_slow, task }
    }

    /// What the client is told next; `None` when it reads too slowly. May be dropped at any point.
    pub async fn next(&mut self) -> Option<Said> {
        tokio::select! {
            biased;
            () = self.too_slow.cancelled() => None,
            said = self.said.recv() => said,
        }
    }

    /// The connection is over: waits until its rooms know.
    pub async fn close(self) {
        let Self { asks, said, answers, task, .. } = self;
        drop((asks, said, answers));
        // A panic there has been logged, and the leases end by themselves.
        drop(task.await);
    }
}

/// Calls a guest for a client that takes what it is told by itself. The guest leaves all rooms when nobody can ask it any
/// more, and then lets go of the client.
pub fn call_for(house: &House, peer: Peer, recipient: Arc<dyn Recipient>) -> Asks {
    call(house, peer, Outlet::Straight { recipient, waiting: VecDeque::new() }).0
}

fn call(house: &House, peer: Peer, outlet: Outlet) -> (Asks, JoinHandle<()>) {
    let (sender, inbox) = mpsc::channel(WAITING);
    let shortcut = Arc::<Shortcut>::default();
    let letters = Arc::new(Letterbox::new(peer.connection));
    let guest = Guest {
        house: house.clone(),
        peer,
        inbox,
        outlet,
        gives_up: false,
        letters,
        shortcut: shortcut.clone(),
        visits: HashMap::new(),
        early: HashSet::new(),
        unheard: false,
        joins: Bucket::new(JOINS, Instant::now()),
        chat: Lane::default(),
        live: Lane::default(),
        work: FuturesUnordered::new(),
        stalled_at: None,
        resynced_at: None,
    };
    (Asks { house: house.clone(), sender, shortcut }, tokio::spawn(guest.run()))
}

struct Guest {
    house: House,
    peer: Peer,
    inbox: mpsc::Receiver<Ask>,
    outlet: Outlet,
    /// The client reads too slowly.
    gives_up: bool,
    letters: Arc<Letterbox>,
    shortcut: Arc<Shortcut>,
    visits: HashMap<ReservationId, Visit>,
    /// Rooms of which something was heard before the command that enters them was done.
    early: HashSet<ReservationId>,
    /// Something was told of a session, and not to this client, while a command of its own about one is being carried
    /// out: it may be about to enter that session.
    unheard: bool,
    joins: Bucket,
    chat: Lane,
    live: Lane,
    work: FuturesUnordered<BoxFuture<'static, Done>>,
    stalled_at: Option<Instant>,
    resynced_at: Option<Instant>,
}

impl Guest {
    /// Serves until the door closes, then leaves every room.
    async fn run(mut self) {
        while self.turn().await {}
        if self.gives_up {
            self.outlet.give_up();
        }
        // What is being done is done to its end: a join must not outlive its connection unseen.
        while let Some(done) = self.work.next().await {
            if let Done::Answered { outcome: Ok((_, effect)), .. } = done {
                self.take_effect(effect);
            }
        }
        let rooms = self.visits.drain().filter_map(|(_, visit)| visit.live).collect();
        self.house.depart(rooms).await;
    }

    /// `false`: it is over.
    async fn turn(&mut self) -> bool {
        if self.gives_up {
            return false;
        }
        self.read_on();
        let stalled = self.stalled_at.is_some();
        let patience = self.stalled_at.unwrap_or_else(Instant::now) + SLOW;
        let waits = stalled || self.outlet.wants_help() || self.feeds().any(|feed| feed.waits_for_room());
        tokio::select! {
            ask = self.inbox.recv() => match ask {
                Some(ask) => self.take(ask),
                None => return false,
            },
            heard = self.letters.recv() => self.heard(heard),
            Some(done) = self.work.next(), if !self.work.is_empty() => self.done(done),
            () = self.outlet.drain(), if waits => if stalled { self.drained() },
            () = sleep_until(patience), if stalled => self.gives_up = true,
        }
        true
    }

    fn feeds(&mut self) -> impl Iterator<Item = &mut Feed> {
        self.visits.values_mut().filter_map(|visit| visit.chat.as_mut()).map(|chat| &mut chat.feed)
    }

    fn take(&mut self, ask: Ask) {
        let lane = match ask.command.wish {
            Wish::Chat(_) => &mut self.chat,
            Wish::Live(_) => &mut self.live,
        };
        if lane.waiting.len() >= WAITING {
            (ask.answer)(Err(Refusal::new("RATE_LIMITED")));
            return;
        }
        lane.waiting.push_back(ask);
        self.begin(Which::Chat);
        self.begin(Which::Live);
    }

    fn lane(&mut self, which: Which) -> &mut Lane {
        match which {
            Which::Chat => &mut self.chat,
            Which::Live => &mut self.live,
        }
    }

    /// Begins the next command of a lane, if nothing is being done there.
    fn begin(&mut self, which: Which) {
        let lane = self.lane(which);
        if lane.busy {
            return;
        }
        let Some(Ask { command, answer }) = lane.waiting.pop_front() else { return };
        lane.busy = true;
        let room = command.room;
        if self.is_too_soon(&command) {
            let outcome = Ok((json!({}), Effect::None));
            self.work.push(async move { Done::Answered { lane: which, answer, outcome } }.boxed());
            return;
        }
        if !self.visits.contains_key(&room) && self.visits.len() >= ROOMS {
            let outcome = Err(Refusal::new("TOO_MANY_ROOMS"));
            self.work.push(async move { Done::Answered { lane: which, answer, outcome } }.boxed());
            return;
        }
        let (house, peer, letters) = (self.house.clone(), self.peer.clone(), self.letters.clone());
        let visit = self.visits.get(&room);
        let span = command.wish.span();
        let doing = match command.wish {
            Wish::Chat(wish) => {
                let access = visit.and_then(Visit::fresh_access);
                let joined = visit.is_some_and(|visit| visit.chat.is_some());
                async move { house.chat(peer, room, wish, access, joined, letters).await }.boxed()
            }
            Wish::Live(wish) => {
                let attendance = visit.and_then(|visit| visit.live.clone());
                if matches!(wish, LiveWish::Rtc(_)) && visit.is_some_and(|visit| visit.superseded) {
                    let outcome = Err(Refusal::new("SUPERSEDED"));
                    self.work.push(async move { Done::Answered { lane: which, answer, outcome } }.boxed());
                    return;
                }
                if matches!(wish, LiveWish::Join { .. }) && !self.joins.take(Instant::now()) {
                    let outcome = Err(Refusal::new("RATE_LIMITED"));
                    self.work.push(async move { Done::Answered { lane: which, answer, outcome } }.boxed());
                    return;
                }
                async move { house.live(peer, room, wish, attendance, letters).await }.boxed()
            }
        };
        let doing = trace::within(span, doing);
        self.work.push(async move { Done::Answered { lane: which, answer, outcome: doing.await } }.boxed());
    }

    /// Typing is told now and then, however often it is said.
    fn is_too_soon(&mut self, command: &Command) -> bool {
        let typing = matches!(command.wish, Wish::Chat(ChatWish::Typing { on: true }));
        let chat = self.visits.get_mut(&command.room).and_then(|visit| visit.chat.as_mut());
        typing && chat.is_some_and(|chat| !chat.tells_typing())
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Answered { lane, answer, outcome } => {
                self.lane(lane).busy = false;
                let outcome = outcome.map(|(value, effect)| {
                    self.take_effect(effect);
                    value
                });
                if lane == Which::Live {
                    self.unheard = false;
                }
                // The answer first: what follows from the command comes after it.
                answer(outcome);
                self.begin(lane);
            }
            Done::Read { room, done } => self.have_read(room, done),
            Done::Snapshot { room, outcome: Ok(fields) } if self.visits.contains_key(&room) => {
                self.say(Said::Own { kind: "rtc.state", fields });
            }
            Done::Snapshot { .. } | Done::Ended => {}
        }
    }

    fn take_effect(&mut self, effect: Effect) {
        match effect {
            Effect::None => {}
            Effect::Access(access) => {
                if let Some(visit) = self.visits.get_mut(&access.room) {
                    visit.know(access);
                }
            }
            Effect::ChatJoined { ear, access, head, after } => {
                let room = access.room;
                let visit = self.visits.entry(room).or_default();
                visit.join_chat(ear, access, after.unwrap_or(head), head);
                if self.early.remove(&room)
                    && let Some(chat) = &mut visit.chat
                {
                    chat.feed.catch_up();
                }
            }
            Effect::ChatLeft(room) => self.leave(room, |visit| visit.chat = None),
            Effect::LiveJoined(attendance) => {
                let room = attendance.room;
                self.early.remove(&room);
                // The answer may be older than what was told since.
                if self.unheard {
                    self.tell_standing(room);
                }
                self.shortcut.attends(&attendance);
                let visit = self.visits.entry(room).or_default();
                (visit.live, visit.superseded) = (Some(attendance), false);
            }
            Effect::LiveLeft(room) => {
                self.leave(room, |visit| (visit.live, visit.superseded) = (None, false))
            }
        }
    }

    fn leave(&mut self, room: ReservationId, part: impl FnOnce(&mut Visit)) {
        if let Some(visit) = self.visits.get_mut(&room) {
            part(visit);
            if visit.is_over() {
                self.visits.remove(&room);
            }
        }
    }
}
