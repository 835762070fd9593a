//! Cost against data size: the same things done while the reservations in the database grow from a thousand to a million,
//! and while a hundred to a hundred thousand jobs wait for their day.
//!
//! Every size is the one before with more in it: no row is written twice. Both halves begin with
//! [`forget`](super::server::forget), which leaves no reservation, claim, event or job of the parts before. People and
//! mentors of those parts stay, as many at every size.

mod bookings;
mod waiting;

use anyhow::Result;
use konnect_tools::picture::{Axis, Line, Picture};

use super::Bench;
use super::report::{Curves, Figure, Target};

/// How far it grows.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    mentors: usize,
    /// Past sessions of each mentor, ascending, 1,000 at most.
    each: &'static [usize],
    /// Made over HTTP at each size.
    reservations: usize,
    /// Of the pages that are asked for over and over, each.
    seconds: f64,
    /// Jobs that are due tomorrow, ascending.
    waiting: &'static [usize],
    /// Times that the relay's transport is filled.
    passes: usize,
    /// Of one round of throughput.
    jobs: usize,
    /// Whose start is looked at.
    starts: usize,
}

impl Size {
    pub const FULL: Self = Self {
        mentors: 1_000,
        each: &[1, 10, 100, 1_000],
        reservations: 1_000,
        seconds: 2.0,
        waiting: &[100, 1_000, 10_000, 100_000],
        passes: 4,
        jobs: 4_000,
        starts: 500,
    };
    pub const QUICK: Self = Self {
        mentors: 100,
        each: &[1, 10],
        reservations: 100,
        seconds: 0.3,
        waiting: &[100, 1_000],
        passes: 1,
        jobs: 300,
        starts: 50,
    };
}

/// Reservations first, then jobs.
pub async fn measure(bench: &Bench) -> Result<Curves> {
    let mut curves = bookings::measure(bench).await?;
    let more = waiting::measure(bench).await?;
    curves.sections.extend(more.sections);
    curves.pictures.extend(more.pictures);
    Ok(curves)
}

/// One figure of every size: a line of the picture.
struct Course {
    what: &'static str,
    unit: &'static str,
    /// By size, ascending.
    points: Vec<(usize, f64)>,
}

impl Course {
    fn new<M>(
        what: &'static str,
        unit: &'static str,
        sizes: &[(usize, M)],
        value: impl Fn(&M) -> f64,
    ) -> Self {
        let points = sizes.iter().map(|(size, measured)| (*size, value(measured))).collect();
        Self { what, unit, points }
    }

    /// A row for each size.
    fn figures(&self, of: &str) -> Vec<Figure> {
        let figure = |(size, value): &(usize, f64)| {
            Figure::new(format!("{size} {of}: {}", self.what), *value, self.unit, Target::Free)
        };
        self.points.iter().map(figure).collect()
    }

    /// What the largest size gives by what the smallest does.
    fn ratio(&self, of: &str, target: Target) -> Option<Figure> {
        let [(small, first), .., (large, last)] = self.points.as_slice() else { return None };
        let what = format!("{}: {large} : {small} {of}", self.what);
        Some(Figure::new(what, last / first, "x", target))
    }

    fn line(&self) -> Line {
        let points = self.points.iter().map(|(size, value)| (*size as f64, *value)).collect();
        Line { name: self.what.to_owned(), points }
    }
}

fn picture(title: &str, across: &str, up: Axis, courses: &[Course]) -> Picture {
    let lines = courses.iter().map(Course::line).collect();
    Picture { title: title.to_owned(), across: Axis::by_powers(across), up, lines }
}

#[cfg(test)]
mod tests {
    use super::super::report::{Report, Section};
    use super::*;

    #[test]
    fn a_course_has_a_row_for_each_size_and_compares_the_last_with_the_first() {
        let course = Course::new("page", "ms", &[(10, 2.0), (100, 9.0), (1_000, 3.0)], |value| *value);
        assert_eq!(course.figures("rows").len(), 3);
        let drawn = course.line();
        assert_eq!((drawn.name.as_str(), drawn.points[2]), ("page", (1_000.0, 3.0)));
        let ratio = course.ratio("rows", Target::AtMost(1.5)).expect("more than one size");
        let report = Report {
            sections: vec![Section { title: "t", figures: vec![ratio], notes: Vec::new() }],
            ..Default::default()
        };
        assert!(report.text().contains("page: 1000 : 10 rows  1.50 x"), "{}", report.text());
        assert_eq!(report.score(), (1, 1));
        let single = Course::new("page", "ms", &[(10, 2.0)], |value: &f64| *value);
        assert!(single.ratio("rows", Target::Free).is_none(), "one size is no growth");
    }
}
