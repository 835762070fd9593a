//! What the system says of the processes, and the outbox of what waits.

use std::collections::HashMap;
use std::fmt::Write;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use konnect::core::Core;
use konnect::job::Queue;
use konnect::outbox;
use tokio::sync::watch;
use tokio::time::{Instant, interval};

use super::super::system::System;

/// Bytes of a page of memory, as on every machine this runs on.
const PAGE: f64 = 4_096.0;
const MIB: f64 = 1_048_576.0;
/// Of a hundred samples, so many are the warm-up; then as many are compared with the last ones.
const WARM_UP: usize = 40;
const WINDOW: usize = 20;

/// One process at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    /// Resident, in bytes.
    pub resident: f64,
    pub descriptors: usize,
    /// Connections to the database and to Redis.
    pub database: usize,
    pub redis: usize,
}

#[derive(Clone, Debug)]
pub struct Sample {
    /// Seconds since the first one.
    pub at: f64,
    /// In the order of the names.
    pub looks: Vec<Look>,
    /// Jobs that are due or running, by queue.
    pub waiting: Vec<i64>,
}

#[derive(Clone, Debug, Default)]
pub struct Series {
    pub names: Vec<String>,
    pub samples: Vec<Sample>,
}

/// Resident memory of one process, in MiB.
pub struct Growth {
    pub name: String,
    pub before: f64,
    pub after: f64,
    pub percent: f64,
}

pub struct Sampler {
    system: Arc<System>,
    core: Core,
}

impl Sampler {
    pub fn new(system: &Arc<System>, core: &Core) -> Self {
        Self { system: system.clone(), core: core.clone() }
    }

    /// Samples until it is told that it is over.
    pub async fn run(self, every: Duration, mut over: watch::Receiver<bool>) -> Series {
        let names = self.system.processes().map(|keeper| keeper.name().to_owned()).collect();
        let mut series = Series { names, samples: Vec::new() };
        let (begun, mut ticks) = (Instant::now(), interval(every));
        while !*over.borrow() {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = over.changed() => break,
            }
            let sockets = sockets(&[self.system.place.mysql, self.system.place.redis]);
            let look = |pid: Option<u32>| {
                pid.map_or_else(Look::default, |pid| look(pid, &sockets, self.system.place.mysql))
            };
            let looks = self.system.processes().map(|keeper| look(keeper.pid())).collect();
            let mut waiting = Vec::new();
            for queue in Queue::ALL {
                let (pool, now) = (self.core.db.pool(), self.core.clock.now());
                let (due, published) = outbox::backlog(pool, queue, now).await.unwrap_or_default();
                waiting.push(due + published);
            }
            series.samples.push(Sample { at: begun.elapsed().as_secs_f64(), looks, waiting });
        }
        series
    }
}

/// The number of each socket of this machine that leads to one of these ports, and to which.
fn sockets(ports: &[u16; 2]) -> HashMap<u64, u16> {
    let text = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let lines = text.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let port = u16::from_str_radix(fields.get(2)?.rsplit(':').next()?, 16).ok()?;
        Some((fields.get(9)?.parse().ok()?, port))
    });
    lines.filter(|(_, port)| ports.contains(port)).collect()
}

fn look(pid: u32, sockets: &HashMap<u64, u16>, mysql: u16) -> Look {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    let pages: f64 = statm.split_whitespace().nth(1).and_then(|text| text.parse().ok()).unwrap_or(0.0);
    let mut look = Look { resident: pages * PAGE, ..Look::default() };
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten() {
        look.descriptors += 1;
        let Ok(target) = fs::read_link(entry.path()) else { continue };
        let target = target.to_string_lossy().into_owned();
        let inode = target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']'));
        let port = inode.and_then(|inode| inode.parse().ok()).and_then(|inode: u64| sockets.get(&inode));
        match port {
            Some(port) if *port == mysql => look.database += 1,
            Some(_) => look.redis += 1,
            None => {}
        }
    }
    look
}

impl Series {
    pub fn last(&self) -> Vec<Look> {
        self.samples.last().map(|sample| sample.looks.clone()).unwrap_or_default()
    }

    /// The median of what comes right after the warm-up against that of the end.
    pub fn growths(&self) -> Vec<Growth> {
        let count = self.samples.len();
        let (from, window) = (count * WARM_UP / 100, (count * WINDOW / 100).max(1));
        let median = |process: usize, range: &[Sample]| {
            let mut all: Vec<f64> = range.iter().map(|sample| sample.looks[process].resident / MIB).collect();
            all.sort_by(f64::total_cmp);
            all.get(all.len() / 2).copied().unwrap_or(0.0)
        };
        let growth = |(process, name): (usize, &String)| {
            let before = median(process, &self.samples[from..(from + window).min(count)]);
            let after = median(process, &self.samples[count.saturating_sub(window)..]);
            let percent = if before > 0.0 { 100.0 * (after - before) / before } else { 0.0 };
            Growth { name: name.clone(), before, after, percent }
        };
        self.names.iter().enumerate().map(growth).collect()
    }

    /// A line for each sample and process, and one for each queue.
    pub fn csv(&self) -> String {
        let mut text =
            "seconds,what,resident_bytes,descriptors,database_connections,redis_connections,waiting_jobs\n"
                .to_owned();
        for sample in &self.samples {
            for (name, look) in self.names.iter().zip(&sample.looks) {
                let Look { resident, descriptors, database, redis } = look;
                let _ =
                    writeln!(text, "{:.1},{name},{resident:.0},{descriptors},{database},{redis},", sample.at);
            }
            for (queue, waiting) in Queue::ALL.iter().zip(&sample.waiting) {
                let _ = writeln!(text, "{:.1},queue {},,,,,{waiting}", sample.at, queue.name());
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at: f64, mib: f64) -> Sample {
        let look = Look { resident: mib * MIB, ..Look::default() };
        Sample { at, looks: vec![look], waiting: vec![0; Queue::ALL.len()] }
    }

    #[test]
    fn growth_is_measured_after_the_warm_up() {
        let flat = (0..100).map(|n| sample(f64::from(n), if n < 40 { f64::from(n) } else { 50.0 }));
        let series = Series { names: vec!["api".into()], samples: flat.collect() };
        assert!(series.growths()[0].percent.abs() < 0.01);
        let grows = (0..100).map(|n| sample(f64::from(n), 50.0 + f64::from(n)));
        let series = Series { names: vec!["api".into()], samples: grows.collect() };
        assert!(series.growths()[0].percent > 30.0);
        assert_eq!(series.csv().lines().count(), 1 + 100 * (1 + Queue::ALL.len()));
    }
}
