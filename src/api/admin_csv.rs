//! Files for spreadsheets: what was made in a span of time, with people masked. That a file was taken is kept.

use futures_util::Stream;
use futures_util::stream::try_unfold;
use poem::Body;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Query;
use poem_openapi::payload::{Binary, Response};

use super::admin_acts::note_reading;
use super::caller::Caller;
use super::chat_files::disposition;
use super::instant::When;
use super::problem::Problem;
use super::{App, Shared, Tag};
use crate::office::{
    Cell, Filed, ListedPayment, ListedPayout, ListedReservation, ListedUser, Pages, Span, masked_email,
    masked_name, row,
};

pub struct CsvApi;

type File = Response<Binary<Body>>;

/// A kind of row with its columns.
trait Line: Filed + 'static {
    const COLUMNS: &'static [&'static str];

    fn cells(self) -> Vec<Cell>;
}

impl Line for ListedUser {
    const COLUMNS: &'static [&'static str] =
        &["id", "email", "name", "state", "admin", "mentor", "company", "created_at"];

    fn cells(self) -> Vec<Cell> {
        vec![
            Cell::text(self.id),
            Cell::text(masked_email(&self.email)),
            Cell::text(masked_name(&self.name)),
            Cell::text(self.state.name()),
            Cell::text(self.is_admin),
            Cell::or_empty(self.mentor_state.map(|state| Cell::text(state.name()))),
            Cell::or_empty(self.company.map(Cell::text)),
            Cell::at(self.created_at),
        ]
    }
}

impl Line for ListedReservation {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "mentor_id",
        "mentor",
        "mentee_id",
        "mentee",
        "title",
        "price_krw",
        "state",
        "refund_krw",
        "absent",
        "payment",
        "starts_at",
        "ends_at",
        "created_at",
        "updated_at",
    ];

    fn cells(self) -> Vec<Cell> {
        vec![
            Cell::text(self.id),
            Cell::text(self.mentor_id),
            Cell::text(masked_name(&self.mentor_name)),
            Cell::text(self.mentee_id),
            Cell::text(masked_name(&self.mentee_name)),
            Cell::text(self.title),
            Cell::won(self.price_krw),
            Cell::text(self.state.name()),
            Cell::or_empty(self.refund_krw.map(Cell::won)),
            Cell::or_empty(self.absent.map(|absent| Cell::text(absent.name()))),
            Cell::or_empty(self.payment_state.map(|state| Cell::text(state.name()))),
            Cell::at(self.starts_at),
            Cell::at(self.ends_at),
            Cell::at(self.created_at),
            Cell::at(self.updated_at),
        ]
    }
}

impl Line for ListedPayment {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "reservation_id",
        "mentee_id",
        "mentee",
        "amount_krw",
        "refunded_krw",
        "state",
        "method",
        "created_at",
        "updated_at",
    ];

    fn cells(self) -> Vec<Cell> {
        vec![
            Cell::text(self.id),
            Cell::text(self.reservation_id),
            Cell::text(self.mentee_id),
            Cell::text(masked_name(&self.mentee_name)),
            Cell::won(self.amount_krw),
            Cell::won(self.refunded_krw),
            Cell::text(self.state.name()),
            Cell::or_empty(self.method.map(Cell::text)),
            Cell::at(self.created_at),
            Cell::at(self.updated_at),
        ]
    }
}

impl Line for ListedPayout {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "mentor_id",
        "mentor",
        "amount_krw",
        "carried_krw",
        "state",
        "error",
        "created_at",
        "concluded_at",
    ];

    fn cells(self) -> Vec<Cell> {
        vec![
            Cell::text(self.id),
            Cell::text(self.mentor_id),
            Cell::text(masked_name(&self.mentor_name)),
            Cell::won(self.amount_krw),
            Cell::won(self.carried_krw),
            Cell::text(self.state),
            Cell::or_empty(self.error_code.map(Cell::text)),
            Cell::at(self.created_at),
            Cell::or_empty(self.concluded_at.map(Cell::at)),
        ]
    }
}

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Admin")]
impl CsvApi {
    /// Take the accounts of a span as a file
    ///
    /// CSV in UTF-8, at most 50,000 rows of at most a year; e-mails and names masked, hidden companies left out. For
    /// administrators.
    #[oai(path = "/users.csv", method = "get", operation_id = "adminExportUsers")]
    async fn users(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        /// Made at this instant or later (UTC).
        from: Query<When>,
        /// Made before this instant (UTC).
        to: Query<When>,
    ) -> Result<File, Problem> {
        file::<ListedUser>(&app, &caller, "users.csv", (from.0, to.0)).await
    }

    /// Take the reservations of a span as a file
    ///
    /// By when they were made. CSV in UTF-8, at most 50,000 rows of at most a year; names masked. For administrators.
    #[oai(path = "/reservations.csv", method = "get", operation_id = "adminExportReservations")]
    async fn reservations(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        /// Made at this instant or later (UTC).
        from: Query<When>,
        /// Made before this instant (UTC).
        to: Query<When>,
    ) -> Result<File, Problem> {
        file::<ListedReservation>(&app, &caller, "reservations.csv", (from.0, to.0)).await
    }

    /// Take the payments of a span as a file
    ///
    /// By when they were ordered. CSV in UTF-8, at most 50,000 rows of at most a year; names masked. For administrators.
    #[oai(path = "/payments.csv", method = "get", operation_id = "adminExportPayments")]
    async fn payments(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        /// Ordered at this instant or later (UTC).
        from: Query<When>,
        /// Ordered before this instant (UTC).
        to: Query<When>,
    ) -> Result<File, Problem> {
        file::<ListedPayment>(&app, &caller, "payments.csv", (from.0, to.0)).await
    }

    /// Take the payouts of a span as a file
    ///
    /// By when they were queued. CSV in UTF-8, at most 50,000 rows of at most a year; names masked, no accounts. For
    /// administrators.
    #[oai(path = "/payouts.csv", method = "get", operation_id = "adminExportPayouts")]
    async fn payouts(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        /// Queued at this instant or later (UTC).
        from: Query<When>,
        /// Queued before this instant (UTC).
        to: Query<When>,
    ) -> Result<File, Problem> {
        file::<ListedPayout>(&app, &caller, "payouts.csv", (from.0, to.0)).await
    }
}

/// The first page is read before anything is answered, so that a file that cannot be made is a problem; one that breaks
/// off later ends the connection, and never looks whole.
async fn file<R: Line>(
    app: &App,
    caller: &Caller,
    name: &str,
    (from, to): (When, When),
) -> Result<File, Problem> {
    let admin = caller.admin()?;
    let span = Span::new(from.0, to.0).map_err(|error| Problem::from(error).field("to"))?;
    let mut pages = Pages::<R>::open(app.core.db.pool(), span).await?;
    let first = pages.next().await?;
    note_reading(app, admin).await?;
    Ok(Response::new(Binary(Body::from_bytes_stream(lines(pages, first))))
        .header("content-type", "text/csv; charset=utf-8")
        .header("content-disposition", disposition(name))
        .header("content-security-policy", "sandbox; default-src 'none'"))
}

/// The mark of UTF-8, without which spreadsheets take Korean for something else, the names of the columns, and the rows.
fn lines<R: Line>(
    pages: Pages<R>,
    first: Vec<R>,
) -> impl Stream<Item = std::io::Result<Vec<u8>>> + Send + 'static {
    let columns: Vec<Cell> = R::COLUMNS.iter().map(Cell::text).collect();
    let head = format!("\u{feff}{}", row(&columns));
    try_unfold((pages, Some((head, first))), |(mut pages, ready)| async move {
        let Some((mut text, rows)) = ready else { return Ok(None) };
        for line in rows {
            text.push_str(&row(&line.cells()));
        }
        let more = pages.next().await.map_err(std::io::Error::other)?;
        let ready = (!more.is_empty()).then(|| (String::new(), more));
        Ok(Some((text.into_bytes(), (pages, ready))))
    })
}
