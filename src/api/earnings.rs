//! What mentors earn: by reservation, in sums, as a list and as a file.

use chrono::{DateTime, Datelike, NaiveDate, TimeZone, Utc};
use chrono_tz::Asia::Seoul;
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::{Attachment, AttachmentType, Json};
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::caller::Caller;
use super::problem::{Problem, problem_from};
use super::{Shared, Tag};
use crate::id::{PayoutId, ReservationId, SettlementLineId};
use crate::ledger::Split;
use crate::money::Krw;
use crate::settlement::{self, LineState, SettlementLine, Sum};

pub struct EarningsApi;

/// What a reservation earned its mentor, with what of it was taken back.
#[derive(Debug, Object)]
#[oai(rename_all = "camelCase")]
struct Settlement {
    reservation_id: ReservationId,
    #[oai(flatten)]
    total: Amounts,
    /// The state of the first line.
    state: LineState,
    /// Oldest first.
    lines: Vec<LineView>,
}

/// `gross = fee + withholding + net`, in won; negative where something was taken back.
#[derive(Debug, Object)]
#[oai(rename = "SettlementAmounts", rename_all = "camelCase")]
struct Amounts {
    gross: Krw,
    /// The platform's, VAT included.
    fee: Krw,
    /// The part of the fee that is VAT.
    fee_vat: Krw,
    /// Income tax kept back for the tax office.
    withholding: Krw,
    /// The mentor's.
    net: Krw,
}

impl From<Split> for Amounts {
    fn from(split: Split) -> Self {
        Self {
            gross: split.gross,
            fee: split.fee,
            fee_vat: split.vat,
            withholding: split.withholding,
            net: split.net,
        }
    }
}

/// One line of a settlement.
#[derive(Debug, Object)]
#[oai(rename = "SettlementLine", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct LineView {
    id: SettlementLineId,
    reservation_id: ReservationId,
    /// `accrual`, or what it takes back.
    key: String,
    #[oai(flatten)]
    amounts: Amounts,
    /// Basis points of the gross.
    fee_bps: u32,
    /// Basis points of the fee without VAT.
    vat_bps: u32,
    /// Basis points of gross less fee.
    withholding_bps: u32,
    /// The version of the rule that split it.
    rule_version: i16,
    state: LineState,
    /// Until then a problem may be reported (UTC).
    release_at: Option<DateTime<Utc>>,
    /// Why it is held, as a code.
    held_reason: Option<String>,
    payout_id: Option<PayoutId>,
    created_at: DateTime<Utc>,
}

impl From<SettlementLine> for LineView {
    fn from(line: SettlementLine) -> Self {
        Self {
            id: line.id,
            reservation_id: line.reservation_id,
            amounts: line.split().into(),
            key: line.line_key,
            fee_bps: line.fee_bps,
            vat_bps: line.vat_bps,
            withholding_bps: line.withholding_bps,
            rule_version: line.rule_version,
            state: line.state,
            release_at: line.release_at,
            held_reason: line.held_reason,
            payout_id: line.payout_id,
            created_at: line.created_at,
        }
    }
}

/// A mentor's net earnings, in won, by where they stand.
#[derive(Debug, Default, Object)]
#[oai(rename_all = "camelCase")]
struct Earnings {
    /// Earned, but the window for problems is open, a dispute is, or something is being looked at.
    held: Krw,
    /// Goes into the next batch; negative when more was taken back than is ready.
    available: Krw,
    /// In a payout whose outcome is not known yet.
    in_transit: Krw,
    paid: Krw,
    /// Given back before it was paid: what the lines had been.
    reversed: Krw,
    /// Of everything above but what was reversed.
    gross: Krw,
    fee: Krw,
    withholding: Krw,
}

impl Earnings {
    fn of(sums: &[Sum]) -> Self {
        let mut earnings = Self::default();
        for sum in sums {
            let place = match sum.state {
                LineState::Accrued | LineState::Held | LineState::Frozen => &mut earnings.held,
                LineState::Ready => &mut earnings.available,
                LineState::Paying => &mut earnings.in_transit,
                LineState::Paid => &mut earnings.paid,
                LineState::Reversed => &mut earnings.reversed,
            };
            *place = place.plus(sum.net_krw);
            earnings.gross = earnings.gross.plus(sum.gross_krw);
            earnings.fee = earnings.fee.plus(sum.fee_krw);
            earnings.withholding = earnings.withholding.plus(sum.withholding_krw);
        }
        earnings
    }
}

#[derive(Debug, Object)]
#[oai(rename = "SettlementLinePage", rename_all = "camelCase", skip_serializing_if_is_none)]
struct LinePage {
    items: Vec<LineView>,
    /// Send it as `before` to get the next page; absent on the last one.
    next: Option<SettlementLineId>,
}

#[derive(ApiResponse)]
enum Statement {
    /// UTF-8 with a byte order mark, as spreadsheets expect it.
    #[oai(status = 200, content_type = "text/csv; charset=utf-8")]
    File(Attachment<Vec<u8>>),
}

/// More lines than a mentor can have in a month.
const MOST_ROWS: u32 = 20_000;

fn page_size() -> u32 {
    50
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Earnings")]
impl EarningsApi {
    /// Show what a reservation earned its mentor
    #[oai(path = "/reservations/:id/settlement", method = "get", operation_id = "getSettlement")]
    async fn settlement(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
    ) -> Result<Json<Settlement>, Problem> {
        let mentor = caller.mentor()?;
        let lines = settlement::lines_of_reservation(app.core.db.pool(), id.0, mentor).await?;
        let Some(first) = lines.first() else { return Err(Problem::new("settlement.not_found")) };
        let total = lines.iter().fold(Split::default(), |sum, line| sum.plus(line.split()));
        Ok(Json(Settlement {
            reservation_id: id.0,
            total: total.into(),
            state: first.state,
            lines: lines.into_iter().map(LineView::from).collect(),
        }))
    }

    /// Show the caller's earnings
    ///
    /// Sums over all time, in won, by where the money stands.
    #[oai(path = "/me/earnings", method = "get", operation_id = "getEarnings")]
    async fn earnings(&self, app: Data<&Shared>, caller: Caller) -> Result<Json<Earnings>, Problem> {
        let mentor = caller.mentor()?;
        Ok(Json(Earnings::of(&settlement::sums_of_mentor(app.core.db.pool(), mentor).await?)))
    }

    /// List the caller's settlement lines
    ///
    /// Newest first.
    #[oai(path = "/me/settlement-lines", method = "get", operation_id = "listSettlementLines")]
    async fn lines(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        /// The `next` of the page before.
        before: Query<Option<SettlementLineId>>,
        #[oai(default = "page_size", validator(minimum(value = "1"), maximum(value = "100")))] limit: Query<
            u32,
        >,
    ) -> Result<Json<LinePage>, Problem> {
        let mentor = caller.mentor()?;
        let rows = settlement::lines_of_mentor(app.core.db.pool(), mentor, before.0, limit.0).await?;
        let next = rows.last().filter(|_| rows.len() == limit.0 as usize).map(|line| line.id);
        Ok(Json(LinePage { items: rows.into_iter().map(LineView::from).collect(), next }))
    }

    /// Download the caller's statement of a month
    ///
    /// CSV, one row a settlement line, by the Korean calendar.
    #[oai(path = "/me/statement", method = "get", operation_id = "getStatement")]
    async fn statement(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        /// Such as `2026-11`.
        #[oai(validator(pattern = r"^(19[7-9]\d|[2-8]\d{3})-(0[1-9]|1[0-2])$"))]
        month: Query<String>,
    ) -> Result<Statement, Problem> {
        let mentor = caller.mentor()?;
        let (from, to) =
            month_in_korea(&month).ok_or_else(|| Problem::new("request.invalid").field("month"))?;
        let pool = app.core.db.pool();
        let lines = settlement::lines_between(pool, mentor, from, to, None, MOST_ROWS).await?;
        let name = format!("konnect-{}.csv", month.0);
        let file = Attachment::new(csv(&lines).into_bytes())
            .attachment_type(AttachmentType::Attachment)
            .filename(name);
        Ok(Statement::File(file))
    }
}

/// The first instant of a month in Korea and that of the next one.
fn month_in_korea(text: &str) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let first = NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d").ok()?;
    let first = Some(first).filter(|day| (1970..9999).contains(&day.year()))?;
    let next = first.checked_add_months(chrono::Months::new(1))?;
    let midnight = |day: NaiveDate| {
        Some(Seoul.from_local_datetime(&day.and_hms_opt(0, 0, 0)?).earliest()?.with_timezone(&Utc))
    };
    Some((midnight(first)?, midnight(next)?))
}

/// No field can hold a comma, a quote or a formula: ids, words of ours, numbers and instants.
fn csv(lines: &[SettlementLine]) -> String {
    let mut text = String::from(
        "\u{feff}line,reservation,key,state,gross,fee,fee_vat,withholding,net,fee_bps,vat_bps,withholding_bps,rule,payout,created_at\r\n",
    );
    for line in lines {
        let payout = line.payout_id.map(|id| id.to_string()).unwrap_or_default();
        let created = line.created_at.with_timezone(&Seoul).to_rfc3339();
        text.push_str(&format!(
            "{},{},{},{},{},{},{},{},{},{},{},{},{},{payout},{created}\r\n",
            line.id,
            line.reservation_id,
            line.line_key,
            line.state.name(),
            line.gross_krw.0,
            line.fee_krw.0,
            line.vat_krw.0,
            line.withholding_krw.0,
            line.net_krw.0,
            line.fee_bps,
            line.vat_bps,
            line.withholding_bps,
            line.rule_version,
        ));
    }
    text
}

problem_from!(settlement::Error);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_that_of_korea() {
        let (from, to) = month_in_korea("2026-12").expect("a month");
        assert_eq!(from.to_rfc3339(), "2026-11-30T15:00:00+00:00");
        assert_eq!(to.to_rfc3339(), "2026-12-31T15:00:00+00:00");
        for none in ["2026-13", "0000-01", "9999-12"] {
            assert_eq!(month_in_korea(none), None, "{none}");
        }
    }
}
