//! Reservations: reserve, move, expire, cancel. Every change is a compare-and-set that writes its history, its
//! events, its notices and its deadlines in the same transaction.

mod deadline;
mod error;
mod flow;
mod model;
mod policy;
mod query;
mod reserve;

pub use deadline::{expire_hold, expire_request, reconcile, remind, start, Expiry};
pub use error::Error;
pub use flow::{approve, begin_payment, cancel, captured, complete, declined, reclaim, reject};
pub use model::{Move, Reservation, Side, State};
pub use policy::{CURRENT as CURRENT_POLICY, Quote, quote};
pub use query::{HistoryRow, find, find_for_member, history, lock, page_for_member};
pub use reserve::{NewReservation, Reserved, reserve};
