//! What operators did: one row for each transaction of theirs, written by it just before its commit, so that no
//! operation can leave it out and none that came to nothing has one.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use sqlx::{MySqlPool, QueryBuilder};
use uuid::Uuid;

use crate::clock::Instant;
use crate::db::Tx;
use crate::id::{ActId, UserId};

/// Characters of a reason that are kept.
const LONGEST_REASON: usize = 1_000;
/// As many moves as are kept of one act: those of the largest that there is, of many jobs or webhooks at once.
const MOST_MOVES: usize = 500;

/// Something that moved. `from` is absent where it is new, or its history does not say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Such as `reservation`.
    pub kind: String,
    pub id: Uuid,
    pub from: Option<String>,
    pub to: String,
}

/// A row of `acts`.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Act {
    pub id: ActId,
    /// UTC.
    pub at: DateTime<Utc>,
    pub actor_kind: String,
    pub actor_id: Option<UserId>,
    pub operation: String,
    pub object_kind: Option<String>,
    pub object_id: Option<Uuid>,
    pub reason: Option<String>,
    pub moves: Json<Vec<Moved>>,
    pub request_id: String,
}

/// What to list; an absent field does not filter.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub actor: Option<UserId>,
    pub object: Option<Uuid>,
    /// The whole operation.
    pub operation: Option<String>,
    pub request_id: Option<String>,
    /// From this instant on (UTC).
    pub from: Option<Instant>,
    /// Before this instant (UTC).
    pub to: Option<Instant>,
    /// Acts older than this one: the key of the next page.
    pub before: Option<ActId>,
}

/// Writes what this transaction is. Called at its commit.
pub(crate) async fn write(tx: &mut Tx) -> sqlx::Result<()> {
    let Some(deed) = tx.cx.deed.clone() else { return Ok(()) };
    let (now, actor, request_id) = (tx.now, tx.cx.actor, tx.cx.request_id.clone());
    let mut moves = std::mem::take(&mut tx.moves);
    moves.truncate(MOST_MOVES);
    let reason: Option<String> =
        deed.reason.as_deref().map(|text| text.chars().take(LONGEST_REASON).collect());
    sqlx::query(
        "INSERT INTO acts (id, at, actor_kind, actor_id, operation, object_kind, object_id, reason, moves, request_id)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(ActId::generate())
    .bind(now)
    .bind(actor.kind())
    .bind(actor.id())
    .bind(&deed.operation)
    .bind(&deed.object_kind)
    .bind(deed.object_id)
    .bind(reason)
    .bind(Json(moves))
    .bind(request_id)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Newest first.
pub async fn list(pool: &MySqlPool, filter: &Filter, limit: u32) -> sqlx::Result<Vec<Act>> {
    let mut query = QueryBuilder::new(
        "SELECT id, at, actor_kind, actor_id, operation, object_kind, object_id, reason, moves, request_id FROM acts
         WHERE 1 = 1",
    );
    if let Some(actor) = filter.actor {
        query.push(" AND actor_id = ").push_bind(actor);
    }
    if let Some(object) = filter.object {
        query.push(" AND object_id = ").push_bind(object);
    }
    if let Some(operation) = &filter.operation {
        query.push(" AND operation = ").push_bind(operation);
    }
    if let Some(request) = &filter.request_id {
        query.push(" AND request_id = ").push_bind(request);
    }
    if let Some(from) = filter.from {
        query.push(" AND at >= ").push_bind(from);
    }
    if let Some(to) = filter.to {
        query.push(" AND at < ").push_bind(to);
    }
    if let Some(before) = filter.before {
        query.push(" AND id < ").push_bind(before);
    }
    query.push(" ORDER BY id DESC LIMIT ").push_bind(limit);
    query.build_query_as().fetch_all(pool).await
}
