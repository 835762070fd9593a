//! SQL of people's hours.

use sqlx::{MySqlExecutor, QueryBuilder, Row};

use super::model::{Hours, QuietHours};
use crate::db::{Tx, push_list};
use crate::id::UserId;

/// Those of these people who chose any.
pub async fn of_people(
    executor: impl MySqlExecutor<'_>,
    people: &[UserId],
) -> sqlx::Result<Vec<(UserId, Hours)>> {
    if people.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new(
        "SELECT user_id, quiet_start, quiet_end, digest_hour FROM notice_hours WHERE user_id IN (",
    );
    push_list(&mut query, people.iter().copied());
    let rows = query.push(")").build().fetch_all(executor).await?;
    rows.iter()
        .map(|row| {
            let minute = |name| {
                Ok::<_, sqlx::Error>(row.try_get::<Option<i16>, _>(name)?.and_then(|m| m.try_into().ok()))
            };
            let quiet = minute("quiet_start")?.zip(minute("quiet_end")?);
            let digest_hour =
                row.try_get::<Option<i8>, _>("digest_hour")?.and_then(|hour| hour.try_into().ok());
            let quiet = quiet.and_then(|(start, end)| QuietHours::of_minutes(start, end));
            Ok((row.try_get("user_id")?, Hours { quiet, digest_hour }))
        })
        .collect()
}

pub async fn upsert(tx: &mut Tx, user: UserId, hours: &Hours) -> sqlx::Result<()> {
    let (now, quiet) = (tx.now, hours.quiet.map(QuietHours::minutes));
    sqlx::query(
        "INSERT INTO notice_hours (user_id, quiet_start, quiet_end, digest_hour, updated_at)
         VALUES (?, ?, ?, ?, ?)
         ON DUPLICATE KEY UPDATE quiet_start = VALUES(quiet_start), quiet_end = VALUES(quiet_end),
                                 digest_hour = VALUES(digest_hour), updated_at = VALUES(updated_at)",
    )
    .bind(user)
    .bind(quiet.map(|(start, _)| start))
    .bind(quiet.map(|(_, end)| end))
    .bind(hours.digest_hour)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}
