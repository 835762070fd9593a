//! Cards: what the catalogue lists mentors by, one row each (`docs/CATALOGUE.md`). What is said and offered changes its
//! card in the same transaction; free days and facts are written by workers. Whoever changes a card locks it first.

mod facts;
mod model;
mod query;

use std::collections::BTreeSet;

use sqlx::MySqlPool;

use super::{PriceOption, terms};
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::UserId;
use crate::job::{RefreshCause, RefreshNextFree};
use crate::outbox;

pub use facts::Badge;
pub use model::{Facts, Free, FreeDay, Freshness, Stars};

use model::Sources;

/// Brings a card to what its mentor says and offers. `true`: it was not so. Makes the card of whoever has none and was
/// approved; does nothing for others.
pub async fn refresh_card(tx: &mut Tx, mentor: UserId) -> sqlx::Result<bool> {
    let Some(said) = query::said(tx, mentor).await? else { return Ok(false) };
    query::ensure(tx, mentor, said.approved_at).await?;
    let was = query::lock_sources(tx, mentor).await?;
    // Read again under the lock: what two change at once, the second one writes whole.
    let Some(said) = query::said(tx, mentor).await? else { return Ok(false) };
    let options = query::offered(tx, mentor).await?;
    let mut texts = vec![said.name, said.headline];
    texts.extend(said.expertise.0);
    texts.extend(query::titles(tx, mentor).await?);
    let is = Sources {
        approved_at: said.approved_at,
        languages: said.languages,
        search_text: terms::plain(&texts.join("\n")),
        lowest_price_krw: lowest_price(&options),
        shortest_min: options.iter().map(|option| option.duration_min).min(),
        by_request: query::is_by_request(tx, mentor).await?,
    };
    if was == is {
        query::checked(tx, mentor).await?;
        return Ok(false);
    }
    let rises = (was.shortest_min, was.by_request) != (is.shortest_min, is.by_request);
    query::set_sources(tx, mentor, &is, rises).await?;
    if was.search_text != is.search_text {
        index(tx, mentor, &is.search_text).await?;
    }
    if rises {
        ask_again(tx, mentor).await?;
    }
    Ok(true)
}

/// Of what costs something: a free session is one for each pair. Nothing where all is free.
fn lowest_price(options: &[PriceOption]) -> Option<i64> {
    let prices = || options.iter().map(|option| option.price_krw.0);
    prices().filter(|price| *price > 0).min().or_else(|| prices().min())
}

/// Whatever slots depend on beside the calendar has changed: a worker makes them anew.
async fn ask_again(tx: &mut Tx, mentor: UserId) -> sqlx::Result<()> {
    let Some(freshness) = query::lock_freshness(tx, mentor).await? else { return Ok(()) };
    let job = RefreshNextFree { mentor_id: mentor, cause: RefreshCause::Card(freshness.revision) };
    let soon = tx.now + RefreshNextFree::SOON;
    outbox::enqueue_at(tx, &job, soon).await?;
    Ok(())
}

async fn index(tx: &mut Tx, mentor: UserId, text: &str) -> sqlx::Result<()> {
    let was: BTreeSet<String> = query::terms(tx, mentor).await?.into_iter().collect();
    let is = terms::terms(text);
    let (gone, new): (Vec<_>, Vec<_>) = (was.difference(&is).collect(), is.difference(&was).collect());
    if !gone.is_empty() {
        query::delete_terms(tx, mentor, &gone).await?;
    }
    if !new.is_empty() {
        query::insert_terms(tx, mentor, &new).await?;
    }
    Ok(())
}

/// Writes what a mentor is rated, in the transaction that changes the figures. Nothing for somebody without a card.
pub async fn rate(tx: &mut Tx, mentor: UserId, stars: Stars) -> sqlx::Result<()> {
    query::set_stars(tx, mentor, stars).await?;
    Ok(())
}

/// Locks a card for [`store_free`]; `None` where there is none.
pub async fn lock_freshness(tx: &mut Tx, mentor: UserId) -> sqlx::Result<Option<Freshness>> {
    query::lock_freshness(tx, mentor).await
}

/// Writes when a mentor can be booked. The caller holds the card's lock.
pub async fn store_free(tx: &mut Tx, mentor: UserId, free: &Free) -> sqlx::Result<()> {
    let was = query::free_days(tx, mentor).await?;
    query::replace_days(tx, mentor, &was, &free.days).await?;
    query::set_free(tx, mentor, free).await
}

/// Writes what became of a mentor's bookings.
pub async fn store_facts(tx: &mut Tx, mentor: UserId, facts: &Facts) -> sqlx::Result<()> {
    query::set_facts(tx, mentor, facts).await
}

/// Whose facts were not counted since `before`, those never counted first.
pub async fn facts_due(pool: &MySqlPool, before: Instant, limit: u32) -> sqlx::Result<Vec<UserId>> {
    query::facts_due(pool, before, limit).await
}

/// Whose cards a reconciler compares with their sources: mentors without one, and those not looked at for longest.
pub async fn unchecked_cards(pool: &MySqlPool, limit: u32) -> sqlx::Result<Vec<UserId>> {
    let mut found = query::missing(pool, limit).await?;
    found.extend(query::oldest_checked(pool, limit).await?);
    found.sort_unstable();
    found.dedup();
    Ok(found)
}
