//! The printed timeline: one line per happening, in the order in which the demo saw them.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Result, bail};

/// Which way something went.
#[derive(Clone, Copy)]
pub enum Mark {
    /// A request, with its answer.
    Call,
    /// A frame that arrived.
    Frame,
    /// A job's row changed.
    Job,
    /// The clock, a command, a connection.
    Turn,
}

impl Mark {
    fn sign(self) -> char {
        match self {
            Self::Call => '▶',
            Self::Frame => '◀',
            Self::Job => '·',
            Self::Turn => '»',
        }
    }
}

/// Cheap to clone; lines of different tasks never mix.
#[derive(Clone)]
pub struct Timeline {
    began: Instant,
    kept: Arc<Mutex<usize>>,
}

impl Timeline {
    pub fn start() -> Self {
        Self { began: Instant::now(), kept: Arc::default() }
    }

    /// A line: elapsed milliseconds, who, which way, what.
    pub fn line(&self, who: &str, mark: Mark, what: &str) {
        self.print(who, mark.sign(), what);
    }

    /// A part of the story begins.
    pub fn part(&self, title: &str) {
        self.plain(&format!("\n{title}\n"));
    }

    /// Text without a time, such as a table.
    pub fn plain(&self, text: &str) {
        let _whole = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        put(text);
    }

    /// Says that something promised is so.
    ///
    /// # Errors
    /// When it is not.
    pub fn promise(&self, kept: bool, what: &str) -> Result<()> {
        if !kept {
            bail!("not as promised: {what}");
        }
        self.print("check", '✓', what);
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Ok(())
    }

    /// How many promises were kept.
    pub fn kept(&self) -> usize {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Seconds since the start.
    pub fn elapsed(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    fn print(&self, who: &str, sign: char, what: &str) {
        let _whole = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        put(&format!("{:>6}  {who:<9} {sign} {what}", self.began.elapsed().as_millis()));
    }
}

/// A reader that went away (`| head`) ends nothing: the checks and the exit code still count.
fn put(text: &str) {
    let _gone = writeln!(std::io::stdout().lock(), "{text}");
}
