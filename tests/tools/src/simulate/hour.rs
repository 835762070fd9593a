//! The full hour: what is due by the clock is due at one instant, and the job system shows how long it takes.

use konnect_tools::picture::{Axis, Line, Picture};

use super::engine::{Dice, MS, Time};
use super::jobs::{Due, Setup, run};
use super::size::{Inputs, round};
use super::{WEIGHTS, table};

/// A reservation's 25 statements and its request take 2.8 ms of a processor (710 a second on two), so one statement
/// takes this much with what it costs outside the database.
const STATEMENT: f64 = 2.8 / 25.0 * MS;
/// Kinds that fall on a full hour when the session does: the start, the reminders of an hour and of a day before, the
/// completion two days after, the release of what was earned a week after that. The reminder of ten minutes and the
/// question who came have minutes of their own.
const ON_THE_HOUR: usize = 5;
/// Machines like the one that was measured, each with its own share of the mentors.
const UNITS: [usize; 6] = [1, 2, 4, 8, 16, 32];
/// Lags of a second or less belong to nobody's patience.
const PROMISE: f64 = 5_000.0;

/// The work of a job beside its claim and its end.
fn work() -> f64 {
    // Claim, hold and finish are in the setup already: about six statements.
    (WEIGHTS.statements_jobs / WEIGHTS.jobs - 6.0).max(1.0) * STATEMENT
}

fn follow() -> u8 {
    let each = (WEIGHTS.jobs - WEIGHTS.timed) / WEIGHTS.timed;
    // A booking's other jobs follow those of the clock, or the payment.
    format!("{each:.0}").parse().unwrap_or(u8::MAX)
}

/// The share of the full hour's jobs that one of `units` machines has.
fn burst(units: usize, seed: u64) -> Vec<Due> {
    let inputs = Inputs::TEN_MILLION;
    let mut dice = Dice::new(seed);
    let starts = (0..).take_while(|n| f64::from(*n) < inputs.starts_at_once() / units as f64);
    let mentors = (0..).take_while(|n| f64::from(*n) < inputs.mentors / units as f64).count();
    let mut jobs = Vec::new();
    for _ in starts {
        for _ in 0..ON_THE_HOUR {
            let mentor = u32::try_from(dice.below(mentors)).expect("fewer than four thousand million");
            jobs.push(Due { at: 0, mentor, work: work(), asks_provider: false, follow: follow() });
        }
    }
    jobs
}

/// The busiest hour without its first minute: payments and what follows them, evenly.
fn stream(units: usize, seed: u64) -> Vec<Due> {
    let inputs = Inputs::TEN_MILLION;
    let mut dice = Dice::new(seed);
    let rate = inputs.bookings_a_second() * (WEIGHTS.jobs - WEIGHTS.timed) / units as f64;
    let (mut at, mut jobs) = (0.0, Vec::new());
    while at < 120.0 {
        at -= (1.0 - dice.unit()).ln() / rate;
        let mentor = u32::try_from(dice.below(100_000)).expect("few");
        let asks_provider = dice.below(10) == 0;
        let at = super::engine::whole(at * super::engine::SECOND);
        jobs.push(Due { at, mentor, work: work(), asks_provider, follow: 0 });
    }
    jobs
}

/// The table, and how the lag grows on some numbers of machines.
pub fn text(seed: u64) -> (String, Picture) {
    let mut rows = Vec::new();
    let mut lines = Vec::new();
    let (mut waits, mut retries) = (0, 0);
    for units in UNITS {
        let (hour, even) = (run(&Setup::measured(), &burst(units, seed), seed), stream(units, seed));
        let even = run(&Setup::measured(), &even, seed);
        let seconds = |ms: f64| format!("{:.1} s", ms / 1_000.0);
        let kept = if hour.lag.percentile(99) <= PROMISE { "yes" } else { "no" };
        rows.push(vec![
            units.to_string(),
            seconds(hour.lag.percentile(50)),
            seconds(hour.lag.percentile(99)),
            kept.to_owned(),
            seconds(hour.lag_of_others.percentile(99)),
            seconds(hour.last as f64 / MS),
            format!("{:.1} ms", even.lag.percentile(50)),
            format!("{:.1} ms", even.lag.percentile(99)),
            seconds(even.whole.percentile(99)),
            format!("{:.0} %", 100.0 * even.utilisation),
        ]);
        (waits, retries) = (waits.max(hour.lock_wait), retries + even.retries);
        lines.push(Line { name: format!("{units} machines"), points: curve(&hour.lags) });
    }
    let head = [
        "machines",
        "at the full hour: lag p50",
        "p99",
        "p99 within 5 s",
        "what they write: lag p99",
        "all done after",
        "between: lag p50",
        "p99",
        "to the end: p99",
        "processors busy",
    ];
    let inputs = Inputs::TEN_MILLION;
    let mut out = table("The full hour", &head, rows);
    out += &format!(
        "\n- {} sessions begin: {} jobs due at one instant, and {} more that each of them writes; between the hours {} jobs a second\n\
         - a machine is the measured one: two processors that the database, the relay and the workers share; each has a share of the mentors and a database of its own\n\
         - a job's work is {:.1} ms of a processor beside its claim and its end, under its mentor's lock; nobody waited longer than {:.0} ms for that lock\n\
         - between the hours one job in ten asks the provider (180 ms at the median, 1.5 s at the 99th percentile, one call in a hundred lost: {} of all of these)\n\n\
         ![The lag of jobs by when they begin](scaling-hour.svg)\n",
        round(inputs.starts_at_once()),
        round(inputs.starts_at_once() * ON_THE_HOUR as f64),
        follow(),
        round(inputs.bookings_a_second() * (WEIGHTS.jobs - WEIGHTS.timed)),
        work() / MS,
        waits as f64 / MS,
        retries,
    );
    let picture = Picture {
        title: "Jobs of the busiest full hour: how many have begun, by machines".to_owned(),
        across: Axis::from_zero("percent of the jobs"),
        up: Axis::by_powers("seconds after the hour"),
        lines,
    };
    (out, picture)
}

/// By which second so many percent of the jobs had begun.
fn curve(lags: &[(Time, Time)]) -> Vec<(f64, f64)> {
    let mut begun: Vec<Time> = lags.iter().map(|(due, lag)| due + lag).collect();
    begun.sort_unstable();
    (1..=50)
        .map(|step| {
            let at = (begun.len() - 1) * step / 50;
            (2.0 * step as f64, begun[at] as f64 / super::engine::SECOND)
        })
        .collect()
}
