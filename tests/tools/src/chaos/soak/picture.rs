//! The samples as a picture for the documents: memory, descriptors and waiting jobs over time.

use std::fmt::Write;

use konnect::job::Queue;

use super::sample::Series;

const WIDE: f64 = 900.0;
const HIGH: f64 = 220.0;
/// Left of the panels, for their scales; between them, for their titles; right of them, for names.
const LEFT: f64 = 60.0;
const GAP: f64 = 46.0;
const RIGHT: f64 = 190.0;
const MIB: f64 = 1_048_576.0;
const COLOURS: [&str; 9] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f3c8d", "#666666", "#a5aa99"];

/// A named line of a panel.
struct Line {
    name: String,
    colour: &'static str,
    values: Vec<f64>,
}

pub fn draw(series: &Series) -> String {
    let at: Vec<f64> = series.samples.iter().map(|sample| sample.at).collect();
    let of_processes = |pick: fn(&super::sample::Look) -> f64| -> Vec<Line> {
        let line = |(number, name): (usize, &String)| Line {
            name: name.clone(),
            // Twins have one colour.
            colour: COLOURS[kind(&series.names, number) % COLOURS.len()],
            values: series.samples.iter().map(|sample| pick(&sample.looks[number])).collect(),
        };
        series.names.iter().enumerate().map(line).collect()
    };
    let queue = |(number, queue): (usize, &Queue)| Line {
        name: queue.name().to_owned(),
        colour: COLOURS[number % COLOURS.len()],
        values: series.samples.iter().map(|sample| sample.waiting[number] as f64).collect(),
    };
    let panels = [
        ("Resident memory of every process, MiB", of_processes(|look| look.resident / MIB)),
        ("Open descriptors of every process", of_processes(|look| look.descriptors as f64)),
        ("Jobs that are due or running, by queue", Queue::ALL.iter().enumerate().map(queue).collect()),
    ];
    let (wide, high) = (LEFT + WIDE + RIGHT, panels.len() as f64 * (HIGH + GAP) + GAP);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {wide} {high}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{wide}\" height=\"{high}\" fill=\"white\"/>\n"
    );
    for (number, (title, lines)) in panels.iter().enumerate() {
        panel(&mut text, GAP + number as f64 * (HIGH + GAP), title, &at, lines);
    }
    text.push_str("</svg>\n");
    text
}

/// Which line of the Procfile a process belongs to: the number of the first of its kind.
fn kind(names: &[String], number: usize) -> usize {
    let of = |name: &String| name.trim_end_matches(|c: char| c == '-' || c.is_ascii_digit()).to_owned();
    let mut kinds: Vec<String> = names.iter().map(of).collect();
    let own = kinds[number].clone();
    kinds.dedup();
    kinds.iter().position(|kind| *kind == own).unwrap_or(0)
}

fn panel(text: &mut String, top: f64, title: &str, at: &[f64], lines: &[Line]) {
    let end = at.last().copied().unwrap_or(1.0).max(1.0);
    let most = lines.iter().flat_map(|line| &line.values).copied().fold(1.0, f64::max) * 1.05;
    let bottom = top + HIGH;
    let _ = writeln!(text, "<text x=\"{LEFT}\" y=\"{}\" font-weight=\"bold\">{title}</text>", top - 8.0);
    for quarter in 0..=4 {
        let share = f64::from(quarter) / 4.0;
        let y = bottom - HIGH * share;
        let right = LEFT + WIDE;
        let _ = writeln!(
            text,
            "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>"
        );
        let _ = writeln!(
            text,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{:.0}</text>",
            LEFT - 6.0,
            y + 4.0,
            most * share
        );
        let x = LEFT + WIDE * share;
        let _ = writeln!(
            text,
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{:.1} min</text>",
            bottom + 15.0,
            end * share / 60.0
        );
    }
    let mut named: Vec<&str> = Vec::new();
    for line in lines {
        let mut points = String::new();
        for (at, value) in at.iter().zip(&line.values) {
            let _ = write!(points, "{:.1},{:.1} ", LEFT + WIDE * at / end, bottom - HIGH * value / most);
        }
        let _ = writeln!(
            text,
            "<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"1.4\" points=\"{}\"/>",
            line.colour,
            points.trim_end()
        );
        if !named.contains(&line.colour) {
            let y = top + 12.0 + 17.0 * named.len() as f64;
            let name = line.name.trim_end_matches(|c: char| c == '-' || c.is_ascii_digit());
            let _ = writeln!(
                text,
                "<text x=\"{}\" y=\"{y:.1}\" fill=\"{}\">{name}</text>",
                LEFT + WIDE + 10.0,
                line.colour
            );
            named.push(line.colour);
        }
    }
}
