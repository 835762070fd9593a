//! The simulation against what `docs/PERFORMANCE.md` measured, and the slots.

use konnect_tools::picture::{Axis, Line, Picture};

use super::engine::{MS, SECOND, Span, Time};
use super::jobs::{Due, Setup, run};
use super::slots::{self, Market, RESERVE};
use super::table;

/// Jobs that do nothing, `gap` microseconds apart.
fn idle_jobs(count: u32, gap: Time, work: f64) -> Vec<Due> {
    let due =
        |number| Due { at: Time::from(number) * gap, mentor: number, work, asks_provider: false, follow: 0 };
    (0..count).map(due).collect()
}

fn row(what: &str, set_or_predicted: &str, measured: f64, simulated: f64, unit: &str) -> Vec<String> {
    let away = 100.0 * (simulated / measured - 1.0);
    let show = |value: f64| {
        if value >= 100.0 { format!("{value:.0} {unit}") } else { format!("{value:.2} {unit}") }
    };
    vec![
        what.to_owned(),
        set_or_predicted.to_owned(),
        show(measured),
        show(simulated),
        format!("{away:+.0} %"),
    ]
}

/// The measured machine, simulated: three figures set the model, the others it has to find.
pub fn text(seed: u64) -> String {
    let setup = Setup::measured();
    let burst = run(&setup, &idle_jobs(20_000, 0, 0.0), seed);
    let idle = run(&setup, &idle_jobs(300, 50_000, 0.0), seed);
    let busy = run(&setup, &idle_jobs(3_000, 3_333, 0.0), seed);
    let rate = 20_000.0 * SECOND / burst.last as f64;
    // A webhook's job asks the stand-in, which answers at once, and writes some rows.
    let webhooks: Vec<Due> =
        idle_jobs(3_000, 5_000, 1.0 * MS).into_iter().map(|due| Due { asks_provider: true, ..due }).collect();
    let stand_in = Setup { provider: Span::Fixed(2.0 * MS), failing: 0.0, ..setup };
    let looked = run(&stand_in, &webhooks, seed);
    let last_due = webhooks.last().map_or(0, |due| due.at);
    let rows = vec![
        row("no-op jobs, due at once", "set", 2_456.0, rate, "/s"),
        row("idle, p50", "set", 4.02, idle.lag.percentile(50), "ms"),
        row("idle, p99", "set", 7.22, idle.lag.percentile(99), "ms"),
        row("under 300 jobs/s, p50", "found", 2.27, busy.lag.percentile(50), "ms"),
        row("under 300 jobs/s, p99", "found", 8.87, busy.lag.percentile(99), "ms"),
        row(
            "200 webhooks/s, the last done after",
            "found",
            100.0,
            (looked.last - last_due) as f64 / MS,
            "ms",
        ),
    ];
    let head = ["figure", "in the model", "measured", "simulated", "deviation"];
    table("The model beside what was measured", &head, rows)
}

fn everyday() -> Market {
    Market {
        mentors: 200_000,
        slots: 40,
        zipf: 0.6,
        requests: 9.13 * 1.5,
        seconds: 3_600.0,
        thinking: Span::Skewed { p50: 15.0 * SECOND, p99: 180.0 * SECOND },
        stale: SECOND,
        reserve: RESERVE,
        taste: 0.15,
    }
}

/// Ordinary hours and famous mentors, and how refusals grow with the time that people think.
pub fn market(seed: u64) -> (String, Picture) {
    let few = |mentors, requests, seconds| Market {
        mentors,
        requests,
        seconds,
        zipf: 0.0,
        slots: 20,
        ..everyday()
    };
    // Whoever came for it takes whatever there is.
    let rush = |requests| Market {
        thinking: Span::Skewed { p50: 2.0 * SECOND, p99: 8.0 * SECOND },
        ..few(1, requests, 10.0)
    };
    let cases = [
        ("the busiest hour of all mentors", everyday()),
        ("the same, ten times as many requests", Market { requests: 91.3 * 1.5, ..everyday() }),
        ("everybody likes the same mentors (power 1.1)", Market { zipf: 1.1, ..everyday() }),
        ("a famous mentor opens 20 slots: 1,000 come within 10 s", rush(100.0)),
        ("5,000 come within 10 s", rush(500.0)),
    ];
    let mut rows = Vec::new();
    for (name, market) in &cases {
        let outcome = slots::run(market, seed);
        rows.push(vec![
            (*name).to_owned(),
            outcome.asked.to_string(),
            format!("{:.2} %", outcome.conflicts()),
            format!("{:.1} ms", outcome.answer.percentile(50)),
            format!("{:.1} ms", outcome.answer.percentile(99)),
            format!("{:.1} ms", outcome.answer.max()),
            outcome.sold_out.to_string(),
            format!("{:.0} s", outcome.last),
        ]);
    }
    let head = [
        "slots",
        "requests",
        "refused",
        "behind one calendar: p50",
        "p99",
        "at most",
        "saw nothing free",
        "last answer",
    ];
    let mut out = table("Slots", &head, rows);
    out += "\n- the time is that under the mentor's calendar alone, as if the processors were free\n\
            - people think 15 s at the median between the list and the request; lists are up to a second old\n\n\
            ![Refusals by the time that people think](scaling-slots.svg)\n";
    let line = |name: &str, market: &Market| {
        let points = [1.0, 5.0, 15.0, 30.0, 60.0, 120.0].map(|seconds| {
            let thinking = Span::Skewed { p50: seconds * SECOND, p99: 6.0 * seconds * SECOND };
            (seconds, slots::run(&Market { thinking, ..market.clone() }, seed).conflicts())
        });
        Line { name: name.to_owned(), points: points.to_vec() }
    };
    let lines = vec![
        line("all mentors", &everyday()),
        line("power 1.1", &Market { zipf: 1.1, ..everyday() }),
        line("one, 1 a second", &Market { slots: 200, ..few(1, 1.0, 100.0) }),
    ];
    let picture = Picture {
        title: "Requests that find their slot taken".to_owned(),
        across: Axis::from_zero("seconds that people think, at the median"),
        up: Axis::from_zero("percent"),
        lines,
    };
    (out, picture)
}
