//! Reviews: what the two sides of a completed session say of one another.
//!
//! ```text
//! (written) ──► SEALED ──both written, or the window is over──► PUBLISHED
//!                │  ▲                                              │
//!                ▼  │ written again                                ▼
//!               WITHDRAWN ◄────────────────────────────────────────┘ (for good)
//! ```
//!
//! Double-blind: nobody but its author learns what a sealed review says; both are published in one transaction. Stars
//! count for the figures of their subject from the publication until the review is withdrawn, or hidden as no review at
//! all. `docs/REVIEWS.md` has every rule.
//!
//! Locks: reservation, then payment, then both reviews (the mentee's first), then figures, then feeds. Whoever needs no
//! reservation begins with the review.

mod content;
mod error;
mod figures;
mod model;
mod moderation;
mod publish;
mod query;
mod reply;
mod report;
mod shift;
mod write;

pub use content::{Content, Invalid, MAX_TEXT, Stars, Words};
pub use error::Error;
pub use figures::{Figures, check_figures, figures, show_again, unchecked_figures};
pub use model::{Fact, Hidden, HistoryRow, Part, Review, Side, Standing, State};
pub use moderation::{hide, keep, restore};
pub use publish::{overdue, publish_due, reconcile};
pub use query::{
    Order, Own, PageKey, Queue, find_published, history, of_member, page, page_for_member, page_of_mentor,
};
pub use reply::reply;
pub use report::{NewReport, Outcome, Reason, Report, report, reports_of};
pub use write::{look, withdraw, write};
