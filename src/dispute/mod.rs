//! Disputes and no-shows: one side reports a problem, the other answers, both show evidence, and where they do not
//! agree an administrator decides. While a dispute is open the reservation's settlement lines, and no others, are
//! frozen.
//!
//! ```text
//! OPEN ──answered──► ANSWERED ──evidence over──► IN_REVIEW ──decided──► DECIDED
//!  │ │                  │ offer taken               │ ▲ ──► PROPOSED ──approved─┘
//!  │ └─no answer────────┼───────────────────────────┘ └── returned ──┘
//!  └─agreed──► ACCEPTED ◄┘                         any of them ──► WITHDRAWN (by the opener)
//! ```
//!
//! Locks: reservation, then dispute, then payment, refunds and settlement lines.

mod deadline;
mod decision;
mod error;
mod flow;
mod model;
mod money;
mod no_show;
mod open;
mod query;

pub use deadline::{end_phase, overdue, reconcile};
pub use decision::{Decision, approve, decide, send_back};
pub use error::Error;
pub use flow::{Answer, NewEvidence, add_evidence, answer, take_offer, withdraw};
pub use model::{
    Dispute, Evidence, EvidenceKind, HistoryRow, Kind, Move, NoShowReport, Outcome, Party, State,
};
pub use no_show::{GRACE, end_as_no_show, mark_no_show, report_no_show};
pub use open::{NewDispute, open, open_review};
pub use query::{
    evidence_of, find, find_for_member, history, of_reservation, page, page_for_member, reports_of,
    undecided_reports,
};
