//! What became of a notice on its way out. The sending itself is the job's.

use super::error::Error;
use super::model::{Ending, Pushes, Receipts, State, Taken};
use super::{mail, query};
use crate::db::Tx;
use crate::id::{NoticeId, UserId};
use crate::user;

const ERROR_MAX: usize = 500;
const PROVIDER_ID_MAX: usize = 255;

/// Writes what the push service said about each device: who has got it is not asked again, and a dead token is
/// forgotten. Returns the service's id of the first push when any device has got this notice, now or before.
pub async fn record_pushes(
    tx: &mut Tx,
    id: NoticeId,
    pushes: &Pushes,
    receipts: &Receipts,
) -> Result<Option<String>, Error> {
    let accepted = receipts.accepted.iter();
    let accepted: Vec<_> =
        accepted.map(|(token, name)| (id, token.as_str(), cut(name, PROVIDER_ID_MAX))).collect();
    query::insert_pushes(tx, &accepted).await?;
    for token in &receipts.dead {
        user::remove_device_token(tx, pushes.owner, token).await?;
    }
    if pushes.is_first {
        return Ok(receipts.accepted.first().map(|(_, name)| cut(name, PROVIDER_ID_MAX).to_owned()));
    }
    Ok(query::first_push(tx, id).await?)
}

/// The mail server took a mail for an address that had refused to take some, which is forgiven.
pub async fn mail_taken_at_last(
    tx: &mut Tx,
    id: NoticeId,
    address: &str,
    provider_id: String,
) -> Result<(), Error> {
    conclude(tx, id, &Ending::Sent { provider_id }).await?;
    mail::forgive(tx, address).await
}

/// Several mails and pushes were taken, of which nothing else is to be written. A notice that has an end keeps it.
pub async fn taken_many(tx: &mut Tx, taken: &[Taken]) -> Result<(), Error> {
    let pushes = taken.iter().flat_map(|taken| taken.devices.iter().map(|device| (taken.id, device)));
    let pushes: Vec<_> =
        pushes.map(|(id, (token, name))| (id, token.as_str(), cut(name, PROVIDER_ID_MAX))).collect();
    query::insert_pushes(tx, &pushes).await?;
    let sent: Vec<_> =
        taken.iter().map(|taken| (taken.id, cut(&taken.provider_id, PROVIDER_ID_MAX))).collect();
    Ok(query::mark_sent(tx, &sent).await?)
}

/// The mailbox of this address refused a mail for good; `gone`: there is none of this name. It counts once.
pub async fn mailbox_refused(
    tx: &mut Tx,
    id: NoticeId,
    owner: UserId,
    address: &str,
    why: &str,
    gone: bool,
) -> Result<(), Error> {
    conclude(tx, id, &Ending::Failed(why.to_owned())).await?;
    mail::refuse(tx, id, owner, address, why, gone).await
}

/// Writes the end of a delivery. A notice that has one keeps it.
pub async fn conclude(tx: &mut Tx, id: NoticeId, ending: &Ending) -> Result<(), Error> {
    let (state, provider_id, error) = match ending {
        Ending::Sent { provider_id } => (State::Sent, Some(cut(provider_id, PROVIDER_ID_MAX)), None),
        Ending::Failed(why) => (State::Failed, None, Some(cut(why, ERROR_MAX))),
        Ending::Skipped(why) => (State::Skipped, None, Some(cut(why, ERROR_MAX))),
    };
    query::end(tx, id, state, provider_id, error).await?;
    Ok(())
}

/// The try did not end: notes why. The notice stays queued.
pub async fn defer(tx: &mut Tx, id: NoticeId, why: &str) -> Result<(), Error> {
    Ok(query::note_error(tx, id, cut(why, ERROR_MAX)).await?)
}

/// At most `max` characters.
fn cut(text: &str, max: usize) -> &str {
    text.char_indices().nth(max).map_or(text, |(end, _)| &text[..end])
}
