//! `./dev chaos` and `./dev soak`: many bookings at once while everything under them is killed, frozen and emptied; then
//! nothing may be lost, doubled or contradicted.

mod caller;
mod check;
mod desk;
#[path = "../demo/dev_clock.rs"]
mod dev_clock;
mod flow;
mod keeper;
mod people;
mod place;
mod quiet;
mod record;
mod report;
mod room;
mod rounds;
pub mod soak;
mod system;
mod trouble;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use chrono::{DurationRound, TimeDelta};
use clap::Parser;
use konnect::auth::{SigningKeys, Tokens};
use konnect::clock::{Clock, Instant};
use konnect::config::{Config, TokenConfig};
use konnect::core::Core;
use konnect_tools::client::Rest;
use tokio::sync::watch;
use tokio::time::Instant as Stopwatch;

use check::Check;
use desk::Desk;
use dev_clock::DevClock;
use flow::{Flow, Kind, Outside};
use people::{Maker, Mentee, Mentor};
use place::Place;
use record::Record;
use report::Summary;
use system::System;

/// Everything that is due must be done so long after the last fault.
const DRAIN: Duration = Duration::from_secs(60);
/// Until nothing of the upbringing is due.
const READY: Duration = Duration::from_secs(120);
/// For a recurring job that is replayed in the end.
const LAST: Duration = Duration::from_secs(5);
/// Days that pass after the last session: disputes have their deadlines, payouts their weekday.
const AFTERWARDS: i64 = 12;

pub struct Plan {
    pub seed: u64,
    pub flows: usize,
    pub at_once: usize,
    /// Processes of each line of the Procfile.
    pub of_each: usize,
    pub folder: PathBuf,
    pub programs: PathBuf,
    pub procfile: PathBuf,
    /// Whether there are faults.
    pub is_troubled: bool,
}

/// A running system with its people.
struct Stage {
    system: Arc<System>,
    core: Core,
    tokens: Tokens,
    nodes: Vec<Rest>,
    clock: DevClock,
    outside: Outside,
    mentors: Vec<Mentor>,
    /// When the run began (UTC).
    began: Instant,
}

#[derive(Parser)]
struct Stores {
    #[command(flatten)]
    config: Config,
    #[command(flatten)]
    tokens: TokenConfig,
}

impl Stage {
    async fn set(plan: &Plan) -> Result<Self> {
        say("starting the servers, the stand-in and the processes");
        let place = Place::choose(&plan.folder, &plan.programs, plan.of_each)?;
        let system = System::start(place, &plan.procfile, plan.of_each).await?;
        let place = &system.place;
        let Stores { config, tokens } = stores(place)?;
        let core = Core::connect(&config, Clock::system()).await?;
        let tokens = Tokens::new(SigningKeys::load(&tokens)?, &tokens);
        let nodes =
            (0..place.apis.len()).map(|n| Rest::new(&place.api_url(n))).collect::<Result<Vec<_>>>()?;
        let (record, toss) = (Record::default(), Rest::new(&place.sandbox_url())?);
        say("making mentors and their bank accounts");
        let maker = Maker { core: &core, tokens: &tokens, nodes: &nodes, record: &record };
        let admins = maker.admins().await?;
        let mentors = maker.mentors(plan.at_once).await?;
        rounds::open_accounts(&mentors, &toss).await?;
        let clock = DevClock::read(&place.clock_file());
        let began = clock.now();
        let system = Arc::new(system);
        let outside = Outside { toss, admins, record };
        let stage = Self { system, core, tokens, nodes, clock, outside, mentors, began };
        stage.quiet(READY).await?.map_err(|left| anyhow::anyhow!("before any flow: {left}"))?;
        Ok(stage)
    }

    async fn quiet(&self, patience: Duration) -> Result<Result<Duration, String>> {
        quiet::wait(self.core.db.pool(), &self.core.clock, patience).await
    }

    /// Two mentees for each flow: one of them may be a rival.
    async fn mentees(&self, flows: std::ops::Range<usize>) -> Result<Vec<[Mentee; 2]>> {
        let maker = Maker {
            core: &self.core,
            tokens: &self.tokens,
            nodes: &self.nodes,
            record: &self.outside.record,
        };
        let names = |side: &str| flows.clone().map(|n| format!("{side}-{n}")).collect::<Vec<_>>();
        let mentees = maker.mentees(&names("mentee")).await?;
        let rivals = maker.mentees(&names("rival")).await?;
        Ok(mentees.into_iter().zip(rivals).map(|(a, b)| [a, b]).collect())
    }

    /// Flows of one round, each with a mentor of its own; the first one has this number.
    fn flows(&self, seed: u64, first: usize, deals: impl Iterator<Item = (Kind, [Mentee; 2])>) -> Vec<Flow> {
        let starts_at = rounds::session_time(self.clock.now());
        let deals = (first..).zip(deals).zip(&self.mentors);
        let flow = |((number, (kind, people)), mentor): ((usize, (Kind, [Mentee; 2])), &Mentor)| {
            Flow::new(number, kind, seed, mentor.clone(), people, starts_at)
        };
        deals.map(flow).collect()
    }

    /// Days pass, the back office works, and whatever falls due is done.
    async fn let_days_pass(&mut self) -> Result<Duration> {
        let mut longest = Duration::ZERO;
        let mut stops =
            [2, 12, 75, 370].map(|minutes| self.clock.now() + TimeDelta::minutes(minutes)).to_vec();
        // Shortly after ten in Seoul, when payouts go out.
        let day = TimeDelta::days(1);
        let midnight = self.clock.now().duration_trunc(day)?;
        stops.extend(
            (1..=AFTERWARDS)
                .map(|days| midnight + day * i32::try_from(days).unwrap_or(1) + TimeDelta::minutes(65)),
        );
        for stop in stops {
            if stop < self.clock.now() {
                continue;
            }
            rounds::pass(&mut self.clock, stop).await?;
            longest = longest.max(self.settle().await?);
            self.clear_desk().await?;
            longest = longest.max(self.settle().await?);
        }
        // What died when the clock was moved the last time.
        self.clear_desk().await?;
        tokio::time::sleep(LAST).await;
        Ok(longest.max(self.settle().await?))
    }

    async fn clear_desk(&self) -> Result<()> {
        let Outside { admins, toss, record } = &self.outside;
        Desk { admins, toss, record }.clear().await
    }

    async fn settle(&self) -> Result<Duration> {
        match self.quiet(DRAIN).await? {
            Ok(took) => Ok(took),
            Err(left) => {
                self.outside.record.wrong(format!("not done after 60 s: {left}"));
                Ok(DRAIN)
            }
        }
    }
}

/// Runs everything, and gives the report and whether nothing is wrong.
pub async fn run(plan: &Plan) -> Result<(String, bool)> {
    let begun = Stopwatch::now();
    let mut stage = Stage::set(plan).await?;
    let outcome = play(plan, &mut stage, begun).await;
    stage.system.stop().await;
    outcome
}

async fn play(plan: &Plan, stage: &mut Stage, begun: Stopwatch) -> Result<(String, bool)> {
    let kinds = flow::deal(plan.seed, plan.flows);
    say("making mentees");
    let mentees = stage.mentees(0..plan.flows).await?;
    let record = stage.outside.record.clone();
    let calm = watch::Sender::new(false);
    let troubled = Stopwatch::now();
    let trouble = if plan.is_troubled {
        trouble::spoil_provider(&stage.outside.toss).await?;
        let (system, record, calm) = (stage.system.clone(), record.clone(), calm.subscribe());
        Some(tokio::spawn(trouble::make(system, record, plan.seed, calm)))
    } else {
        None
    };
    let mut flows: Vec<Flow> = Vec::new();
    let deals: Vec<_> = kinds.into_iter().zip(mentees).collect();
    for round in deals.chunks(plan.at_once) {
        let mut these = stage.flows(plan.seed, flows.len(), round.iter().cloned());
        rounds::play(&mut these, &mut stage.clock, &stage.outside).await?;
        flows.extend(these);
        say(&format!("{} of {} flows, {} violations", flows.len(), plan.flows, record.violations()));
    }
    calm.send_replace(true);
    if let Some(trouble) = trouble {
        trouble.await?;
    }
    let troubled = troubled.elapsed();
    stage.outside.toss.delete("/sandbox/faults").send().await?.expect(204)?;
    say("no more faults: everything drains");
    let summary = conclude(plan, stage, &flows, begun, troubled).await?;
    Ok((report::tables(&summary, &record), record.violations() == 0))
}

/// Everything drains, days pass until nothing is left to happen, and every rule is checked. `active`: how long people
/// were booking.
async fn conclude(
    plan: &Plan,
    stage: &mut Stage,
    flows: &[Flow],
    begun: Stopwatch,
    active: Duration,
) -> Result<Summary> {
    let record = stage.outside.record.clone();
    let calm_at = Stopwatch::now();
    stage.system.wait_ready().await?;
    let drained = match stage.quiet(DRAIN).await? {
        Ok(_) => Some(calm_at.elapsed()),
        Err(left) => {
            record.wrong(format!("not drained after 60 s: {left}"));
            None
        }
    };
    say("days pass until nothing is left to happen");
    let longest = stage.let_days_pass().await?;
    say("checking");
    for keeper in stage.system.processes() {
        let kind = keeper.name().trim_end_matches(|c: char| c == '-' || c.is_ascii_digit());
        record.count_many("ended", kind, i64::try_from(keeper.ended())?);
    }
    let check = Check {
        pool: stage.core.db.pool(),
        clock: &stage.core.clock,
        toss: &stage.outside.toss,
        place: &stage.system.place,
        record: &record,
        began: stage.began,
    };
    check.everything(flows).await?;
    Ok(Summary {
        seed: plan.seed,
        flows: flows.len(),
        processes: stage.system.processes().count(),
        active,
        took: begun.elapsed(),
        days: stage.clock.offset() / 86_400,
        drained,
        longest,
    })
}

/// The stores of the run, as the processes see them.
fn stores(place: &Place) -> Result<Stores> {
    let settings = place.settings();
    let setting = |name: &str| settings.get(name).map_or("", String::as_str);
    let arguments = [
        ("--database-url", "DATABASE_URL"),
        ("--redis-url", "REDIS_URL"),
        ("--mongodb-url", "MONGODB_URL"),
        ("--mongo-database", "KONNECT_MONGO_DATABASE"),
        ("--clock-file", "KONNECT_CLOCK_FILE"),
        ("--files-dir", "KONNECT_FILES_DIR"),
        ("--db-connections", "KONNECT_DB_CONNECTIONS"),
        ("--keys-dir", "KONNECT_KEYS_DIR"),
        ("--access-seconds", "KONNECT_ACCESS_SECONDS"),
        ("--refresh-seconds", "KONNECT_REFRESH_SECONDS"),
    ];
    let arguments = arguments.iter().flat_map(|(argument, name)| [*argument, setting(name)]);
    Stores::try_parse_from(std::iter::once("chaos").chain(arguments)).context("settings of the run")
}

/// Progress goes to standard error, the report to standard output.
fn say(text: &str) {
    eprintln!("-- {text}");
}
