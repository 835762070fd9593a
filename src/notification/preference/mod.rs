//! Who wants to hear of what, and how: per topic and channel, with defaults for whoever chose nothing.

mod model;
mod query;

use sqlx::MySqlExecutor;

use super::error::Error;
use super::model::Channel;
use crate::db::Tx;
use crate::id::UserId;

pub use model::{Choices, Crowd, Mode, Preference, Topic};

/// Switches one topic on or off on one channel. Switched on again it is told at once.
///
/// # Errors
/// [`Error::PreferenceLocked`] for what cannot be switched off, [`Error::PreferenceUnknown`] for a channel that the
/// topic does not have.
pub async fn set_preference(
    tx: &mut Tx,
    user: UserId,
    topic: Topic,
    channel: Channel,
    on: bool,
) -> Result<(), Error> {
    let mode = if on { Mode::AtOnce } else { Mode::Off };
    choose(tx, user, Preference { topic, channel, mode }).await
}

/// The same with every mode there is.
///
/// # Errors
/// Those of [`set_preference`], and [`Error::DigestUnknown`] for what cannot wait.
pub async fn choose(tx: &mut Tx, user: UserId, choice: Preference) -> Result<(), Error> {
    let Preference { topic, channel, mode } = choice;
    if !topic.channels().contains(&channel) {
        return Err(Error::PreferenceUnknown);
    }
    match mode {
        Mode::Off if topic.is_locked(channel) => return Err(Error::PreferenceLocked),
        Mode::Digest if !topic.may_wait(channel) => return Err(Error::DigestUnknown),
        _ => {}
    }
    Ok(query::upsert(tx, user, choice).await?)
}

/// What somebody chose, with the defaults.
pub async fn choices(executor: impl MySqlExecutor<'_>, user: UserId) -> Result<Choices, Error> {
    let rows = query::of_user(executor, user).await?;
    Ok(Choices(rows.into_iter().map(|(topic, channel, mode)| ((topic, channel), mode)).collect()))
}

/// What these people chose of one topic.
pub(super) async fn crowd(
    executor: impl MySqlExecutor<'_>,
    topic: Topic,
    people: &[UserId],
) -> Result<Crowd, Error> {
    let rows = query::of_crowd(executor, topic, people).await?;
    let chosen = rows.into_iter().map(|(person, channel, mode)| ((person, channel), mode)).collect();
    Ok(Crowd { topic, chosen })
}
