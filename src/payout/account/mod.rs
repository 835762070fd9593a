//! Where a mentor is paid: bank accounts, version by version, and the payees that the provider makes of them.

mod model;
mod query;
mod registration;

pub use model::{
    AccountState, BusinessType, Destination, NewAccount, PayoutAccount, Seller, SellerStatus, Standing,
};
pub use registration::{
    Found, RegisterIntent, Registration, ask_again, prepare_registration, registered, reject, renew_key,
    seller_found,
};

use secrecy::ExposeSecret;
use serde_json::json;
use sqlx::MySqlPool;

use super::Skip;
use super::error::Error;
use crate::clock::Instant;
use crate::config::Rules;
use crate::db::{Tx, duplicate_key};
use crate::event;
use crate::id::{PayoutAccountId, UserId, secret};
use crate::job::{Job, NotifyEvent, RegisterSeller, WarnOldContact};
use crate::mentor;
use crate::outbox;
use crate::seal::Sealer;
use crate::settlement;

/// Gives a mentor a new bank account in place of the one of `expected_version` (0 when there is none). The caller
/// has seen to it that the login is fresh. Payouts are frozen when there was another account before; the mentor is
/// told, and so is the address that the old account was known by.
///
/// Income tax is withheld from a person at once, and not from a business once the provider has taken its registration.
///
/// # Errors
/// `AccountInvalid`, `AccountStale`, `mentor.not_approved`.
pub async fn set_account(
    tx: &mut Tx,
    rules: &Rules,
    sealer: &Sealer,
    mentor: UserId,
    new: &NewAccount,
    expected_version: i64,
) -> Result<PayoutAccount, Error> {
    new.check()?;
    if !mentor::is_approved(tx.conn(), mentor).await? {
        return Err(mentor::Error::NotApproved.into());
    }
    let was = query::lock_current(tx, mentor).await?;
    if was.as_ref().map_or(0, |account| account.version) != expected_version {
        return Err(Error::AccountStale);
    }
    if let Some(old) = &was {
        if !query::set_state(tx, old, AccountState::Superseded, None).await? {
            return Err(Error::AccountStale);
        }
        outbox::enqueue(tx, &WarnOldContact { payout_account_id: old.id }).await?;
    }
    let frozen_until = was.is_some().then(|| tx.now + rules.account_freeze());
    let account = row(sealer, mentor, new, expected_version + 1, frozen_until, tx.now);
    match query::insert(tx, &account).await {
        Ok(()) => {}
        Err(error) if duplicate_key(&error).is_some() => return Err(Error::AccountStale),
        Err(error) => return Err(error.into()),
    }
    if !new.business_type.is_business() {
        settlement::set_tax_profile(tx, mentor, false).await?;
    }
    outbox::enqueue(tx, &RegisterSeller { payout_account_id: account.id }).await?;
    let data = json!({
        "version": account.version, "bankCode": account.bank_code, "accountNumber": account.masked(),
        "frozenUntil": account.frozen_until,
    });
    tell(tx, mentor, "payout.account_changed", format!("payout_account:{}:changed", account.id), data)
        .await?;
    Ok(account)
}

fn row(
    sealer: &Sealer,
    mentor: UserId,
    new: &NewAccount,
    version: i64,
    frozen_until: Option<Instant>,
    now: Instant,
) -> PayoutAccount {
    let id = PayoutAccountId::generate();
    let number = new.number.expose_secret();
    PayoutAccount {
        id,
        mentor_id: mentor,
        version,
        business_type: new.business_type,
        name: new.name.clone(),
        representative_name: new.representative_name.clone(),
        business_number: new.business_number.clone(),
        email: new.email.clone(),
        phone: new.phone.clone(),
        bank_code: new.bank_code.clone(),
        holder_name: new.holder_name.clone(),
        number_sealed: Some(sealer.seal(number, id.0.as_bytes())),
        number_tail: number[number.len().saturating_sub(4)..].to_owned(),
        state: AccountState::Registering,
        error_code: None,
        idempotency_key: secret(),
        frozen_until,
        created_at: now,
        updated_at: now,
    }
}

/// One event and one notice to a mentor.
pub(super) async fn tell(
    tx: &mut Tx,
    mentor: UserId,
    kind: &str,
    event_key: String,
    data: serde_json::Value,
) -> sqlx::Result<()> {
    event::append(tx, &[mentor], kind, data.clone()).await?;
    let notice = NotifyEvent {
        event_key,
        kind: kind.to_owned(),
        people: vec![mentor],
        reservation_id: None,
        data,
        expires_at: None,
    };
    outbox::enqueue(tx, &notice).await?;
    Ok(())
}

/// A mentor's current account with its payee.
pub async fn standing(pool: &MySqlPool, mentor: UserId) -> sqlx::Result<Option<Standing>> {
    let Some(account) = query::current(pool, mentor).await? else { return Ok(None) };
    let seller = query::seller(pool, mentor, account.business_type).await?;
    Ok(Some(Standing { account, seller }))
}

/// Where a mentor can be paid now, with the account locked, so that it is not changed meanwhile.
pub(super) async fn lock_destination(tx: &mut Tx, mentor: UserId) -> sqlx::Result<Result<Destination, Skip>> {
    let Some(account) = query::lock_current(tx, mentor).await? else { return Ok(Err(Skip::NoAccount)) };
    let seller = query::seller(tx.conn(), mentor, account.business_type).await?;
    Ok(Standing { account, seller }.destination(tx.now))
}

/// One version of an account, current or not.
/// Whether the old contact of an account was told of the new one.
pub async fn was_warned(tx: &mut Tx, id: PayoutAccountId) -> sqlx::Result<bool> {
    query::was_warned(tx, id).await
}

/// The old contact was told, or cannot be.
pub async fn mark_warned(tx: &mut Tx, id: PayoutAccountId) -> sqlx::Result<()> {
    query::mark_warned(tx, id).await
}

pub async fn find_account(pool: &MySqlPool, id: PayoutAccountId) -> sqlx::Result<Option<PayoutAccount>> {
    query::find(pool, id).await
}

/// Accounts given before `before` for which no job tells the provider.
pub async fn unregistered(pool: &MySqlPool, before: Instant) -> sqlx::Result<Vec<PayoutAccountId>> {
    query::unregistered(pool, before, RegisterSeller::KIND, 200).await
}

/// The provider's ids of payees to be read again: those that wait for its check and were read before `pending`, and
/// all others that were read before `settled`.
pub async fn sellers_to_read(
    pool: &MySqlPool,
    pending: Instant,
    settled: Instant,
) -> sqlx::Result<Vec<String>> {
    query::sellers_to_read(pool, pending, settled, 200).await
}
