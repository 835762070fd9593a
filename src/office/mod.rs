//! What the back office reads: figures, lists and files over the rows of every domain. It changes nothing but the figures
//! of days that are over.
//!
//! Its SQL reads the tables of other domains, as the audit's does: a list joins what no domain knows together. Nothing
//! here scans a table: lists are pages by key, figures are short ranges of an index or rows of days that are over.

mod alarms;
mod error;
mod figures;
mod lists;
mod mask;
mod model;
mod query;

pub use alarms::measure_alarms;
pub use error::Error;
pub use figures::{count_days, dashboard, open_money};
pub use lists::{
    Filed, ListedMentor, ListedOffering, ListedPayment, ListedPayout, ListedReservation, ListedUser,
    MentorFilter, OfferingFilter, Pages, PaymentFilter, Prefix, ReservationFilter, Span, mentors, offerings,
    payments, reservations,
};
pub use mask::{Cell, masked_email, masked_name, row};
pub use model::{Dashboard, Figures, Load, OpenMoney, Waiting};
pub use query::{Dossier, Line, dossier, lines_of_user};
