//! `Idempotency-Key`: the same key and request give the same answer, however often they are sent.
//!
//! The key's row is written by the transaction that does the work: a twin waits for its lock, then reads the
//! saved answer; when the work is refused, the row is rolled back with it and the key is free again.

use sha2::{Digest, Sha256};
use sqlx::MySqlPool;

use super::problem::Problem;
use crate::db::{Tx, duplicate_key};
use crate::id::UserId;

/// A key together with what it was sent for.
#[derive(Clone, Debug)]
pub struct Key {
    user: UserId,
    key: String,
    request: [u8; 32],
}

impl Key {
    /// `operation` and `body` say what the request was.
    pub fn parse(header: Option<String>, user: UserId, operation: &str, body: &str) -> Result<Self, Problem> {
        let key = header
            .filter(|k| (8..=128).contains(&k.len()) && k.bytes().all(|b| b.is_ascii_graphic()))
            .ok_or_else(|| Problem::new("idempotency.key_required").field("Idempotency-Key"))?;
        let mut hash = Sha256::new();
        hash.update(operation.as_bytes());
        hash.update([0]);
        hash.update(body.as_bytes());
        Ok(Self { user, key, request: hash.finalize().into() })
    }

    /// The saved answer when this request was answered before; `None` when it is to be done now.
    pub async fn begin(&self, tx: &mut Tx) -> Result<Option<String>, Problem> {
        let now = tx.now;
        let inserted = sqlx::query(
            "INSERT INTO idempotency_keys (user_id, idem_key, request_hash, created_at) VALUES (?, ?, ?, ?)",
        )
        .bind(self.user)
        .bind(&self.key)
        .bind(&self.request[..])
        .bind(now)
        .execute(tx.conn())
        .await;
        match inserted {
            Ok(_) => return Ok(None),
            Err(error) if duplicate_key(&error).is_some() => {}
            Err(error) => return Err(error.into()),
        }
        let (request, response): (Vec<u8>, Option<String>) = sqlx::query_as(
            "SELECT request_hash, response FROM idempotency_keys WHERE user_id = ? AND idem_key = ?",
        )
        .bind(self.user)
        .bind(&self.key)
        .fetch_one(tx.conn())
        .await?;
        if request != self.request {
            return Err(Problem::new("idempotency.key_reused").field("Idempotency-Key"));
        }
        Ok(Some(response.unwrap_or_default()))
    }

    /// Whether this request was answered before.
    pub async fn is_answered(&self, pool: &MySqlPool) -> sqlx::Result<bool> {
        let found: Option<i8> = sqlx::query_scalar(
            "SELECT 1 FROM idempotency_keys WHERE user_id = ? AND idem_key = ? AND request_hash = ?",
        )
        .bind(self.user)
        .bind(&self.key)
        .bind(&self.request[..])
        .fetch_optional(pool)
        .await?;
        Ok(found.is_some())
    }

    /// Saves the answer beside the work.
    pub async fn save(&self, tx: &mut Tx, response: &str) -> sqlx::Result<()> {
        sqlx::query("UPDATE idempotency_keys SET response = ? WHERE user_id = ? AND idem_key = ?")
            .bind(response)
            .bind(self.user)
            .bind(&self.key)
            .execute(tx.conn())
            .await?;
        Ok(())
    }
}
