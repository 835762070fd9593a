//! The test harness: real servers, an app on port 0, a clock that can be moved, jobs that run when told, and a
//! stand-in for the providers that can be told to fail.
//!
//! Each test has a database, a Redis prefix and a MongoDB database of its own. A test ends with
//! [`TestApp::finish`], which fails it when jobs are due or dead or an invariant is broken; dropping the app
//! without that fails it too.

mod api_node;
mod app;
mod chats;
mod client;
mod collector;
mod disputes;
mod effort;
mod faults;
mod hush;
mod jobs;
mod leases;
mod mails;
mod money;
mod moves;
mod node;
mod notices;
mod partners;
mod payouts;
mod private;
mod process;
mod raw_io;
mod reviews;
mod servers;
mod sessions;
mod socket;
mod totp;
mod world;

pub use api_node::ApiNode;
pub use app::{DATA_KEY, SECRET_KEY, SECURITY_KEY, TestApp, monday, worker_config};
pub use chats::say;
pub use client::{Answer, Client};
pub use collector::{Collector, Seen};
pub use effort::effort;
pub use hush::Hush;
pub use jobs::Ran;
pub use node::run_script;
pub use notices::happening;
pub use partners::{Partner, told};
pub use payouts::{Earner, account_body};
pub use private::{PrivateMongo, PrivateRedis};
pub use process::{Process, Stack, binary, free_address};
pub use raw_io::RawIo;
pub use servers::Servers;
pub use sessions::instant;
pub use socket::Socket;
pub use totp::totp;
pub use world::{Booking, Person, weekdays};
