//! The figures and their targets, as text or Markdown, and pictures of some of them.

use std::path::Path;

use anyhow::{Context, Result};
use konnect_tools::picture::Picture;

/// What a figure must be.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    AtLeast(f64),
    AtMost(f64),
    /// Printed for comparison.
    Free,
}

/// One measured figure.
pub struct Figure {
    what: String,
    value: f64,
    unit: &'static str,
    target: Target,
}

impl Figure {
    pub fn new(what: impl Into<String>, value: f64, unit: &'static str, target: Target) -> Self {
        Self { what: what.into(), value, unit, target }
    }

    fn verdict(&self) -> Option<bool> {
        match self.target {
            Target::AtLeast(least) => Some(self.value >= least),
            Target::AtMost(most) => Some(self.value <= most),
            Target::Free => None,
        }
    }

    /// Text, measured, target, verdict.
    fn cells(&self) -> [String; 4] {
        let show = |value: f64| format!("{} {}", number(value), self.unit).trim_end().to_owned();
        let target = match self.target {
            Target::AtLeast(least) => format!("≥ {}", show(least)),
            Target::AtMost(most) => format!("≤ {}", show(most)),
            Target::Free => String::new(),
        };
        let verdict = self.verdict().map_or("", |met| if met { "ok" } else { "BELOW TARGET" });
        [self.what.clone(), show(self.value), target, verdict.to_owned()]
    }
}

/// Three digits where there are digits behind the point.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Figures that belong together, and what one must know to read them.
pub struct Section {
    pub title: &'static str,
    pub notes: Vec<String>,
    pub figures: Vec<Figure>,
}

/// Sections whose figures are drawn as well.
#[derive(Default)]
pub struct Curves {
    pub sections: Vec<Section>,
    /// By the names of their files.
    pub pictures: Vec<(&'static str, Picture)>,
}

#[derive(Default)]
pub struct Report {
    pub machine: Vec<(String, String)>,
    pub sections: Vec<Section>,
    /// By the names of their files.
    pub pictures: Vec<(&'static str, Picture)>,
}

impl Report {
    /// Targets that were met, and targets.
    pub fn score(&self) -> (usize, usize) {
        let verdicts: Vec<bool> =
            self.sections.iter().flat_map(|s| &s.figures).filter_map(Figure::verdict).collect();
        (verdicts.iter().filter(|met| **met).count(), verdicts.len())
    }

    /// What a part gave.
    pub fn add(&mut self, curves: Curves) {
        self.sections.extend(curves.sections);
        self.pictures.extend(curves.pictures);
    }

    /// Writes the pictures into a folder, which is made when it is not there.
    ///
    /// # Errors
    /// The folder or a file cannot be written.
    pub fn draw(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        for (name, picture) in &self.pictures {
            std::fs::write(folder.join(name), picture.svg())
                .with_context(|| format!("{name} is not written"))?;
        }
        Ok(())
    }

    pub fn text(&self) -> String {
        let mut out = String::new();
        for (name, value) in &self.machine {
            out += &format!("{name}: {value}\n");
        }
        for section in &self.sections {
            out += &format!("\n{}\n", section.title);
            let rows: Vec<_> = section.figures.iter().map(Figure::cells).collect();
            let width = |column: usize| rows.iter().map(|r| r[column].chars().count()).max().unwrap_or(0);
            let (first, second, third) = (width(0), width(1), width(2));
            for [what, value, target, verdict] in &rows {
                let line = format!("  {what:first$}  {value:>second$}  {target:third$}  {verdict}");
                out += &format!("{}\n", line.trim_end());
            }
            for note in &section.notes {
                out += &format!("  - {note}\n");
            }
        }
        let (met, all) = self.score();
        out + &format!("\n{met} of {all} targets met\n")
    }

    pub fn markdown(&self) -> String {
        let mut out = String::from("| machine | |\n| --- | --- |\n");
        for (name, value) in &self.machine {
            out += &format!("| {name} | {value} |\n");
        }
        for section in &self.sections {
            out += &format!(
                "\n### {}\n\n| | measured | target | |\n| --- | ---: | ---: | --- |\n",
                section.title
            );
            for figure in &section.figures {
                out += &format!("| {} |\n", figure.cells().join(" | "));
            }
            if !section.notes.is_empty() {
                out.push('\n');
            }
            for note in &section.notes {
                out += &format!("- {note}\n");
            }
        }
        let (met, all) = self.score();
        out + &format!("\n{met} of {all} targets met.\n")
    }
}
