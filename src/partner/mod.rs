//! Systems of others that are told what happens here: endpoints, deliveries, and the proof of both.
//!
//! What is told is written by [`crate::snapshot`] in the transaction of the change. A job then writes a delivery for
//! each endpoint that listens, and a job for each of these calls it, outside of any transaction. Like notices it is
//! reached by jobs alone: no domain calls this one.

mod delivery;
mod endpoint;
mod error;
mod model;
mod query;
mod signature;

pub use delivery::{
    MOST_REPLAYED, Overdue, Replayed, attempts, body, conclude, deliveries, delivery, fan_out, overdue,
    prepare, reconcile, replay, replay_failed, send_test,
};
pub use endpoint::{MOST_ENDPOINTS, change, create, delete, disable, enable, find, list, rotate_secret};
pub use error::Error;
pub use model::{
    After, Attempt, Delivery, DeliveryState, Endpoint, EndpointState, Filter, Heard, MOST_TYPES, Message,
    Step, TEST, Wanted,
};
pub use signature::headers;
