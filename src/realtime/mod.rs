//! Realtime: what reaches a client without being asked for.
//!
//! [`Hub`] brings committed events of all processes to the listeners of this one; [`Connection`] is one
//! WebSocket (`docs/REALTIME.md` is its protocol). A hint that comes over Redis may be lost, late or doubled; the
//! rows of `events` are the truth, and a [`Cursor`] decides what of both a client gets, in order and once.
//!
//! Nothing here knows HTTP: `api/realtime.rs` opens the door.

mod attendance;
mod bucket;
mod channels;
mod command;
mod connection;
mod cursor;
mod ending;
mod error;
mod feed;
mod fetch;
mod frame;
#[cfg(test)]
mod fuzz_tests;
mod guest;
mod house;
mod hub;
mod listener;
pub mod live;
mod plain;
mod publisher;
mod query;
mod refusal;
mod relay;
mod room;
mod rooms;
mod seat;
pub mod socket_io;
mod ticket;
mod visit;
mod wire;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use bucket::{Bucket, Rate};
pub use command::commands;
pub use connection::Connection;
pub use cursor::{Cursor, Verdict};
pub use error::Error;
pub use frame::{Inbound, Outbound, Rejected};
pub use house::House;
pub use hub::Hub;
pub use listener::{Listener, Signal};
pub use refusal::{CODES as REFUSALS, Refusal};
pub use room::{Frame, To};
pub use ticket::{Ticket, issue as issue_ticket, redeem as redeem_ticket};
pub use wire::config as socket_config;

/// The subprotocol that is offered and echoed; the version of the frames.
pub const PROTOCOL: &str = "konnect.v1";

/// A panic elsewhere leaves these maps usable: every change to them is one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
