//! All SQL of the domain.

use sqlx::types::Json;
use sqlx::{MySqlExecutor, QueryBuilder};

use super::model::{Application, Decision, Mentor, PageKey, State};
use super::offering::{NewOffering, Offering, OfferingFilter};
use crate::db::Tx;
use crate::id::{OfferingId, UserId};

const MENTOR: &str = "SELECT m.user_id, m.state, m.headline, m.bio, m.expertise, m.career, m.company,
    m.company_hidden, m.languages, m.rejection_reason, m.decided_by, m.decided_at, m.applied_at, m.version FROM mentors m";

const OFFERING: &str = "SELECT o.id, o.mentor_id, o.title, o.description, o.price_krw, o.duration_min,
    o.more_options, o.category, o.kind, o.refund_policy, o.is_public, o.is_active, o.version, o.created_at FROM offerings o";

const BOOKABLE: &str = " JOIN mentors m ON m.user_id = o.mentor_id AND m.state = 'approved'
    JOIN users u ON u.id = o.mentor_id AND u.state = 'active'
    WHERE o.is_public = TRUE AND o.is_active = TRUE";

pub(super) async fn find(db: impl MySqlExecutor<'_>, user: UserId) -> sqlx::Result<Option<Mentor>> {
    let mut query = QueryBuilder::new(MENTOR);
    query.push(" WHERE m.user_id = ").push_bind(user);
    query.build_query_as().fetch_optional(db).await
}

pub(super) async fn is_approved(db: impl MySqlExecutor<'_>, user: UserId) -> sqlx::Result<bool> {
    let found: Option<i8> =
        sqlx::query_scalar("SELECT 1 FROM mentors WHERE user_id = ? AND state = 'approved'")
            .bind(user)
            .fetch_optional(db)
            .await?;
    Ok(found.is_some())
}

pub(super) async fn insert(tx: &mut Tx, user: UserId, new: &Application) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "INSERT INTO mentors (user_id, state, headline, bio, expertise, career, company, company_hidden,
                              languages, applied_at, version)
         VALUES (?, 'applied', ?, ?, ?, ?, ?, ?, ?, ?, 1)",
    )
    .bind(user)
    .bind(&new.headline)
    .bind(&new.bio)
    .bind(Json(&new.expertise))
    .bind(&new.career)
    .bind(&new.company)
    .bind(new.company_hidden)
    .bind(new.languages.join(","))
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(super) async fn reapply(
    tx: &mut Tx,
    user: UserId,
    version: i64,
    new: &Application,
) -> sqlx::Result<bool> {
    let now = tx.now;
    let done = sqlx::query(
        "UPDATE mentors SET state = 'applied', headline = ?, bio = ?, expertise = ?, career = ?, company = ?,
                company_hidden = ?, languages = ?, rejection_reason = NULL, decided_by = NULL, decided_at = NULL,
                applied_at = ?, version = version + 1
         WHERE user_id = ? AND state = 'rejected' AND version = ?",
    )
    .bind(&new.headline)
    .bind(&new.bio)
    .bind(Json(&new.expertise))
    .bind(&new.career)
    .bind(&new.company)
    .bind(new.company_hidden)
    .bind(new.languages.join(","))
    .bind(now)
    .bind(user)
    .bind(version)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn change_profile(
    tx: &mut Tx,
    user: UserId,
    new: &Application,
    version: i64,
) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "UPDATE mentors SET headline = ?, bio = ?, expertise = ?, career = ?, company = ?, company_hidden = ?,
                languages = ?, version = version + 1
         WHERE user_id = ? AND state = 'approved' AND version = ?",
    )
    .bind(&new.headline)
    .bind(&new.bio)
    .bind(Json(&new.expertise))
    .bind(&new.career)
    .bind(&new.company)
    .bind(new.company_hidden)
    .bind(new.languages.join(","))
    .bind(user)
    .bind(version)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn decide(
    tx: &mut Tx,
    user: UserId,
    decision: &Decision,
    version: i64,
) -> sqlx::Result<bool> {
    let (now, by) = (tx.now, tx.cx.actor.id());
    let done = sqlx::query(
        "UPDATE mentors SET state = ?, rejection_reason = ?, decided_by = ?, decided_at = ?,
                version = version + 1
         WHERE user_id = ? AND state = 'applied' AND version = ?",
    )
    .bind(decision.state().name())
    .bind(decision.reason())
    .bind(by)
    .bind(now)
    .bind(user)
    .bind(version)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes the history row of the state a mentor has just entered.
pub(super) async fn record(tx: &mut Tx, mentor: &Mentor, from: Option<State>) -> sqlx::Result<()> {
    tx.moved("mentor", mentor.user_id.0, from.map(State::name), mentor.state.name());
    let (now, actor, request_id) = (tx.now, tx.cx.actor, tx.cx.request_id.clone());
    sqlx::query(
        "INSERT INTO mentor_history (mentor_id, version, from_state, to_state, reason, actor_kind, actor_id,
                                     request_id, at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(mentor.user_id)
    .bind(mentor.version)
    .bind(from.map(State::name))
    .bind(mentor.state.name())
    .bind(&mentor.rejection_reason)
    .bind(actor.kind())
    .bind(actor.id())
    .bind(request_id)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(super) async fn list_applied(
    db: impl MySqlExecutor<'_>,
    after: Option<PageKey>,
    limit: u32,
) -> sqlx::Result<Vec<Mentor>> {
    let mut query = QueryBuilder::new(MENTOR);
    query.push(" WHERE m.state = 'applied'");
    if let Some(PageKey { at, user }) = after {
        query.push(" AND (m.applied_at > ").push_bind(at);
        query.push(" OR (m.applied_at = ").push_bind(at).push(" AND m.user_id > ").push_bind(user).push("))");
    }
    query.push(" ORDER BY m.applied_at, m.user_id LIMIT ").push_bind(limit);
    query.build_query_as().fetch_all(db).await
}

pub(super) async fn insert_offering(
    tx: &mut Tx,
    id: OfferingId,
    mentor: UserId,
    new: &NewOffering,
) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "INSERT INTO offerings (id, mentor_id, title, description, price_krw, duration_min, more_options, category, kind,
                                refund_policy, is_public, is_active, version, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, TRUE, 1, ?)",
    )
    .bind(id)
    .bind(mentor)
    .bind(&new.title)
    .bind(&new.description)
    .bind(new.price_krw)
    .bind(new.duration_min)
    .bind(new.more_options())
    .bind(&new.category)
    .bind(new.kind.name())
    .bind(new.refund_policy)
    .bind(new.is_public)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(super) async fn update_offering(
    tx: &mut Tx,
    id: OfferingId,
    mentor: UserId,
    new: &NewOffering,
    version: i64,
) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "UPDATE offerings SET title = ?, description = ?, price_krw = ?, duration_min = ?,
                more_options = ?, category = ?, kind = ?, refund_policy = ?, is_public = ?, version = version + 1
         WHERE id = ? AND mentor_id = ? AND is_active = TRUE AND version = ?",
    )
    .bind(&new.title)
    .bind(&new.description)
    .bind(new.price_krw)
    .bind(new.duration_min)
    .bind(new.more_options())
    .bind(&new.category)
    .bind(new.kind.name())
    .bind(new.refund_policy)
    .bind(new.is_public)
    .bind(id)
    .bind(mentor)
    .bind(version)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn retire_offering(
    tx: &mut Tx,
    id: OfferingId,
    mentor: UserId,
    version: i64,
) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "UPDATE offerings SET is_active = FALSE, version = version + 1
         WHERE id = ? AND mentor_id = ? AND is_active = TRUE AND version = ?",
    )
    .bind(id)
    .bind(mentor)
    .bind(version)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn find_offering_for_owner(
    db: impl MySqlExecutor<'_>,
    id: OfferingId,
    mentor: UserId,
) -> sqlx::Result<Option<Offering>> {
    let mut query = QueryBuilder::new(OFFERING);
    query.push(" WHERE o.id = ").push_bind(id).push(" AND o.mentor_id = ").push_bind(mentor);
    query.build_query_as().fetch_optional(db).await
}

pub(super) async fn find_offering(
    db: impl MySqlExecutor<'_>,
    id: OfferingId,
) -> sqlx::Result<Option<Offering>> {
    let mut query = QueryBuilder::new(OFFERING);
    query.push(" WHERE o.id = ").push_bind(id);
    query.build_query_as().fetch_optional(db).await
}

pub(super) async fn list_offerings(
    db: impl MySqlExecutor<'_>,
    mentor: UserId,
    before: Option<OfferingId>,
    limit: u32,
) -> sqlx::Result<Vec<Offering>> {
    let mut query = QueryBuilder::new(OFFERING);
    query.push(" WHERE o.mentor_id = ").push_bind(mentor);
    if let Some(before) = before {
        query.push(" AND o.id < ").push_bind(before);
    }
    query.push(" ORDER BY o.id DESC LIMIT ").push_bind(limit);
    query.build_query_as().fetch_all(db).await
}

pub(super) async fn list_public_offerings(
    db: impl MySqlExecutor<'_>,
    filter: &OfferingFilter,
    before: Option<OfferingId>,
    limit: u32,
) -> sqlx::Result<Vec<Offering>> {
    let mut query = QueryBuilder::new(OFFERING);
    query.push(BOOKABLE);
    if let Some(mentor) = filter.mentor {
        query.push(" AND o.mentor_id = ").push_bind(mentor);
    }
    if let Some(category) = &filter.category {
        query.push(" AND o.category = ").push_bind(category);
    }
    if let Some(before) = before {
        query.push(" AND o.id < ").push_bind(before);
    }
    query.push(" ORDER BY o.id DESC LIMIT ").push_bind(limit);
    query.build_query_as().fetch_all(db).await
}

pub(super) async fn find_public_offering(
    db: impl MySqlExecutor<'_>,
    id: OfferingId,
) -> sqlx::Result<Option<Offering>> {
    let mut query = QueryBuilder::new(OFFERING);
    query.push(BOOKABLE).push(" AND o.id = ").push_bind(id);
    query.build_query_as().fetch_optional(db).await
}

/// What somebody wrote of themselves and offered goes; the rows stay, for what rests on them.
pub(super) async fn forget_person(tx: &mut Tx, user: UserId) -> sqlx::Result<()> {
    for statement in [
        "UPDATE mentors SET headline = '', bio = '', expertise = '[]', career = '', company = NULL,
             rejection_reason = NULL, version = version + 1 WHERE user_id = ?",
        "UPDATE offerings SET description = '', is_active = FALSE, version = version + 1 WHERE mentor_id = ?",
    ] {
        sqlx::query(statement).bind(user).execute(tx.conn()).await?;
    }
    Ok(())
}
