//! Pictures of people. A row comes before its file and goes after it, so that no file is ever forgotten.

mod model;
mod query;

use chrono::TimeDelta;
use sqlx::{MySqlExecutor, MySqlPool};

use super::model::User;
use super::{Error, changed, locked, login, query as users};
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::{PictureId, UserId};

pub use model::Picture;

/// A picture that did not arrive by then does not arrive any more.
const ARRIVAL: TimeDelta = TimeDelta::hours(1);

/// Notes that a file is about to be stored under `key`.
pub async fn picture_comes(
    tx: &mut Tx,
    owner: UserId,
    key: &str,
    media_type: &str,
) -> Result<PictureId, Error> {
    login::admit(&locked(tx, owner).await?)?;
    let id = PictureId::generate();
    query::insert(tx, id, owner, key, media_type).await?;
    Ok(id)
}

/// Shows a picture whose file is stored in place of the one before.
pub async fn show_picture(tx: &mut Tx, owner: UserId, id: PictureId) -> Result<User, Error> {
    let user = locked(tx, owner).await?;
    login::admit(&user)?;
    if !query::show(tx, id, owner).await? {
        return Err(Error::PictureNotFound);
    }
    set(tx, user, Some(id)).await
}

/// Shows none. Again it changes nothing.
pub async fn hide_picture(tx: &mut Tx, owner: UserId) -> Result<User, Error> {
    let user = locked(tx, owner).await?;
    login::admit(&user)?;
    if user.picture_id.is_none() { Ok(user) } else { set(tx, user, None).await }
}

/// A picture that somebody shows.
///
/// # Errors
/// [`Error::PictureNotFound`]
pub async fn picture(executor: impl MySqlExecutor<'_>, id: PictureId) -> Result<Picture, Error> {
    query::shown(executor, id).await?.ok_or(Error::PictureNotFound)
}

/// Files that nobody shows and that are to be removed; [`picture_gone`] afterwards.
pub async fn pictures_to_remove(pool: &MySqlPool, now: Instant, limit: u32) -> Result<Vec<Picture>, Error> {
    Ok(query::unwanted(pool, now - ARRIVAL, limit).await?)
}

/// The file of a picture is removed.
pub async fn picture_gone(tx: &mut Tx, id: PictureId) -> Result<(), Error> {
    Ok(query::delete(tx, id).await?)
}

/// Nothing of somebody is shown any more.
pub(super) async fn forget_all(tx: &mut Tx, owner: UserId) -> Result<(), Error> {
    Ok(query::discard(tx, owner, None).await?)
}

async fn set(tx: &mut Tx, mut user: User, id: Option<PictureId>) -> Result<User, Error> {
    query::discard(tx, user.id, id).await?;
    if !users::set_picture(tx, &user, id).await? {
        return Err(Error::Stale);
    }
    user.picture_id = id;
    changed(tx, user, "picture", None).await
}
