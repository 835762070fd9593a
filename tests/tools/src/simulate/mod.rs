//! The report: sizes, the job system checked against what was measured and then made large, the slots.

mod engine;
mod hour;
mod jobs;
#[cfg(test)]
mod queueing;
mod size;
mod slots;
mod trial;

use anyhow::{Result, bail};

use size::{Inputs, Weights};

/// Counted by `suite/explore/weights.rs`, which fails when they change.
pub const WEIGHTS: Weights = Weights {
    jobs: 33.0,
    timed: 7.0,
    statements_api: 62.0,
    statements_jobs: 500.0,
    bytes: 103_800.0,
    bytes_passing: 39_000.0,
};

const BEGIN: &str = "<!-- simulate: begin -->";
const END: &str = "<!-- simulate: end -->";

pub struct Report {
    pub text: String,
    /// By their file's name.
    pub pictures: Vec<(&'static str, String)>,
}

/// Everything, from one seed.
pub fn report(seed: u64) -> Report {
    let mut parts = vec![sizes()];
    parts.push(trial::text(seed));
    let (text, burst) = hour::text(seed);
    parts.push(text);
    let (text, market) = trial::market(seed);
    parts.push(text);
    let pictures = vec![("scaling-hour.svg", burst.svg()), ("scaling-slots.svg", market.svg())];
    Report { text: parts.join("\n"), pictures }
}

fn sizes() -> String {
    let rows = size::table(&Inputs::TEN_MILLION, &WEIGHTS);
    let head = ["of ten million people", "", "how"];
    table("What it comes to", &head, rows.into_iter().map(|(a, b, c)| vec![a, b, c]).collect())
}

/// A heading and a table in Markdown; numbers stand to the right.
pub fn table(title: &str, head: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut out = format!("### {title}\n\n| {} |\n|", head.join(" | "));
    for place in 0..head.len() {
        out += if place == 0 { " --- |" } else { " ---: |" };
    }
    out.push('\n');
    for row in rows {
        out += &format!("| {} |\n", row.join(" | "));
    }
    out
}

/// A page with other figures between its marks.
///
/// # Errors
/// The marks are not there.
pub fn replaced(page: &str, text: &str) -> Result<String> {
    let (Some(begin), Some(end)) = (page.find(BEGIN), page.find(END)) else {
        bail!("the page has no place for figures");
    };
    Ok(format!("{}{BEGIN}\n\n{text}\n{}", &page[..begin], &page[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_a_place_for_the_figures() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/SCALING.md");
        let page = std::fs::read_to_string(page).expect("the page");
        let figures = [sizes(), trial::text(1)].concat();
        let new = replaced(&page, &figures).expect("marks");
        assert!(new.contains(&figures));
        assert_eq!(
            replaced(&new, "").expect("marks"),
            replaced(&page, "").expect("marks"),
            "and nothing else"
        );
    }
}
