//! What is known of queues without simulating them, and that the simulation agrees with it.

/// How long one waits on average at a station with `servers` equal servers, exponential gaps and services (Erlang's C
/// formula), in units of the mean service; `load` is the work offered, in servers.
pub fn erlang_c_wait(servers: usize, load: f64) -> f64 {
    let c = servers as f64;
    // The blocking probability by its recursion, which does not overflow.
    let blocked = (1..=servers).fold(1.0, |b, k| load * b / (k as f64 + load * b));
    let waits = blocked / (1.0 - load / c * (1.0 - blocked));
    waits / (c - load)
}

/// The same for one server with a fixed service (Pollaczek and Khinchine).
pub fn fixed_wait(load: f64) -> f64 {
    load / (2.0 * (1.0 - load))
}

#[cfg(test)]
mod tests {
    use super::super::engine::{Dice, MS, Span, whole};
    use super::super::jobs::{Due, Outcome, Setup, run};
    use super::*;

    /// A relay and a claim that take no time, one step in the database, and as many places as there are jobs.
    fn plain(processors: usize, finish: Span) -> Setup {
        Setup {
            processors,
            places: usize::MAX,
            batch: 500,
            outstanding: usize::MAX,
            publish: Span::Fixed(0.0),
            publish_each: 0.0,
            hop: Span::Fixed(0.0),
            claim: Span::Fixed(0.0),
            finish,
            provider: Span::Fixed(0.0),
            failing: 0.0,
            again: Span::Fixed(0.0),
        }
    }

    /// Jobs with exponential gaps.
    fn arrivals(count: usize, gap: f64, work: f64, mentors: u32) -> Vec<Due> {
        let (mut dice, mut at) = (Dice::new(7), 0.0);
        let mut all = Vec::new();
        for number in 0..count {
            at += dice.span(Span::Exponential(gap));
            let mentor = u32::try_from(number).expect("few") % mentors;
            all.push(Due { at: whole(at), mentor, work, asks_provider: false, follow: 0 });
        }
        all
    }

    /// The mean wait of those who came after the beginning, in units of the mean service.
    fn waited(outcome: &Outcome, service: f64) -> f64 {
        outcome.whole.mean() * MS / service - 1.0
    }

    #[track_caller]
    fn near(is: f64, should: f64, tolerance: f64) {
        assert!((is / should - 1.0).abs() < tolerance, "{is} instead of {should}");
    }

    #[test]
    fn the_formulas_are_those_of_the_books() {
        near(erlang_c_wait(1, 0.5), 1.0, 1e-9);
        // Two servers, one of work: a third waits, for one service on average.
        near(erlang_c_wait(2, 1.0), 1.0 / 3.0, 1e-9);
        near(fixed_wait(0.8), 2.0, 1e-9);
    }

    #[test]
    fn waits_are_erlangs() {
        let service = 10.0 * MS;
        for (servers, load) in [(1, 0.6), (2, 1.4), (4, 3.2)] {
            let jobs = arrivals(150_000, service / load, 0.0, 1);
            let outcome = run(&plain(servers, Span::Exponential(service)), &jobs, 3);
            near(waited(&outcome, service), erlang_c_wait(servers, load), 0.06);
            near(outcome.utilisation, load / servers as f64, 0.02);
        }
    }

    #[test]
    fn waits_for_a_fixed_service_are_those_of_pollaczek_and_khinchine() {
        let service = 10.0 * MS;
        let jobs = arrivals(150_000, service / 0.8, 0.0, 1);
        let outcome = run(&plain(1, Span::Fixed(service)), &jobs, 3);
        near(waited(&outcome, service), fixed_wait(0.8), 0.06);
    }

    #[test]
    fn a_mentors_lock_makes_one_queue_of_many_servers() {
        let service = 10.0 * MS;
        // Eight processors, but all jobs are one mentor's: it is one server.
        let jobs = arrivals(150_000, service / 0.8, service, 1);
        let outcome = run(&plain(8, Span::Fixed(0.0)), &jobs, 3);
        near(waited(&outcome, service), fixed_wait(0.8), 0.06);
        // A thousand mentors in turn do not meet.
        let jobs = arrivals(20_000, service / 0.8, service, 1_000);
        let outcome = run(&plain(8, Span::Fixed(0.0)), &jobs, 3);
        assert!(outcome.lock_wait == 0 && waited(&outcome, service) < 0.01);
    }

    #[test]
    fn a_burst_is_worked_off_as_fast_as_the_processors_go() {
        let jobs: Vec<Due> = (0..10_000)
            .map(|mentor| Due { at: 0, mentor, work: 1.0 * MS, asks_provider: false, follow: 0 })
            .collect();
        let setup = Setup { claim: Span::Fixed(1.0 * MS), ..plain(4, Span::Fixed(0.0)) };
        let outcome = run(&setup, &jobs, 3);
        // 10,000 jobs of 2 ms on four processors.
        assert_eq!(outcome.last, 5_000_000);
        near(outcome.utilisation, 1.0, 1e-9);
    }

    #[test]
    fn a_seed_is_a_run() {
        let jobs = arrivals(5_000, 4.0 * MS, 1.0 * MS, 50);
        let (a, b) = (run(&Setup::measured(), &jobs, 1), run(&Setup::measured(), &jobs, 1));
        assert_eq!(a.lags, b.lags);
        assert_ne!(a.lags, run(&Setup::measured(), &jobs, 2).lags);
    }

    #[test]
    fn providers_that_do_not_answer_are_asked_again() {
        let jobs: Vec<Due> = (0..20_000)
            .map(|mentor| Due {
                at: u64::from(mentor) * 1_000,
                mentor,
                work: 0.0,
                asks_provider: true,
                follow: 0,
            })
            .collect();
        let setup = Setup { failing: 20.0, ..plain(4, Span::Fixed(0.0)) };
        // One quarter on top: 0.2 / (1 - 0.2).
        near(run(&setup, &jobs, 3).retries as f64, 5_000.0, 0.05);
    }
}
