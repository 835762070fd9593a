//! What administrators do with published reviews: hide words, show them again, leave them as they are. Each is a line of
//! the history with the administrator's name and reason, and an event of the activity log.

use serde_json::json;

use super::error::Error;
use super::model::{Hidden, Part, Review};
use super::report::{self, Outcome};
use super::shift::{Trace, shift};
use super::{figures, query};
use crate::db::Tx;
use crate::event;
use crate::id::{ReviewId, UserId};
use crate::job::NotifyEvent;
use crate::outbox;

/// Takes the words of a part away from readers. The stars stay in the figures unless the reason says that it is no
/// review of the session ([`Hidden::still_counts`]). Reports about the part are closed.
///
/// # Errors
/// `NotFound`, also of a reply that nobody wrote; `NotAllowed` where it is hidden already; `OwnCase` for an administrator
/// who is a side of it.
pub async fn hide(
    tx: &mut Tx,
    id: ReviewId,
    admin: UserId,
    part: Part,
    why: Hidden,
    reason: &str,
) -> Result<Review, Error> {
    let was = lock(tx, id, admin).await?;
    if hidden(&was, part)?.is_some() {
        return Err(Error::NotAllowed);
    }
    let closed = report::close(tx, id, Some(part), Outcome::Hidden).await?;
    let cause = if part == Part::Review { "hidden" } else { "reply_hidden" };
    let is = shift(tx, &was, Trace { cause, words: None, reason: Some(reason) }, |review| {
        *slot(review, part) = Some(why);
        review.open_reports = (review.open_reports - closed).max(0);
    })
    .await?;
    figures::follow(tx, &[(was, is.clone())]).await?;
    tell(tx, &is, part, "review.hidden", Some(why), reason).await?;
    Ok(is)
}

/// Shows hidden words again; stars that did not count do so again.
///
/// # Errors
/// `NotFound`; `NotAllowed` where nothing is hidden; `OwnCase`.
pub async fn restore(
    tx: &mut Tx,
    id: ReviewId,
    admin: UserId,
    part: Part,
    reason: &str,
) -> Result<Review, Error> {
    let was = lock(tx, id, admin).await?;
    if hidden(&was, part)?.is_none() {
        return Err(Error::NotAllowed);
    }
    let cause = if part == Part::Review { "restored" } else { "reply_restored" };
    let is = shift(tx, &was, Trace { cause, words: None, reason: Some(reason) }, |review| {
        *slot(review, part) = None;
    })
    .await?;
    figures::follow(tx, &[(was, is.clone())]).await?;
    tell(tx, &is, part, "review.restored", None, reason).await?;
    Ok(is)
}

/// Finds nothing wrong with what was reported: the reports are closed, and nobody but the administrator hears of it.
///
/// # Errors
/// `NotFound`; `NotAllowed` where nothing is reported; `OwnCase`.
pub async fn keep(tx: &mut Tx, id: ReviewId, admin: UserId, reason: &str) -> Result<Review, Error> {
    let was = lock(tx, id, admin).await?;
    if report::close(tx, id, None, Outcome::Kept).await? == 0 {
        return Err(Error::NotAllowed);
    }
    let is = shift(tx, &was, Trace { cause: "kept", words: None, reason: Some(reason) }, |review| {
        review.open_reports = 0;
    })
    .await?;
    let data = json!({ "reviewId": id, "reservationId": is.reservation_id, "reason": reason });
    event::append(tx, &[admin], "review.kept", data).await?;
    Ok(is)
}

async fn lock(tx: &mut Tx, id: ReviewId, admin: UserId) -> Result<Review, Error> {
    let review = query::lock_published(tx, id).await?.ok_or(Error::NotFound)?;
    let is_side = [review.author_id, review.subject_id].contains(&admin);
    if is_side { Err(Error::OwnCase) } else { Ok(review) }
}

fn hidden(review: &Review, part: Part) -> Result<Option<Hidden>, Error> {
    match part {
        Part::Review => Ok(review.hidden),
        Part::Reply if review.reply.is_some() => Ok(review.reply_hidden),
        Part::Reply => Err(Error::NotFound),
    }
}

fn slot(review: &mut Review, part: Part) -> &mut Option<Hidden> {
    match part {
        Part::Review => &mut review.hidden,
        Part::Reply => &mut review.reply_hidden,
    }
}

/// Whoever wrote the part hears of it with the reason; the other side sees that it changed.
async fn tell(
    tx: &mut Tx,
    review: &Review,
    part: Part,
    kind: &str,
    why: Option<Hidden>,
    reason: &str,
) -> Result<(), Error> {
    let data = json!({
        "reviewId": review.id, "reservationId": review.reservation_id, "part": part, "why": why,
        "version": review.version,
    });
    let mut whole = data.clone();
    whole["reason"] = json!(reason);
    let author = review.author_of(part);
    let other = if author == review.author_id { review.subject_id } else { review.author_id };
    // The author first: the activity log keeps the fuller one.
    event::append_each(tx, &[(author, whole.clone()), (other, data)], kind).await?;
    let notice = NotifyEvent {
        event_key: format!("review:{}:{}", review.id, review.version),
        kind: kind.to_owned(),
        people: vec![author],
        reservation_id: Some(review.reservation_id),
        data: whole,
        expires_at: None,
    };
    outbox::enqueue(tx, &notice).await?;
    Ok(())
}
