//! Tells the provider of a mentor's bank account: registers the payee, or changes its account. An answer that was lost
//! is found by our own reference of the payee.

use anyhow::Result;
use konnect::client::toss::{
    self, Account, Business, Class, Company, NewSeller, PayoutClient, Person, SellerUpdate, TossError,
};
use konnect::id::PayoutAccountId;
use konnect::job::RegisterSeller;
use konnect::payout::{self, BusinessType, RegisterIntent, Registration};
use konnect::transact;
use secrecy::ExposeSecret;

use crate::payouts::{code, found, seller_by_reference};
use crate::{Handler, Outcome, Run};

impl Handler for RegisterSeller {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let Some(client) = &run.services.payouts else {
            return Ok(Outcome::Retry("no security key of the provider is configured".to_owned()));
        };
        let intent = transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
            run.hold(tx).await?;
            Ok(payout::prepare_registration(tx, &run.services.sealer, self.payout_account_id).await?)
        })?;
        match intent {
            RegisterIntent::Over => run.skip("the account needs no registration").await,
            RegisterIntent::Wait(at) => Ok(Outcome::Snooze(at)),
            RegisterIntent::Register(registration) => register(run, client, &registration).await,
            RegisterIntent::LookUp(registration) => look_up(run, client, &registration).await,
            RegisterIntent::Update { seller_id, registration } => {
                update(run, client, &seller_id, &registration).await
            }
        }
    }
}

async fn register(run: &Run, client: &PayoutClient, r: &Registration) -> Result<Outcome> {
    let seller =
        NewSeller { ref_seller_id: r.ref_seller_id.clone(), business: business(r), account: account(r) };
    match client.register_seller(&seller, &r.account.idempotency_key).await {
        Ok(seller) => registered(run, r.account.id, &seller).await,
        Err(error) if error.keeps_key() => Ok(Outcome::Retry(code(&error).to_owned())),
        Err(error) => {
            // A refusal is believed when the provider shows that it has no such payee.
            match seller_by_reference(client, &r.ref_seller_id).await? {
                Some(seller) => adopt(run, client, r, &seller).await,
                None => refused(run, r, &error).await,
            }
        }
    }
}

/// It was asked for before, and the answer is not known.
async fn look_up(run: &Run, client: &PayoutClient, r: &Registration) -> Result<Outcome> {
    if let Some(seller) = seller_by_reference(client, &r.ref_seller_id).await? {
        return adopt(run, client, r, &seller).await;
    }
    transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
        run.hold(tx).await?;
        Ok(payout::ask_seller_again(tx, r.account.id).await?)
    })?;
    register(run, client, r).await
}

/// The provider has the payee; it has the account too when it was asked for with it.
async fn adopt(run: &Run, client: &PayoutClient, r: &Registration, seller: &toss::Seller) -> Result<Outcome> {
    if r.asked_with_this {
        return registered(run, r.account.id, seller).await;
    }
    transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
        run.hold(tx).await?;
        Ok(payout::registered(tx, r.account.id, &found(seller), false).await?)
    })?;
    update(run, client, &seller.id, r).await
}

async fn update(run: &Run, client: &PayoutClient, seller_id: &str, r: &Registration) -> Result<Outcome> {
    let (person, company) = match business(r) {
        Business::Individual(person) => (Some(person), None),
        Business::IndividualBusiness(company) | Business::Corporate(company) => (None, Some(company)),
    };
    let update = SellerUpdate { person, company, account: Some(account(r)) };
    match client.update_seller(seller_id, &update, &r.account.idempotency_key).await {
        Ok(seller) => registered(run, r.account.id, &seller).await,
        Err(error) if error.keeps_key() => Ok(Outcome::Retry(code(&error).to_owned())),
        Err(error) => refused(run, r, &error).await,
    }
}

async fn registered(run: &Run, id: PayoutAccountId, seller: &toss::Seller) -> Result<Outcome> {
    transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
        let finished = run.finish(tx).await?;
        payout::registered(tx, id, &found(seller), true).await?;
        Ok(Outcome::Done(finished))
    })
}

/// A refusal that had no effect.
async fn refused(run: &Run, r: &Registration, error: &TossError) -> Result<Outcome> {
    let (db, code) = (&run.services.core.db, code(error));
    if is_about_the_data(error) {
        return transact!(db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            payout::reject(tx, r.account.id, code).await?;
            Ok(Outcome::Done(finished))
        });
    }
    if error.class() == Class::Stop {
        metrics::counter!("konnect_provider_config_errors_total").increment(1);
        tracing::error!(code, "the provider refuses our configuration");
    }
    transact!(db, run.context(), anyhow::Error, tx => {
        run.hold(tx).await?;
        Ok(payout::renew_key(tx, r.account.id).await?)
    })?;
    Ok(Outcome::Retry(code.to_owned()))
}

/// Whether other data of the mentor would help: the bank's refusals, a request that cannot be read (ours are built of
/// the mentor's data alone), and codes of v2 that no document names, as long as the status blames the request.
fn is_about_the_data(error: &TossError) -> bool {
    match error {
        TossError::NotSent(_) => true,
        TossError::Refused { class: Class::Contact, .. } => true,
        TossError::Refused { code, class: Class::Stop, .. } => code == "INVALID_REQUEST",
        TossError::Refused { class: Class::LookUp, status, .. } => (400..500).contains(status),
        _ => false,
    }
}

fn business(r: &Registration) -> Business {
    let a = &r.account;
    let company = || Company {
        name: a.name.clone(),
        representative_name: a.representative_name.clone().unwrap_or_default(),
        business_registration_number: a.business_number.clone().unwrap_or_default(),
        email: a.email.clone(),
        phone: a.phone.clone(),
    };
    match a.business_type {
        BusinessType::Individual => Business::Individual(Person {
            name: a.name.clone(),
            email: a.email.clone(),
            phone: a.phone.clone(),
        }),
        BusinessType::IndividualBusiness => Business::IndividualBusiness(company()),
        BusinessType::Corporate => Business::Corporate(company()),
    }
}

fn account(r: &Registration) -> Account {
    Account {
        bank_code: r.account.bank_code.clone(),
        account_number: r.number.expose_secret().to_owned(),
        holder_name: r.account.holder_name.clone(),
    }
}
