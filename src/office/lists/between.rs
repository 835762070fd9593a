//! What was made in a span of time, oldest first, page by page, for files. A span with more than a file holds is refused
//! whole: a file that ends early looks like one that does not.

use sqlx::MySqlPool;
use uuid::Uuid;

use super::query::{self, Key};
use super::{ListedPayment, ListedPayout, ListedReservation, ListedUser, Span};
use crate::clock::Instant;
use crate::office::error::Error;

/// Rows of one file.
const MOST: u32 = 50_000;
/// Rows read at a time.
const PAGE: u32 = 1_000;

/// A kind of row that files have.
pub trait Filed: Sized + Send {
    /// The table that is counted.
    const TABLE: &'static str;

    /// Where the next page begins.
    fn key(&self) -> Key;

    /// Rows after a key, oldest first.
    fn page(
        pool: &MySqlPool,
        span: Span,
        after: Option<Key>,
        limit: u32,
    ) -> impl Future<Output = sqlx::Result<Vec<Self>>> + Send;
}

macro_rules! filed {
    ($row:ty, $table:literal, $page:path) => {
        impl Filed for $row {
            const TABLE: &'static str = $table;

            fn key(&self) -> (Instant, Uuid) {
                (self.created_at, self.id.0)
            }

            async fn page(
                pool: &MySqlPool,
                span: Span,
                after: Option<Key>,
                limit: u32,
            ) -> sqlx::Result<Vec<Self>> {
                $page(pool, span, after, limit).await
            }
        }
    };
}

filed!(ListedUser, "users", query::users_page);
filed!(ListedReservation, "reservations", query::reservations_page);
filed!(ListedPayment, "payments", query::payments_page);
filed!(ListedPayout, "payouts", query::payouts_page);

/// The pages of a file: ask for the next one until it is empty.
#[derive(Debug)]
pub struct Pages<R> {
    pool: MySqlPool,
    span: Span,
    after: Option<Key>,
    is_over: bool,
    rows: std::marker::PhantomData<fn() -> R>,
}

impl<R: Filed> Pages<R> {
    /// # Errors
    /// `TooMany`
    pub async fn open(pool: &MySqlPool, span: Span) -> Result<Self, Error> {
        if query::count_up_to(pool, R::TABLE, span, MOST).await? > i64::from(MOST) {
            return Err(Error::TooMany);
        }
        Ok(Self { pool: pool.clone(), span, after: None, is_over: false, rows: std::marker::PhantomData })
    }

    /// # Errors
    /// `Database`
    pub async fn next(&mut self) -> Result<Vec<R>, Error> {
        if self.is_over {
            return Ok(Vec::new());
        }
        let rows = R::page(&self.pool, self.span, self.after, PAGE).await?;
        self.is_over = rows.len() < PAGE as usize;
        self.after = rows.last().map(Filed::key);
        Ok(rows)
    }
}
