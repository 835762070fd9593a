//! What the database server says of itself and of what it did.

use std::time::{Duration, Instant as Stopwatch};

use anyhow::Result;
use sqlx::MySqlPool;

/// Kinds of statements that are counted.
const KINDS: [&str; 6] = ["Com_select", "Com_insert", "Com_update", "Com_delete", "Com_begin", "Com_commit"];
/// What a reservation fills.
const FILLED: [&str; 7] = [
    "slot_claims",
    "reservations",
    "reservation_history",
    "idempotency_keys",
    "outbox",
    "events",
    "topic_heads",
];

/// Pages that wait to be written and hurt nobody, and how long it is waited for there to be no more.
const FEW_PAGES: u64 = 500;
const SETTLING: Duration = Duration::from_secs(10);

/// How many statements of each kind the server has run.
#[derive(Clone, Copy, Debug)]
pub struct Counts([f64; KINDS.len()]);

impl Counts {
    pub async fn read(pool: &MySqlPool) -> Result<Self> {
        let rows: Vec<(String, String)> =
            sqlx::query_as("SHOW GLOBAL STATUS LIKE 'Com\\_%'").fetch_all(pool).await?;
        let count = |kind: &str| {
            let row = rows.iter().find(|(name, _)| name == kind);
            row.and_then(|(_, value)| value.parse().ok()).unwrap_or(0.0)
        };
        Ok(Self(KINDS.map(count)))
    }

    /// Statements of each kind per thing done since `before`.
    pub fn per(self, before: Self, done: usize) -> Self {
        let mut each = self.0;
        for (each, before) in each.iter_mut().zip(before.0) {
            *each = (*each - before) / done as f64;
        }
        Self(each)
    }

    /// Whether both do the same, but for what the server does beside it.
    pub fn agrees(self, other: Self) -> bool {
        self.0.iter().zip(other.0).all(|(a, b)| (a - b).abs() < 0.1)
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, (kind, count)) in KINDS.iter().zip(self.0).enumerate() {
            let name = kind.trim_start_matches("Com_");
            write!(f, "{}{name} {count:.1}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// Forgets every reservation and every job, so that people and slots are as they were made.
pub async fn forget(pool: &MySqlPool) -> Result<()> {
    for table in FILLED {
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("TRUNCATE TABLE {table}"))).execute(pool).await?;
    }
    Ok(())
}

/// Waits, for a while, until most of what was written lies on disk: writing it later would be somebody else's delay.
pub async fn settle(pool: &MySqlPool) -> Result<()> {
    let started = Stopwatch::now();
    while started.elapsed() < SETTLING {
        let (_, dirty): (String, String) =
            sqlx::query_as("SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_pages_dirty'")
                .fetch_one(pool)
                .await?;
        if dirty.parse::<u64>()? <= FEW_PAGES {
            break;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    Ok(())
}

/// Versions and what decides about durability, for the head of the report.
pub async fn describe(
    pool: &MySqlPool,
    redis: &mut redis::aio::ConnectionManager,
) -> Result<Vec<(String, String)>> {
    let (version, flush): (String, i64) =
        sqlx::query_as("SELECT VERSION(), CAST(@@innodb_flush_log_at_trx_commit AS SIGNED)")
            .fetch_one(pool)
            .await?;
    let info: String = redis::cmd("INFO").query_async(redis).await?;
    let field = |name: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or("?").trim().to_owned()
    };
    let aof = if field("aof_enabled:") == "1" { "append-only file on" } else { "append-only file off" };
    Ok(vec![
        ("MySQL".to_owned(), format!("{version}, innodb_flush_log_at_trx_commit={flush}")),
        ("Redis".to_owned(), format!("{}, {aof}", field("redis_version:"))),
    ])
}
