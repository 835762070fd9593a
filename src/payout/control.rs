//! The brake: while payouts are paused no batch runs and nothing is sent that was not sent before. What the provider
//! was asked for is still looked after.

use sqlx::mysql::MySqlExecutor;

use super::batch;
use super::error::Error;
use super::model::{Block, Control};
use super::query;
use crate::db::Tx;
use crate::job::RunPayoutBatch;
use crate::outbox;

/// Stops payouts. `false`: they were paused already, and the first reason stays. `why`: at most 500 characters.
pub async fn pause(tx: &mut Tx, why: &str) -> Result<bool, Error> {
    let why: String = why.chars().take(500).collect();
    if !query::set_control(tx, true, &why).await? {
        return Ok(false);
    }
    query::add_control_history(tx, true, &why).await?;
    batch::block(tx, Some(Block::Paused)).await?;
    metrics::counter!("konnect_payouts_paused_total").increment(1);
    tracing::error!(why, "payouts are paused");
    Ok(true)
}

/// Lets payouts go on, and what waits with them.
///
/// # Errors
/// `NotPaused`
pub async fn release(tx: &mut Tx, why: &str) -> Result<(), Error> {
    if !query::set_control(tx, false, why).await? {
        return Err(Error::NotPaused);
    }
    query::add_control_history(tx, false, why).await?;
    batch::block(tx, None).await?;
    outbox::enqueue_or_hasten(tx, &RunPayoutBatch {}).await?;
    tracing::warn!(why, "payouts go on");
    Ok(())
}

/// Whether payouts are paused, why, since when and by whom.
pub async fn control(executor: impl MySqlExecutor<'_>) -> sqlx::Result<Control> {
    query::control(executor).await
}
