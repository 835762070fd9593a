//! What the two people of a reservation write down for one another: the mentee's question before the session and the
//! mentor's summary after it. Nobody else reads them.

mod query;

use serde_json::json;
use sqlx::mysql::MySqlExecutor;

use super::error::Error;
use super::model::{Reservation, State};
use crate::clock::Instant;
use crate::db::Tx;
use crate::event;
use crate::id::{ReservationId, UserId};

/// A row of `reservation_notes`. Instants are UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Notes {
    /// At most 2,000 characters.
    pub question: Option<String>,
    pub question_at: Option<Instant>,
    /// At most 4,000 characters.
    pub summary: Option<String>,
    pub summary_at: Option<Instant>,
}

/// What was written about a reservation; whose business it is, the caller knows.
pub async fn notes(db: impl MySqlExecutor<'_>, id: ReservationId) -> sqlx::Result<Notes> {
    Ok(query::find(db, id).await?.unwrap_or_default())
}

/// The mentee says what the session is to be about, until it is over. The caller has locked the row.
///
/// # Errors
/// `NotAllowed` for the mentor, for an extension, and when the session is over.
pub async fn ask(tx: &mut Tx, r: &Reservation, who: UserId, question: &str) -> Result<(), Error> {
    if r.mentee_id != who || r.is_extension() || !r.state.holds_slot() || tx.now >= r.ends_at {
        return Err(Error::NotAllowed);
    }
    query::set_question(tx, r.id, question).await?;
    tell(tx, r, "reservation.question_written").await
}

/// The mentor sums up a session that has begun. The caller has locked the row.
///
/// # Errors
/// `NotAllowed` for the mentee, for an extension, and before the session has begun.
pub async fn sum_up(tx: &mut Tx, r: &Reservation, who: UserId, summary: &str) -> Result<(), Error> {
    let took_place = matches!(r.state, State::InSession | State::Completed);
    if r.mentor_id != who || r.is_extension() || !took_place {
        return Err(Error::NotAllowed);
    }
    query::set_summary(tx, r.id, summary).await?;
    tell(tx, r, "reservation.summary_written").await
}

/// Both hear that there is something to read; what it says stands in the notes alone.
async fn tell(tx: &mut Tx, r: &Reservation, kind: &str) -> Result<(), Error> {
    let data = json!({ "reservationId": r.id, "title": r.title });
    event::append(tx, &[r.mentor_id, r.mentee_id], kind, data).await?;
    Ok(())
}
