//! The development clock: a file with an offset in seconds that every process of this machine follows.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};
use konnect::clock::Clock;

pub struct DevClock {
    file: PathBuf,
    offset: i64,
}

impl DevClock {
    /// Reads where the clock stands; no file is no offset.
    pub fn read(file: &Path) -> Self {
        let offset = fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        Self { file: file.to_owned(), offset }
    }

    /// UTC, as the processes see it.
    pub fn now(&self) -> DateTime<Utc> {
        Clock::system().now() + TimeDelta::seconds(self.offset)
    }

    /// Seconds.
    pub fn offset(&self) -> i64 {
        self.offset
    }

    /// Moves the clock forward so that it stands at `to` or up to a second after it; returns by how much. The
    /// processes notice within 50 ms.
    ///
    /// # Errors
    /// When the file can not be written.
    pub fn move_to(&mut self, to: DateTime<Utc>) -> Result<TimeDelta> {
        let whole = (to - self.now()).num_milliseconds().max(0).div_euclid(1_000) + 1;
        let fresh = self.file.with_extension("new");
        // Appears whole or not at all.
        fs::write(&fresh, format!("{}\n", self.offset + whole))
            .and_then(|()| fs::rename(&fresh, &self.file))
            .with_context(|| format!("the clock's file {}", self.file.display()))?;
        self.offset += whole;
        Ok(TimeDelta::seconds(whole))
    }
}
