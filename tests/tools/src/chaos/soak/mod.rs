//! `./dev soak`: the same bookings without faults, for as long as one likes, while memory, descriptors, connections and
//! waiting jobs of every process are sampled.

mod picture;
mod sample;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::flow::{self, Flow};
use super::{Plan, Stage, conclude, report, rounds, say};
use sample::{Sampler, Series};

/// Between two samples.
const EVERY: Duration = Duration::from_secs(3);
/// Memory of a process may grow by so many of a hundred after the warm-up.
const GROWTH: f64 = 5.0;

pub struct Soak {
    pub minutes: u64,
    /// Where the picture and the figures are written: `soak.svg` and `soak.csv`.
    pub into: PathBuf,
}

/// Soaks the system; gives the report and whether nothing is wrong.
pub async fn run(plan: &Plan, soak: &Soak) -> Result<(String, bool)> {
    let begun = Instant::now();
    let mut stage = Stage::set(plan).await?;
    let outcome = play(plan, soak, &mut stage, begun).await;
    stage.system.stop().await;
    outcome
}

async fn play(plan: &Plan, soak: &Soak, stage: &mut Stage, begun: Instant) -> Result<(String, bool)> {
    let span = Duration::from_secs(60 * soak.minutes);
    let over = watch::Sender::new(false);
    let sampler = Sampler::new(&stage.system, &stage.core);
    let sampling = tokio::spawn(sampler.run(EVERY, over.subscribe()));
    let soaking = Instant::now();
    let mut flows: Vec<Flow> = Vec::new();
    let (mut worked, mut rested) = (Duration::ZERO, Duration::ZERO);
    while soaking.elapsed() < span {
        let round = Instant::now();
        let first = flows.len();
        let kinds = flow::deal(plan.seed.wrapping_add(first as u64), plan.at_once);
        let people = stage.mentees(first..first + plan.at_once).await?;
        let mut these = stage.flows(plan.seed, first, kinds.into_iter().zip(people));
        rounds::play(&mut these, &mut stage.clock, &stage.outside).await?;
        flows.extend(these);
        worked += round.elapsed();
        // Half the time the system has nothing to do but what falls due by itself.
        let rest = round.elapsed().min(span.saturating_sub(soaking.elapsed()));
        sleep(rest).await;
        rested += rest;
    }
    over.send_replace(true);
    let series = sampling.await?;
    let took = soaking.elapsed();
    let record = stage.outside.record.clone();
    std::fs::create_dir_all(&soak.into).with_context(|| soak.into.display().to_string())?;
    std::fs::write(soak.into.join("soak.csv"), series.csv())?;
    std::fs::write(soak.into.join("soak.svg"), picture::draw(&series))?;
    let growths = series.growths();
    for growth in growths.iter().filter(|growth| growth.percent > GROWTH) {
        record.wrong(format!("{} grew by {:.1} % after the warm-up", growth.name, growth.percent));
    }
    say(&format!("{} flows in {:.0} s; everything drains", flows.len(), took.as_secs_f64()));
    let summary = conclude(plan, stage, &flows, begun, took).await?;
    let mut text = report::tables(&summary, &record);
    text.push_str(&table(&series, &growths));
    text.push_str(&format!(
        "{} samples; busy for {:.0} s, at rest for {:.0} s\n",
        series.samples.len(),
        worked.as_secs_f64(),
        rested.as_secs_f64()
    ));
    Ok((text, record.violations() == 0))
}

fn table(series: &Series, growths: &[sample::Growth]) -> String {
    let mut text =
        "| Process | MiB after the warm-up | MiB in the end | growth % | descriptors | database | Redis |\n\
                    |---|---:|---:|---:|---:|---:|---:|\n"
            .to_owned();
    for (growth, last) in growths.iter().zip(series.last()) {
        text.push_str(&format!(
            "| {} | {:.1} | {:.1} | {:.1} | {} | {} | {} |\n",
            growth.name,
            growth.before,
            growth.after,
            growth.percent,
            last.descriptors,
            last.database,
            last.redis
        ));
    }
    text
}
