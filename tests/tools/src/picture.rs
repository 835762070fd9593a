//! Pictures of figures, as SVG without anything else.

use std::fmt::Write;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 70.0;
const BOTTOM: f64 = 50.0;
const TOP: f64 = 40.0;
const RIGHT: f64 = 150.0;
const COLOURS: [&str; 6] = ["#1b6ca8", "#c0392b", "#1e8449", "#b9770e", "#6c3483", "#566573"];

/// One line of a picture.
pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

/// How values stand on an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Evenly, from 0.
    FromZero,
    /// Each power of ten as far from the one before as any other, for what grows by factors.
    PowersOfTen,
}

/// One side of a picture.
pub struct Axis {
    /// What it shows, with its unit.
    pub text: String,
    pub scale: Scale,
}

impl Axis {
    pub fn from_zero(text: impl Into<String>) -> Self {
        Self { text: text.into(), scale: Scale::FromZero }
    }

    pub fn by_powers(text: impl Into<String>) -> Self {
        Self { text: text.into(), scale: Scale::PowersOfTen }
    }
}

/// From where to where an axis goes.
struct Reach {
    scale: Scale,
    low: f64,
    high: f64,
}

impl Reach {
    /// Far enough for all values; by whole powers of ten where the axis has them.
    fn of(scale: Scale, values: impl Iterator<Item = f64> + Clone) -> Self {
        let highest = values.clone().fold(f64::MIN_POSITIVE, f64::max);
        let lowest = values.filter(|value| *value > 0.0).fold(highest, f64::min);
        let (low, high) = match scale {
            Scale::FromZero => (0.0, highest),
            Scale::PowersOfTen => (10_f64.powf(lowest.log10().floor()), 10_f64.powf(highest.log10().ceil())),
        };
        Self { scale, low, high }
    }

    /// How far along the axis a value stands, 0 to 1.
    fn share(&self, value: f64) -> f64 {
        match self.scale {
            Scale::FromZero => value / self.high,
            // There is no place for 0: it stands at the axis' begin.
            Scale::PowersOfTen => {
                (value.max(self.low) / self.low).log10() / (self.high / self.low).log10().max(1.0)
            }
        }
    }

    fn ticks(&self) -> Vec<f64> {
        match self.scale {
            Scale::FromZero => (0..=4).map(|tick| self.high * f64::from(tick) / 4.0).collect(),
            Scale::PowersOfTen => std::iter::successors(Some(self.low), |value| Some(value * 10.0))
                .take_while(|value| *value <= self.high * 1.01)
                .collect(),
        }
    }
}

/// Lines over two axes.
pub struct Picture {
    pub title: String,
    pub across: Axis,
    pub up: Axis,
    pub lines: Vec<Line>,
}

impl Picture {
    pub fn svg(&self) -> String {
        let points = || self.lines.iter().flat_map(|line| line.points.iter());
        let wide = Reach::of(self.across.scale, points().map(|(x, _)| *x));
        let high = Reach::of(self.up.scale, points().map(|(_, y)| *y));
        let right = |x: f64| LEFT + wide.share(x) * (WIDTH - LEFT - RIGHT);
        let down = |y: f64| HEIGHT - BOTTOM - high.share(y) * (HEIGHT - BOTTOM - TOP);
        let mut out = String::new();
        let mut put = |text: String| {
            let _ = writeln!(out, "{text}");
        };
        put(format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">"#
        ));
        put(format!(r##"<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>"##));
        put(format!(r#"<text x="{LEFT}" y="22" font-size="15">{}</text>"#, self.title));
        for x in wide.ticks() {
            let at = right(x);
            put(format!(
                r#"<text x="{at:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
                HEIGHT - BOTTOM + 18.0,
                number(x)
            ));
        }
        for y in high.ticks() {
            let at = down(y);
            put(format!(
                r##"<line x1="{LEFT}" y1="{at:.1}" x2="{:.1}" y2="{at:.1}" stroke="#dddddd"/>"##,
                WIDTH - RIGHT
            ));
            put(format!(
                r#"<text x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#,
                LEFT - 6.0,
                at + 4.0,
                number(y)
            ));
        }
        put(format!(r#"<text x="{LEFT}" y="{:.1}">{}</text>"#, HEIGHT - 12.0, self.across.text));
        let middle = (TOP + HEIGHT - BOTTOM) / 2.0;
        put(format!(
            r#"<text transform="rotate(-90)" x="{:.1}" y="14" text-anchor="middle">{}</text>"#,
            -middle, self.up.text
        ));
        for (place, line) in self.lines.iter().enumerate() {
            let colour = COLOURS[place % COLOURS.len()];
            let path: Vec<String> =
                line.points.iter().map(|(x, y)| format!("{:.1},{:.1}", right(*x), down(*y))).collect();
            put(format!(
                r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="2"/>"#,
                path.join(" ")
            ));
            put(format!(
                r#"<text x="{:.1}" y="{:.1}" fill="{colour}">{}</text>"#,
                WIDTH - RIGHT + 10.0,
                TOP + 16.0 * (place as f64 + 1.0),
                line.name
            ));
        }
        put("</svg>".to_owned());
        out
    }
}

/// As short as it can be read.
fn number(value: f64) -> String {
    let text = match value {
        0.0 => "0".to_owned(),
        _ if value >= 10.0 => return grouped(&format!("{value:.0}")),
        _ if value >= 0.01 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Digits of 10,000 and more, in threes.
fn grouped(digits: &str) -> String {
    if digits.len() < 5 {
        return digits.to_owned();
    }
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(across: Axis, up: Axis, points: Vec<(f64, f64)>) -> Picture {
        let lines = vec![Line { name: "a".to_owned(), points }];
        Picture { title: "t".to_owned(), across, up, lines }
    }

    #[test]
    fn a_picture_has_its_points_where_they_belong() {
        let picture = picture(Axis::from_zero("x"), Axis::from_zero("y"), vec![(0.0, 0.0), (10.0, 5.0)]);
        let svg = picture.svg();
        // From the lower left corner of the field to its upper right one.
        assert!(svg.contains(r#"points="70.0,310.0 570.0,40.0""#), "{svg}");
    }

    #[test]
    fn powers_of_ten_are_equally_far_apart_on_both_sides() {
        let points = vec![(1e3, 0.1), (1e4, 1.0), (1e5, 1.0), (1e6, 10.0)];
        let svg = picture(Axis::by_powers("rows"), Axis::by_powers("ms"), points).svg();
        assert!(svg.contains(r#"points="70.0,310.0 236.7,175.0 403.3,175.0 570.0,40.0""#), "{svg}");
        for tick in [">1000<", ">10,000<", ">100,000<", ">1,000,000<", ">0.1<", ">1<", ">10<"] {
            assert!(svg.contains(tick), "{tick} in {svg}");
        }
    }

    #[test]
    fn a_number_is_short() {
        let shown = [0.0, 0.001, 0.25, 9.5, 10.0, 9_999.0, 12_345.6].map(number);
        assert_eq!(shown, ["0", "0.001", "0.25", "9.5", "10", "9999", "12,346"]);
    }
}
