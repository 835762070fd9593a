//! What a run comes to, as tables.

use std::fmt::Write;
use std::time::Duration;

use super::record::Record;

/// Tables in their order, with their titles.
const TABLES: [(&str, &str); 12] = [
    ("flows", "Flows by kind and end"),
    ("faults", "Faults"),
    ("ended", "Processes that ended by themselves while a store was away, and were started again"),
    ("retries", "Calls that front ends sent again"),
    ("payments", "Payments"),
    ("sockets", "Sockets that were cut, and why"),
    ("sessions", "Sessions"),
    ("chat", "Chat messages"),
    ("desk", "What administrators did"),
    ("settlement lines", "Settlement lines in the end"),
    ("mails", "Mails"),
    ("won", "Won at the provider"),
];

pub struct Summary {
    pub seed: u64,
    pub flows: usize,
    pub processes: usize,
    /// Real time while people were booking, and in all.
    pub active: Duration,
    pub took: Duration,
    /// Days that passed by the clock of the processes.
    pub days: i64,
    /// From the end of the faults until nothing was due.
    pub drained: Option<Duration>,
    /// The longest that anything was due afterwards, while days passed.
    pub longest: Duration,
}

/// Markdown, which reads well as text too.
pub fn tables(summary: &Summary, record: &Record) -> String {
    let mut text = String::new();
    let violations = record.violations();
    let drained = summary.drained.map_or("did not".to_owned(), |took| format!("{:.1} s", took.as_secs_f64()));
    let head = [
        ("seed", summary.seed.to_string()),
        ("flows", summary.flows.to_string()),
        ("processes of the Procfile", summary.processes.to_string()),
        ("days that passed", summary.days.to_string()),
        (
            "real time, of it with bookings",
            format!("{:.0} s, {:.0} s", summary.took.as_secs_f64(), summary.active.as_secs_f64()),
        ),
        ("faults", sum(record, "faults").to_string()),
        ("calls sent again", sum(record, "retries").to_string()),
        ("drained after the last booking and fault", drained),
        ("longest wait while days passed afterwards", format!("{:.1} s", summary.longest.as_secs_f64())),
        ("rows that the audit looked at", sum(record, "audit").to_string()),
        ("violations", violations.to_string()),
    ];
    table(&mut text, "Run", head.iter().map(|(what, value)| (*what, value.as_str())));
    for (name, title) in TABLES {
        let rows = record.table(name);
        if !rows.is_empty() {
            let rows: Vec<_> = rows.iter().map(|(what, count)| (what.as_str(), count.to_string())).collect();
            table(&mut text, title, rows.iter().map(|(what, count)| (*what, count.as_str())));
        }
    }
    for why in record.shown() {
        let _ = writeln!(text, "violation: {why}");
    }
    text
}

fn sum(record: &Record, table: &str) -> u64 {
    record.table(table).iter().map(|(_, count)| count).sum()
}

fn table<'a>(text: &mut String, title: &str, rows: impl Iterator<Item = (&'a str, &'a str)> + Clone) {
    let wide = |pick: fn((&'a str, &'a str)) -> &'a str, least: usize| {
        rows.clone().map(|row| pick(row).chars().count()).max().unwrap_or(0).max(least)
    };
    let (a, b) = (wide(|row| row.0, title.chars().count()), wide(|row| row.1, 5));
    let _ = writeln!(text, "| {title:<a$} | {:>b$} |\n|-{:-<a$}-|-{:->b$}:|", "", "", "");
    for (what, value) in rows {
        let _ = writeln!(text, "| {what:<a$} | {value:>b$} |");
    }
    text.push('\n');
}
