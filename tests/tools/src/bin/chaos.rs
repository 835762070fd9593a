//! Many bookings of every kind at once, over real servers and processes, while these are killed, frozen and emptied and
//! the provider fails; then every rule is checked. `./dev chaos` builds and starts this.

#[path = "../chaos/mod.rs"]
mod chaos;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

/// Starts durable servers and every process of the Procfile, drives whole bookings through them and makes trouble. Exit
/// code 1 when a rule is broken or the system does not drain.
#[derive(Parser)]
#[command(name = "chaos", version)]
struct Args {
    /// Decides the kinds of flows and the script of faults.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Bookings in all.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    flows: u64,
    /// Bookings that live at the same time.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    at_once: u64,
    /// Processes of each line of the Procfile.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=8))]
    of_each: u64,
    /// Without faults: shows what they cost.
    #[arg(long)]
    calm: bool,
    /// Soaks for so many minutes instead: no faults, as many flows as that takes, half of the time at rest.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    soak: Option<u64>,
    /// Where a soak writes its picture and its figures.
    #[arg(long, default_value = ".")]
    into: PathBuf,
    /// Where the servers keep their data and everything its log; must be empty.
    #[arg(long)]
    folder: PathBuf,
    /// Holds the programs that are run.
    #[arg(long, env = "KONNECT_BIN_DIR", default_value = "target/debug")]
    programs: PathBuf,
    #[arg(long, default_value = "Procfile")]
    procfile: PathBuf,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let args = Args::parse();
    // An error says that a provider of TLS is installed already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let plan = chaos::Plan {
        seed: args.seed,
        flows: usize::try_from(args.flows)?,
        at_once: usize::try_from(args.at_once.min(args.flows))?,
        of_each: usize::try_from(args.of_each)?,
        folder: args.folder,
        programs: args.programs,
        procfile: args.procfile,
        is_troubled: !args.calm && args.soak.is_none(),
    };
    eprintln!("-- seed {}", plan.seed);
    let (report, is_sound) = match args.soak {
        Some(minutes) => chaos::soak::run(&plan, &chaos::soak::Soak { minutes, into: args.into }).await?,
        None => chaos::run(&plan).await?,
    };
    print!("{report}");
    Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
