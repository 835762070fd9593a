//! The live session: who may enter its room and when, who was there, who did not come, ending before the time and going
//! on after it.
//!
//! A room is a reservation; its extensions are reservations of their own that take place in it. The gate is one function
//! ([`admit`]) for REST and sockets. What the sockets know of people coming and going is written down as evidence
//! ([`joined`], [`seen`], [`left`]), and ten minutes after the start it decides who did not come ([`decide_no_show`]).
//!
//! Locks: calendars, the session, its extensions, then payments.

mod attendance;
mod deadline;
mod early_end;
mod error;
mod extension;
mod gate;
mod model;
mod presence;
mod query;
mod review_request;

pub use deadline::{Lacking, decide_no_show, end_extensions, lacking, reconcile};
pub use early_end::{Ending, ask_end, withdraw_end};
pub use error::{Error, Refused};
pub use extension::{extend, give_free};
pub use gate::{Admission, View, admit, look};
pub use model::{Cause, Presence, Role};
pub use presence::{beat, close_lost, joined, left, presences, seen};
pub use review_request::ask_review;
