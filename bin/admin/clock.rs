//! The development clock: a file with an offset in seconds that all processes of one machine follow.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use chrono::TimeDelta;
use clap::{Args, Subcommand};
use konnect::clock::Clock;

/// Processes look at the file 20 times a second.
const NOTICED: Duration = Duration::from_millis(150);

#[derive(Args)]
pub struct Command {
    #[arg(long, env = "KONNECT_CLOCK_FILE")]
    clock_file: PathBuf,
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Print the offset and the time
    Show,
    /// Move the clock; a number of seconds, or one with s, m, h or d behind it
    Advance {
        #[arg(allow_hyphen_values = true, value_parser = span)]
        by: i64,
    },
    /// Back to real time
    Reset,
}

impl Command {
    pub async fn run(&self) -> Result<()> {
        let file = &self.clock_file;
        let offset = match self.act {
            Act::Show => read(file),
            Act::Advance { by } => write(file, read(file) + by).await?,
            Act::Reset => write(file, 0).await?,
        };
        let clock = Clock::system();
        clock.advance(TimeDelta::seconds(offset));
        say!("{offset:+} s  {}", clock.now().format("%Y-%m-%dT%H:%M:%SZ"));
        Ok(())
    }
}

/// No file is no offset.
fn read(file: &Path) -> i64 {
    fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// Appears whole or not at all; returns when every process follows it.
async fn write(file: &Path, offset: i64) -> Result<i64> {
    let fresh = file.with_extension("new");
    let written = fs::File::create(&fresh).and_then(|mut f| writeln!(f, "{offset}"));
    written.and_then(|()| fs::rename(&fresh, file)).with_context(|| file.display().to_string())?;
    tokio::time::sleep(NOTICED).await;
    Ok(offset)
}

/// Seconds of `90`, `90s`, `15m`, `26h`, `2d`; at most a hundred years, either way.
fn span(text: &str) -> Result<i64, String> {
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h', 'd']) {
        Some(number) => (number, &text[number.len()..]),
        None => (text, "s"),
    };
    let seconds = match unit {
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => 1,
    };
    let number: i64 =
        number.parse().map_err(|_| "is a number such as 3600, 90s, 15m, 26h or 2d".to_owned())?;
    number
        .checked_mul(seconds)
        .filter(|total| total.abs() <= 100 * 366 * 86_400)
        .ok_or_else(|| "is more than a hundred years".to_owned())
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn spans_are_read() {
        for (text, seconds) in
            [("0", 0), ("90", 90), ("90s", 90), ("15m", 900), ("26h", 93_600), ("-2d", -172_800)]
        {
            assert_eq!(span(text), Ok(seconds), "{text}");
        }
        for text in ["", "h", "1w", "1.5h", "9999999999999999999", "99999999d"] {
            assert!(span(text).is_err(), "{text}");
        }
    }
}
