//! Batches: every mentor with something ready is looked at once and gets a payout, or a reason why not. Each mentor
//! has a transaction of its own, and the batch remembers how far it came, so that it goes on where it was stopped.

mod query;

use serde_json::json;
use sqlx::MySqlPool;

use super::account::{self, tell};
use super::calendar;
use super::choice::{self, Choice};
use super::error::Error;
use super::model::{Batch, BatchState, Block, Cause, Debt, Payout, PayoutState, Skip, SkipRow, Tally};
use super::query::{insert_payout, sum_since};
use crate::config::Rules;
use crate::db::{Tx, duplicate_key};
use crate::event;
use crate::id::{PayoutBatchId, PayoutId, UserId, secret};
use crate::job::{RunPayoutBatch, SendPayout};
use crate::money::Krw;
use crate::outbox;
use crate::settlement::{self, SettlementLine};

/// What the provider pays to a payee in a week, from Monday to Sunday in Korea, before it has checked them wholly.
pub const WEEKLY_LIMIT: Krw = Krw(10_000_000);
/// Lines of one payout: more than a mentor can earn in years of weeks.
const MOST_LINES: u32 = 5_000;

/// Makes the batch of this week when it is due and not there yet. `true`: it was made.
pub async fn open_weekly(tx: &mut Tx, rules: &Rules) -> Result<bool, Error> {
    let due_at = calendar::last_batch(rules, tx.now);
    if query::due_at(tx, due_at).await?.is_some() {
        return Ok(false);
    }
    let batch = new(due_at, Cause::Weekly, tx);
    match query::insert(tx, &batch).await {
        Ok(()) => Ok(true),
        Err(error) if duplicate_key(&error).is_some() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Makes a batch now and hastens the job that runs it; one that was made at the same instant stands for both.
pub async fn open_now(tx: &mut Tx) -> Result<Batch, Error> {
    let batch = new(tx.now, Cause::Manual, tx);
    match query::insert(tx, &batch).await {
        Ok(()) => {}
        Err(error) if duplicate_key(&error).is_some() => {
            return query::due_at(tx, batch.due_at).await?.ok_or(Error::Stale);
        }
        Err(error) => return Err(error.into()),
    }
    outbox::enqueue_or_hasten(tx, &RunPayoutBatch {}).await?;
    Ok(batch)
}

fn new(due_at: crate::clock::Instant, cause: Cause, tx: &Tx) -> Batch {
    Batch {
        id: PayoutBatchId::generate(),
        due_at,
        cause,
        state: BatchState::Open,
        blocked: None,
        reached: None,
        created_at: tx.now,
        finished_at: None,
    }
}

/// What became of one mentor in a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looked {
    Payout(PayoutId),
    Skipped(Skip),
    /// Nothing is ready any more: another batch was faster.
    Nothing,
}

/// Looks at one mentor: their ready lines go into a payout with a job that sends it, or the reason why not is
/// written down and the lines stay ready.
pub async fn look_at(
    tx: &mut Tx,
    rules: &Rules,
    batch: PayoutBatchId,
    mentor: UserId,
) -> Result<Looked, Error> {
    let lines = settlement::lock_ready(tx, mentor, MOST_LINES).await?;
    query::reach(tx, batch, mentor).await?;
    if lines.is_empty() {
        return Ok(Looked::Nothing);
    }
    match pay(tx, rules, batch, mentor, &lines).await? {
        Ok(id) => Ok(Looked::Payout(id)),
        Err(skip) => {
            let amount = choice::total(&lines);
            let first = query::set_skip(tx, batch, mentor, skip, amount).await?;
            if first && skip.is_for_the_mentor() {
                let data = json!({ "reason": skip.name(), "amount": amount });
                let key = format!("payout_skip:{batch}:{mentor}");
                tell(tx, mentor, "payout.carried_over", key, data).await?;
            }
            Ok(Looked::Skipped(skip))
        }
    }
}

async fn pay(
    tx: &mut Tx,
    rules: &Rules,
    batch: PayoutBatchId,
    mentor: UserId,
    lines: &[SettlementLine],
) -> Result<Result<PayoutId, Skip>, Error> {
    let minimum = rules.payout_minimum();
    // What needs nothing from the mentor comes first: nobody is asked for an account over a few won.
    if let Err(skip) = choice::choose(lines, minimum, None) {
        return Ok(Err(skip));
    }
    let to = match account::lock_destination(tx, mentor).await? {
        Ok(to) => to,
        Err(skip) => return Ok(Err(skip)),
    };
    let limit = if to.is_limited {
        let used = sum_since(tx, &to.seller_id, calendar::week_start(tx.now)).await?;
        Some(WEEKLY_LIMIT.minus(used))
    } else {
        None
    };
    let Choice { lines, amount, carried } = match choice::choose(lines, minimum, limit) {
        Ok(choice) => choice,
        Err(skip) => return Ok(Err(skip)),
    };
    let payout = Payout {
        id: PayoutId::generate(),
        batch_id: batch,
        mentor_id: mentor,
        account_id: to.account_id,
        destination: to.seller_id,
        amount_krw: amount,
        carried_krw: carried,
        state: PayoutState::Queued,
        idempotency_key: secret(),
        provider_payout_id: None,
        sent_at: None,
        concluded_at: None,
        error_code: None,
        alert: None,
        created_at: tx.now,
        updated_at: tx.now,
    };
    insert_payout(tx, &payout).await?;
    for line in lines {
        if !settlement::assign(tx, line, payout.id).await? {
            return Err(Error::Stale);
        }
    }
    outbox::enqueue(tx, &SendPayout { payout_id: payout.id }).await?;
    let data = json!({ "payoutId": payout.id, "amount": amount, "carried": carried });
    event::append(tx, &[mentor], "payout.queued", data).await?;
    Ok(Ok(payout.id))
}

/// Every mentor was looked at.
pub async fn finish(tx: &mut Tx, id: PayoutBatchId) -> Result<(), Error> {
    Ok(query::finish(tx, id).await?)
}

/// Says of every open batch why it stands still.
pub async fn block(tx: &mut Tx, block: Option<Block>) -> Result<(), Error> {
    Ok(query::block(tx, block).await?)
}

/// Batches that are not done, oldest first.
pub async fn open_batches(pool: &MySqlPool) -> sqlx::Result<Vec<Batch>> {
    query::open(pool).await
}

pub async fn batch(pool: &MySqlPool, id: PayoutBatchId) -> sqlx::Result<Option<Batch>> {
    query::find(pool, id).await
}

/// Newest first, from before `before`.
pub async fn batches(
    pool: &MySqlPool,
    before: Option<PayoutBatchId>,
    limit: u32,
) -> sqlx::Result<Vec<Batch>> {
    query::list(pool, before, limit).await
}

/// The payouts of these batches by state, and the mentors they skipped by reason.
pub async fn tallies(pool: &MySqlPool, batches: &[PayoutBatchId]) -> sqlx::Result<(Vec<Tally>, Vec<Tally>)> {
    query::tallies(pool, batches).await
}

/// The mentors that a batch did not pay, from after the mentor `after`.
pub async fn skips(
    pool: &MySqlPool,
    batch: PayoutBatchId,
    after: Option<UserId>,
    limit: u32,
) -> sqlx::Result<Vec<SkipRow>> {
    query::skips(pool, batch, after, limit).await
}

/// Mentors who owe: of whom more was taken back than is ready.
pub async fn debts(pool: &MySqlPool, after: Option<UserId>, limit: u32) -> sqlx::Result<Vec<Debt>> {
    query::debts(pool, after, limit).await
}
