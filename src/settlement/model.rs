use serde::{Deserialize, Serialize};

use crate::clock::Instant;
use crate::id::{ReservationId, SettlementLineId, UserId};
use crate::money::Krw;

/// The version of the fee rule: the platform's share in basis points of the gross, rounded down; the remainder
/// is the mentor's.
pub const RULE_VERSION: i16 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "SettlementLineState")]
pub enum LineState {
    Accrued,
}

crate::words!(LineState { Accrued => "accrued" });

/// What one reservation earned its mentor.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct SettlementLine {
    pub id: SettlementLineId,
    pub reservation_id: ReservationId,
    pub mentor_id: UserId,
    pub gross_krw: Krw,
    pub fee_krw: Krw,
    pub net_krw: Krw,
    pub fee_bps: u32,
    pub rule_version: i16,
    pub state: LineState,
    pub created_at: Instant,
}
