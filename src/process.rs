//! What a process tells of itself, as metrics: which build it is, since when it runs, how much it holds.
//!
//! Sockets are files to the kernel: a process at its limit of files takes nobody in, whatever else is well.

use std::fs;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::machine_now;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(5);

/// Tells it again and again until `stop` is cancelled.
pub async fn watch(stop: CancellationToken) {
    metrics::gauge!("konnect_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    metrics::gauge!("konnect_process_start_seconds").set(machine_now().timestamp() as f64);
    let mut timer = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = timer.tick() => measure(),
        }
    }
}

/// What cannot be read is not told.
fn measure() {
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        // The folder that is being read is one of them.
        metrics::gauge!("konnect_process_files_open").set(open.count().saturating_sub(1) as f64);
    }
    if let Some(most) = fs::read_to_string("/proc/self/limits").ok().as_deref().and_then(most_files) {
        metrics::gauge!("konnect_process_files_limit").set(most);
    }
    if let Some(bytes) = fs::read_to_string("/proc/self/status").ok().as_deref().and_then(resident_bytes) {
        metrics::gauge!("konnect_process_resident_bytes").set(bytes);
    }
}

/// The soft limit of open files, in proc(5)'s words: `Max open files  1024  524288  files`.
fn most_files(limits: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Memory that is there in fact: `VmRSS:     12345 kB`.
fn resident_bytes(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_words_are_understood() {
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024  524288  files\n";
        assert_eq!(most_files(limits), Some(1024.0));
        assert_eq!(most_files("Max open files            unlimited  unlimited  files\n"), None);
        assert_eq!(resident_bytes("Name:\tapi\nVmRSS:\t   2048 kB\n"), Some(2_097_152.0));
        assert_eq!(resident_bytes("Name:\tapi\n"), None);
        let own = fs::read_to_string("/proc/self/status").expect("Linux");
        assert!(resident_bytes(&own).is_some_and(|bytes| bytes > 1e6));
    }
}
