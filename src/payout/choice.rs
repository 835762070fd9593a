//! Which of a mentor's ready lines go into a payout. Pure.

use super::model::Skip;
use crate::id::SettlementLineId;
use crate::money::Krw;
use crate::settlement::SettlementLine;

/// The lines of one payout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub lines: Vec<SettlementLineId>,
    /// Their sum: what is paid.
    pub amount: Krw,
    /// The sum of the lines that had to wait.
    pub carried: Krw,
}

/// The sum of lines that are ready.
pub fn total(lines: &[SettlementLine]) -> Krw {
    lines.iter().fold(Krw::ZERO, |sum, line| sum.plus(line.net_krw))
}

/// Takes every line that takes back, and of the others the oldest that fit below `limit` together with these.
/// `lines` are in order of age.
///
/// # Errors
/// Why nothing is paid: all stays ready then.
pub fn choose(lines: &[SettlementLine], minimum: Krw, limit: Option<Krw>) -> Result<Choice, Skip> {
    let sum = total(lines);
    if sum < Krw::ZERO {
        return Err(Skip::Owes);
    }
    if sum < minimum || !sum.is_positive() {
        return Err(Skip::BelowMinimum);
    }
    let (gives, takes): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line.net_krw >= Krw::ZERO);
    let mut choice = Choice { lines: Vec::new(), amount: Krw::ZERO, carried: sum };
    for line in takes.iter().chain(&gives) {
        let amount = choice.amount.plus(line.net_krw);
        if limit.is_none_or(|limit| amount <= limit) {
            choice.lines.push(line.id);
            choice.amount = amount;
        }
    }
    choice.carried = sum.minus(choice.amount);
    if choice.amount < minimum || !choice.amount.is_positive() {
        return Err(Skip::WeeklyLimit);
    }
    Ok(choice)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::id::{ReservationId, UserId};
    use crate::settlement::LineState;

    fn lines(nets: &[i64]) -> Vec<SettlementLine> {
        let line = |net: &i64| SettlementLine {
            id: SettlementLineId::generate(),
            reservation_id: ReservationId::generate(),
            mentor_id: UserId(uuid::Uuid::nil()),
            line_key: "accrual".to_owned(),
            gross_krw: Krw(*net),
            fee_krw: Krw::ZERO,
            vat_krw: Krw::ZERO,
            withholding_krw: Krw::ZERO,
            net_krw: Krw(*net),
            fee_bps: 0,
            vat_bps: 0,
            withholding_bps: 0,
            rule_version: 2,
            state: LineState::Ready,
            release_at: None,
            held_reason: None,
            payout_id: None,
            created_at: "2026-03-02T00:00:00Z".parse().expect("an instant"),
        };
        nets.iter().map(line).collect()
    }

    fn chosen(nets: &[i64], minimum: i64, limit: Option<i64>) -> Result<(i64, i64, usize), Skip> {
        choose(&lines(nets), Krw(minimum), limit.map(Krw)).map(|c| (c.amount.0, c.carried.0, c.lines.len()))
    }

    #[test]
    fn reversals_are_netted_and_debts_are_carried() {
        assert_eq!(chosen(&[40_000, -15_000], 10_000, None), Ok((25_000, 0, 2)));
        assert_eq!(chosen(&[40_000, -40_000], 10_000, None), Err(Skip::BelowMinimum));
        assert_eq!(chosen(&[40_000, -40_000], 0, None), Err(Skip::BelowMinimum), "nothing is not paid");
        assert_eq!(chosen(&[40_000, -40_001], 0, None), Err(Skip::Owes));
        assert_eq!(chosen(&[9_999], 10_000, None), Err(Skip::BelowMinimum));
        assert_eq!(chosen(&[10_000], 10_000, None), Ok((10_000, 0, 1)));
        assert_eq!(chosen(&[], 0, None), Err(Skip::BelowMinimum));
    }

    #[test]
    fn a_limit_takes_the_oldest_that_fit() {
        assert_eq!(chosen(&[60, 50, 30, 20], 0, Some(100)), Ok((90, 70, 2)), "60 and 30");
        assert_eq!(chosen(&[60, 50, -40, 30], 0, Some(100)), Ok((100, 0, 4)));
        assert_eq!(chosen(&[200], 0, Some(100)), Err(Skip::WeeklyLimit));
        assert_eq!(chosen(&[60, 50], 80, Some(70)), Err(Skip::WeeklyLimit), "60 is below the minimum");
        assert_eq!(chosen(&[60], 0, Some(0)), Err(Skip::WeeklyLimit));
        assert_eq!(chosen(&[200, -120], 0, Some(100)), Ok((80, 0, 2)));
    }

    proptest! {
        #[test]
        fn no_won_is_lost_and_no_limit_passed(
            nets in prop::collection::vec(-100_000_i64..=200_000, 0..20),
            minimum in 0_i64..=50_000,
            limit in prop::option::of(0_i64..=300_000),
        ) {
            let all = lines(&nets);
            if let Ok(choice) = choose(&all, Krw(minimum), limit.map(Krw)) {
                let sum = all.iter().filter(|l| choice.lines.contains(&l.id)).map(|l| l.net_krw.0).sum();
                prop_assert_eq!(choice.amount, Krw(sum));
                prop_assert_eq!(choice.amount.plus(choice.carried), total(&all));
                prop_assert!(sum >= minimum && sum > 0 && limit.is_none_or(|limit| sum <= limit));
                let takes = all.iter().filter(|l| l.net_krw < Krw::ZERO).all(|l| choice.lines.contains(&l.id));
                prop_assert!(takes, "what is owed is netted first");
            }
        }
    }
}
