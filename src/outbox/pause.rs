//! Queues that stand still: the relay gives nothing of them out. What was given out before runs to its end.

use sqlx::MySqlPool;
use uuid::Uuid;

use crate::clock::Instant;
use crate::db::{Tx, duplicate_key};
use crate::job::Queue;

/// Why a queue stands still, since when, and by whom.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Pause {
    pub queue: String,
    pub reason: String,
    /// UTC.
    pub since: Instant,
    pub actor_kind: String,
    pub actor_id: Option<Uuid>,
}

pub async fn pauses(pool: &MySqlPool) -> sqlx::Result<Vec<Pause>> {
    sqlx::query_as("SELECT queue, reason, since, actor_kind, actor_id FROM queue_pauses ORDER BY queue")
        .fetch_all(pool)
        .await
}

pub(super) async fn is_paused(tx: &mut Tx, queue: Queue) -> sqlx::Result<bool> {
    let row: Option<i8> = sqlx::query_scalar("SELECT 1 FROM queue_pauses WHERE queue = ?")
        .bind(queue.name())
        .fetch_optional(tx.conn())
        .await?;
    Ok(row.is_some())
}

/// `false`: it stands still already, for the reason that was given then.
pub async fn pause(tx: &mut Tx, queue: Queue, reason: &str) -> sqlx::Result<bool> {
    let (now, actor) = (tx.now, tx.cx.actor);
    let inserted = sqlx::query(
        "INSERT INTO queue_pauses (queue, reason, since, actor_kind, actor_id) VALUES (?, ?, ?, ?, ?)",
    )
    .bind(queue.name())
    .bind(reason)
    .bind(now)
    .bind(actor.kind())
    .bind(actor.id())
    .execute(tx.conn())
    .await;
    match inserted {
        Ok(_) => {
            tx.moved(&format!("queue {}", queue.name()), Uuid::nil(), Some("running"), "paused");
            Ok(true)
        }
        Err(error) if duplicate_key(&error).is_some() => Ok(false),
        Err(error) => Err(error),
    }
}

/// `false`: it did not stand still.
pub async fn resume(tx: &mut Tx, queue: Queue) -> sqlx::Result<bool> {
    let gone = sqlx::query("DELETE FROM queue_pauses WHERE queue = ?")
        .bind(queue.name())
        .execute(tx.conn())
        .await?
        .rows_affected()
        > 0;
    if gone {
        tx.moved(&format!("queue {}", queue.name()), Uuid::nil(), Some("paused"), "running");
        tx.outgoing.queues.insert(queue);
    }
    Ok(gone)
}
