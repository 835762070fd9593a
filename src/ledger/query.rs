//! All SQL of the ledger.

use sqlx::{MySqlPool, QueryBuilder};

use super::model::{Account, Entry};
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::{LedgerEntryId, PayoutId, ReservationId, UserId};
use crate::money::Krw;

pub async fn insert_entry(tx: &mut Tx, id: LedgerEntryId, entry: &Entry) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "INSERT INTO ledger_entries (id, posting_key, kind, reservation_id, payout_id, at) VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(id)
    .bind(&entry.key)
    .bind(entry.kind)
    .bind(entry.about.reservation())
    .bind(entry.about.payout())
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn insert_postings(tx: &mut Tx, id: LedgerEntryId, entry: &Entry) -> sqlx::Result<()> {
    let mut insert = QueryBuilder::new(
        "INSERT INTO ledger_postings (entry_id, line, account, owner_id, reservation_id, amount_krw) ",
    );
    insert.push_values((1i16..).zip(&entry.lines), |mut row, (number, line)| {
        row.push_bind(id)
            .push_bind(number)
            .push_bind(line.account)
            .push_bind(line.owner)
            .push_bind(entry.about.reservation())
            .push_bind(line.amount);
    });
    insert.build().execute(tx.conn()).await?;
    Ok(())
}

pub async fn balance(tx: &mut Tx, r: ReservationId, account: Account) -> sqlx::Result<Krw> {
    sqlx::query_scalar(
        "SELECT CAST(COALESCE(SUM(amount_krw), 0) AS SIGNED) FROM ledger_postings
         WHERE reservation_id = ? AND account = ?",
    )
    .bind(r)
    .bind(account)
    .fetch_one(tx.conn())
    .await
}

pub async fn balance_of_owner(tx: &mut Tx, owner: UserId, account: Account) -> sqlx::Result<Krw> {
    sqlx::query_scalar(
        "SELECT CAST(COALESCE(SUM(amount_krw), 0) AS SIGNED) FROM ledger_postings WHERE owner_id = ? AND account = ?",
    )
    .bind(owner)
    .bind(account)
    .fetch_one(tx.conn())
    .await
}

/// One line of one entry, for statements and audits.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct EntryRow {
    pub kind: String,
    pub posting_key: String,
    pub account: Account,
    pub owner_id: Option<UserId>,
    pub amount_krw: Krw,
    pub at: Instant,
}

pub async fn entries_of_reservation(pool: &MySqlPool, r: ReservationId) -> sqlx::Result<Vec<EntryRow>> {
    sqlx::query_as(
        "SELECT e.kind, e.posting_key, p.account, p.owner_id, p.amount_krw, e.at
         FROM ledger_entries e JOIN ledger_postings p ON p.entry_id = e.id
         WHERE e.reservation_id = ? ORDER BY e.id, p.line",
    )
    .bind(r)
    .fetch_all(pool)
    .await
}

/// What was posted for a payout, oldest first.
pub async fn entries_of_payout(pool: &MySqlPool, id: PayoutId) -> sqlx::Result<Vec<EntryRow>> {
    sqlx::query_as(
        "SELECT e.kind, e.posting_key, p.account, p.owner_id, p.amount_krw, e.at
         FROM ledger_entries e JOIN ledger_postings p ON p.entry_id = e.id
         WHERE e.payout_id = ? ORDER BY e.id, p.line",
    )
    .bind(id)
    .fetch_all(pool)
    .await
}

/// The sum of one account.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Balance {
    pub account: Account,
    pub amount_krw: Krw,
}

pub async fn balances_of_mentor(pool: &MySqlPool, mentor: UserId) -> sqlx::Result<Vec<Balance>> {
    sqlx::query_as(
        "SELECT account, CAST(SUM(amount_krw) AS SIGNED) AS amount_krw FROM ledger_postings
         WHERE owner_id = ? GROUP BY account ORDER BY account",
    )
    .bind(mentor)
    .fetch_all(pool)
    .await
}

/// The sum of every account.
pub async fn balances(pool: &MySqlPool) -> sqlx::Result<Vec<Balance>> {
    sqlx::query_as(
        "SELECT account, CAST(SUM(amount_krw) AS SIGNED) AS amount_krw FROM ledger_postings GROUP BY account
         ORDER BY account",
    )
    .fetch_all(pool)
    .await
}
