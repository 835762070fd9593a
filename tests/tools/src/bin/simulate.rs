//! Konnect at ten million people, on paper: what that size comes to, and a simulation of the job system and of the slots
//! at that size. `./dev simulate` prints it and brings `docs/SCALING.md` and its pictures up to date.

#[path = "../simulate/mod.rs"]
mod simulate;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;

#[derive(Parser)]
#[command(version, about = "Simulates the job system and the slots at ten million people.")]
struct Settings {
    /// Other dice, other figures, by little.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the pictures go, and `SCALING.md` with the figures between its two marks.
    #[arg(long)]
    write: Option<PathBuf>,
}

fn main() -> Result<()> {
    let settings = Settings::parse();
    let report = simulate::report(settings.seed);
    println!("{}", report.text);
    if let Some(folder) = settings.write {
        for (name, svg) in &report.pictures {
            std::fs::write(folder.join(name), svg).with_context(|| format!("{name} is not written"))?;
        }
        let page = folder.join("SCALING.md");
        let old = std::fs::read_to_string(&page).context("SCALING.md is not there")?;
        std::fs::write(&page, simulate::replaced(&old, &report.text)?)
            .context("SCALING.md is not written")?;
    }
    Ok(())
}
