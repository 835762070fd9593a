//! Jobs: the outbox, as operators see it.

use anyhow::{Result, bail, ensure};
use clap::{Args, Subcommand, ValueEnum};
use konnect::id::JobId;
use konnect::job::{Ping, Queue};
use konnect::outbox::{self, Filter, Row};
use konnect::transact;
use uuid::Uuid;

use crate::replay;
use crate::stores::{Stores, context, progress};

/// Pings written by one transaction.
const BATCH: usize = 500;

#[derive(Subcommand)]
pub enum Command {
    /// List jobs, newest first
    List {
        #[command(flatten)]
        which: Which,
        /// Rows to print at most
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
        #[command(flatten)]
        stores: Stores,
    },
    /// Show everything about one job
    Show {
        id: JobId,
        #[command(flatten)]
        stores: Stores,
    },
    /// Run a dead or cancelled job again, or with --all every one that the filters name
    Retry {
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        id: Option<JobId>,
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        stores: Stores,
    },
    /// Take back a job that waits or is dead
    Cancel {
        id: JobId,
        #[command(flatten)]
        stores: Stores,
    },
    /// Send jobs that do nothing, to see that the line is whole
    Ping {
        #[arg(long, default_value_t = 1)]
        count: usize,
        #[command(flatten)]
        stores: Stores,
    },
    /// Count jobs by queue and state
    Stats(Stores),
}

#[derive(Args)]
pub struct Which {
    #[arg(long)]
    pub state: Option<State>,
    /// payment, settlement, booking, reminder, notification or webhook
    #[arg(long, value_parser = queue)]
    queue: Option<Queue>,
    /// Such as payment.confirm.v1
    #[arg(long)]
    kind: Option<String>,
    /// The row the job is about, such as a reservation's id
    #[arg(long)]
    subject: Option<Uuid>,
    /// Words that stand in the last error
    #[arg(long)]
    error: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum State {
    Pending,
    Published,
    Done,
    Dead,
    Cancelled,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Published => "published",
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Which {
    pub fn filter(&self) -> Filter {
        Filter {
            state: self.state.map(|s| s.name().to_owned()),
            queue: self.queue.map(|q| q.name().to_owned()),
            kind: self.kind.clone(),
            subject: self.subject,
            error: self.error.clone(),
            before: None,
        }
    }
}

fn queue(name: &str) -> Result<Queue, String> {
    Queue::parse(name).ok_or_else(|| "there is no such queue".to_owned())
}

impl Command {
    pub async fn run(self) -> Result<()> {
        match self {
            Self::List { which, limit, stores } => list(&stores, &which.filter(), limit).await,
            Self::Show { id, stores } => show(&stores, id).await,
            Self::Retry { id: Some(id), stores, .. } => replay::one(&stores, id).await,
            Self::Retry { id: None, which, stores, .. } => replay::all(&stores, &which).await,
            Self::Cancel { id, stores } => cancel(&stores, id).await,
            Self::Ping { count, stores } => ping(&stores, count).await,
            Self::Stats(stores) => stats(&stores).await,
        }
    }
}

async fn list(stores: &Stores, filter: &Filter, limit: u32) -> Result<()> {
    let core = stores.connect().await?;
    for row in outbox::list(core.db.pool(), filter, limit).await? {
        let error = row.last_error.as_deref().unwrap_or("").lines().next().unwrap_or("");
        say!(
            "{}  {:<9}  {:<34}  {:>2}  {}  {}",
            row.id,
            row.state,
            row.kind,
            row.attempts,
            row.run_at.format("%Y-%m-%dT%H:%M:%SZ"),
            error.chars().take(80).collect::<String>(),
        );
    }
    Ok(())
}

async fn show(stores: &Stores, id: JobId) -> Result<()> {
    let core = stores.connect().await?;
    let Some(row) = outbox::show(core.db.pool(), id).await? else { bail!("there is no job {id}") };
    for (name, value) in lines(&row) {
        say!("{name:<12} {value}");
    }
    Ok(())
}

/// The parts of a row that are there.
fn lines(row: &Row) -> Vec<(&'static str, String)> {
    let at = |instant: Option<konnect::clock::Instant>| instant.map(|i| i.to_rfc3339());
    let lines = [
        ("id", Some(row.id.to_string())),
        ("kind", Some(row.kind.clone())),
        ("queue", Some(row.queue.clone())),
        ("state", Some(row.state.clone())),
        ("payload", Some(row.payload.clone())),
        ("dedup key", row.dedup_key.clone()),
        ("subject", row.subject.map(|s| s.to_string())),
        ("attempts", Some(row.attempts.to_string())),
        ("run at", at(Some(row.run_at))),
        ("worker", row.worker.clone()),
        ("claimed at", at(row.claimed_at)),
        ("lease until", at(row.lease_until)),
        ("last error", row.last_error.clone()),
        ("request", Some(row.request_id.clone())),
        ("created at", at(Some(row.created_at))),
        ("finished at", at(row.finished_at)),
    ];
    lines.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

async fn cancel(stores: &Stores, id: JobId) -> Result<()> {
    let core = stores.connect().await?;
    let cancelled =
        transact!(core.db, context(), anyhow::Error, tx => { Ok(outbox::cancel(tx, id).await?) })?;
    ensure!(cancelled, "{id} neither waits nor is dead");
    say!("{id} is cancelled");
    Ok(())
}

async fn ping(stores: &Stores, count: usize) -> Result<()> {
    let core = stores.connect().await?;
    let bar = progress(count, "enqueue")?;
    let mut left = count;
    while left > 0 {
        let batch = left.min(BATCH);
        transact!(core.db, context(), anyhow::Error, tx => {
            for _ in 0..batch {
                let ping = Ping { sent_at: tx.now };
                outbox::enqueue(tx, &ping).await?;
            }
            Ok(())
        })?;
        left -= batch;
        bar.inc(batch as u64);
    }
    bar.finish();
    say!("{count} pings are on their way; see `jobs stats` and konnect_ping_seconds");
    Ok(())
}

async fn stats(stores: &Stores) -> Result<()> {
    let core = stores.connect().await?;
    for (queue, state, count) in outbox::count_by_state(core.db.pool()).await? {
        say!("{queue:<13} {state:<10} {count:>9}");
    }
    Ok(())
}
