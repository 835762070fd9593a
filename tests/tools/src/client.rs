//! A client of Konnect as any other program would write one: REST and the WebSocket of `docs/REALTIME.md`. It
//! shares no type with the server.

mod rest;
mod socket;

pub use rest::{Answer, Request, Rest, query};
pub use socket::{Door, Event, Frame, Socket, Welcome};
