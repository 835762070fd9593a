//! Settlement: what a finished reservation earns its mentor, when that may be paid, and what is taken back. The
//! money itself leaves by payouts.

mod accrual;
mod award;
mod error;
mod freeze;
mod goodwill;
mod leaving;
mod model;
mod query;
mod release;
mod take_back;

pub use accrual::{Accrual, accrue, set_tax_profile};
pub use award::{award, compensate};
pub use error::Error;
pub use freeze::{freeze, thaw};
pub use goodwill::{approve_refund, request_refund};
pub use leaving::{close_account, has_open_money};
pub use model::{LineState, RULE_VERSION, Rates, SettlementLine};
pub use query::{
    Sum, any_frozen, assign, conclude, lines_between, lines_of_mentor, lines_of_payout, lines_of_reservation,
    lock_paying, lock_ready, mentors_ready, sums_of_mentor, unaccrued, unreleased,
};
pub use release::{Check, ProviderView, Release, check_release, release};
pub use take_back::take_back;

pub use crate::payment::Bearer;
