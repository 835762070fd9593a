//! The rules of the marketplace that an operator may set. Defaults are the product's.

use chrono::TimeDelta;
use clap::{Args, Parser};

use crate::money::{BasisPoints, Krw};

#[derive(Clone, Debug, Args)]
pub struct Rules {
    /// How long an unpaid reservation holds its slot, in minutes.
    #[arg(long, env = "KONNECT_HOLD_MINUTES", default_value_t = 15)]
    pub hold_minutes: i64,
    /// How long a slot waits for the deposit to a virtual account, in hours; at the latest until an hour before the
    /// session.
    #[arg(long, env = "KONNECT_DEPOSIT_HOLD_HOURS", default_value_t = 24)]
    pub deposit_hold_hours: i64,
    /// Unpaid reservations and open requests one mentee may have at a time.
    #[arg(long, env = "KONNECT_MAX_HOLDS", default_value_t = 2)]
    pub max_holds: i64,
    /// After so many holds of one mentee ran out unpaid within the window below, the next one has to wait; 0: never.
    #[arg(long, env = "KONNECT_COOL_DOWN_HOLDS", default_value_t = 3, value_parser = clap::value_parser!(i64).range(0..=20))]
    pub cool_down_holds: i64,
    /// The window, in minutes, in which they ran out.
    #[arg(long, env = "KONNECT_COOL_DOWN_WINDOW_MINUTES", default_value_t = 60, value_parser = clap::value_parser!(i64).range(1..=1440))]
    pub cool_down_window_minutes: i64,
    /// How long the next hold has to wait after the last one ran out, in minutes.
    #[arg(long, env = "KONNECT_COOL_DOWN_MINUTES", default_value_t = 15, value_parser = clap::value_parser!(i64).range(1..=1440))]
    pub cool_down_minutes: i64,
    /// How long a slot is held that somebody waited for, in minutes; at the latest until the session begins.
    #[arg(long, env = "KONNECT_WAITLIST_HOLD_MINUTES", default_value_t = 60, value_parser = clap::value_parser!(i64).range(5..=1440))]
    pub waitlist_hold_minutes: i64,
    /// How often one booking may be moved to another time.
    #[arg(long, env = "KONNECT_MAX_MOVES", default_value_t = 2, value_parser = clap::value_parser!(i64).range(0..=20))]
    pub max_moves: i64,
    /// A proposal to move a booking is answered within this many hours, and at the latest an hour before either start.
    #[arg(long, env = "KONNECT_MOVE_HOURS", default_value_t = 48, value_parser = clap::value_parser!(i64).range(1..=720))]
    pub move_hours: i64,
    /// With at least this many hours left a mentee moves an instant booking without asking the mentor.
    #[arg(long, env = "KONNECT_MOVE_FREE_HOURS", default_value_t = 24, value_parser = clap::value_parser!(i64).range(1..=720))]
    pub move_free_hours: i64,
    /// A mentor answers a request within this many hours, and at the latest an hour before its start.
    #[arg(long, env = "KONNECT_REQUEST_HOURS", default_value_t = 48)]
    pub request_hours: i64,
    /// A session completes by itself this many hours after its end.
    #[arg(long, env = "KONNECT_AUTO_COMPLETE_HOURS", default_value_t = 48)]
    pub auto_complete_hours: i64,
    /// A problem can be reported until this many hours after the session's end, its cancellation or a no-show.
    #[arg(long, env = "KONNECT_PROBLEM_HOURS", default_value_t = 48)]
    pub problem_hours: i64,
    /// The room of a session opens this many minutes before its start.
    #[arg(long, env = "KONNECT_GATE_EARLY_MINUTES", default_value_t = 10, value_parser = clap::value_parser!(i64).range(0..=60))]
    pub gate_early_minutes: i64,
    /// The room of a session closes this many minutes after its end, extensions included.
    #[arg(long, env = "KONNECT_GATE_GRACE_MINUTES", default_value_t = 15, value_parser = clap::value_parser!(i64).range(0..=120))]
    pub gate_grace_minutes: i64,
    /// Whoever has not come this many minutes after the start is absent; 0: only an administrator says so.
    #[arg(long, env = "KONNECT_NO_SHOW_MINUTES", default_value_t = 10, value_parser = clap::value_parser!(i64).range(0..=120))]
    pub no_show_minutes: i64,
    /// Whoever was in the room for so many seconds before that came.
    #[arg(long, env = "KONNECT_PRESENCE_SECONDS", default_value_t = 60, value_parser = clap::value_parser!(i64).range(1..=600))]
    pub presence_seconds: i64,
    /// An extension is answered within this many minutes and then paid within as many, both before the session's end.
    #[arg(long, env = "KONNECT_EXTENSION_MINUTES", default_value_t = 5, value_parser = clap::value_parser!(i64).range(1..=60))]
    pub extension_minutes: i64,
    /// The other side answers a dispute within this many hours.
    #[arg(long, env = "KONNECT_DISPUTE_ANSWER_HOURS", default_value_t = 7 * 24)]
    pub dispute_answer_hours: i64,
    /// After the answer both sides may add evidence for this many hours.
    #[arg(long, env = "KONNECT_DISPUTE_EVIDENCE_HOURS", default_value_t = 3 * 24)]
    pub dispute_evidence_hours: i64,
    /// A quote of a cancellation is honoured for this many seconds.
    #[arg(long, env = "KONNECT_QUOTE_SECONDS", default_value_t = 120)]
    pub quote_seconds: i64,
    /// A goodwill refund above this many won needs a second administrator.
    #[arg(long, env = "KONNECT_GOODWILL_LIMIT_KRW", default_value_t = 50_000)]
    pub goodwill_limit_krw: i64,
    /// The platform's share of what a mentee paid, VAT included, in basis points; the rest is the mentor's.
    #[arg(long, env = "KONNECT_FEE_BPS", default_value_t = 1500, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub fee_bps: u32,
    /// VAT on the platform's fee, in basis points of the fee without VAT.
    #[arg(long, env = "KONNECT_VAT_BPS", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub vat_bps: u32,
    /// Income tax withheld from mentors without a business registration, in basis points of what they earned.
    #[arg(long, env = "KONNECT_WITHHOLDING_BPS", default_value_t = 330, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub withholding_bps: u32,
    /// A mentor is paid when at least this many won are ready; less is carried over to the next batch.
    #[arg(long, env = "KONNECT_PAYOUT_MINIMUM_KRW", default_value_t = 10_000)]
    pub payout_minimum_krw: i64,
    /// The weekday of payout batches, in Korea: 0 is Monday.
    #[arg(long, env = "KONNECT_PAYOUT_WEEKDAY", default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=6))]
    pub payout_weekday: u32,
    /// The hour of payout batches, in Korea.
    #[arg(long, env = "KONNECT_PAYOUT_HOUR", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=23))]
    pub payout_hour: u32,
    /// From this hour in Korea the provider takes EXPRESS payouts, on weekdays.
    #[arg(long, env = "KONNECT_EXPRESS_FROM_HOUR", default_value_t = 8, value_parser = clap::value_parser!(u32).range(0..=23))]
    pub express_from_hour: u32,
    /// Until this hour in Korea the provider takes EXPRESS payouts, on weekdays.
    #[arg(long, env = "KONNECT_EXPRESS_TO_HOUR", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=24))]
    pub express_to_hour: u32,
    /// After a change of the bank account nothing is paid out for this many hours.
    #[arg(long, env = "KONNECT_ACCOUNT_FREEZE_HOURS", default_value_t = 24)]
    pub account_freeze_hours: i64,
    /// A change of the bank account needs a login at most this many seconds old.
    #[arg(long, env = "KONNECT_FRESH_LOGIN_SECONDS", default_value_t = 600)]
    pub fresh_login_seconds: i64,
    /// A chat can be written in until this many days after the session's end; then it can only be read.
    #[arg(long, env = "KONNECT_CHAT_DAYS", default_value_t = 7, value_parser = clap::value_parser!(i64).range(0..=3650))]
    pub chat_days: i64,
    /// A message can be edited and deleted by its author for this many minutes.
    #[arg(long, env = "KONNECT_CHAT_EDIT_MINUTES", default_value_t = 15, value_parser = clap::value_parser!(i64).range(0..=525_600))]
    pub chat_edit_minutes: i64,
    /// The sides of a completed session can review one another for this many days; then what was written is published.
    #[arg(long, env = "KONNECT_REVIEW_DAYS", default_value_t = 14, value_parser = clap::value_parser!(i64).range(1..=365))]
    pub review_days: i64,
    /// A reply to a review can be edited for this many days.
    #[arg(long, env = "KONNECT_REVIEW_REPLY_DAYS", default_value_t = 7, value_parser = clap::value_parser!(i64).range(0..=365))]
    pub review_reply_days: i64,
    /// The most bytes of a file in a chat.
    #[arg(long, env = "KONNECT_FILE_MAX_BYTES", default_value_t = 10 * 1024 * 1024, value_parser = clap::value_parser!(u64).range(1..=104_857_600))]
    pub file_max_bytes: u64,
}

/// The product's rules, whatever the environment says.
impl Default for Rules {
    fn default() -> Self {
        #[derive(Parser)]
        struct Alone {
            #[command(flatten)]
            rules: Rules,
        }
        let mut command = <Alone as clap::CommandFactory>::command();
        for id in command.get_arguments().map(|a| a.get_id().clone()).collect::<Vec<_>>() {
            command = command.mut_arg(id, |arg| arg.env(None::<&str>));
        }
        let matches = command.get_matches_from(["konnect"]);
        <Alone as clap::FromArgMatches>::from_arg_matches(&matches).expect("defaults parse").rules
    }
}

impl Rules {
    pub fn hold(&self) -> TimeDelta {
        TimeDelta::minutes(self.hold_minutes)
    }

    pub fn deposit_hold(&self) -> TimeDelta {
        TimeDelta::hours(self.deposit_hold_hours)
    }

    pub fn cool_down_window(&self) -> TimeDelta {
        TimeDelta::minutes(self.cool_down_window_minutes)
    }

    pub fn cool_down(&self) -> TimeDelta {
        TimeDelta::minutes(self.cool_down_minutes)
    }

    pub fn waitlist_hold(&self) -> TimeDelta {
        TimeDelta::minutes(self.waitlist_hold_minutes)
    }

    pub fn move_window(&self) -> TimeDelta {
        TimeDelta::hours(self.move_hours)
    }

    pub fn move_free(&self) -> TimeDelta {
        TimeDelta::hours(self.move_free_hours)
    }

    pub fn request_window(&self) -> TimeDelta {
        TimeDelta::hours(self.request_hours)
    }

    pub fn auto_complete(&self) -> TimeDelta {
        TimeDelta::hours(self.auto_complete_hours)
    }

    pub fn problem_window(&self) -> TimeDelta {
        TimeDelta::hours(self.problem_hours)
    }

    pub fn gate_early(&self) -> TimeDelta {
        TimeDelta::minutes(self.gate_early_minutes)
    }

    pub fn gate_grace(&self) -> TimeDelta {
        TimeDelta::minutes(self.gate_grace_minutes)
    }

    /// `None`: nobody is absent by itself.
    pub fn no_show_after(&self) -> Option<TimeDelta> {
        (self.no_show_minutes > 0).then(|| TimeDelta::minutes(self.no_show_minutes))
    }

    pub fn presence_needed(&self) -> TimeDelta {
        TimeDelta::seconds(self.presence_seconds)
    }

    pub fn extension_window(&self) -> TimeDelta {
        TimeDelta::minutes(self.extension_minutes)
    }

    pub fn dispute_answer(&self) -> TimeDelta {
        TimeDelta::hours(self.dispute_answer_hours)
    }

    pub fn dispute_evidence(&self) -> TimeDelta {
        TimeDelta::hours(self.dispute_evidence_hours)
    }

    pub fn quote_life(&self) -> TimeDelta {
        TimeDelta::seconds(self.quote_seconds)
    }

    pub fn goodwill_limit(&self) -> Krw {
        Krw(self.goodwill_limit_krw)
    }

    pub fn fee(&self) -> BasisPoints {
        BasisPoints(self.fee_bps)
    }

    pub fn payout_minimum(&self) -> Krw {
        Krw(self.payout_minimum_krw)
    }

    pub fn account_freeze(&self) -> TimeDelta {
        TimeDelta::hours(self.account_freeze_hours)
    }

    pub fn fresh_login(&self) -> TimeDelta {
        TimeDelta::seconds(self.fresh_login_seconds)
    }

    /// How long after its session a chat can be written in.
    pub fn chat_life(&self) -> TimeDelta {
        TimeDelta::days(self.chat_days)
    }

    pub fn chat_edit_window(&self) -> TimeDelta {
        TimeDelta::minutes(self.chat_edit_minutes)
    }

    /// How long after its completion a session can be reviewed.
    pub fn review_window(&self) -> TimeDelta {
        TimeDelta::days(self.review_days)
    }

    pub fn review_reply_window(&self) -> TimeDelta {
        TimeDelta::days(self.review_reply_days)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_the_command_line() {
        let rules = Rules::default();
        assert_eq!(rules.hold(), TimeDelta::minutes(15));
        assert_eq!((rules.fee_bps, rules.vat_bps, rules.withholding_bps), (1500, 1000, 330));
        assert_eq!(rules.dispute_evidence(), TimeDelta::days(3));
    }
}
