//! Walks the main job against the running system with a real client, and prints what happens as it happens: one
//! booking from two registrations over its chat and its session to the mentor's share, then a payment that fails, then an
//! answer that is lost.

#[path = "../demo/accounts.rs"]
mod accounts;
#[path = "../demo/booking.rs"]
mod booking;
#[path = "../demo/decline.rs"]
mod decline;
#[path = "../demo/dev_clock.rs"]
mod dev_clock;
#[path = "../demo/ears.rs"]
mod ears;
#[path = "../demo/jobs.rs"]
mod jobs;
#[path = "../demo/lost_answer.rs"]
mod lost_answer;
#[path = "../demo/people.rs"]
mod people;
#[path = "../demo/person.rs"]
mod person;
#[path = "../demo/reviews.rs"]
mod reviews;
#[path = "../demo/room.rs"]
mod room;
#[path = "../demo/session.rs"]
mod session;
#[path = "../demo/stand_in.rs"]
mod stand_in;
#[path = "../demo/text.rs"]
mod text;
#[path = "../demo/timeline.rs"]
mod timeline;
#[path = "../demo/world.rs"]
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use konnect::config::Rules;
use konnect_tools::client::Rest;

use dev_clock::DevClock;
use jobs::Jobs;
use people::Admin;
use stand_in::StandIn;
use text::{count, day_and_time};
use timeline::{Mark, Timeline};
use world::World;

/// Walks the main job against the running system and prints its timeline. Leaves two accounts and three
/// reservations behind, and the development clock some days ahead. Exit code 1 when anything is not as promised.
#[derive(Parser)]
#[command(name = "demo", version)]
struct Args {
    /// The API.
    #[arg(long, env = "KONNECT_PUBLIC_URL", default_value = "http://127.0.0.1:3000")]
    url: String,
    /// The stand-in for Toss and mail.
    #[arg(long, env = "TOSS_BASE_URL", default_value = "http://127.0.0.1:4000")]
    stand_in: String,
    /// Only read: jobs, positions of feeds, the ledger.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: String,
    /// The file with the clock's offset in seconds that all processes follow.
    #[arg(long, env = "KONNECT_CLOCK_FILE")]
    clock_file: PathBuf,
    /// An administrator.
    #[arg(long, default_value = "admin@demo.konnect.example")]
    admin: String,
    #[arg(long, default_value = "konnect-demo-1")]
    admin_password: String,
    #[command(flatten)]
    rules: Rules,
}

impl Args {
    fn admin(&self) -> Admin<'_> {
        Admin { email: &self.admin, password: &self.admin_password }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    // An error means that one is installed already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let line = Timeline::start();
    match walk(&args, &line).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            line.plain(&format!("\nFAILED after {:.1} s: {error:#}", line.elapsed()));
            ExitCode::FAILURE
        }
    }
}

async fn walk(args: &Args, line: &Timeline) -> Result<()> {
    let rest = Rest::new(&args.url)?;
    rest.get("/readyz").send().await?.expect(200).context("is ./dev up running?")?;
    let db = world::read_only(&args.database_url).await?;
    let mut world = World {
        line: line.clone(),
        rest,
        toss: StandIn::new(&args.stand_in, line.clone())?,
        jobs: Jobs::watch(db.clone(), line.clone()),
        db,
        clock: DevClock::read(&args.clock_file),
        rules: args.rules.clone(),
        reservations: Vec::new(),
    };
    line.plain("    ms  who         what");
    line.line("clock", Mark::Turn, &format!("it is {}", day_and_time(world.clock.now())));
    let mut cast = people::gather(&world, args.admin()).await?;
    let booking = booking::book(&mut world, &cast).await?;
    session::hold(&mut world, &mut cast, &booking).await?;
    decline::fail(&mut world, &mut cast).await?;
    lost_answer::lose(&mut world, &cast).await?;
    room::show(&world, &cast, &booking.id).await?;
    accounts::show_ledger(&world).await?;
    accounts::audit(&world, args.admin()).await?;
    accounts::show_mails(&world, &cast).await?;
    let jobs = &world.jobs;
    let events = cast.mentor.ears.count() + cast.mentee.ears.count();
    let frames = cast.mentor.ears.frames() + cast.mentee.ears.frames();
    line.plain(&format!(
        "\nAll as promised: {} in {:.1} s.\n\
         {} done, {} waiting for their time, {} cancelled, {} dead.\n\
         {} over two WebSockets, in order, none missing; {} of their room.\n\
         The development clock stays {} s ahead; ./dev admin clock reset brings it back.",
        count(line.kept(), "check"),
        line.elapsed(),
        count(jobs.count("done"), "job"),
        jobs.count("pending"),
        jobs.count("cancelled"),
        jobs.count("dead"),
        count(events, "event"),
        count(frames, "frame"),
        world.clock.offset(),
    ));
    Ok(())
}
