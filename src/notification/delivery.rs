//! A notice on its way out: what is to be sent, and what became of it. The sending itself is the job's.

use super::error::Error;
use super::model::{Channel, Delivery, Ending, Notice, PATIENCE, Pushes, Receipts, State, Taken};
use super::{hours, mail, query, texts, urgency};
use crate::db::Tx;
use crate::id::{NoticeId, UserId};
use crate::user::{self, User};

const ERROR_MAX: usize = 500;
const PROVIDER_ID_MAX: usize = 255;

/// Says what is to be sent, in the reader's language as it is set now, and notes that it is about to be.
pub async fn prepare(tx: &mut Tx, id: NoticeId) -> Result<Delivery, Error> {
    let Some(notice) = query::lock(tx, id).await?.filter(|n| n.state == State::Queued) else {
        return Ok(Delivery::Over);
    };
    if notice.expires_at.is_some_and(|at| at <= tx.now) {
        return Ok(Delivery::Moot("expired".to_owned()));
    }
    let reader = user::get(tx.conn(), notice.user_id).await?;
    if reader.state == user::State::Deleted {
        return Ok(Delivery::Moot("the account is deleted".to_owned()));
    }
    // By the settings of this moment: they may have changed since the notice was written.
    let quiet = hours::hours(tx.conn(), reader.id).await?.quiet;
    let until = quiet.and_then(|quiet| quiet.until(tx.now, reader.time_zone.0));
    if let Some(until) = until.filter(|until| urgency::may_wait(&notice, tx.now, *until)) {
        query::note_error(tx, id, query::QUIET).await?;
        return Ok(Delivery::Quiet(until));
    }
    let delivery = match notice.channel {
        Channel::InApp => return Ok(Delivery::Over),
        Channel::Email => {
            let standing = mail::standing(tx.conn(), &reader.email).await?;
            if standing == mail::Reach::Off {
                return Ok(Delivery::Moot("the address refuses mail".to_owned()));
            }
            let letter = Box::new(mail::letter(tx, &notice, reader).await?);
            Delivery::Mail { letter, to_forgive: standing == mail::Reach::Refused }
        }
        Channel::Push => pushes(tx, &notice, &reader).await?,
    };
    query::mark_attempt(tx, id).await?;
    Ok(delivery)
}

async fn pushes(tx: &mut Tx, notice: &Notice, reader: &User) -> Result<Delivery, Error> {
    let devices = user::device_tokens(tx.conn(), reader.id).await?;
    let mut tokens: Vec<_> = devices.into_iter().map(|device| device.token).collect();
    let is_first = notice.attempted_at.is_none();
    if !is_first {
        tokens = query::without_push(tx, notice.id, tokens).await?;
    }
    let text = texts::render(&notice.kind, &notice.data, reader.locale, reader.time_zone);
    Ok(Delivery::Push(Pushes {
        owner: reader.id,
        kind: notice.kind.clone(),
        reservation_id: notice.reservation_id,
        is_first,
        tokens,
        title: text.title,
        body: text.body,
        patient_until: notice.created_at + PATIENCE,
    }))
}

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

/// The mail server took a mail for an address that had refused some, which is forgiven.
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
