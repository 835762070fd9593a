//! MySQL: the pool, the one way to open a transaction, and what is sent after its commit.

use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::mysql::{MySqlConnectOptions, MySqlPool, MySqlPoolOptions};
use sqlx::{Connection, Encode, MySql, MySqlConnection, QueryBuilder, Type};
use tracing::Span;
use tracing::field::Empty;

use crate::act::{self, Moved};
use crate::clock::{Clock, Instant};
use crate::context::Context;
use crate::event::Hint;
use crate::id::{OfferingId, UserId, jitter};
use crate::job::Queue;
use crate::replica::Replica;
use crate::signal::Signals;
use crate::trace::{self, Trace};

/// Deadlock victim and lock wait time-out (MySQL and MariaDB error numbers 1213, 1205) and MariaDB's snapshot
/// conflict (1020): the transaction did nothing and may run again.
const RETRYABLE: [u16; 3] = [1213, 1205, 1020];
const MAX_ROUNDS: u32 = 10;
/// A connection that was idle for longer is tested before it is used: its server may have gone.
const TRUSTED: Duration = Duration::from_secs(1);

/// Prepared statements that a connection keeps. One more closes the oldest by a message that is not answered, and as sqlx
/// leaves Nagle's algorithm on, the next message then waits for the server's delayed acknowledgement: 40 ms.
/// The server must allow so many for each connection (`max_prepared_stmt_count`).
const STATEMENTS: usize = 256;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// The number of the newest migration that this build knows.
pub fn newest_migration() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// A handle to the database; cheap to clone.
#[derive(Clone)]
pub struct Db {
    pool: MySqlPool,
    /// See [`crate::replica::read`].
    replica: Option<Replica>,
    clock: Clock,
    signals: Signals,
}

/// What listeners are told once a transaction has committed. A lost signal is repaired by polling.
#[derive(Debug, Default)]
pub struct Outgoing {
    pub queues: BTreeSet<Queue>,
    pub hints: Vec<Hint>,
    /// Calendars that changed, with their new version.
    pub calendars: Vec<(UserId, i64)>,
    /// Offerings that changed or left the market.
    pub offerings: Vec<OfferingId>,
}

impl Outgoing {
    fn is_empty(&self) -> bool {
        self.queues.is_empty()
            && self.hints.is_empty()
            && self.calendars.is_empty()
            && self.offerings.is_empty()
    }
}

/// One transaction: its connection, its instant (the same for every row it writes) and its context.
pub struct Tx {
    inner: sqlx::Transaction<'static, MySql>,
    pub now: Instant,
    pub cx: Context,
    pub outgoing: Outgoing,
    /// What moved, for the record of an operator's act.
    pub moves: Vec<Moved>,
    span: Span,
}

impl Tx {
    /// Its place in the trace of whatever asked for it: what it causes continues there.
    pub fn trace(&self) -> Option<Trace> {
        Trace::of(&self.span)
    }

    /// What the transaction's block runs in.
    #[doc(hidden)]
    pub fn span(&self) -> Span {
        self.span.clone()
    }

    pub fn conn(&mut self) -> &mut MySqlConnection {
        &mut self.inner
    }

    /// Notes for the record of an operator's act that something moved; whoever writes a line of a history calls it.
    pub fn moved(&mut self, kind: &str, id: uuid::Uuid, from: Option<&str>, to: &str) {
        if self.cx.deed.is_some() {
            let from = from.map(ToOwned::to_owned);
            self.moves.push(Moved { kind: kind.to_owned(), id, from, to: to.to_owned() });
        }
    }
}

impl Db {
    /// Connects with READ COMMITTED on every connection: under the servers' default isolation a read before
    /// the lock row lets every racer win.
    pub async fn connect(
        url: &str,
        max_connections: u32,
        clock: Clock,
        signals: Signals,
    ) -> sqlx::Result<Self> {
        let options = url.parse::<MySqlConnectOptions>()?.statement_cache_capacity(STATEMENTS);
        let pool = MySqlPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(Duration::from_secs(10))
            // The pool tests each connection when it is given back; testing it again at once would cost a round
            // trip per use.
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for > TRUSTED {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .after_connect(|connection, _| {
                Box::pin(async move {
                    sqlx::raw_sql("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
                        .execute(connection)
                        .await?;
                    Ok(())
                })
            })
            .connect_with(options)
            .await?;
        Ok(Self { pool, replica: None, clock, signals })
    }

    /// With a copy for reads that may be some moments old.
    #[must_use]
    pub fn with_replica(self, replica: Option<Replica>) -> Self {
        Self { replica, ..self }
    }

    pub(crate) fn replica(&self) -> Option<&Replica> {
        self.replica.as_ref()
    }

    /// Runs every migration that has not run yet.
    pub async fn migrate(&self) -> Result<(), MigrateError> {
        MIGRATIONS.run(&self.pool).await
    }

    /// For reads that need no transaction.
    pub fn pool(&self) -> &MySqlPool {
        &self.pool
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Opens a transaction. Called by [`transact!`](crate::transact) alone.
    #[doc(hidden)]
    pub async fn open(&self, cx: Context) -> sqlx::Result<Tx> {
        let span = span();
        let inner = trace::within(span.clone(), self.begin()).await?;
        let (outgoing, moves) = (Outgoing::default(), Vec::new());
        Ok(Tx { inner, now: self.clock.now(), cx, outgoing, moves, span })
    }

    async fn begin(&self) -> sqlx::Result<sqlx::Transaction<'static, MySql>> {
        let asked = tokio::time::Instant::now();
        let connection = self.pool.acquire().await;
        metrics::histogram!("konnect_db_wait_seconds").record(asked.elapsed().as_secs_f64());
        if matches!(connection, Err(sqlx::Error::PoolTimedOut)) {
            metrics::counter!("konnect_db_wait_timeouts_total").increment(1);
        }
        sqlx::Transaction::begin(connection?, None).await
    }

    /// Commits or rolls back. `Err` means: the database chose this transaction as a victim, run it again.
    #[doc(hidden)]
    pub async fn close<T, E>(&self, tx: Tx, outcome: Result<T, E>, round: u32) -> Result<Result<T, E>, ()>
    where
        E: DbError,
    {
        let span = tx.span();
        let outcome = trace::within(span.clone(), self.end(tx, outcome)).await;
        let again =
            round < MAX_ROUNDS && outcome.as_ref().err().and_then(E::database).is_some_and(is_retryable);
        span.record(
            "konnect.outcome",
            match (&outcome, again) {
                (Ok(_), _) => "committed",
                (Err(_), true) => "retried",
                (Err(_), false) => "rolled_back",
            },
        );
        if !again {
            return Ok(outcome);
        }
        metrics::counter!("konnect_transaction_retries_total").increment(1);
        drop(span);
        tokio::time::sleep(Duration::from_millis(1 + jitter(4 << round.min(5)))).await;
        Err(())
    }

    async fn end<T, E>(&self, mut tx: Tx, mut outcome: Result<T, E>) -> Result<T, E>
    where
        E: DbError,
    {
        if outcome.is_ok()
            && let Err(error) = act::write(&mut tx).await
        {
            outcome = Err(error.into());
        }
        let Tx { inner, outgoing, .. } = tx;
        match outcome {
            Ok(value) => {
                inner.commit().await?;
                if !outgoing.is_empty() {
                    self.signals.send(outgoing);
                }
                Ok(value)
            }
            Err(error) => {
                // A failed rollback ends the connection, and with it the transaction.
                drop(inner.rollback().await);
                Err(error)
            }
        }
    }
}

/// Of one round of a transaction, where somebody asked for it: a relay's polling begins no trace.
fn span() -> Span {
    if !trace::is_in_span() {
        return Span::none();
    }
    tracing::info_span!(
        "transaction",
        otel.kind = "client",
        db.system.name = "mysql",
        db.operation.name = "TRANSACTION",
        konnect.outcome = Empty,
    )
}

/// An error that can carry a database error.
///
/// Domain errors must not be `#[error(transparent)]` over one: that would hide it from the chain of causes.
pub trait DbError: From<sqlx::Error> {
    fn database(&self) -> Option<&sqlx::Error>;
}

impl DbError for sqlx::Error {
    fn database(&self) -> Option<&sqlx::Error> {
        Some(self)
    }
}

impl DbError for anyhow::Error {
    fn database(&self) -> Option<&sqlx::Error> {
        self.chain().find_map(|e| e.downcast_ref())
    }
}

fn is_retryable(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(|e| e.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>())
        .is_some_and(|e| RETRYABLE.contains(&e.number()))
}

/// The database error at the bottom of a chain of causes.
pub fn database_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a sqlx::Error> {
    std::iter::successors(Some(error), |e| e.source()).find_map(|e| e.downcast_ref::<sqlx::Error>())
}

/// Whether a statement failed because a unique key exists already, and which key: the last part of its name.
pub fn duplicate_key(error: &sqlx::Error) -> Option<String> {
    let database = error.as_database_error().filter(|e| e.is_unique_violation())?;
    let message = database.message();
    let name = message.rsplit("for key ").next()?.trim_matches(['\'', '`', '.']);
    Some(name.rsplit('.').next().unwrap_or(name).to_owned())
}

/// Writes values into the list of an `IN (…)`. Each length of a list makes a statement of its own, of which a connection
/// keeps 256, so there are few of them: see [`filled`].
pub fn push_list<'t, T>(query: &mut QueryBuilder<MySql>, values: impl ExactSizeIterator<Item = T>)
where
    T: Clone + Encode<'t, MySql> + Type<MySql>,
{
    let mut list = query.separated(", ");
    for value in filled(values) {
        list.push_bind(value);
    }
}

/// Filled up to a power of two with the last one, for statements that a repetition does not change.
pub fn filled<T: Clone>(values: impl ExactSizeIterator<Item = T>) -> impl Iterator<Item = T> {
    let count = values.len();
    let more = count.checked_next_power_of_two().unwrap_or(count) - count;
    let mut last = None;
    let values = values.map(Some).chain(std::iter::repeat_n(None, if count == 0 { 0 } else { more }));
    values.map_while(move |value| {
        if value.is_some() {
            last.clone_from(&value);
        }
        value.or_else(|| last.clone())
    })
}

/// Runs a block in one transaction and commits it, or rolls back on `Err`; runs the block again when the
/// database made it the victim of a deadlock. After the commit the listeners are told.
///
/// `transact!(db, context, ErrorType, tx => { …; Ok(value) })` is a `Result<_, ErrorType>`. The block may run
/// several times, so it borrows what it needs; `tx` is a `&mut Tx`. A remote call has no place in it.
#[macro_export]
macro_rules! transact {
    ($db:expr, $cx:expr, $error:ty, $tx:ident => $body:block) => {{
        let db: &$crate::db::Db = &$db;
        let mut round = 0u32;
        loop {
            let mut unit = match db.open($cx.clone()).await {
                Ok(unit) => unit,
                Err(error) => break Err(<$error>::from(error)),
            };
            let outcome: ::std::result::Result<_, $error> = {
                let $tx: &mut $crate::db::Tx = &mut unit;
                $crate::trace::within($tx.span(), async { $body }).await
            };
            match db.close(unit, outcome, round).await {
                Ok(result) => break result,
                Err(()) => round += 1,
            }
        }
    }};
}

#[cfg(test)]
mod tests {
    use super::filled;

    #[test]
    fn lists_have_few_lengths_and_say_nothing_new() {
        let filled = |list: &[u8]| filled(list.iter().copied()).collect::<Vec<_>>();
        for (list, written) in [
            (&[][..], &[][..]),
            (&[7], &[7]),
            (&[1, 2, 3], &[1, 2, 3, 3]),
            (&[1, 2, 3, 4], &[1, 2, 3, 4]),
            (&[1, 2, 3, 4, 5], &[1, 2, 3, 4, 5, 5, 5, 5]),
        ] {
            assert_eq!(filled(list), written);
        }
    }
}
