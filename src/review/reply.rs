//! What somebody says to a review about them.

use serde_json::json;

use super::content::Words;
use super::error::Error;
use super::model::{MOST_VERSIONS, Review};
use super::query;
use super::shift::{Trace, shift};
use crate::config::Rules;
use crate::db::Tx;
use crate::event;
use crate::id::{ReviewId, UserId};
use crate::job::NotifyEvent;
use crate::outbox;

/// Replies to a published review, once; the same person edits it for some days. The last one counts, and the history
/// keeps those before. The same again changes nothing.
///
/// # Errors
/// `NotFound` for everybody but its subject; `ReplyClosed`; `EditLimit`; `NotAllowed` while the review or the reply is hidden.
pub async fn reply(
    tx: &mut Tx,
    rules: &Rules,
    id: ReviewId,
    subject: UserId,
    words: &Words,
) -> Result<Review, Error> {
    let was = query::lock_for_subject(tx, id, subject).await?.ok_or(Error::NotFound)?;
    if was.hidden.is_some() || was.reply_hidden.is_some() {
        return Err(Error::NotAllowed);
    }
    if was.reply.as_deref() == Some(words.as_str()) {
        return Ok(was);
    }
    if !was.takes_reply(rules, tx.now) {
        return Err(Error::ReplyClosed);
    }
    if was.version >= MOST_VERSIONS {
        return Err(Error::EditLimit);
    }
    let (now, is_first) = (tx.now, was.replied_at.is_none());
    let cause = if is_first { "replied" } else { "reply_edited" };
    let trace = Trace { cause, words: Some(words.as_str()), reason: None };
    let is = shift(tx, &was, trace, |review| {
        review.reply = Some(words.as_str().to_owned());
        if is_first {
            review.replied_at = Some(now);
        } else {
            review.reply_edited_at = Some(now);
        }
    })
    .await?;
    tell(tx, &is, is_first).await?;
    Ok(is)
}

/// The author hears of the reply, and not of every edit.
async fn tell(tx: &mut Tx, review: &Review, is_first: bool) -> Result<(), Error> {
    let kind = if is_first { "review.replied" } else { "review.reply_edited" };
    let data = json!({
        "reviewId": review.id, "reservationId": review.reservation_id, "side": review.side,
        "version": review.version,
    });
    event::append(tx, &[review.subject_id, review.author_id], kind, data.clone()).await?;
    if is_first {
        let notice = NotifyEvent {
            event_key: format!("review:{}:replied", review.id),
            kind: kind.to_owned(),
            people: vec![review.author_id],
            reservation_id: Some(review.reservation_id),
            data,
            expires_at: None,
        };
        outbox::enqueue(tx, &notice).await?;
    }
    Ok(())
}
