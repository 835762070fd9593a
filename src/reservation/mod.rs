//! Reservations: reserve, move, expire, cancel. Every change is a compare-and-set that writes its history, its
//! events, its notices and its deadlines in the same transaction.

mod actions;
mod announce;
mod clocks;
mod deadline;
mod error;
mod extension;
mod facts;
mod flow;
mod history;
mod holds;
mod model;
mod notes;
mod operator;
mod policy;
mod preview;
mod query;
mod reschedule;
mod reserve;
mod strike;
mod waitlist;

pub use actions::{Action, Allowed, allowed, may_cancel, may_propose_move};
pub use clocks::{Shifted, has_newer_zone_data, shifted, tell_shifted, zone_data_reviewed};
pub use deadline::{
    Expiry, auto_complete, expire_hold, expire_move, expire_request, overdue, reconcile, remind, start,
    warn_hold,
};
pub use error::Error;
pub use extension::{extend, extension_price, free_minutes_after};
pub use facts::facts;
pub use flow::{
    approve, await_deposit, begin_payment, cancel, capture_reversed, captured, complete, declined, end_early,
    failed, give_free, hold_again, no_show, reclaim, reject, retry,
};
pub use history::{HistoryRow, history};
pub use model::{Absent, Move, Proposal, Reservation, Side, State};
pub use notes::{Notes, ask, notes, sum_up};
pub use operator::{Operation, not_own_case, operate};
pub use policy::{Offer, Quote, Term, Terms, problems_until, quote, terms};
pub use preview::{Conflict, conflicts};
pub use query::{
    ahead_of_mentor, chain_for_member, find, find_for_member, find_many, is_awaited, lock, lock_extensions,
    lock_for_member, page_for_member,
};
pub use reschedule::{accept_move, decline_move, lock_to_move, moves_at_once, propose_move, withdraw_move};
pub use reserve::{NewReservation, Reserved, reserve};
pub use strike::{Record, Strike, forgive, record, strike, strikes};
pub use waitlist::{
    Waiting, WaitlistEntry, Wish, join as join_waitlist, leave as leave_waitlist,
    leave_all as leave_waitlists, offer_freed, waited_for, waitlist,
};
