//! Commands of the live session.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Effect, House};
use crate::clock::Instant;
use crate::context::{Actor, Context, Origin};
use crate::id::{PresenceId, ReservationId};
use crate::realtime::attendance::Attendance;
use crate::realtime::command::LiveWish;
use crate::realtime::guest::Peer;
use crate::realtime::live::{self, Entered, LiveCommand, Member, Outcome, Role, SignalKind};
use crate::realtime::refusal::Refusal;
use crate::realtime::room::{Frame, To};
use crate::realtime::rooms::Letterbox;
use crate::session::{self, Admission, Cause, Refused};
use crate::transact;

impl House {
    /// Carries out one command. `attendance`: this connection's place in the session, where it has one.
    ///
    /// # Errors
    /// The refusal its client is told.
    pub async fn live(
        &self,
        peer: Peer,
        room: ReservationId,
        wish: LiveWish,
        attendance: Option<Arc<Attendance>>,
        letters: Arc<Letterbox>,
    ) -> Result<(Value, Effect), Refusal> {
        let command = match wish {
            LiveWish::Join { take_over } => {
                return self.join_live(peer, room, take_over, attendance, &letters).await;
            }
            LiveWish::Leave => {
                if let Some(attendance) = attendance {
                    self.end(&attendance, Cause::Left).await;
                }
                return Ok((json!({}), Effect::LiveLeft(room)));
            }
            LiveWish::Rtc(command) => command,
        };
        let attendance = attendance.ok_or_else(|| Refusal::new("NOT_JOINED"))?;
        let command = match self.straight(&attendance, command) {
            Ok(sent) => return sent.map(|()| (json!({}), Effect::None)),
            Err(command) => command,
        };
        if matches!(command, LiveCommand::Signal { .. }) && !attendance.may_signal() {
            return Err(Refusal::new("RATE_LIMITED"));
        }
        let outcome = self.live.command(&attendance.member(), &command).await?;
        if let (LiveCommand::Signal { epoch, .. }, [Frame { to: To::Connection(to), .. }]) =
            (&command, outcome.frames.as_slice())
        {
            attendance.know_route(*epoch, *to);
        }
        let Outcome { ack, frames, media, report } = outcome;
        if let Some(media) = media {
            attendance.set_media(media);
        }
        self.tell_all(frames);
        if let Some(report) = report
            && let Err(error) = self.live.reports().store(&report).await
        {
            tracing::warn!(%error, "a quality report was not stored");
            return Err(Refusal::new("UNAVAILABLE"));
        }
        Ok((ack, Effect::None))
    }

    /// Sends a candidate where the last signal of its epoch went, without asking Redis: they come in dozens. The client
    /// drops one that an epoch overtakes on the way. Refuses one beyond the limit of signals. Gives back whatever has to be
    /// asked for.
    pub fn straight(
        &self,
        attendance: &Attendance,
        command: LiveCommand,
    ) -> Result<Result<(), Refusal>, LiveCommand> {
        let LiveCommand::Signal { epoch, kind, payload } = command else { return Err(command) };
        let to = attendance.route(epoch).filter(|_| kind == SignalKind::Candidate);
        let Some(to) = to else { return Err(LiveCommand::Signal { epoch, kind, payload }) };
        if !attendance.may_signal() {
            return Ok(Err(Refusal::new("RATE_LIMITED")));
        }
        self.hub.tell(live::signal_frame(&attendance.member(), to, epoch, kind, payload), None);
        Ok(Ok(()))
    }

    async fn join_live(
        &self,
        peer: Peer,
        room: ReservationId,
        take_over: bool,
        attendance: Option<Arc<Attendance>>,
        letters: &Arc<Letterbox>,
    ) -> Result<(Value, Effect), Refusal> {
        let core = &self.core;
        let admission = self.admit(&peer, room).await?;
        // Whatever is told after the entry is heard.
        let (ear, standing) = self.hub.enter(room, letters);
        standing.wait().await;
        let member = member(&peer, &admission);
        let entered = match self.live.enter(&member, take_over).await {
            Ok(entered) => entered,
            Err(refusal) => {
                if refusal.code == "UNAVAILABLE" {
                    self.came_in_vain(&peer, room).await;
                }
                return Err(refusal);
            }
        };
        let Entered { held, ack, frames, .. } = entered;
        let before = attendance.filter(|before| before.end());
        let noted = match &before {
            // The same connection joined again: its stay goes on, and no row is written.
            Some(before) => self.admit(&peer, room).await.map(|admission| (before.presence(), admission)),
            None => self.note_entry(&peer, room).await,
        };
        let (presence, admission) = match noted {
            Ok(noted) => noted,
            Err(refusal) => {
                // The gate has closed meanwhile, or the database is away: nobody entered.
                if let Ok(left) = self.live.leave(&held).await {
                    self.tell_all(left.frames);
                }
                if let Some(before) = before {
                    self.note_leaving(before.presence(), core.clock.now(), Cause::Closed).await;
                }
                return Err(refusal);
            }
        };
        self.tell_all(frames);
        let attendance = Arc::new(Attendance::new(held, presence, admission.ends_at, ear));
        self.attend(&attendance);
        Ok((ack, Effect::LiveJoined(attendance)))
    }

    async fn admit(&self, peer: &Peer, room: ReservationId) -> Result<Admission, Refusal> {
        let core = &self.core;
        let admission = session::admit(core.db.pool(), room, peer.user, core.clock.now(), &core.rules).await;
        admission.map_err(|refused| self.refusal(refused))
    }

    /// How the session stands, for a connection that missed some of its frames.
    pub async fn snapshot(&self, room: ReservationId) -> Result<Value, Refusal> {
        let snapshot = self.live.snapshot(room).await?;
        let mut fields = serde_json::to_value(snapshot).map_err(|_| Refusal::new("INTERNAL"))?;
        fields["room"] = json!(room);
        fields["reason"] = json!("resync");
        Ok(fields)
    }

    /// A connection is over.
    pub async fn depart(&self, rooms: Vec<Arc<Attendance>>) {
        for attendance in rooms {
            self.end(&attendance, Cause::Closed).await;
        }
    }

    /// Ends an attendance: frees the place in the room and closes the evidence. Once.
    pub async fn end(&self, attendance: &Attendance, cause: Cause) {
        if !attendance.end() {
            return;
        }
        let now = self.core.clock.now();
        match self.live.leave(&attendance.held()).await {
            Ok(left) => self.tell_all(left.frames),
            // The lease ends by itself.
            Err(refusal) => tracing::warn!(code = refusal.code, "a place in a room was not given back"),
        }
        self.note_leaving(attendance.presence(), now, cause).await;
    }

    /// Somebody is there although their stay was taken for over: a process that was silent for too long lives. A new stay
    /// is written.
    pub(super) async fn note_return(&self, attendance: &Attendance) {
        let member = attendance.member();
        let (user, connection) = (member.user, member.connection);
        let peer = Peer { user, connection, origin: Origin::Inside };
        match self.note_entry(&peer, attendance.room).await {
            Ok((presence, _)) => {
                attendance.set_presence(presence);
                // Whoever left meanwhile has closed the stay before.
                if attendance.is_over() {
                    self.note_leaving(presence, self.core.clock.now(), Cause::Closed).await;
                }
            }
            // The gate will say so to the room, too.
            Err(refusal) => tracing::warn!(code = refusal.code, "a stay was not written again"),
        }
    }

    async fn note_entry(&self, peer: &Peer, room: ReservationId) -> Result<(PresenceId, Admission), Refusal> {
        let (core, node) = (&self.core, self.hub.node().to_string());
        transact!(core.db, context(peer), Refused, tx => {
            session::joined(tx, &core.rules, room, peer.user, peer.connection, &node).await
        })
        .map_err(|refused| self.refusal(refused))
    }

    /// Somebody came, and could not be let in through a fault of ours: they are not to be taken for absent.
    async fn came_in_vain(&self, peer: &Peer, room: ReservationId) {
        if let Ok((presence, _)) = self.note_entry(peer, room).await {
            self.note_leaving(presence, self.core.clock.now(), Cause::Outage).await;
        }
    }

    /// Closes the evidence of a stay. When that fails, the reconciler does.
    pub(super) async fn note_leaving(&self, presence: PresenceId, at: Instant, cause: Cause) {
        let context = Context::new(Actor::Anonymous, presence.to_string());
        let noted = transact!(self.core.db, context.clone(), sqlx::Error, tx => {
            session::left(tx, presence, at, cause).await
        });
        if let Err(error) = noted {
            tracing::warn!(%error, %presence, "a stay was not closed; the reconciler will");
        }
    }

    fn refusal(&self, refused: Refused) -> Refusal {
        let refusal = Refusal::new(refused.word());
        match refused {
            Refused::NotInWindow { opens_at, closes_at } => {
                refusal.with("opensAt", json!(opens_at)).with("closesAt", json!(closes_at))
            }
            Refused::Database(error) => {
                tracing::warn!(%error, "the gate could not be asked");
                refusal
            }
            _ => refusal,
        }
    }
}

fn context(peer: &Peer) -> Context {
    Context::new(Actor::User(peer.user), peer.connection.to_string()).with_origin(peer.origin.clone())
}

fn member(peer: &Peer, admission: &Admission) -> Member {
    Member {
        room: admission.reservation.id,
        user: peer.user,
        peer: admission.peer,
        role: match admission.role {
            session::Role::Mentor => Role::Mentor,
            session::Role::Mentee => Role::Mentee,
        },
        connection: peer.connection,
        opens_at: admission.opens_at,
        closes_at: admission.closes_at,
    }
}
