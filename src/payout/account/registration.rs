//! Telling the provider of an account. The payee's own reference is written before the first call and never changes,
//! so that an answer that was lost is found again.

use chrono::TimeDelta;
use secrecy::SecretString;
use serde_json::json;

use super::model::{AccountState, PayoutAccount, Seller, SellerStatus};
use super::{query, tell};
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::{PayoutAccountId, secret};
use crate::job::{Job, RegisterSeller};
use crate::payout::error::Error;
use crate::payout::query::has_payout_under_way;
use crate::seal::Sealer;
use crate::settlement;

/// The provider knows references of 7 to 20 letters, digits, `-` and `_`. 19 random ones hold 114 bits.
const REFERENCE: usize = 19;
/// How long a change waits for a payout to the account before it.
const AGAIN: TimeDelta = TimeDelta::minutes(10);
/// How long it waits for the call that tells the provider of the account before it.
const BEHIND: TimeDelta = TimeDelta::minutes(1);

/// An account on its way to the provider.
#[derive(Clone)]
pub struct Registration {
    pub account: PayoutAccount,
    pub number: SecretString,
    /// Our reference of the payee.
    pub ref_seller_id: String,
    /// Whether the payee was first asked for with this account: when the provider has the payee, it has the account.
    pub asked_with_this: bool,
}

/// What a job may do about an account now.
pub enum RegisterIntent {
    /// It needs no registration any more.
    Over,
    /// A payout to the account before it is under way, or the call that tells of that account: ask again at this
    /// instant.
    Wait(Instant),
    /// Ask for the payee.
    Register(Registration),
    /// It was asked for before: look whether the provider has the payee.
    LookUp(Registration),
    /// The provider has the payee: change its account.
    Update { seller_id: String, registration: Registration },
}

/// What the provider said of a payee.
#[derive(Clone, Debug)]
pub struct Found {
    pub provider_seller_id: String,
    pub status: SellerStatus,
}

/// Writes the intent before the provider is asked.
///
/// While a payout is under way the payee stays as it is: it might be sent again, and must not go elsewhere then. Nor are
/// two calls about one payee on their way at once: the provider would keep the account that came last.
pub async fn prepare_registration(
    tx: &mut Tx,
    sealer: &Sealer,
    id: PayoutAccountId,
) -> Result<RegisterIntent, Error> {
    let account = query::lock(tx, id).await?.ok_or(Error::AccountNotFound)?;
    let sealed = match (account.state, &account.number_sealed) {
        (AccountState::Registering, Some(sealed)) => sealed,
        _ => return Ok(RegisterIntent::Over),
    };
    let number = sealer.open(sealed, id.0.as_bytes())?;
    if has_payout_under_way(tx, account.mentor_id).await? {
        return Ok(RegisterIntent::Wait(tx.now + AGAIN));
    }
    if query::is_telling_of_another(tx, account.mentor_id, id, RegisterSeller::KIND).await? {
        return Ok(RegisterIntent::Wait(tx.now + BEHIND));
    }
    let reference = format!("k{}", &secret()[..REFERENCE]);
    let seller = query::ensure_seller(tx, account.mentor_id, account.business_type, &reference).await?;
    let registration = Registration {
        number,
        ref_seller_id: seller.ref_seller_id.clone(),
        asked_with_this: seller.asked_account_id.is_none_or(|asked| asked == id),
        account,
    };
    if let Some(seller_id) = seller.provider_seller_id {
        return Ok(RegisterIntent::Update { seller_id, registration });
    }
    if seller.asked_at.is_some() {
        return Ok(RegisterIntent::LookUp(registration));
    }
    query::set_asked(tx, &seller, id).await?;
    Ok(RegisterIntent::Register(registration))
}

/// The provider has no such payee, although it was asked for: it is asked again, now with this account.
pub async fn ask_again(tx: &mut Tx, id: PayoutAccountId) -> Result<(), Error> {
    let (_, seller) = lock(tx, id).await?;
    query::set_asked(tx, &seller, id).await?;
    Ok(())
}

async fn lock(tx: &mut Tx, id: PayoutAccountId) -> Result<(PayoutAccount, Seller), Error> {
    let account = query::lock(tx, id).await?.ok_or(Error::AccountNotFound)?;
    let reference = format!("k{}", &secret()[..REFERENCE]);
    let seller = query::ensure_seller(tx, account.mentor_id, account.business_type, &reference).await?;
    Ok((account, seller))
}

/// The provider has the payee, and (`with_account`) the account in it. An account that was replaced meanwhile stays
/// replaced; the payee is remembered all the same.
pub async fn registered(
    tx: &mut Tx,
    id: PayoutAccountId,
    found: &Found,
    with_account: bool,
) -> Result<(), Error> {
    let (account, seller) = lock(tx, id).await?;
    query::set_seller(tx, &seller, &found.provider_seller_id, found.status).await?;
    if !with_account || account.state != AccountState::Registering {
        return Ok(());
    }
    if !query::set_state(tx, &account, AccountState::Registered, None).await? {
        return Err(Error::Stale);
    }
    settlement::set_tax_profile(tx, account.mentor_id, account.business_type.is_business()).await?;
    let data = json!({
        "version": account.version, "accountNumber": account.masked(), "status": found.status.name(),
    });
    tell(tx, account.mentor_id, "payout.account_registered", format!("payout_account:{id}:registered"), data)
        .await?;
    Ok(())
}

/// The provider or the bank refuses the account for good: the mentor gives another one (S72).
pub async fn reject(tx: &mut Tx, id: PayoutAccountId, code: &str) -> Result<(), Error> {
    let account = query::lock(tx, id).await?.ok_or(Error::AccountNotFound)?;
    if account.state != AccountState::Registering {
        return Ok(());
    }
    let code: String = code.chars().take(80).collect();
    if !query::set_state(tx, &account, AccountState::Rejected, Some(&code)).await? {
        return Err(Error::Stale);
    }
    metrics::counter!("konnect_payout_accounts_rejected_total").increment(1);
    let data = json!({ "version": account.version, "accountNumber": account.masked(), "code": code });
    tell(tx, account.mentor_id, "payout.account_rejected", format!("payout_account:{id}:rejected"), data)
        .await?;
    Ok(())
}

/// The provider bound a refusal that decides nothing to the account's key.
pub async fn renew_key(tx: &mut Tx, id: PayoutAccountId) -> Result<(), Error> {
    Ok(query::renew_key(tx, id, &secret()).await?)
}

/// What a re-read of a payee showed. `false`: it is none of ours.
pub async fn seller_found(tx: &mut Tx, found: &Found) -> Result<bool, Error> {
    let Some(seller) = query::lock_seller_of_provider(tx, &found.provider_seller_id).await? else {
        return Ok(false);
    };
    query::set_seller(tx, &seller, &found.provider_seller_id, found.status).await?;
    if seller.status == found.status {
        return Ok(true);
    }
    let kind = if found.status.can_be_paid() { "payout.seller_approved" } else { "payout.kyc_required" };
    let at = tx.now.timestamp_micros();
    let key = format!("payout_seller:{}:{}:{at}", found.provider_seller_id, found.status.name());
    let data = json!({ "status": found.status.name(), "was": seller.status.name() });
    if seller.status.can_be_paid() && found.status.can_be_paid() {
        crate::event::append(tx, &[seller.mentor_id], kind, data).await?;
    } else {
        tell(tx, seller.mentor_id, kind, key, data).await?;
    }
    Ok(true)
}
