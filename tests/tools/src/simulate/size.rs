//! Ten million people, in figures: what is assumed, what was counted, and what follows. Every figure that is not a
//! product of others stands here.

/// What one booking costs, counted by `suite/explore/weights.rs` from slot to settlement.
#[derive(Clone, Copy, Debug)]
pub struct Weights {
    /// Rows of the outbox, without those that keep the catalogue's lists.
    pub jobs: f64,
    /// Of them due at the instant that a session begins, or a fixed time before or after it.
    pub timed: f64,
    /// SQL statements of the api, and of the workers, transactions' begins and commits among them.
    pub statements_api: f64,
    pub statements_jobs: f64,
    /// Bytes in MySQL, with indexes, as long as nothing is forgotten; and of them what is forgotten after 7 days. Measured
    /// over 150 bookings, so that a table's pages are mostly full.
    pub bytes: f64,
    pub bytes_passing: f64,
}

/// What is assumed.
#[derive(Clone, Copy, Debug)]
pub struct Inputs {
    pub people: f64,
    pub mentors: f64,
    /// Bookings of one person a year.
    pub bookings_a_year: f64,
    /// Of the day's bookings, the share of the busiest hour; and of the day's sessions, those that begin at the busiest
    /// full hour.
    pub busiest_hour: f64,
    pub busiest_start: f64,
    /// Listings and searches for each booking.
    pub looks: f64,
    /// People with a socket open in the busiest hour.
    pub sockets: f64,
    pub messages_a_session: f64,
    pub bytes_a_message: f64,
}

impl Inputs {
    pub const TEN_MILLION: Self = Self {
        people: 10_000_000.0,
        mentors: 200_000.0,
        bookings_a_year: 12.0,
        busiest_hour: 0.10,
        busiest_start: 0.10,
        looks: 60.0,
        sockets: 0.02,
        messages_a_session: 80.0,
        bytes_a_message: 600.0,
    };

    pub fn bookings_a_day(&self) -> f64 {
        self.people * self.bookings_a_year / 365.0
    }

    /// A second, in the busiest hour.
    pub fn bookings_a_second(&self) -> f64 {
        self.bookings_a_day() * self.busiest_hour / 3_600.0
    }

    /// Sessions that begin at the busiest full hour.
    pub fn starts_at_once(&self) -> f64 {
        self.bookings_a_day() * self.busiest_start
    }
}

/// Lines of the table: what, how much, of what it is a product.
pub fn table(inputs: &Inputs, weights: &Weights) -> Vec<(String, String, String)> {
    let day = inputs.bookings_a_day();
    let peak = inputs.bookings_a_second();
    let line = |what: &str, value: String, how: &str| (what.to_owned(), value, how.to_owned());
    let statements = weights.statements_api + weights.statements_jobs;
    let giga = 1e9;
    vec![
        line("bookings a day", round(day), "people × 12 a year"),
        line("bookings a second, busiest hour", format!("{peak:.1}"), "10 % of the day in one hour"),
        line(
            "listings and searches a second, busiest hour",
            round(peak * inputs.looks),
            "60 for each booking",
        ),
        line("SQL statements a second, busiest hour", round(peak * statements), "counted for each booking"),
        line("jobs a day", round(day * weights.jobs), "counted for each booking"),
        line(
            "sessions that begin at the busiest full hour",
            round(inputs.starts_at_once()),
            "10 % of the day",
        ),
        line("sockets, busiest hour", round(inputs.people * inputs.sockets), "2 % of the people"),
        line(
            "memory of the sockets, GB",
            format!("{:.1}", inputs.people * inputs.sockets * 19.2 * 1024.0 / giga),
            "19.2 KiB each, measured",
        ),
        line("chat messages a day", round(day * inputs.messages_a_session), "80 for each session"),
        line(
            "chat messages a second, busiest hour",
            round(day * inputs.messages_a_session * inputs.busiest_hour / 3_600.0),
            "as the bookings",
        ),
        line(
            "MySQL, GB a year that stay",
            round(day * 365.0 * (weights.bytes - weights.bytes_passing) / giga),
            "bytes counted, without what is forgotten",
        ),
        line(
            "MySQL, GB that pass, at any time",
            round(day * 7.0 * weights.bytes_passing / giga),
            "finished jobs and keys of requests, kept for 7 days",
        ),
        line(
            "MongoDB, GB a year",
            round(day * 365.0 * inputs.messages_a_session * inputs.bytes_a_message / giga),
            "600 bytes a message with its indexes",
        ),
    ]
}

/// With a space between thousands.
pub fn round(value: f64) -> String {
    let text = format!("{value:.0}");
    let digits: Vec<char> = text.chars().collect();
    let mut out = String::new();
    for (at, digit) in digits.iter().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(*digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_follow_from_the_inputs() {
        let inputs = Inputs::TEN_MILLION;
        assert_eq!(round(inputs.bookings_a_day()), "328 767");
        assert_eq!(format!("{:.2}", inputs.bookings_a_second()), "9.13");
        assert_eq!(round(inputs.starts_at_once()), "32 877");
        assert_eq!(round(7.0), "7");
        assert_eq!(round(1_234_567.0), "1 234 567");
    }
}
