//! The publication: both reviews of a session at once.

use chrono::TimeDelta;
use serde_json::json;

use super::error::Error;
use super::model::{Move, Review, Side, State};
use super::shift::{Trace, shift};
use super::{figures, query};
use crate::db::{Db, Tx};
use crate::event;
use crate::job::{AskReview, Job, NotifyEvent, PublishReviews};
use crate::outbox;
use crate::reservation::{self, Reservation};

/// Publishes sealed reviews of one session, brings the figures along, and tells both sides. The caller holds the
/// reservation's lock and the reviews', and has seen that nothing of the session was published before.
pub(super) async fn publish(tx: &mut Tx, r: &Reservation, sealed: &[Review]) -> Result<Vec<Review>, Error> {
    let now = tx.now;
    let mut changes = Vec::new();
    for was in sealed {
        let state = was.state.after(Move::Publish).ok_or(Error::NotAllowed)?;
        let trace = Trace { cause: "published", ..Trace::default() };
        let is = shift(tx, was, trace, |review| {
            review.state = state;
            review.published_at = Some(now);
        })
        .await?;
        changes.push((was.clone(), is));
    }
    // Whoever has written needs not be asked to.
    let needless: &[&str] = match sealed {
        [_, _] => &[PublishReviews::KIND, AskReview::KIND],
        _ => &[PublishReviews::KIND],
    };
    outbox::cancel_waiting(tx, r.id.0, needless).await?;
    figures::follow(tx, &changes).await?;
    let published: Vec<Review> = changes.into_iter().map(|(_, is)| is).collect();
    tell(tx, r, &published).await?;
    metrics::counter!("konnect_reviews_published_total").increment(published.len() as u64);
    Ok(published)
}

async fn tell(tx: &mut Tx, r: &Reservation, published: &[Review]) -> Result<(), Error> {
    let kind = "review.published";
    let ids: Vec<_> = published.iter().map(|review| review.id).collect();
    let stars_by =
        |side| published.iter().find(|review| review.side == side).map(|review| review.stars.get());
    let data = json!({
        "reservationId": r.id, "reviewIds": ids, "title": r.title, "startsAt": r.starts_at,
        "timeZone": r.time_zone, "starsByMentee": stars_by(Side::Mentee), "starsByMentor": stars_by(Side::Mentor),
    });
    event::append(tx, &[r.mentor_id, r.mentee_id], kind, data.clone()).await?;
    let notice = NotifyEvent {
        event_key: format!("review:{}:published", r.id),
        kind: kind.to_owned(),
        people: vec![r.mentor_id, r.mentee_id],
        reservation_id: Some(r.id),
        data,
        expires_at: None,
    };
    outbox::enqueue(tx, &notice).await?;
    Ok(())
}

/// The window of a session is over: what was written is published, be it of one side alone. `false`: there is nothing
/// to publish, or it was published before.
pub async fn publish_due(tx: &mut Tx, job: &PublishReviews) -> Result<bool, Error> {
    let Some(r) = reservation::lock(tx, job.reservation_id).await? else { return Ok(false) };
    let mut sealed = query::lock_of(tx, r.id).await?;
    sealed.retain(|review| review.state == State::Sealed && review.publish_at <= tx.now);
    if sealed.is_empty() {
        return Ok(false);
    }
    publish(tx, &r, &sealed).await?;
    Ok(true)
}

/// The jobs of reviews whose window has been over for more than a minute and which no job will publish.
pub async fn overdue(db: &Db, limit: u32) -> sqlx::Result<Vec<PublishReviews>> {
    let late = db.now() - TimeDelta::minutes(1);
    let found = query::overdue(db.pool(), late, PublishReviews::KIND, limit).await?;
    let job = |(reservation_id, publish_at)| PublishReviews { reservation_id, publish_at };
    Ok(found.into_iter().map(job).collect())
}

/// Writes the job that was found lacking.
pub async fn reconcile(tx: &mut Tx, lacking: &PublishReviews) -> sqlx::Result<()> {
    outbox::enqueue(tx, lacking).await?;
    Ok(())
}
