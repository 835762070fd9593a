//! What a copy must know of the database around its rows.

use anyhow::{Context as _, Result};
use sqlx::{AssertSqlSafe, MySqlPool};

/// The number of the last migration that has run.
pub async fn schema(pool: &MySqlPool) -> Result<i64> {
    sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations WHERE success = 1")
        .fetch_one(pool)
        .await
        .context("this is no database of Konnect")
}

/// The server and its release.
pub async fn server(pool: &MySqlPool) -> sqlx::Result<String> {
    sqlx::query_scalar("SELECT VERSION()").fetch_one(pool).await
}

/// Whether the server writes a binary log, so that a position in it means something.
pub async fn has_binlog(pool: &MySqlPool) -> sqlx::Result<bool> {
    sqlx::query_scalar("SELECT @@log_bin = 1").fetch_one(pool).await
}

pub async fn tables(pool: &MySqlPool) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(
        "SELECT CONVERT(table_name USING utf8mb4) FROM information_schema.tables WHERE table_schema = DATABASE()",
    )
    .fetch_all(pool)
    .await
}

/// Drops every table, whatever refers to what.
pub async fn drop_tables(pool: &MySqlPool) -> sqlx::Result<()> {
    let tables = tables(pool).await?;
    // A connection of its own, closed afterwards: the setting must not stay with the pool.
    let mut connection = pool.acquire().await?.detach();
    sqlx::raw_sql("SET FOREIGN_KEY_CHECKS = 0").execute(&mut connection).await?;
    for table in tables {
        let drop = format!("DROP TABLE `{}`", table.replace('`', "``"));
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut connection).await?;
    }
    sqlx::Connection::close(connection).await
}
