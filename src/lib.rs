//! Konnect: the backend of a mentoring marketplace, as a library. Processes stand in `bin/`, job handlers in
//! `jobs/`. `README.md` shows the way in, `docs/ARCHITECTURE.md` the rooms and the rules between them.

pub mod activity;
pub mod api;
pub mod audit;
pub mod auth;
pub mod availability;
pub mod client;
pub mod clock;
pub mod config;
pub mod context;
pub mod core;
pub mod db;
pub mod dispute;
pub mod event;
pub mod id;
pub mod job;
pub mod ledger;
pub mod memo;
pub mod mentor;
pub mod money;
pub mod notification;
pub mod outbox;
pub mod payment;
pub mod payout;
pub mod queue;
pub mod realtime;
pub mod relay;
pub mod reservation;
pub mod retention;
pub mod seal;
pub mod settlement;
pub mod signal;
pub mod together;
pub mod user;
pub mod words;
