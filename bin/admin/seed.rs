//! Makes the demo world through the domains, as people would; what is there already stays as it is.

use anyhow::Result;
use konnect::availability;
use konnect::core::Core;
use konnect::id::UserId;
use konnect::mentor::{self, Decision};
use konnect::transact;
use konnect::user::{self, Email, Locale, NewUser, User};
use secrecy::SecretString;

use crate::demo::{Mentor, PASSWORD, PEOPLE, Person, TIME_ZONE};
use crate::people::create;
use crate::stores::{context, progress};

pub async fn run(core: &Core) -> Result<()> {
    let bar = progress(PEOPLE.len(), "seed")?;
    for person in PEOPLE {
        let user = account(core, person).await?;
        if person.is_admin {
            transact!(core.db, context(), user::Error, tx => { user::make_admin(tx, user.id).await })?;
        }
        if let Some(mentor) = &person.mentor {
            approved(core, user.id, mentor).await?;
            offerings(core, user.id, mentor).await?;
            hours(core, user.id, mentor).await?;
        }
        bar.inc(1);
    }
    bar.finish();
    say!("{} people; everybody's password is {PASSWORD}", PEOPLE.len());
    Ok(())
}

async fn account(core: &Core, person: &Person) -> Result<User> {
    if let Some(user) = user::find_by_email(core.db.pool(), &Email::parse(person.email)?).await? {
        return Ok(user);
    }
    let new = NewUser::parse(person.email, person.name, Locale::Ko, TIME_ZONE)?;
    create(core, &new, &SecretString::from(PASSWORD)).await
}

/// Applies and approves; a mentor that somebody suspended stays suspended.
async fn approved(core: &Core, id: UserId, mentor: &Mentor) -> Result<()> {
    let found = match mentor::find(core.db.pool(), id).await {
        Err(mentor::Error::NotFound) => transact!(core.db, context(), mentor::Error, tx => {
            mentor::apply(tx, id, mentor.application()).await
        })?,
        found => found?,
    };
    if found.state == mentor::State::Applied {
        transact!(core.db, context(), mentor::Error, tx => {
            mentor::decide(tx, id, Decision::Approve, found.version).await
        })?;
    }
    Ok(())
}

async fn offerings(core: &Core, id: UserId, mentor: &Mentor) -> Result<()> {
    let existing = mentor::list_offerings(core.db.pool(), id, None, 100).await?;
    for offering in mentor.offerings() {
        if existing.iter().any(|e| e.title == offering.title) {
            continue;
        }
        transact!(core.db, context(), mentor::Error, tx => {
            mentor::create_offering(tx, id, offering.clone()).await
        })?;
    }
    Ok(())
}

async fn hours(core: &Core, id: UserId, mentor: &Mentor) -> Result<()> {
    match availability::schedule(core.db.pool(), id).await {
        Err(availability::Error::Missing) => {
            transact!(core.db, context(), availability::Error, tx => {
                availability::set_schedule(tx, id, mentor.schedule(), 0).await
            })?;
        }
        found => drop(found?),
    }
    Ok(())
}
