//! SQL of what people chose.

use sqlx::{MySqlExecutor, QueryBuilder};

use super::model::{Mode, Preference, Topic};
use crate::db::{Tx, push_list};
use crate::id::UserId;
use crate::notification::Channel;

pub async fn of_user(
    executor: impl MySqlExecutor<'_>,
    user: UserId,
) -> sqlx::Result<Vec<(Topic, Channel, Mode)>> {
    sqlx::query_as("SELECT topic, channel, mode FROM notice_preferences WHERE user_id = ?")
        .bind(user)
        .fetch_all(executor)
        .await
}

/// What these people chose of one topic.
pub async fn of_crowd(
    executor: impl MySqlExecutor<'_>,
    topic: Topic,
    people: &[UserId],
) -> sqlx::Result<Vec<(UserId, Channel, Mode)>> {
    if people.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new("SELECT user_id, channel, mode FROM notice_preferences WHERE topic = ");
    query.push_bind(topic).push(" AND user_id IN (");
    push_list(&mut query, people.iter().copied());
    query.push(")").build_query_as().fetch_all(executor).await
}

pub async fn upsert(tx: &mut Tx, user: UserId, choice: Preference) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "INSERT INTO notice_preferences (user_id, topic, channel, mode, updated_at) VALUES (?, ?, ?, ?, ?)
         ON DUPLICATE KEY UPDATE mode = VALUES(mode), updated_at = VALUES(updated_at)",
    )
    .bind(user)
    .bind(choice.topic)
    .bind(choice.channel)
    .bind(choice.mode)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}
