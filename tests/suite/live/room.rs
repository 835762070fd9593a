//! A live room with two processes, and those who are in it.

use std::collections::HashMap;
use std::sync::Mutex;

use chrono::TimeDelta;
use konnect::config::TurnConfig;
use konnect::core::Core;
use konnect::id::{ConnectionId, ReservationId, UserId};
use konnect::realtime::live::{
    Action, Entered, Held, Left, Live, LiveCommand, Member, Outcome, Renewal, Role, Screen, SignalKind,
    Swept, Turn,
};
use konnect::realtime::{Frame, Refusal};
use konnect_tests::TestApp;
use serde_json::{Value, json};

pub struct Room {
    pub app: TestApp,
    /// Two processes.
    pub live: [Live; 2],
    pub id: ReservationId,
    people: [UserId; 2],
    held: Mutex<HashMap<ConnectionId, Held>>,
}

impl Room {
    pub async fn start() -> Self {
        Self::over(TestApp::start().await, TurnConfig::default()).await
    }

    pub async fn over(app: TestApp, turn: TurnConfig) -> Self {
        let turn = Turn::new(&turn).expect("settings");
        let second = Core::connect(&app.config, app.core.clock.clone()).await.expect("the stores");
        let live = [Live::new(&app.core, "node-0", turn.clone()), Live::new(&second, "node-1", turn)];
        let people = [UserId::generate(), UserId::generate()];
        Self { app, live, id: ReservationId::generate(), people, held: Mutex::default() }
    }

    /// A device of one of the two, not yet in the room. The window ends two hours after the test began.
    pub fn device(&self, role: Role) -> Member {
        let [mentee, mentor] = self.people;
        let (user, peer) = if role == Role::Mentee { (mentee, mentor) } else { (mentor, mentee) };
        let opens_at = konnect_tests::monday();
        let closes_at = opens_at + TimeDelta::hours(2);
        let connection = ConnectionId::generate();
        Member { room: self.id, user, peer, role, connection, opens_at, closes_at }
    }

    /// The mentee on the first process, the mentor on the second.
    pub async fn both(&self) -> (Member, Member) {
        let (mentee, mentor) = (self.device(Role::Mentee), self.device(Role::Mentor));
        self.enter(0, &mentee, false).await.expect("an entry");
        self.enter(1, &mentor, false).await.expect("an entry");
        (mentee, mentor)
    }

    pub async fn enter(&self, node: usize, member: &Member, take_over: bool) -> Result<Entered, Refusal> {
        let entered = self.live[node].enter(member, take_over).await?;
        self.held.lock().unwrap().insert(member.connection, entered.held.clone());
        Ok(entered)
    }

    pub fn held(&self, member: &Member) -> Held {
        self.held.lock().unwrap()[&member.connection].clone()
    }

    pub async fn leave(&self, node: usize, member: &Member) -> Left {
        self.live[node].leave(&self.held(member)).await.expect("Redis answers")
    }

    pub async fn renew(&self, node: usize, members: &[&Member]) -> Vec<Renewal> {
        let held: Vec<_> = members.iter().map(|member| self.held(member)).collect();
        self.live[node].renew(&held).await
    }

    pub async fn sweep(&self, node: usize) -> Swept {
        let swept = self.live[node].sweep(&[self.id]).await;
        assert!(swept.complete);
        swept
    }

    pub async fn say(&self, node: usize, member: &Member, command: LiveCommand) -> Result<Outcome, Refusal> {
        let outcome = self.live[node].command(member, &command).await?;
        if let (Some(media), Some(held)) =
            (outcome.media, self.held.lock().unwrap().get_mut(&member.connection))
        {
            held.media = media;
        }
        Ok(outcome)
    }

    /// Shares a screen with the peer's consent.
    pub async fn share(&self, sharer: &Member, viewer: &Member) {
        for (member, action) in [(sharer, Action::Request), (viewer, Action::Grant), (sharer, Action::Start)]
        {
            self.say(0, member, screen(action)).await.expect("one step to a shared screen");
        }
    }

    pub async fn screen(&self) -> Screen {
        self.live[1].snapshot(self.id).await.expect("a snapshot").screen
    }

    pub async fn epoch(&self) -> i64 {
        self.live[1].snapshot(self.id).await.expect("a snapshot").epoch
    }

    /// Redis forgets the room.
    pub async fn forget(&self) {
        let key = self.app.core.keys.live_room(self.id);
        let gone: i64 =
            redis::cmd("DEL").arg(key).query_async(&mut self.app.core.redis.clone()).await.expect("Redis");
        assert_eq!(gone, 1);
    }

    pub fn pass(&self, time: TimeDelta) {
        self.app.advance(time);
    }

    pub async fn finish(self) {
        self.app.finish().await;
    }
}

pub fn screen(action: Action) -> LiveCommand {
    LiveCommand::Screen { action }
}

pub fn offer(epoch: i64) -> LiveCommand {
    signal(epoch, SignalKind::Offer, json!({ "type": "offer", "sdp": "v=0" }))
}

pub fn candidate(epoch: i64) -> LiveCommand {
    signal(epoch, SignalKind::Candidate, json!({ "candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host" }))
}

fn signal(epoch: i64, kind: SignalKind, payload: Value) -> LiveCommand {
    let Value::Object(payload) = payload else { panic!("a payload is an object") };
    LiveCommand::Signal { epoch, kind, payload }
}

/// The code of a refusal.
pub fn code<T>(result: Result<T, Refusal>) -> &'static str {
    result.err().expect("a refusal").code
}

pub fn kinds(frames: &[Frame]) -> Vec<&'static str> {
    frames.iter().map(|frame| frame.kind).collect()
}

/// The one frame of a kind.
pub fn told<'a>(frames: &'a [Frame], kind: &str) -> &'a Value {
    let found: Vec<_> = frames.iter().filter(|frame| frame.kind == kind).collect();
    assert_eq!(found.len(), 1, "{kind} in {frames:?}");
    &found[0].data
}
