//! Proof that people were told, for administrators.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::Query;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::caller::Caller;
use super::problem::Problem;
use super::{Shared, Tag};
use crate::id::{DigestId, NoticeId, ReservationId, UserId};
use crate::notification::{self, Channel, Notice, ProofFilter, PushReceipt};

pub struct NoticeProofsApi;

/// The most notices that are shown about one reservation.
const OF_RESERVATION: u32 = 500;

/// A push that the service took for one device.
#[derive(Debug, Object)]
#[oai(rename = "PushReceipt", rename_all = "camelCase")]
struct ReceiptView {
    /// What the push service called it.
    provider_id: String,
    /// UTC.
    sent_at: DateTime<Utc>,
}

/// Proof that somebody was told of something.
#[derive(Debug, Object)]
#[oai(rename = "NoticeProof", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct NoticeProof {
    pub(super) id: NoticeId,
    pub(super) user_id: UserId,
    pub(super) channel: Channel,
    /// Such as `dispute.opened`.
    pub(super) kind: String,
    reservation_id: Option<ReservationId>,
    /// `stored` (in the app), `queued`, `sent`, `failed`, `skipped`, `gathered` (waits in a digest) or `digested` (was
    /// told in one).
    pub(super) state: String,
    /// What the mail server or push service called it.
    pub(super) provider_id: Option<String>,
    /// Why it failed or was skipped, or why it still waits.
    pub(super) error: Option<String>,
    /// The digest that it waits in or was told in: the proof of that is the notice `digest.daily` of the same person.
    digest_id: Option<DigestId>,
    /// When it was queued, or stored in the app (UTC).
    pub(super) created_at: DateTime<Utc>,
    /// When it was last about to be handed over (UTC).
    attempted_at: Option<DateTime<Utc>>,
    pub(super) sent_at: Option<DateTime<Utc>>,
    /// When its reader read it in the app.
    pub(super) read_at: Option<DateTime<Utc>>,
    /// When its reader opened the push, as the device says.
    pub(super) opened_at: Option<DateTime<Utc>>,
    /// Of a push: each device that got it.
    devices: Vec<ReceiptView>,
}

/// A page, newest first.
#[derive(Debug, Object)]
#[oai(rename = "NoticeProofPage", rename_all = "camelCase", skip_serializing_if_is_none)]
struct ProofPage {
    items: Vec<NoticeProof>,
    /// Send it as `before` to get the next page; absent on the last one.
    next: Option<NoticeId>,
}

/// What the members of a reservation were told, oldest first.
pub(super) async fn proofs(app: &Shared, id: ReservationId) -> Result<Vec<NoticeProof>, Problem> {
    let filter = ProofFilter { reservation: Some(id), ..ProofFilter::default() };
    let mut told = views(app, &filter, OF_RESERVATION).await?;
    told.reverse();
    Ok(told)
}

async fn views(app: &Shared, filter: &ProofFilter, limit: u32) -> Result<Vec<NoticeProof>, Problem> {
    let pool = app.core.db.pool();
    let notices = notification::proofs(pool, filter, limit).await?;
    let mut receipts = notification::receipts(pool, &notices).await?;
    let view = |notice: Notice| {
        let devices = receipts.remove(&notice.id).unwrap_or_default();
        NoticeProof::new(notice, devices)
    };
    Ok(notices.into_iter().map(view).collect())
}

#[OpenApi(prefix_path = "/v1/admin/notices", tag = "Tag::Admin")]
impl NoticeProofsApi {
    /// List what people were told, and what became of it
    ///
    /// On every channel, newest first, also what its reader deleted.
    #[oai(path = "/", method = "get", operation_id = "adminListNotices")]
    async fn list(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        /// Who was told.
        #[oai(name = "userId")]
        user_id: Query<Option<UserId>>,
        /// What it was about.
        #[oai(name = "reservationId")]
        reservation_id: Query<Option<ReservationId>>,
        /// The `next` of the page before.
        before: Query<Option<NoticeId>>,
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u32>,
    ) -> Result<Json<ProofPage>, Problem> {
        caller.admin()?;
        let filter = ProofFilter { user: user_id.0, reservation: reservation_id.0, before: before.0 };
        let items = views(&app, &filter, limit.0).await?;
        let next = (items.len() == limit.0 as usize).then(|| items.last().map(|proof| proof.id)).flatten();
        Ok(Json(ProofPage { items, next }))
    }
}

impl NoticeProof {
    fn new(notice: Notice, devices: Vec<PushReceipt>) -> Self {
        let device =
            |receipt: PushReceipt| ReceiptView { provider_id: receipt.provider_id, sent_at: receipt.sent_at };
        Self {
            id: notice.id,
            user_id: notice.user_id,
            channel: notice.channel,
            kind: notice.kind,
            reservation_id: notice.reservation_id,
            state: notice.state.name().to_owned(),
            provider_id: notice.provider_id,
            error: notice.error,
            digest_id: notice.digest_id,
            created_at: notice.created_at,
            attempted_at: notice.attempted_at,
            sent_at: notice.sent_at,
            read_at: notice.read_at,
            opened_at: notice.opened_at,
            devices: devices.into_iter().map(device).collect(),
        }
    }
}

fn default_limit() -> u32 {
    30
}
