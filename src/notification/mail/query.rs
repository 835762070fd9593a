//! All SQL of addresses that refuse mail and of sessions in calendars.

use sqlx::{MySqlExecutor, QueryBuilder};

use super::address::Standing;
use crate::clock::Instant;
use crate::db::{Tx, push_list};
use crate::id::{NoticeId, ReservationId, UserId};

pub async fn standing(executor: impl MySqlExecutor<'_>, address: &str) -> sqlx::Result<Option<Standing>> {
    sqlx::query_as("SELECT off_since, reply FROM mail_addresses WHERE address = ?")
        .bind(address)
        .fetch_optional(executor)
        .await
}

/// Those of these addresses that refused mail, and since when they are off.
pub async fn refusers(
    executor: impl MySqlExecutor<'_>,
    addresses: &[&str],
) -> sqlx::Result<Vec<(String, Option<Instant>)>> {
    if addresses.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new("SELECT address, off_since FROM mail_addresses WHERE address IN (");
    push_list(&mut query, addresses.iter().copied());
    query.push(")").build_query_as().fetch_all(executor).await
}

/// Locks an address and keeps what its server said. Returns since when it is off.
pub async fn lock_address(tx: &mut Tx, address: &str, reply: &str) -> sqlx::Result<Option<Instant>> {
    let now = tx.now;
    sqlx::query(
        "INSERT INTO mail_addresses (address, reply, updated_at) VALUES (?, ?, ?)
         ON DUPLICATE KEY UPDATE reply = VALUES(reply), updated_at = VALUES(updated_at)",
    )
    .bind(address)
    .bind(reply)
    .bind(now)
    .execute(tx.conn())
    .await?;
    sqlx::query_scalar("SELECT off_since FROM mail_addresses WHERE address = ?")
        .bind(address)
        .fetch_one(tx.conn())
        .await
}

/// `false`: this notice was counted before.
pub async fn insert_refusal(tx: &mut Tx, notice: NoticeId, address: &str) -> sqlx::Result<bool> {
    let now = tx.now;
    let inserted = sqlx::query(
        "INSERT INTO mail_refusals (notice_id, address, at) VALUES (?, ?, ?)
         ON DUPLICATE KEY UPDATE notice_id = notice_id",
    )
    .bind(notice)
    .bind(address)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Those after which no mail to the owner was taken that had not come back by `stood`. (One to another address that they
/// had meanwhile counts as well.)
pub async fn refusals_since(
    tx: &mut Tx,
    address: &str,
    owner: UserId,
    since: Instant,
    stood: Instant,
) -> sqlx::Result<i64> {
    sqlx::query_scalar(
        "SELECT COUNT(*) FROM mail_refusals r WHERE r.address = ? AND r.at > ? AND NOT EXISTS (
            SELECT 1 FROM notices n WHERE n.user_id = ? AND n.channel = 'email' AND n.state = 'sent'
            AND n.sent_at > r.at AND n.sent_at <= ?)",
    )
    .bind(address)
    .bind(since)
    .bind(owner)
    .bind(stood)
    .fetch_one(tx.conn())
    .await
}

/// Forgets what an address refused at once. What was taken there and came back afterwards stays.
pub async fn forget_refused_at_once(tx: &mut Tx, address: &str) -> sqlx::Result<()> {
    // Two statements: one would lock the notices that it looks at.
    let refused: Vec<NoticeId> = sqlx::query_scalar(
        "SELECT r.notice_id FROM mail_refusals r JOIN notices n ON n.id = r.notice_id
         WHERE r.address = ? AND n.sent_at IS NULL",
    )
    .bind(address)
    .fetch_all(tx.conn())
    .await?;
    if refused.is_empty() {
        return Ok(());
    }
    let mut delete = QueryBuilder::new("DELETE FROM mail_refusals WHERE notice_id IN (");
    push_list(&mut delete, refused.into_iter());
    delete.push(")").build().execute(tx.conn()).await?;
    Ok(())
}

pub async fn forget_refusals(tx: &mut Tx, address: &str) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM mail_refusals WHERE address = ?").bind(address).execute(tx.conn()).await?;
    Ok(())
}

pub async fn switch_off(tx: &mut Tx, address: &str) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query("UPDATE mail_addresses SET off_since = ? WHERE address = ?")
        .bind(now)
        .bind(address)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// `false` when it was not off.
pub async fn switch_on(tx: &mut Tx, address: &str) -> sqlx::Result<bool> {
    let now = tx.now;
    let switched = sqlx::query(
        "UPDATE mail_addresses SET off_since = NULL, updated_at = ? WHERE address = ? AND off_since IS NOT NULL",
    )
    .bind(now)
    .bind(address)
    .execute(tx.conn())
    .await?;
    Ok(switched.rows_affected() == 1)
}

/// A mail that was sent came back; `false` when that is known.
pub async fn return_mail(tx: &mut Tx, id: NoticeId, reply: &str) -> sqlx::Result<bool> {
    let returned =
        sqlx::query("UPDATE notices SET state = 'failed', error = ? WHERE id = ? AND state = 'sent'")
            .bind(reply)
            .bind(id)
            .execute(tx.conn())
            .await?;
    Ok(returned.rows_affected() == 1)
}

/// Locks what is known of a session in somebody's calendar: the notice that took it out, if one did.
pub async fn lock_invitation(
    tx: &mut Tx,
    id: ReservationId,
    user: UserId,
) -> sqlx::Result<Option<Option<NoticeId>>> {
    sqlx::query_scalar(
        "SELECT withdrawn_by FROM mail_invitations WHERE reservation_id = ? AND user_id = ? FOR UPDATE",
    )
    .bind(id)
    .bind(user)
    .fetch_optional(tx.conn())
    .await
}

/// The session stands in the calendar, or will.
pub async fn invite(tx: &mut Tx, id: ReservationId, user: UserId) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "INSERT INTO mail_invitations (reservation_id, user_id, withdrawn_by, updated_at) VALUES (?, ?, NULL, ?)
         ON DUPLICATE KEY UPDATE withdrawn_by = NULL, updated_at = VALUES(updated_at)",
    )
    .bind(id)
    .bind(user)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The session is taken out of the calendar by the mail of this notice.
pub async fn withdraw(tx: &mut Tx, id: ReservationId, user: UserId, by: NoticeId) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "UPDATE mail_invitations SET withdrawn_by = ?, updated_at = ? WHERE reservation_id = ? AND user_id = ?",
    )
    .bind(by)
    .bind(now)
    .bind(id)
    .bind(user)
    .execute(tx.conn())
    .await?;
    Ok(())
}
