//! What another process uses, as Linux tells.

use std::fs;

use anyhow::{Context as _, Result};

/// Ticks of `/proc/<pid>/stat` in a second: fixed for programs, whatever the kernel counts in.
const TICKS: f64 = 100.0;

/// Seconds of processor time, user and system, since the process began.
pub fn cpu_seconds(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).context(path)?;
    parse_stat(&text).with_context(|| format!("the line {text:?}"))
}

/// Bytes in memory.
pub fn resident_bytes(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).context(path)?;
    parse_status(&text).context("no VmRSS")
}

/// The name, in brackets, may hold anything: the fields are counted from its end.
fn parse_stat(text: &str) -> Option<f64> {
    let (_, fields) = text.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).map(|field| field.parse::<f64>());
    Some((times.next()?.ok()? + times.next()?.ok()?) / TICKS)
}

fn parse_status(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linux_is_read() {
        let stat = "42 (a b) c) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 11 0 100 1 2";
        assert_eq!(parse_stat(stat), Some(3.0));
        assert_eq!(parse_stat("42 (a"), None);
        assert_eq!(parse_status("Name:\tx\nVmRSS:\t    2048 kB\n"), Some(2_097_152.0));
        assert_eq!(parse_status("Name:\tx\n"), None);
    }

    #[test]
    fn this_process_uses_something() {
        let pid = std::process::id();
        assert!(resident_bytes(pid).expect("Linux") > 100_000.0);
        assert!(cpu_seconds(pid).expect("Linux") >= 0.0);
        assert!(cpu_seconds(u32::MAX).is_err());
    }
}
