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

/// Lines over one axis from 0; the other one by powers of ten where `logarithmic`.
pub struct Picture {
    pub title: String,
    pub across: String,
    pub up: String,
    pub logarithmic: bool,
    pub lines: Vec<Line>,
}

impl Picture {
    pub fn svg(&self) -> String {
        let points = || self.lines.iter().flat_map(|line| line.points.iter());
        let most = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::MIN_POSITIVE, f64::max);
        let widest = most(&mut points().map(|(x, _)| *x));
        let highest = most(&mut points().map(|(_, y)| *y));
        let lowest = points().map(|(_, y)| *y).filter(|y| *y > 0.0).fold(highest, f64::min);
        let (floor, ceiling) = if self.logarithmic {
            (10_f64.powf(lowest.log10().floor()), 10_f64.powf(highest.log10().ceil()))
        } else {
            (0.0, highest)
        };
        let right = |x: f64| LEFT + x / widest * (WIDTH - LEFT - RIGHT);
        let share = |y: f64| {
            if self.logarithmic {
                (y.max(floor) / floor).log10() / (ceiling / floor).log10().max(1.0)
            } else {
                y / ceiling
            }
        };
        let down = |y: f64| HEIGHT - BOTTOM - share(y) * (HEIGHT - BOTTOM - TOP);
        let mut out = String::new();
        let mut put = |text: String| {
            let _ = writeln!(out, "{text}");
        };
        put(format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">"#
        ));
        put(format!(r##"<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>"##));
        put(format!(r#"<text x="{LEFT}" y="22" font-size="15">{}</text>"#, self.title));
        for tick in 0..=4 {
            let x = widest * f64::from(tick) / 4.0;
            let at = right(x);
            put(format!(
                r#"<text x="{at:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
                HEIGHT - BOTTOM + 18.0,
                number(x)
            ));
        }
        for y in self.ticks(floor, ceiling) {
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
        put(format!(r#"<text x="{LEFT}" y="{:.1}">{}</text>"#, HEIGHT - 12.0, self.across));
        put(format!(r#"<text x="8" y="{:.1}">{}</text>"#, TOP - 4.0, self.up));
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

    fn ticks(&self, floor: f64, ceiling: f64) -> Vec<f64> {
        if !self.logarithmic {
            return (0..=4).map(|tick| ceiling * f64::from(tick) / 4.0).collect();
        }
        std::iter::successors(Some(floor), |y| Some(y * 10.0)).take_while(|y| *y <= ceiling * 1.01).collect()
    }
}

/// As short as it can be read.
fn number(value: f64) -> String {
    let text = if value >= 10.0 || value == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_its_points_where_they_belong() {
        let line = Line { name: "a".to_owned(), points: vec![(0.0, 0.0), (10.0, 5.0)] };
        let picture = Picture {
            title: "t".to_owned(),
            across: "x".to_owned(),
            up: "y".to_owned(),
            logarithmic: false,
            lines: vec![line],
        };
        let svg = picture.svg();
        // From the lower left corner of the field to its upper right one.
        assert!(svg.contains(r#"points="70.0,310.0 570.0,40.0""#), "{svg}");
    }
}
