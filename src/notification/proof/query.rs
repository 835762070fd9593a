//! SQL of what became of notices.

use sqlx::{MySqlPool, QueryBuilder};

use super::{ProofFilter, PushReceipt};
use crate::db::push_list;
use crate::id::NoticeId;
use crate::notification::Notice;
use crate::notification::query::NOTICE;

pub async fn page(pool: &MySqlPool, filter: &ProofFilter, limit: u32) -> sqlx::Result<Vec<Notice>> {
    let mut query = QueryBuilder::new(NOTICE);
    query.push(" WHERE 1 = 1");
    if let Some(user) = filter.user {
        query.push(" AND user_id = ").push_bind(user);
    }
    if let Some(reservation) = filter.reservation {
        query.push(" AND reservation_id = ").push_bind(reservation);
    }
    if let Some(before) = filter.before {
        query.push(" AND id < ").push_bind(before);
    }
    query.push(" ORDER BY id DESC LIMIT ").push_bind(limit);
    query.build_query_as().fetch_all(pool).await
}

pub async fn receipts(pool: &MySqlPool, notices: &[NoticeId]) -> sqlx::Result<Vec<PushReceipt>> {
    if notices.is_empty() {
        return Ok(Vec::new());
    }
    let mut query =
        QueryBuilder::new("SELECT notice_id, provider_id, sent_at FROM notice_pushes WHERE notice_id IN (");
    push_list(&mut query, notices.iter().copied());
    query.push(") ORDER BY sent_at, token_hash").build_query_as().fetch_all(pool).await
}
