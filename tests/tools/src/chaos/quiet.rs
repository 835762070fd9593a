//! Whether anything is left to be done, by the rows of the outbox.

use std::time::Duration;

use anyhow::Result;
use konnect::clock::Clock;
use konnect::job::RECURRING;
use sqlx::{MySqlPool, QueryBuilder};
use tokio::time::{Instant, sleep};

/// Looks in a row that find nothing.
const LOOKS: usize = 3;
const APART: Duration = Duration::from_millis(200);

/// Waits until no job but the recurring ones is due or running: how long that took, or what is left after `patience`.
pub async fn wait(pool: &MySqlPool, clock: &Clock, patience: Duration) -> Result<Result<Duration, String>> {
    let begun = Instant::now();
    let mut found_nothing = 0;
    loop {
        match left(pool, clock).await {
            Ok(left) if left.is_empty() => found_nothing += 1,
            Ok(left) if begun.elapsed() > patience => return Ok(Err(left.join(", "))),
            Ok(_) => found_nothing = 0,
            // The server is on its way back.
            Err(error) if begun.elapsed() > patience => return Err(error),
            Err(_) => found_nothing = 0,
        }
        if found_nothing == LOOKS {
            return Ok(Ok(begun.elapsed()));
        }
        sleep(APART).await;
    }
}

/// Kinds with jobs that are due or running, and how many there are of each.
async fn left(pool: &MySqlPool, clock: &Clock) -> Result<Vec<String>> {
    let mut select = QueryBuilder::new(
        "SELECT kind, state, COUNT(*) FROM outbox WHERE (state = 'published' OR (state = 'pending' AND run_at <= ",
    );
    select.push_bind(clock.now()).push(")) AND kind NOT IN (");
    let mut kinds = select.separated(", ");
    for recurring in RECURRING {
        kinds.push_bind(recurring.kind);
    }
    select.push(") GROUP BY kind, state");
    let rows: Vec<(String, String, i64)> = select.build_query_as().fetch_all(pool).await?;
    Ok(rows.into_iter().map(|(kind, state, count)| format!("{count} {state} {kind}")).collect())
}
