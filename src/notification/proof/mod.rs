//! Proof that people were told: what became of each notice, and on which devices. For administrators.

mod query;

use std::collections::HashMap;

use sqlx::MySqlPool;

use super::error::Error;
use super::model::{Channel, Notice};
use crate::clock::Instant;
use crate::id::{NoticeId, ReservationId, UserId};

/// Which notices an administrator looks at; an absent part does not filter.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProofFilter {
    pub user: Option<UserId>,
    pub reservation: Option<ReservationId>,
    /// Older than this one: the key of the next page.
    pub before: Option<NoticeId>,
}

/// A push that the service took for one device.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct PushReceipt {
    pub notice_id: NoticeId,
    /// What the service calls it.
    pub provider_id: String,
    /// UTC.
    pub sent_at: Instant,
}

/// Notices on every channel, also those that their reader deleted, newest first.
pub async fn proofs(pool: &MySqlPool, filter: &ProofFilter, limit: u32) -> Result<Vec<Notice>, Error> {
    Ok(query::page(pool, filter, limit).await?)
}

/// The pushes of these notices, each with its devices, in the order they were sent.
pub async fn receipts(
    pool: &MySqlPool,
    notices: &[Notice],
) -> Result<HashMap<NoticeId, Vec<PushReceipt>>, Error> {
    let pushes: Vec<NoticeId> =
        notices.iter().filter(|notice| notice.channel == Channel::Push).map(|notice| notice.id).collect();
    let mut by_notice: HashMap<NoticeId, Vec<PushReceipt>> = HashMap::new();
    for receipt in query::receipts(pool, &pushes).await? {
        by_notice.entry(receipt.notice_id).or_default().push(receipt);
    }
    Ok(by_notice)
}
