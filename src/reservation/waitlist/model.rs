//! Somebody's wish for a slot. Pure.

use crate::clock::Instant;
use crate::id::{OfferingId, ReservationId, UserId, WaitlistId};

/// What became of a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, poem_openapi::Enum)]
#[oai(rename = "WaitlistState", rename_all = "snake_case")]
pub enum Waiting {
    Waiting,
    /// A slot is held for them, to be paid.
    Offered,
    /// They took it.
    Taken,
    /// They did not.
    Passed,
    /// They do not wait any more.
    Left,
    /// Nothing became free in time.
    Over,
}

crate::words!(Waiting {
    Waiting => "waiting",
    Offered => "offered",
    Taken => "taken",
    Passed => "passed",
    Left => "left",
    Over => "over",
});

/// A row of `waitlist_entries`. Instants are UTC.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct WaitlistEntry {
    pub id: WaitlistId,
    pub offering_id: OfferingId,
    pub mentor_id: UserId,
    pub mentee_id: UserId,
    pub duration_min: u32,
    /// A start from here …
    pub from_at: Instant,
    /// … until before here.
    pub to_at: Instant,
    pub state: Waiting,
    /// The hold that was made for them.
    pub reservation_id: Option<ReservationId>,
    pub created_at: Instant,
}
