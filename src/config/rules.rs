//! The rules of the marketplace that an operator may set. Defaults are the product's.

use chrono::TimeDelta;
use clap::Args;

use crate::money::BasisPoints;

#[derive(Clone, Debug, Args)]
pub struct Rules {
    /// How long an unpaid reservation holds its slot, in minutes.
    #[arg(long, env = "KONNECT_HOLD_MINUTES", default_value_t = 15)]
    pub hold_minutes: i64,
    /// Unpaid reservations and open requests one mentee may have at a time.
    #[arg(long, env = "KONNECT_MAX_HOLDS", default_value_t = 2)]
    pub max_holds: i64,
    /// A mentor answers a request within this many hours, and at the latest an hour before its start.
    #[arg(long, env = "KONNECT_REQUEST_HOURS", default_value_t = 48)]
    pub request_hours: i64,
    /// A session completes by itself this many hours after its end.
    #[arg(long, env = "KONNECT_AUTO_COMPLETE_HOURS", default_value_t = 48)]
    pub auto_complete_hours: i64,
    /// The platform's share of what a mentee paid, in basis points; the rest is the mentor's.
    #[arg(long, env = "KONNECT_FEE_BPS", default_value_t = 1500, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub fee_bps: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self { hold_minutes: 15, max_holds: 2, request_hours: 48, auto_complete_hours: 48, fee_bps: 1500 }
    }
}

impl Rules {
    pub fn hold(&self) -> TimeDelta {
        TimeDelta::minutes(self.hold_minutes)
    }

    pub fn request_window(&self) -> TimeDelta {
        TimeDelta::hours(self.request_hours)
    }

    pub fn auto_complete(&self) -> TimeDelta {
        TimeDelta::hours(self.auto_complete_hours)
    }

    pub fn fee(&self) -> BasisPoints {
        BasisPoints(self.fee_bps)
    }
}
