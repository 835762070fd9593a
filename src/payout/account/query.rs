//! All SQL of bank accounts and payees.

use sqlx::mysql::MySqlExecutor;

use super::model::{AccountState, BusinessType, PayoutAccount, Seller, SellerStatus};
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::{PayoutAccountId, UserId};

macro_rules! accounts {
    ($rest:literal) => {
        concat!(
            "SELECT id, mentor_id, version, business_type, name, representative_name, business_number, email, phone,
                bank_code, holder_name, number_sealed, number_tail, state, error_code, idempotency_key, frozen_until,
                created_at, updated_at
             FROM payout_accounts ",
            $rest
        )
    };
}

macro_rules! sellers {
    ($rest:literal) => {
        concat!(
            "SELECT mentor_id, business_type, ref_seller_id, provider_seller_id, status, asked_account_id, asked_at
             FROM payout_sellers ",
            $rest
        )
    };
}

pub async fn insert(tx: &mut Tx, account: &PayoutAccount) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO payout_accounts (id, mentor_id, version, business_type, name, representative_name,
            business_number, email, phone, bank_code, holder_name, number_sealed, number_tail, state,
            idempotency_key, frozen_until, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(account.id)
    .bind(account.mentor_id)
    .bind(account.version)
    .bind(account.business_type)
    .bind(&account.name)
    .bind(&account.representative_name)
    .bind(&account.business_number)
    .bind(&account.email)
    .bind(&account.phone)
    .bind(&account.bank_code)
    .bind(&account.holder_name)
    .bind(&account.number_sealed)
    .bind(&account.number_tail)
    .bind(account.state)
    .bind(&account.idempotency_key)
    .bind(account.frozen_until)
    .bind(account.created_at)
    .bind(account.updated_at)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The account that a mentor has now, locked.
pub async fn lock_current(tx: &mut Tx, mentor: UserId) -> sqlx::Result<Option<PayoutAccount>> {
    sqlx::query_as(accounts!("WHERE current_of = ? FOR UPDATE")).bind(mentor).fetch_optional(tx.conn()).await
}

pub async fn lock(tx: &mut Tx, id: PayoutAccountId) -> sqlx::Result<Option<PayoutAccount>> {
    sqlx::query_as(accounts!("WHERE id = ? FOR UPDATE")).bind(id).fetch_optional(tx.conn()).await
}

pub async fn find(
    executor: impl MySqlExecutor<'_>,
    id: PayoutAccountId,
) -> sqlx::Result<Option<PayoutAccount>> {
    sqlx::query_as(accounts!("WHERE id = ?")).bind(id).fetch_optional(executor).await
}

/// The account that a mentor has now.
pub async fn current(
    executor: impl MySqlExecutor<'_>,
    mentor: UserId,
) -> sqlx::Result<Option<PayoutAccount>> {
    sqlx::query_as(accounts!("WHERE current_of = ?")).bind(mentor).fetch_optional(executor).await
}

/// Compare and set. The number is forgotten: in no other state than `registering` it is needed.
pub async fn set_state(
    tx: &mut Tx,
    was: &PayoutAccount,
    state: AccountState,
    error_code: Option<&str>,
) -> sqlx::Result<bool> {
    let now = tx.now;
    let done = sqlx::query(
        "UPDATE payout_accounts SET state = ?, error_code = ?, number_sealed = NULL, updated_at = ?
         WHERE id = ? AND state = ?",
    )
    .bind(state)
    .bind(error_code)
    .bind(now)
    .bind(was.id)
    .bind(was.state)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The provider bound a refusal to the key that the account had.
pub async fn renew_key(tx: &mut Tx, id: PayoutAccountId, key: &str) -> sqlx::Result<()> {
    sqlx::query("UPDATE payout_accounts SET idempotency_key = ? WHERE id = ?")
        .bind(key)
        .bind(id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Writes a payee unless there is one, and locks it.
pub async fn ensure_seller(
    tx: &mut Tx,
    mentor: UserId,
    business: BusinessType,
    reference: &str,
) -> sqlx::Result<Seller> {
    let now = tx.now;
    sqlx::query(
        "INSERT INTO payout_sellers (mentor_id, business_type, ref_seller_id, status, updated_at)
         VALUES (?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE mentor_id = VALUES(mentor_id)",
    )
    .bind(mentor)
    .bind(business)
    .bind(reference)
    .bind(SellerStatus::Unknown)
    .bind(now)
    .execute(tx.conn())
    .await?;
    sqlx::query_as(sellers!("WHERE mentor_id = ? AND business_type = ? FOR UPDATE"))
        .bind(mentor)
        .bind(business)
        .fetch_one(tx.conn())
        .await
}

pub async fn seller(
    executor: impl MySqlExecutor<'_>,
    mentor: UserId,
    business: BusinessType,
) -> sqlx::Result<Option<Seller>> {
    sqlx::query_as(sellers!("WHERE mentor_id = ? AND business_type = ?"))
        .bind(mentor)
        .bind(business)
        .fetch_optional(executor)
        .await
}

pub async fn lock_seller_of_provider(tx: &mut Tx, provider_id: &str) -> sqlx::Result<Option<Seller>> {
    sqlx::query_as(sellers!("WHERE provider_seller_id = ? FOR UPDATE"))
        .bind(provider_id)
        .fetch_optional(tx.conn())
        .await
}

/// Says, before the first call, with which account the payee is asked for.
pub async fn set_asked(tx: &mut Tx, seller: &Seller, account: PayoutAccountId) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "UPDATE payout_sellers SET asked_account_id = ?, asked_at = ?, updated_at = ?
         WHERE mentor_id = ? AND business_type = ?",
    )
    .bind(account)
    .bind(now)
    .bind(now)
    .bind(seller.mentor_id)
    .bind(seller.business_type)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What the provider said of a payee.
pub async fn set_seller(
    tx: &mut Tx,
    seller: &Seller,
    provider_id: &str,
    status: SellerStatus,
) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "UPDATE payout_sellers SET provider_seller_id = ?, status = ?, updated_at = ?
         WHERE mentor_id = ? AND business_type = ?",
    )
    .bind(provider_id)
    .bind(status)
    .bind(now)
    .bind(seller.mentor_id)
    .bind(seller.business_type)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Accounts that were given before `before` and of which nobody tells the provider.
pub async fn unregistered(
    executor: impl MySqlExecutor<'_>,
    before: Instant,
    kind: &str,
    limit: u32,
) -> sqlx::Result<Vec<PayoutAccountId>> {
    sqlx::query_scalar(
        "SELECT a.id FROM payout_accounts a
         WHERE a.state = 'registering' AND a.updated_at < ?
            AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.subject = a.id AND o.kind = ?
                            AND o.state IN ('pending', 'published'))
         ORDER BY a.updated_at LIMIT ?",
    )
    .bind(before)
    .bind(kind)
    .bind(limit)
    .fetch_all(executor)
    .await
}

/// The provider's ids of payees of current accounts that were last read before `pending`, when they cannot be paid
/// yet, or before `settled`.
pub async fn sellers_to_read(
    executor: impl MySqlExecutor<'_>,
    pending: Instant,
    settled: Instant,
    limit: u32,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(
        "SELECT s.provider_seller_id FROM payout_sellers s
         JOIN payout_accounts a ON a.current_of = s.mentor_id AND a.business_type = s.business_type
         WHERE s.provider_seller_id IS NOT NULL
            AND (s.updated_at < ?
                 OR (s.updated_at < ? AND s.status IN ('unknown', 'approval_required', 'kyc_required')))
         ORDER BY s.updated_at LIMIT ?",
    )
    .bind(settled)
    .bind(pending)
    .bind(limit)
    .fetch_all(executor)
    .await
}

/// Whether a job of this kind is telling the provider of another account of the mentor, so that its call may be on its
/// way.
pub async fn is_telling_of_another(
    tx: &mut Tx,
    mentor: UserId,
    account: PayoutAccountId,
    kind: &str,
) -> sqlx::Result<bool> {
    let found: Option<i8> = sqlx::query_scalar(
        "SELECT 1 FROM payout_accounts a JOIN outbox o ON o.subject = a.id AND o.kind = ? AND o.state = 'published'
         WHERE a.mentor_id = ? AND a.id <> ? LIMIT 1",
    )
    .bind(kind)
    .bind(mentor)
    .bind(account)
    .fetch_optional(tx.conn())
    .await?;
    Ok(found.is_some())
}

pub async fn was_warned(tx: &mut Tx, id: PayoutAccountId) -> sqlx::Result<bool> {
    let warned: Option<i8> =
        sqlx::query_scalar("SELECT 1 FROM payout_accounts WHERE id = ? AND warned_at IS NOT NULL FOR UPDATE")
            .bind(id)
            .fetch_optional(tx.conn())
            .await?;
    Ok(warned.is_some())
}

pub async fn mark_warned(tx: &mut Tx, id: PayoutAccountId) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query("UPDATE payout_accounts SET warned_at = COALESCE(warned_at, ?) WHERE id = ?")
        .bind(now)
        .bind(id)
        .execute(tx.conn())
        .await?;
    Ok(())
}
