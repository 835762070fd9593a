//! Tickets: how a browser opens a socket without a token in the URL. A ticket is good once, for half a minute,
//! and stands for the access token it was bought with.

use chrono::TimeDelta;
use redis::RedisResult;
use serde::{Deserialize, Serialize};

use crate::auth::{Principal, Role};
use crate::clock::Instant;
use crate::core::Core;
use crate::id::{SessionId, UserId, secret};

const LIFE: TimeDelta = TimeDelta::seconds(30);
/// Length of [`secret`].
const LENGTH: usize = 43;

/// A ticket that was just issued.
#[derive(Clone, Debug)]
pub struct Ticket {
    pub text: String,
    /// UTC.
    pub expires_at: Instant,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    user_id: UserId,
    session_id: SessionId,
    roles: Vec<Role>,
    token_expires_at: Instant,
    /// By our clock; Redis' own expiry cleans up.
    good_until: Instant,
}

/// Issues a ticket to the bearer of an access token.
pub async fn issue(core: &Core, principal: &Principal) -> RedisResult<Ticket> {
    let expires_at = principal.expires_at.min(core.clock.now() + LIFE);
    let stored = Stored {
        user_id: principal.user_id,
        session_id: principal.session_id,
        roles: principal.roles.clone(),
        token_expires_at: principal.expires_at,
        good_until: expires_at,
    };
    let text = secret();
    redis::cmd("SET")
        .arg(core.keys.ticket(&text))
        .arg(serde_json::to_string(&stored).expect("a ticket is plain data"))
        .arg("PX")
        .arg(LIFE.num_milliseconds())
        .query_async::<()>(&mut core.redis.clone())
        .await?;
    Ok(Ticket { text, expires_at })
}

/// Uses up a ticket. `None`: unknown, used or too old. Whether its session still lives is another question.
pub async fn redeem(core: &Core, ticket: &str) -> RedisResult<Option<Principal>> {
    if ticket.len() != LENGTH || !ticket.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)) {
        return Ok(None);
    }
    let found: Option<String> =
        redis::cmd("GETDEL").arg(core.keys.ticket(ticket)).query_async(&mut core.redis.clone()).await?;
    let now = core.clock.now();
    let stored =
        found.and_then(|text| serde_json::from_str::<Stored>(&text).ok()).filter(|s| s.good_until > now);
    Ok(stored.map(|stored| Principal {
        user_id: stored.user_id,
        session_id: stored.session_id,
        roles: stored.roles,
        expires_at: stored.token_expires_at,
    }))
}
