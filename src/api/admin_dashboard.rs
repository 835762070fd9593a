//! The back office at a glance.

use chrono::{DateTime, NaiveDate, Utc};
use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::caller::Caller;
use super::problem::{Problem, problem_from};
use super::{Shared, Tag};
use crate::money::Krw;
use crate::office::{self, Dashboard, Figures, Load, Waiting};

pub struct DashboardApi;

problem_from!(office::Error);

/// How many bookings came into one state.
#[derive(Debug, Object)]
#[oai(rename = "BookingMoves", rename_all = "camelCase")]
struct MovesView {
    state: String,
    count: i64,
}

/// What happened in a stretch of time. Amounts are whole won.
#[derive(Debug, Object)]
#[oai(rename = "OfficeFigures", rename_all = "camelCase")]
struct FiguresView {
    new_users: i64,
    /// By the state they came into; one that came twice counts twice.
    bookings: Vec<MovesView>,
    /// Taken from payers, less what banks took back.
    captured: Krw,
    refunded: Krw,
    /// The platform's share of what was split, without VAT.
    fees: Krw,
    /// Arrived at mentors.
    paid_out: Krw,
}

impl From<Figures> for FiguresView {
    fn from(f: Figures) -> Self {
        let moves = f.moves.into_iter().map(|(state, count)| MovesView { state, count });
        Self {
            new_users: f.new_users,
            bookings: moves.collect(),
            captured: f.captured,
            refunded: f.refunded,
            fees: f.fees,
            paid_out: f.paid_out,
        }
    }
}

/// What waits now.
#[derive(Debug, Object)]
#[oai(rename = "OfficeWaiting", rename_all = "camelCase")]
struct WaitingView {
    /// Ready for the next payout, less what mentors owe, in won.
    payouts_due: Krw,
    /// Payouts whose outcome is not known.
    payouts_open: i64,
    disputes_open: i64,
    mentor_applications: i64,
    /// Refunds that an administrator must look at.
    refunds_waiting: i64,
    /// Attempts to pay of which the provider has not said what became.
    payments_unknown: i64,
    jobs_dead: i64,
    /// Findings of the audit that last.
    findings_open: i64,
    /// Reports of reviews that nobody has looked into.
    reports_open: i64,
}

impl From<Waiting> for WaitingView {
    fn from(w: Waiting) -> Self {
        Self {
            payouts_due: w.payouts_due,
            payouts_open: w.payouts_open,
            disputes_open: w.disputes_open,
            mentor_applications: w.applications,
            refunds_waiting: w.refunds_waiting,
            payments_unknown: w.payments_unknown,
            jobs_dead: w.jobs_dead,
            findings_open: w.findings_open,
            reports_open: w.reports_open,
        }
    }
}

/// How the work of one queue stands.
#[derive(Debug, Object)]
#[oai(rename = "QueueLag", rename_all = "camelCase")]
struct LoadView {
    queue: String,
    /// Seconds that the oldest due job has waited.
    lag_seconds: f64,
}

impl From<Load> for LoadView {
    fn from(load: Load) -> Self {
        Self { queue: load.queue.to_owned(), lag_seconds: load.lag }
    }
}

/// Days are those of Korea.
#[derive(Debug, Object)]
#[oai(rename = "Dashboard", rename_all = "camelCase")]
struct DashboardView {
    /// UTC.
    at: DateTime<Utc>,
    today: NaiveDate,
    day: FiguresView,
    /// Seven days, with today.
    week: FiguresView,
    /// Thirty days, with today.
    month: FiguresView,
    /// Days of the month that are not counted yet, and that the figures lack.
    missing_days: usize,
    waiting: WaitingView,
    queues: Vec<LoadView>,
}

impl From<Dashboard> for DashboardView {
    fn from(d: Dashboard) -> Self {
        Self {
            at: d.at,
            today: d.today,
            day: d.day.into(),
            week: d.week.into(),
            month: d.month.into(),
            missing_days: d.missing,
            waiting: d.waiting.into(),
            queues: d.queues.into_iter().map(LoadView::from).collect(),
        }
    }
}

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Admin")]
impl DashboardApi {
    /// Show the dashboard
    ///
    /// Today's figures as they are now, those of days that are over as they were counted, and what waits. For
    /// administrators.
    #[oai(path = "/dashboard", method = "get", operation_id = "adminGetDashboard")]
    async fn get(&self, app: Data<&Shared>, caller: Caller) -> Result<Json<DashboardView>, Problem> {
        caller.admin()?;
        Ok(Json(office::dashboard(&app.core.db).await?.into()))
    }
}
