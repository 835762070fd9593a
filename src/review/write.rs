//! Writing a review, and taking it back.

use serde_json::json;
use sqlx::MySqlPool;

use super::content::Content;
use super::error::Error;
use super::model::{KEPT_AFTER_WITHDRAWAL, MOST_VERSIONS, Move, Review, Side, Standing, State};
use super::report::{self, Outcome};
use super::shift::{Trace, shift};
use super::{figures, publish, query};
use crate::clock::Instant;
use crate::config::Rules;
use crate::db::Tx;
use crate::event;
use crate::id::{ReservationId, ReviewId, UserId};
use crate::job::{Job, NotifyEvent, PublishReviews};
use crate::money::Krw;
use crate::outbox;
use crate::payment;
use crate::reservation::{self, Reservation};

/// What of a session its members can review at `now`, for them to see.
pub async fn look(pool: &MySqlPool, rules: &Rules, now: Instant, r: &Reservation) -> Result<Standing, Error> {
    let given = payment::given_of(pool, &[r.id]).await?;
    let given = given.into_iter().find(|(id, _)| *id == r.id).map_or(Krw::ZERO, |(_, won)| won);
    let is_refunded = r.price_krw.is_positive() && given >= r.price_krw;
    Ok(Standing::of(r, rules, now, is_refunded, query::canceller(pool, r.id).await?))
}

/// The same under the reservation's lock.
async fn standing(tx: &mut Tx, rules: &Rules, r: &Reservation) -> Result<Standing, Error> {
    let is_refunded = r.completed_at().is_some() && is_refunded(tx, r).await?;
    let canceller = query::canceller(tx.conn(), r.id).await?;
    Ok(Standing::of(r, rules, tx.now, is_refunded, canceller))
}

/// Whether everything that was paid was given back, or is promised. Locks the payment, so that no refund begins
/// meanwhile: whoever gives everything back first leaves nothing to review, and what was written first stays.
async fn is_refunded(tx: &mut Tx, r: &Reservation) -> Result<bool, Error> {
    match payment::lock_capture(tx, r.id).await {
        Ok(captured) => Ok(!captured.left().is_positive()),
        Err(payment::Error::NothingCaptured) => Ok(r.price_krw.is_positive()),
        Err(error) => Err(error.into()),
    }
}

/// Writes the caller's review of a session, or writes it anew while it is sealed. It stays sealed until the other side
/// has written too, or the window is over; whoever comes second publishes both. `expected`: the version that is
/// overwritten; none for the first one. The same again changes nothing, so that a request can be repeated.
///
/// Once something is published nobody writes any more, whatever the clock says: they would know what the other one said.
///
/// # Errors
/// `ReservationNotFound` for strangers, and for an extension, which is reviewed with its session; `NotPossible` unless it
/// was completed and something of the price was kept; `WindowOver`; `Exists` without an expected version; `Stale`;
/// `EditLimit`.
pub async fn write(
    tx: &mut Tx,
    rules: &Rules,
    id: ReservationId,
    member: UserId,
    content: &Content,
    expected: Option<i64>,
) -> Result<Review, Error> {
    let (r, side) = lock(tx, id, member).await?;
    let standing = standing(tx, rules, &r).await?;
    let both = query::lock_of(tx, id).await?;
    let own = both.iter().find(|review| review.side == side);
    if let Some(own) = own.filter(|own| own.state != State::Withdrawn && own.says(content))
        && expected.is_none_or(|version| version <= own.version)
    {
        return Ok(own.clone());
    }
    let until = match standing {
        Standing::Open(until) => until,
        Standing::Over(_) => return Err(Error::WindowOver),
        Standing::NotYet | Standing::Fact(_) => return Err(Error::NotPossible),
    };
    if both.iter().any(|review| review.published_at.is_some()) {
        return Err(Error::WindowOver);
    }
    let written = match own {
        Some(own) => write_again(tx, own, content, expected, until).await?,
        None if expected.is_some() => return Err(Error::Stale),
        None => write_first(tx, &r, side, content, until).await?,
    };
    let other = both.into_iter().find(|review| review.side != side && review.state == State::Sealed);
    match other {
        Some(other) => {
            let published = publish::publish(tx, &r, &[other, written.clone()]).await?;
            Ok(published.into_iter().find(|review| review.id == written.id).unwrap_or(written))
        }
        None => {
            outbox::enqueue_at(tx, &PublishReviews { reservation_id: id, publish_at: until }, until).await?;
            tell(tx, &r, &written).await?;
            Ok(written)
        }
    }
}

async fn lock(tx: &mut Tx, id: ReservationId, member: UserId) -> Result<(Reservation, Side), Error> {
    let r = reservation::lock_for_member(tx, id, member).await?.filter(|r| !r.is_extension());
    let r = r.ok_or(Error::ReservationNotFound)?;
    let side = Side::of(member, &r).ok_or(Error::ReservationNotFound)?;
    Ok((r, side))
}

async fn write_first(
    tx: &mut Tx,
    r: &Reservation,
    side: Side,
    content: &Content,
    until: Instant,
) -> Result<Review, Error> {
    let review = Review {
        id: ReviewId::generate(),
        reservation_id: r.id,
        author_id: side.person(r),
        subject_id: side.other().person(r),
        side,
        stars: content.stars,
        body: content.words.as_str().to_owned(),
        state: State::Sealed,
        version: 1,
        publish_at: until,
        published_at: None,
        hidden: None,
        reply: None,
        replied_at: None,
        reply_edited_at: None,
        reply_hidden: None,
        open_reports: 0,
        forget_at: None,
        created_at: tx.now,
        updated_at: tx.now,
    };
    query::insert(tx, &review).await?;
    query::add_history(tx, &review, "written", Some(&review.body), None).await?;
    Ok(review)
}

async fn write_again(
    tx: &mut Tx,
    was: &Review,
    content: &Content,
    expected: Option<i64>,
    until: Instant,
) -> Result<Review, Error> {
    let state = was.state.after(Move::Write).ok_or(Error::WindowOver)?;
    match expected {
        Some(version) if version != was.version => return Err(Error::Stale),
        None if was.state == State::Sealed => return Err(Error::Exists),
        _ if was.version >= MOST_VERSIONS => return Err(Error::EditLimit),
        _ => {}
    }
    let cause = if was.state == State::Sealed { "edited" } else { "written" };
    let words = content.words.as_str();
    shift(tx, was, Trace { cause, words: Some(words), reason: None }, |review| {
        review.state = state;
        review.stars = content.stars;
        words.clone_into(&mut review.body);
        review.publish_at = until;
        review.forget_at = None;
    })
    .await
}

/// Tells the author's other screens, and the other side that there is something to answer: what it says is in neither.
/// The other side is told once, however often it is written anew.
async fn tell(tx: &mut Tx, r: &Reservation, review: &Review) -> Result<(), Error> {
    let data = json!({
        "reviewId": review.id, "reservationId": r.id, "side": review.side, "version": review.version,
        "publishAt": review.publish_at,
    });
    event::append(tx, &[review.author_id], "review.written", data).await?;
    let notice = NotifyEvent {
        event_key: format!("review:{}:received", review.id),
        kind: "review.received".to_owned(),
        people: vec![review.subject_id],
        reservation_id: Some(r.id),
        data: json!({
            "reservationId": r.id, "title": r.title, "startsAt": r.starts_at, "timeZone": r.time_zone,
            "publishAt": review.publish_at,
        }),
        expires_at: Some(review.publish_at),
    };
    outbox::enqueue(tx, &notice).await?;
    Ok(())
}

/// Takes the caller's review back, at any time. A sealed one can be written again while the window is open; one that was
/// published is gone for good, and its stars with it. Its words are forgotten after 90 days.
///
/// # Errors
/// `ReservationNotFound` for strangers; `NotFound` where there is nothing to take back; `Stale`.
pub async fn withdraw(
    tx: &mut Tx,
    id: ReservationId,
    member: UserId,
    expected: i64,
) -> Result<Review, Error> {
    let (r, side) = lock(tx, id, member).await?;
    let both = query::lock_of(tx, id).await?;
    let own = both.into_iter().find(|review| review.side == side && review.state != State::Withdrawn);
    let was = own.ok_or(Error::NotFound)?;
    if was.version != expected {
        return Err(Error::Stale);
    }
    let state = was.state.after(Move::Withdraw).ok_or(Error::NotAllowed)?;
    let forget_at = tx.now + KEPT_AFTER_WITHDRAWAL;
    report::close(tx, was.id, None, Outcome::Withdrawn).await?;
    let trace = Trace { cause: "withdrawn", ..Trace::default() };
    let is = shift(tx, &was, trace, |review| {
        review.state = state;
        review.open_reports = 0;
        review.forget_at = Some(forget_at);
    })
    .await?;
    query::shorten_history(tx, is.id, forget_at).await?;
    if was.state == State::Sealed {
        outbox::cancel_waiting(tx, id.0, &[PublishReviews::KIND]).await?;
    }
    let told: &[UserId] =
        if was.state == State::Published { &[is.author_id, is.subject_id] } else { &[is.author_id] };
    let data = json!({ "reviewId": is.id, "reservationId": r.id, "side": side, "version": is.version });
    figures::follow(tx, &[(was, is.clone())]).await?;
    event::append(tx, told, "review.withdrawn", data).await?;
    Ok(is)
}
