//! Settlement lines, the moves they may make, and the rule that splits a sum. Pure.

use serde::{Deserialize, Serialize};

use crate::clock::Instant;
use crate::config::Rules;
use crate::id::{PayoutId, ReservationId, SettlementLineId, UserId};
use crate::ledger::Split;
use crate::money::{BasisPoints, Krw};

/// The version of the rule that [`Rates::split`] is. Version 1 knew neither VAT nor withholding.
pub const RULE_VERSION: i16 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "SettlementLineState")]
pub enum LineState {
    /// Earned; a problem may still be reported.
    Accrued,
    /// The window is over, but something must be looked at first: see the line's reason.
    Held,
    /// A dispute is open.
    Frozen,
    /// Goes into the next batch.
    Ready,
    /// In a payout whose outcome is not known.
    Paying,
    Paid,
    /// Given back before it was paid; it and its reversal sum to nothing.
    Reversed,
}

crate::words!(LineState {
    Accrued => "accrued",
    Held => "held",
    Frozen => "frozen",
    Ready => "ready",
    Paying => "paying",
    Paid => "paid",
    Reversed => "reversed",
});

impl LineState {
    /// The table of allowed moves. Nothing leaves `Paid` (I11) or `Reversed`.
    pub fn may_become(self, next: Self) -> bool {
        use LineState as S;
        matches!(
            (self, next),
            (S::Accrued | S::Held | S::Frozen | S::Ready, S::Reversed)
                | (S::Accrued | S::Held | S::Ready, S::Frozen)
                | (S::Accrued, S::Held | S::Ready)
                | (S::Held, S::Ready)
                | (S::Frozen, S::Accrued)
                | (S::Ready, S::Paying)
                | (S::Paying, S::Paid | S::Ready)
        )
    }

    /// Whether the money has left, or may have.
    pub fn is_out(self) -> bool {
        matches!(self, Self::Paying | Self::Paid)
    }
}

/// The rates of a line, frozen when it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// The platform's share of the gross, VAT included.
    pub fee: BasisPoints,
    /// VAT, of the fee without VAT.
    pub vat: BasisPoints,
    /// Of what the mentor earned; nothing for mentors with a business registration.
    pub withholding: BasisPoints,
}

impl Rates {
    pub fn of(rules: &Rules, is_business: bool) -> Self {
        let withholding = if is_business { 0 } else { rules.withholding_bps };
        Self { fee: rules.fee(), vat: BasisPoints(rules.vat_bps), withholding: BasisPoints(withholding) }
    }

    /// Rule 2. The fee is the share of the gross, rounded down; its VAT is what the rate says is inside it, rounded
    /// down; the tax withheld is the share of the rest, rounded down. Every remainder is the mentor's, but that of
    /// the VAT, which is the platform's.
    pub fn split(self, gross: Krw) -> Split {
        let fee = gross.share(self.fee);
        let earned = gross.minus(fee);
        let withholding = earned.share(self.withholding);
        Split { gross, fee, vat: fee.inside(self.vat), withholding, net: earned.minus(withholding) }
    }
}

/// What one reservation earned its mentor, or what of it was taken back (negative amounts).
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct SettlementLine {
    pub id: SettlementLineId,
    pub reservation_id: ReservationId,
    pub mentor_id: UserId,
    /// `accrual` for the first; names the happening of every other.
    pub line_key: String,
    pub gross_krw: Krw,
    /// VAT included.
    pub fee_krw: Krw,
    pub vat_krw: Krw,
    pub withholding_krw: Krw,
    pub net_krw: Krw,
    pub fee_bps: u32,
    pub vat_bps: u32,
    pub withholding_bps: u32,
    pub rule_version: i16,
    pub state: LineState,
    /// Until then a problem may be reported (UTC); absent on lines that are older than the rule.
    pub release_at: Option<Instant>,
    pub held_reason: Option<String>,
    pub payout_id: Option<PayoutId>,
    pub created_at: Instant,
}

impl SettlementLine {
    pub fn split(&self) -> Split {
        Split {
            gross: self.gross_krw,
            fee: self.fee_krw,
            vat: self.vat_krw,
            withholding: self.withholding_krw,
            net: self.net_krw,
        }
    }

    pub fn rates(&self) -> Rates {
        Rates {
            fee: BasisPoints(self.fee_bps),
            vat: BasisPoints(self.vat_bps),
            withholding: BasisPoints(self.withholding_bps),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RATES: Rates =
        Rates { fee: BasisPoints(1500), vat: BasisPoints(1000), withholding: BasisPoints(330) };

    #[test]
    fn a_split_as_in_the_book() {
        let split = RATES.split(Krw(50_000));
        assert_eq!(split.fee, Krw(7_500));
        assert_eq!(split.vat, Krw(681), "7,500 x 10 / 110");
        assert_eq!(split.withholding, Krw(1_402), "3.3 % of 42,500");
        assert_eq!(split.net, Krw(41_098));
    }

    #[test]
    fn what_was_paid_or_reversed_stays_so() {
        for next in LineState::ALL {
            assert!(!LineState::Paid.may_become(*next), "I11");
            assert!(!LineState::Reversed.may_become(*next));
        }
        assert!(!LineState::Frozen.may_become(LineState::Ready), "a frozen line is never paid");
        assert!(!LineState::Frozen.may_become(LineState::Paying));
    }

    proptest! {
        #[test]
        fn a_split_loses_no_won(gross in 0_i64..=1_000_000_000, fee in 0_u32..=10_000, w in 0_u32..=10_000) {
            let rates = Rates { fee: BasisPoints(fee), vat: BasisPoints(1000), withholding: BasisPoints(w) };
            let split = rates.split(Krw(gross));
            prop_assert_eq!(split.fee.plus(split.withholding).plus(split.net), split.gross);
            prop_assert!(split.vat <= split.fee && split.vat >= Krw::ZERO);
            prop_assert!(split.net >= Krw::ZERO && split.withholding >= Krw::ZERO);
        }

        #[test]
        fn taking_back_in_parts_ends_at_nothing(gross in 1_i64..=10_000_000, cuts in prop::collection::vec(1_i64..=100, 1..6)) {
            let whole: i64 = cuts.iter().sum();
            let (mut left, mut total) = (gross, RATES.split(Krw(gross)));
            for (i, cut) in cuts.iter().enumerate() {
                let back = if i + 1 == cuts.len() { left } else { left.min(gross * cut / whole) };
                left -= back;
                let reversal = RATES.split(Krw(left)).minus(total);
                prop_assert_eq!(reversal.gross, Krw(-back));
                total = total.plus(reversal);
            }
            prop_assert_eq!(total, Split::default());
        }
    }
}
