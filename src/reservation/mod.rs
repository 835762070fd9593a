//! Reservations: reserve, move, expire, cancel. Every change is a compare-and-set that writes its history, its
//! events, its notices and its deadlines in the same transaction.

mod actions;
mod deadline;
mod error;
mod extension;
mod flow;
mod model;
mod policy;
mod query;
mod reserve;
mod strike;

pub use actions::{Action, Allowed, allowed, may_cancel};
pub use deadline::{
    Expiry, auto_complete, expire_hold, expire_request, overdue, reconcile, remind, start, warn_hold,
};
pub use error::Error;
pub use extension::{extend, extension_price, free_minutes_after};
pub use flow::{
    approve, await_deposit, begin_payment, cancel, capture_reversed, captured, complete, declined, end_early,
    failed, give_free, no_show, reclaim, reject, retry,
};
pub use model::{Absent, Move, Reservation, Side, State};
pub use policy::{Offer, Quote, Term, Terms, problems_until, quote, terms};
pub use query::{
    HistoryRow, ahead_of_mentor, chain_for_member, find, find_for_member, history, is_awaited, lock,
    lock_extensions, lock_for_member, page_for_member,
};
pub use reserve::{NewReservation, Reserved, reserve};
pub use strike::{Record, Strike, forgive, record, strike, strikes};
