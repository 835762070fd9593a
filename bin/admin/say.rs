//! What a command answers, on standard output.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};

/// Prints a line; ends quietly when nobody reads on (`admin jobs list | head`).
macro_rules! say {
    ($($words:tt)*) => { $crate::say::line(format_args!($($words)*)) };
}

pub fn line(words: Arguments<'_>) {
    match writeln!(io::stdout(), "{words}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => eprintln!("error: {error}"),
        Ok(()) => {}
    }
}
