//! Accounts and entries. Pure.

use crate::id::{ReservationId, UserId};
use crate::money::Krw;

/// Where money stands. Debits (assets) are positive, credits (what we owe or earned) negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Account {
    /// Asset: what the payment provider holds for us.
    Provider,
    /// Liability: paid by mentees for sessions that are not over.
    Held,
    /// Liability: earned by a mentor, not yet paid out.
    MentorPayable,
    /// Income of the platform.
    PlatformRevenue,
}

impl Account {
    pub fn name(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Held => "held",
            Self::MentorPayable => "mentor_payable",
            Self::PlatformRevenue => "platform_revenue",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Line {
    pub account: Account,
    pub owner: Option<UserId>,
    pub amount: Krw,
}

impl Line {
    pub fn new(account: Account, owner: Option<UserId>, amount: Krw) -> Self {
        Self { account, owner, amount }
    }
}

/// One happening, to be posted once.
#[derive(Clone, Debug)]
pub struct Entry {
    pub key: String,
    pub kind: &'static str,
    pub reservation_id: ReservationId,
    pub lines: Vec<Line>,
}
