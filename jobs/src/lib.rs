//! Job handlers and what runs them. One job, one file; the file's name is what the job does.
//!
//! A handler bears a second run: delivery is at least once, the effect is once. It finishes its row in the
//! transaction that writes its effect ([`Run::finish`]), and whoever lost the lease writes nothing.

mod cancel_ahead;
mod cancel_for_suspended;
mod claims;
mod executor;
mod handler;
mod payouts;
mod provider;
mod registry;
mod services;
mod verdict;
mod webhook;
pub mod worker;

mod accrue_settlement;
mod ask_review;
mod audit_ledger;
mod audit_provider_day;
mod audit_whole;
mod close_deposit;
mod close_refund;
mod complete_reservation;
mod confirm_payment;
mod decide_no_show;
mod deliver_mail;
mod deliver_notice;
mod end_dispute_phase;
mod end_extensions;
mod erase_account;
mod expire_hold;
mod expire_request;
mod forget_old_rows;
mod keep_accounts;
mod notify_event;
mod ping;
mod plan_audits;
mod publish_reviews;
mod reconcile_disputes;
mod reconcile_payments;
mod reconcile_payouts;
mod reconcile_reservations;
mod reconcile_reviews;
mod reconcile_sessions;
mod reconcile_settlement;
mod record_activity;
mod refund_payment;
mod register_seller;
mod release_settlement;
mod remind_reservation;
mod requery_payment;
mod run_payout_batch;
mod send_digest;
mod send_email_code;
mod send_payout;
mod start_reservation;
mod sweep_uploads;
mod sync_payment;
mod sync_payout;
mod sync_seller;
mod sync_webhook;
mod tell_unread_chat;
mod warn_hold;
mod warn_old_contact;

pub use audit_provider_day::read_day;
pub use executor::{Ended, Executor};
pub use handler::{Finished, Handler, Outcome, Run};
pub use registry::{Entry, registry};
pub use services::Services;
