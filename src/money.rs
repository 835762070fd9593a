//! Money is integer Korean won. There is no minor unit and no arithmetic that can wrap.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An amount in won. Negative amounts exist in the ledger alone.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    sqlx::Type,
    poem_openapi::NewType,
)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct Krw(pub i64);

/// Hundredths of a per cent: 10,000 is the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct BasisPoints(pub u32);

impl BasisPoints {
    pub const ALL: Self = Self(10_000);
    pub const NONE: Self = Self(0);
}

impl Krw {
    pub const ZERO: Self = Self(0);

    /// # Panics
    /// When the sum leaves i64: more won than exist.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.checked_add(other.0).expect("sum of won fits i64"))
    }

    /// # Panics
    /// When the difference leaves i64.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0.checked_sub(other.0).expect("difference of won fits i64"))
    }

    #[must_use]
    pub fn negated(self) -> Self {
        Self::ZERO.minus(self)
    }

    /// The share of `part`, rounded down. What is left over belongs to whoever gets the rest:
    /// `amount.minus(amount.share(part))`, so that the two always sum to the amount.
    #[must_use]
    pub fn share(self, part: BasisPoints) -> Self {
        let exact = i128::from(self.0) * i128::from(part.0) / 10_000;
        Self(i64::try_from(exact).expect("a share of won fits i64"))
    }

    /// The part of an amount that already holds `rate` on top of the rest, rounded down: the VAT inside a price.
    #[must_use]
    pub fn inside(self, rate: BasisPoints) -> Self {
        let rate = i128::from(rate.0);
        let exact = i128::from(self.0) * rate / (10_000 + rate);
        Self(i64::try_from(exact).expect("a part of won fits i64"))
    }

    pub fn is_positive(self) -> bool {
        self.0 > 0
    }
}

impl fmt::Display for Krw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "₩{}", self.0)
    }
}
