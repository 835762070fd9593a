//! What a socket asks the stores while it goes on serving its client.

use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::sleep;

use super::feed::Need;
use crate::auth::{self, Principal, Tokens};
use crate::core::Core;
use crate::event::{self, Event};
use crate::id::{SessionId, jitter};

/// Events per query.
const BATCH: u32 = 200;

/// An answer.
pub enum Done {
    Head {
        generation: u32,
        head: i64,
        session: SessionId,
        session_lives: bool,
    },
    Events {
        generation: u32,
        events: Vec<Event>,
    },
    /// The database could not be asked; about a second has passed.
    Unanswered,
    Refreshed(Result<Principal, &'static str>),
}

/// Reads what a feed needs.
pub fn read(core: &Core, topic: &str, session: SessionId, need: Need) -> BoxFuture<'static, Done> {
    let (pool, topic) = (core.db.pool().clone(), topic.to_owned());
    Box::pin(async move {
        let outcome = match need {
            Need::Head { generation } => {
                async {
                    let head = event::head(&pool, &topic).await?;
                    // After the head: a client that skips events must not skip the end of its own session.
                    let session_lives = auth::session_live(&pool, session).await?;
                    Ok::<_, auth::Error>(Done::Head { generation, head, session, session_lives })
                }
                .await
            }
            Need::Events { after, generation } => event::after(&pool, &topic, after, BATCH)
                .await
                .map(|events| Done::Events { generation, events })
                .map_err(auth::Error::from),
        };
        match outcome {
            Ok(done) => done,
            Err(error) => {
                tracing::debug!(%error, topic, "events not read; trying again");
                metrics::counter!("konnect_socket_reads_failed_total").increment(1);
                sleep(Duration::from_millis(500 + jitter(1_000))).await;
                Done::Unanswered
            }
        }
    })
}

/// Verifies the token a client wants to go on with.
pub fn verify(core: &Core, tokens: &Tokens, token: String) -> BoxFuture<'static, Done> {
    let (core, tokens) = (core.clone(), tokens.clone());
    Box::pin(async move {
        let outcome = async {
            let principal = tokens.verify(&token, core.clock.now())?;
            if principal.expires_at <= core.clock.now() {
                return Err(auth::Error::TokenExpired);
            }
            match auth::session_live(core.db.pool(), principal.session_id).await? {
                true => Ok(principal),
                false => Err(auth::Error::SessionRevoked),
            }
        }
        .await;
        Done::Refreshed(outcome.map_err(|error| match error {
            auth::Error::Database(_) => "service.unavailable",
            other => other.code(),
        }))
    })
}
