//! Live rooms in Redis: one key a room. A change reads it, computes what becomes of it, and writes that if the room
//! is still what was read; otherwise it begins again with what stands there now. So each change is one step, whole
//! or not at all, whichever process makes it, and of several that want the same thing one gets it.

use std::sync::LazyLock;
use std::time::Duration;

use redis::aio::ConnectionManager;
use redis::{RedisError, RedisResult, Script};
use tokio::time::timeout;

use super::state::State;
use crate::clock::{Clock, Instant};
use crate::core::Core;
use crate::id::ReservationId;
use crate::realtime::Refusal;
use crate::signal::Keys;

/// A client that waits for Redis learns after this time that it is away.
const PATIENCE: Duration = Duration::from_secs(2);
/// Rooms that are changed in one pipeline.
const CHUNK: usize = 256;

/// Writes ARGV[2] in the place of ARGV[1] for ARGV[3] milliseconds. Answers nothing, or what stands there instead.
const SWAP: &str = "local held = redis.call('get', KEYS[1]) or ''
    if held ~= ARGV[1] then return held end
    redis.call('set', KEYS[1], ARGV[2], 'PX', ARGV[3])
    return false";

static SWAP_ONE: LazyLock<Script> = LazyLock::new(|| Script::new(SWAP));

#[derive(Clone)]
pub(super) struct Rooms {
    redis: ConnectionManager,
    keys: Keys,
    clock: Clock,
}

impl Rooms {
    pub fn new(core: &Core) -> Self {
        Self { redis: core.redis.clone(), keys: core.keys.clone(), clock: core.clock.clone() }
    }

    /// A room as it is, and the instant of that.
    ///
    /// # Errors
    /// `UNAVAILABLE` when Redis does not answer.
    pub async fn read(&self, room: ReservationId) -> Result<(State, Instant), Refusal> {
        let texts = within(self.texts(&[room])).await?;
        Ok((State::read(&texts[0]), self.clock.now()))
    }

    /// Changes a room. `apply` may run several times, each time on the room as it is then; what it refuses changes
    /// nothing.
    ///
    /// # Errors
    /// What `apply` refuses; `UNAVAILABLE` when Redis does not answer in time. The change may have been made then,
    /// whole, and nobody was told.
    pub async fn change<T>(
        &self,
        room: ReservationId,
        mut apply: impl FnMut(&mut State, Instant) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        within(async {
            let mut text = self.texts(&[room]).await?.swap_remove(0);
            loop {
                let now = self.clock.now();
                let before = State::read(&text);
                let mut state = before.clone();
                let done = match apply(&mut state, now) {
                    Ok(done) => done,
                    Err(refusal) => return Ok(Err(refusal)),
                };
                if state == before {
                    return Ok(Ok(done));
                }
                let mut swap = SWAP_ONE.key(self.keys.live_room(room));
                swap.arg(&text).arg(state.text()).arg(state.life(now).num_milliseconds());
                match swap.invoke_async::<Option<String>>(&mut self.redis.clone()).await? {
                    None => return Ok(Ok(done)),
                    Some(other) => text = other,
                }
            }
        })
        .await?
    }

    /// Changes many rooms, each in a step of its own, in few round trips. `apply` is told the position of the room.
    /// `None` for those of which Redis told nothing.
    pub async fn change_many<T>(
        &self,
        rooms: &[ReservationId],
        mut apply: impl FnMut(usize, &mut State, Instant) -> T,
    ) -> Vec<Option<T>> {
        let mut done: Vec<Option<T>> = rooms.iter().map(|_| None).collect();
        for first in (0..rooms.len()).step_by(CHUNK) {
            let chunk = &rooms[first..rooms.len().min(first + CHUNK)];
            let apply = |at: usize, state: &mut State, now| apply(first + at, state, now);
            if within(self.change_chunk(chunk, apply, &mut done[first..])).await.is_err() {
                break;
            }
        }
        done
    }

    async fn change_chunk<T>(
        &self,
        rooms: &[ReservationId],
        mut apply: impl FnMut(usize, &mut State, Instant) -> T,
        done: &mut [Option<T>],
    ) -> RedisResult<()> {
        let mut pending: Vec<_> = self.texts(rooms).await?.into_iter().enumerate().collect();
        while !pending.is_empty() {
            let now = self.clock.now();
            let mut pipe = redis::pipe();
            let mut written = Vec::new();
            for (at, text) in pending.drain(..) {
                let before = State::read(&text);
                let mut state = before.clone();
                let result = apply(at, &mut state, now);
                if state == before {
                    done[at] = Some(result);
                    continue;
                }
                pipe.cmd("EVAL").arg(SWAP).arg(1).arg(self.keys.live_room(rooms[at]));
                pipe.arg(&text).arg(state.text()).arg(state.life(now).num_milliseconds());
                written.push((at, result));
            }
            if written.is_empty() {
                break;
            }
            let answers: Vec<Option<String>> = pipe.query_async(&mut self.redis.clone()).await?;
            for ((at, result), other) in written.into_iter().zip(answers) {
                match other {
                    None => done[at] = Some(result),
                    Some(text) => pending.push((at, text)),
                }
            }
        }
        Ok(())
    }

    /// What Redis holds of the rooms; nothing is empty.
    async fn texts(&self, rooms: &[ReservationId]) -> RedisResult<Vec<String>> {
        let mut pipe = redis::pipe();
        for room in rooms {
            pipe.get(self.keys.live_room(*room));
        }
        let texts: RedisResult<Vec<Option<String>>> = pipe.query_async(&mut self.redis.clone()).await;
        let texts = match texts {
            Ok(texts) => texts,
            // The first question after an outage is answered with the old error; asking does no harm.
            Err(_) => pipe.query_async(&mut self.redis.clone()).await?,
        };
        Ok(texts.into_iter().map(Option::unwrap_or_default).collect())
    }
}

async fn within<T>(work: impl Future<Output = RedisResult<T>>) -> Result<T, Refusal> {
    match timeout(PATIENCE, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(away(Some(&error))),
        Err(_) => Err(away(None)),
    }
}

fn away(error: Option<&RedisError>) -> Refusal {
    metrics::counter!("konnect_live_unavailable_total").increment(1);
    tracing::warn!(error = error.map(tracing::field::display), "Redis does not answer for a live room");
    Refusal::new("UNAVAILABLE")
}
