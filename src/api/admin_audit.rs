//! What the audit found, and the provider's books against ours by days.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Any;
use poem_openapi::{Object, OpenApi};
use serde_json::Value;

use super::answer::page_size;
use super::caller::Caller;
use super::problem::{Problem, problem_from};
use super::request::{Lang, lang};
use super::{Shared, Tag};
use crate::audit::{self, DayReport, Finding, MatchState, Offender, StoredRow, TransactionKind};
use crate::id::{AttemptId, FindingId};
use crate::money::Krw;

problem_from!(audit::Error);

pub struct AuditApi;

/// A row that breaks a rule.
#[derive(Debug, Object)]
#[oai(rename = "Violation", rename_all = "camelCase")]
struct ViolationView {
    /// Which rule, such as `I7-balance`.
    invariant: String,
    /// What it means, in the language of `Accept-Language`.
    meaning: String,
    /// The row: an id.
    id: String,
    /// What was compared.
    facts: Any<Value>,
}

impl ViolationView {
    fn of(found: Offender, lang: Lang) -> Self {
        Self {
            invariant: found.check.to_owned(),
            meaning: meaning(found.check, lang),
            id: found.subject,
            facts: Any(found.facts),
        }
    }
}

fn meaning(check: &str, lang: Lang) -> String {
    let (ko, en) = audit::meaning(check);
    if lang == Lang::Ko { ko } else { en }.to_owned()
}

/// What the auditor found in the live data.
#[derive(Debug, Object)]
#[oai(rename_all = "camelCase")]
struct Audit {
    /// UTC.
    checked_at: DateTime<Utc>,
    /// How many rows were looked at.
    checked: u64,
    /// Empty when all is well; at most 500 of each kind.
    violations: Vec<ViolationView>,
}

/// Something the audit found, and perhaps is gone since. All instants are UTC.
#[derive(Debug, Object)]
#[oai(rename = "AuditFinding", rename_all = "camelCase", skip_serializing_if_is_none)]
struct FindingView {
    id: FindingId,
    /// Which rule, such as `I7-balance`; `provider` for the provider's list of transactions.
    check: String,
    /// What it means, in the language of `Accept-Language`.
    meaning: String,
    /// The row that breaks the rule: an id, or the provider's transaction key.
    subject: String,
    /// Whether it stopped payouts when it was found.
    stops_payouts: bool,
    /// What was compared, with the other rows involved.
    facts: Any<Value>,
    first_seen: DateTime<Utc>,
    last_seen: DateTime<Utc>,
    /// When a pass saw that it is gone; absent while it is open.
    resolved_at: Option<DateTime<Utc>>,
}

impl FindingView {
    fn of(found: Finding, lang: Lang) -> Self {
        Self {
            id: found.id,
            meaning: meaning(&found.check, lang),
            check: found.check,
            subject: found.subject,
            stops_payouts: found.is_money,
            facts: Any(found.facts),
            first_seen: found.first_seen,
            last_seen: found.last_seen,
            resolved_at: found.resolved_at,
        }
    }
}

#[derive(Debug, Object)]
#[oai(rename = "AuditFindings", rename_all = "camelCase", skip_serializing_if_is_none)]
struct Findings {
    items: Vec<FindingView>,
    /// `before` of the next page; absent on the last one.
    next: Option<FindingId>,
}

/// One day in Korea: the provider's transactions and our books, in won.
#[derive(Debug, Object)]
#[oai(rename = "ReconciledDay", rename_all = "camelCase")]
struct DayView {
    day: NaiveDate,
    /// UTC.
    checked_at: DateTime<Utc>,
    /// Rows of the provider's list.
    transactions: i64,
    matched: i64,
    /// Rows that one side lacks, or that differ. None when all is well.
    unexplained: i64,
    /// Taken from payers, as the provider says, less deposits that were taken back.
    captured: Krw,
    /// Given back to payers, as the provider says.
    cancelled: Krw,
    /// The same in our books, by the provider's dates.
    ledger_captured: Krw,
    ledger_refunded: Krw,
}

impl From<DayReport> for DayView {
    fn from(report: DayReport) -> Self {
        Self {
            day: report.day,
            checked_at: report.checked_at,
            transactions: report.transactions,
            matched: report.matched,
            unexplained: report.unexplained,
            captured: report.captured_krw,
            cancelled: report.cancelled_krw,
            ledger_captured: report.ledger_captured_krw,
            ledger_refunded: report.ledger_refunded_krw,
        }
    }
}

#[derive(Debug, Object)]
#[oai(rename = "ReconciledDays", rename_all = "camelCase")]
struct Days {
    /// Newest first.
    items: Vec<DayView>,
}

/// A movement of money there, here, or on both sides.
#[derive(Debug, Object)]
#[oai(rename = "ProviderTransaction", rename_all = "camelCase", skip_serializing_if_is_none)]
struct TransactionView {
    /// The provider's; of a row that it lacks, ours.
    transaction_key: String,
    payment_key: String,
    order_id: String,
    kind: TransactionKind,
    /// The provider's word for the payment at that time.
    status: String,
    /// Won that were moved, whatever the direction.
    amount: Krw,
    /// What we posted for it; absent when we have nothing.
    ledger: Option<Krw>,
    #[oai(rename = "match")]
    match_state: MatchState,
    /// The attempt to pay that the order names.
    attempt_id: Option<AttemptId>,
    /// The provider's own time (UTC).
    at: DateTime<Utc>,
    /// When a job was first asked to close the gap (UTC).
    asked_at: Option<DateTime<Utc>>,
}

impl From<StoredRow> for TransactionView {
    fn from(row: StoredRow) -> Self {
        Self {
            transaction_key: row.transaction_key,
            payment_key: row.payment_key,
            order_id: row.order_id,
            kind: row.kind,
            status: row.status,
            amount: row.amount_krw,
            ledger: row.ledger_krw,
            match_state: row.match_state,
            attempt_id: row.attempt_id,
            at: row.at,
            asked_at: row.asked_at,
        }
    }
}

#[derive(Debug, Object)]
#[oai(rename = "ReconciledDayRows", rename_all = "camelCase", skip_serializing_if_is_none)]
struct DayRows {
    report: DayView,
    items: Vec<TransactionView>,
    /// `after` of the next page; absent on the last one.
    next: Option<String>,
}

/// A day that the database can hold, and that somebody can mean.
fn of_our_time(day: NaiveDate, field: &str) -> Result<NaiveDate, Problem> {
    if (1970..=9999).contains(&day.year()) {
        Ok(day)
    } else {
        Err(Problem::new("request.invalid").field(field))
    }
}

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Admin")]
impl AuditApi {
    /// Audit the live data
    ///
    /// Checks the rules of slots, states and money now, on what was touched lately and on what was found before.
    /// Nothing is written. For administrators.
    #[oai(path = "/audit", method = "get", operation_id = "adminAudit")]
    async fn audit(&self, app: Data<&Shared>, caller: Caller) -> Result<Json<Audit>, Problem> {
        caller.admin()?;
        let now = app.core.clock.now();
        let pool = app.core.db.pool();
        let found = audit::pass(pool, now, audit::recent(pool, now).await?, |_| ()).await?;
        let violations = found.offenders.into_iter().map(|o| ViolationView::of(o, lang())).collect();
        Ok(Json(Audit { checked_at: now, checked: found.subjects, violations }))
    }

    /// List what the audit found
    ///
    /// Newest first. For administrators.
    #[oai(path = "/audit/findings", method = "get", operation_id = "adminListFindings")]
    async fn findings(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        /// Those that last, or those that are gone; absent: all.
        open: Query<Option<bool>>,
        /// The `next` of the page before.
        before: Query<Option<FindingId>>,
        #[oai(default = "page_size", validator(minimum(value = "1"), maximum(value = "100")))] limit: Query<
            u32,
        >,
    ) -> Result<Json<Findings>, Problem> {
        caller.admin()?;
        let found = audit::findings(app.core.db.pool(), open.0, before.0, limit.0).await?;
        let next = found.last().filter(|_| found.len() == limit.0 as usize).map(|f| f.id);
        Ok(Json(Findings { items: found.into_iter().map(|f| FindingView::of(f, lang())).collect(), next }))
    }

    /// Compare the provider's days with ours
    ///
    /// The reports of the days in Korea from `from` to `to`, both included; the last thirty when nothing is said. For
    /// administrators.
    #[oai(path = "/reconciliation", method = "get", operation_id = "adminListReconciliation")]
    async fn days(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        from: Query<Option<NaiveDate>>,
        to: Query<Option<NaiveDate>>,
    ) -> Result<Json<Days>, Problem> {
        caller.admin()?;
        let to = of_our_time(to.0.unwrap_or_else(|| audit::day_of(app.core.clock.now())), "to")?;
        let from = of_our_time(from.0.unwrap_or_else(|| to - TimeDelta::days(30)), "from")?;
        let reports = audit::reports(app.core.db.pool(), from, to).await?;
        Ok(Json(Days { items: reports.into_iter().map(DayView::from).collect() }))
    }

    /// Show one of the provider's days
    ///
    /// Its report and the rows behind it: those that are unexplained, or all. For administrators.
    #[oai(path = "/reconciliation/:day", method = "get", operation_id = "adminGetReconciliation")]
    async fn day(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        /// The date in Korea.
        day: Path<NaiveDate>,
        /// Rows that agree as well.
        #[oai(default)]
        all: Query<bool>,
        /// The `next` of the page before.
        #[oai(validator(max_length = 64))]
        after: Query<Option<String>>,
        #[oai(default = "page_size", validator(minimum(value = "1"), maximum(value = "100")))] limit: Query<
            u32,
        >,
    ) -> Result<Json<DayRows>, Problem> {
        caller.admin()?;
        let day = of_our_time(day.0, "day")?;
        let (report, rows) = audit::day(app.core.db.pool(), day, all.0, after.0.as_deref(), limit.0).await?;
        let next =
            rows.last().filter(|_| rows.len() == limit.0 as usize).map(|row| row.transaction_key.clone());
        Ok(Json(DayRows {
            report: report.into(),
            items: rows.into_iter().map(TransactionView::from).collect(),
            next,
        }))
    }
}
