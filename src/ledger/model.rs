//! Accounts and entries. Pure.

use crate::id::{PayoutId, ReservationId, UserId};
use crate::money::Krw;

/// Where money stands. Debits (assets, costs) are positive, credits (what we owe or earned) negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Account {
    /// Asset: what the payment provider holds for us.
    Provider,
    /// Liability: paid by mentees for sessions that are not over.
    Held,
    /// Liability: earned by a mentor, not yet paid out. A mentor who was paid for what is given back owes us, and
    /// the account is positive until the next batch nets it.
    MentorPayable,
    /// Liability: on its way to a mentor's bank, not yet there.
    PayoutTransit,
    /// Income of the platform, without VAT.
    PlatformRevenue,
    /// Liability: VAT on the platform's fee, owed to the tax office.
    VatPayable,
    /// Liability: income tax kept back from mentors, owed to the tax office.
    WithholdingPayable,
    /// Cost: given back to mentees out of the platform's own pocket.
    Goodwill,
    /// Asset: the platform's own bank account, as far as mentees were given money from it because the provider would
    /// not. The provider keeps what it did not give back, so that its account stays what its lists say.
    PlatformBank,
}

crate::words!(Account {
    Provider => "provider",
    Held => "held",
    MentorPayable => "mentor_payable",
    PayoutTransit => "payout_transit",
    PlatformRevenue => "platform_revenue",
    VatPayable => "vat_payable",
    WithholdingPayable => "withholding_payable",
    Goodwill => "goodwill",
    PlatformBank => "platform_bank",
});

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

/// What an entry is about: its postings are found by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    Reservation(ReservationId),
    Payout(PayoutId),
}

impl About {
    pub fn reservation(self) -> Option<ReservationId> {
        match self {
            Self::Reservation(id) => Some(id),
            Self::Payout(_) => None,
        }
    }

    pub fn payout(self) -> Option<PayoutId> {
        match self {
            Self::Payout(id) => Some(id),
            Self::Reservation(_) => None,
        }
    }
}

/// One happening, to be posted once.
#[derive(Clone, Debug)]
pub struct Entry {
    pub key: String,
    pub kind: &'static str,
    pub about: About,
    pub lines: Vec<Line>,
}

/// What one sum that was held for a session comes to. `gross = fee + withholding + net`; all amounts are negative
/// where a split is taken back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Split {
    pub gross: Krw,
    /// The platform's, VAT included.
    pub fee: Krw,
    /// The part of `fee` that is VAT.
    pub vat: Krw,
    /// Kept back from the mentor for the tax office.
    pub withholding: Krw,
    /// The mentor's.
    pub net: Krw,
}

impl Split {
    /// What is left of `self` when `other` is taken away.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self {
            gross: self.gross.minus(other.gross),
            fee: self.fee.minus(other.fee),
            vat: self.vat.minus(other.vat),
            withholding: self.withholding.minus(other.withholding),
            net: self.net.minus(other.net),
        }
    }

    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.minus(Self::default().minus(other))
    }
}
