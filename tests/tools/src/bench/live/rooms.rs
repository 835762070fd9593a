//! Rooms of Konnect to measure in: paid sessions that begin in five minutes.

use anyhow::Result;
use chrono::TimeDelta;
use futures_util::{StreamExt, TryStreamExt, stream};
use konnect::auth::{Role, Tokens};
use konnect::core::Core;
use konnect::id::{OfferingId, ReservationId, UserId};
use konnect::transact;
use konnect::user::{self, Locale, NewUser};
use secrecy::ExposeSecret;
use sqlx::QueryBuilder;

use super::super::world::context;
use super::target::Seat;

/// Rooms made by one transaction, and transactions at a time.
const BATCH: usize = 25;
const WIDTH: usize = 4;

/// Two people and a room for each pair of seats: mentor, mentee, mentor, mentee.
pub async fn make(core: &Core, tokens: &Tokens, count: usize) -> Result<Vec<Seat>> {
    let starts: Vec<usize> = (0..count).step_by(BATCH).collect();
    let batches = starts.into_iter().map(|start| batch(core, tokens, start, count.min(start + BATCH)));
    let made: Vec<Vec<Seat>> = stream::iter(batches).buffered(WIDTH).try_collect().await?;
    Ok(made.into_iter().flatten().collect())
}

async fn batch(core: &Core, tokens: &Tokens, start: usize, end: usize) -> Result<Vec<Seat>> {
    let (seats, rooms) = transact!(core.db, context(), anyhow::Error, tx => {
        let (mut seats, mut rooms) = (Vec::new(), Vec::new());
        for index in start..end {
            let room = ReservationId::generate();
            let mut pair = Vec::new();
            for role in ["mentor", "mentee"] {
                let email = format!("live-{role}-{index}@bench.example");
                let new = NewUser::parse(&email, role, Locale::Ko, "Asia/Seoul")?;
                let id = user::register(tx, &new, "nobody logs in").await?.id;
                let (user, grant) = user::open_session(tx, id, "bench", tokens.refresh_life()).await?;
                let roles: Vec<Role> = user.roles(role == "mentor");
                let token = tokens.issue(id, grant.session_id, &roles, tx.now)?;
                seats.push(Seat { room: room.to_string(), token: token.token.expose_secret().to_owned() });
                pair.push(id);
            }
            rooms.push((room, pair[0], pair[1]));
        }
        Ok((seats, rooms))
    })?;
    insert(core, &rooms).await?;
    Ok(seats)
}

/// Reservations that are paid and open, without the way that led there.
async fn insert(core: &Core, rooms: &[(ReservationId, UserId, UserId)]) -> Result<()> {
    let now = core.clock.now();
    let starts_at = now + TimeDelta::minutes(5);
    let mut rows = QueryBuilder::new(
        "INSERT INTO reservations (id, offering_id, mentor_id, mentee_id, title, price_krw, duration_min, time_zone, \
         policy_version, starts_at, ends_at, schedule_version, state, version, payment_failed, created_at, updated_at) ",
    );
    rows.push_values(rooms, |mut row, (room, mentor, mentee)| {
        row.push_bind(*room)
            .push_bind(OfferingId::generate())
            .push_bind(*mentor)
            .push_bind(*mentee)
            .push_bind("백엔드 코드 리뷰")
            .push_bind(50_000)
            .push_bind(60)
            .push_bind("Asia/Seoul")
            .push_bind(1)
            .push_bind(starts_at)
            .push_bind(starts_at + TimeDelta::hours(1))
            .push_bind(1)
            .push_bind("confirmed")
            .push_bind(3)
            .push_bind(false)
            .push_bind(now)
            .push_bind(now);
    });
    rows.build().execute(core.db.pool()).await?;
    Ok(())
}
