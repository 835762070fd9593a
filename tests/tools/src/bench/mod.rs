//! What `./dev bench` measures, with which load, and what it compares with.

mod audit;
mod catalogue;
pub mod constant;
mod growth;
mod heard;
mod http;
pub mod intake;
mod jobs;
mod live;
mod load;
mod notices;
mod offered;
mod pace;
mod pings;
mod process;
mod replay;
mod report;
mod reserve;
mod sample;
mod server;
mod slots;
mod webhooks;
mod world;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use konnect::auth::{SigningKeys, Tokens};
use konnect::clock::Clock;
use konnect::config::{Config, TokenConfig};
use konnect::core::Core;

pub use report::Report;
use world::World;

/// How much is done. Every count is fixed, so that a run takes some minutes at most.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub rounds: usize,
    pub mentors: usize,
    /// Two reservations each and round.
    pub mentees: usize,
    /// Of one comparison of listings, for each side.
    pub listing_seconds: f64,
    pub idle_jobs: usize,
    pub steady_jobs: usize,
    pub drained_jobs: usize,
    /// Of one round, each way.
    pub webhooks: usize,
    /// That the audit looks at.
    pub ledger_rows: usize,
    /// Mentors that the catalogue lists.
    pub catalogue_mentors: usize,
    /// Of each of them in 90 days; 1,000 at most.
    pub bookings_each: usize,
    /// People who are told of one happening.
    pub told: usize,
    pub live: live::Size,
    pub offered: offered::Size,
    pub growth: growth::Size,
}

impl Plan {
    pub const FULL: Self = Self {
        rounds: 3,
        mentors: 250,
        mentees: 1_500,
        listing_seconds: 4.0,
        idle_jobs: 300,
        steady_jobs: 3_000,
        drained_jobs: 20_000,
        webhooks: 6_000,
        ledger_rows: 1_000_000,
        catalogue_mentors: 1_000,
        bookings_each: 1_000,
        told: 10_000,
        live: live::Size::FULL,
        offered: offered::Size::FULL,
        growth: growth::Size::FULL,
    };
    /// Everything once, with little of it: shows that it runs.
    pub const QUICK: Self = Self {
        rounds: 1,
        mentors: 50,
        mentees: 150,
        listing_seconds: 0.5,
        idle_jobs: 20,
        steady_jobs: 300,
        drained_jobs: 1_000,
        webhooks: 400,
        ledger_rows: 20_000,
        catalogue_mentors: 100,
        bookings_each: 50,
        told: 700,
        live: live::Size::QUICK,
        offered: offered::Size::QUICK,
        growth: growth::Size::QUICK,
    };
}

/// What can be measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    Reservations,
    Slots,
    Jobs,
    Webhooks,
    Notices,
    Live,
    /// Latency against load.
    Load,
    Audit,
    Catalogue,
    /// Cost against data size.
    Growth,
}

/// Where everything is.
pub struct Bench {
    pub plan: Plan,
    pub core: Core,
    pub tokens: Tokens,
    /// Where the api listens once it is started.
    pub api: SocketAddr,
    /// Where the stand-in for the providers listens once it is started.
    pub sandbox: SocketAddr,
    pub programs: PathBuf,
    /// Connections to the database, for the api and for whatever it is compared with.
    pub pool: String,
}

impl Bench {
    pub async fn open(
        plan: Plan,
        config: &Config,
        tokens: &TokenConfig,
        [api, sandbox]: [SocketAddr; 2],
        programs: PathBuf,
    ) -> Result<Self> {
        let core = Core::connect(config, Clock::system()).await?;
        core.db.migrate().await?;
        let tokens = Tokens::new(SigningKeys::load(tokens)?, tokens);
        Ok(Self { plan, core, tokens, api, sandbox, programs, pool: config.db_connections.to_string() })
    }

    /// Measures the parts, one after the other.
    pub async fn run(&self, parts: &[Part]) -> Result<Report> {
        let mut report = Report { machine: self.machine().await?, ..Report::default() };
        let on_web = [Part::Reservations, Part::Slots, Part::Load];
        if parts.iter().any(|part| on_web.contains(part)) {
            say("making people and offerings");
            let world =
                Arc::new(World::make(&self.core, &self.tokens, self.plan.mentors, self.plan.mentees).await?);
            let mut api =
                process::Process::start(&self.programs, "api", &[("KONNECT_DB_CONNECTIONS", &self.pool)])?;
            api.wait_ready(self.api, "/readyz").await?;
            if parts.contains(&Part::Reservations) {
                report.sections.push(reserve::measure(self, &world).await?);
            }
            if parts.contains(&Part::Slots) {
                report.sections.push(slots::measure(self, &world).await?);
            }
            if parts.contains(&Part::Load) {
                report.add(offered::over_http(self, &world).await?);
            }
            api.stop().await?;
        }
        if parts.contains(&Part::Jobs) {
            report.sections.extend(jobs::measure(self).await?);
        }
        if parts.contains(&Part::Webhooks) {
            report.sections.push(webhooks::measure(self).await?);
        }
        if parts.contains(&Part::Notices) {
            report.sections.push(notices::measure(self).await?);
        }
        if parts.contains(&Part::Live) {
            report.sections.push(live::measure(self).await?);
        }
        if parts.contains(&Part::Load) {
            report.add(offered::of_jobs(self).await?);
        }
        // Last: they fill the database.
        if parts.contains(&Part::Audit) {
            report.sections.push(audit::measure(self).await?);
        }
        if parts.contains(&Part::Catalogue) {
            report.sections.push(catalogue::measure(self).await?);
        }
        if parts.contains(&Part::Growth) {
            report.add(growth::measure(self).await?);
        }
        Ok(report)
    }

    async fn machine(&self) -> Result<Vec<(String, String)>> {
        let cores = std::thread::available_parallelism()?;
        let build = if cfg!(debug_assertions) { "development: the figures mean little" } else { "release" };
        let mut machine = vec![
            ("cores".to_owned(), format!("{cores}, shared by the servers, the processes and the load")),
            ("build".to_owned(), build.to_owned()),
        ];
        machine.extend(server::describe(self.core.db.pool(), &mut self.core.redis.clone()).await?);
        Ok(machine)
    }
}

/// Progress goes to standard error, the report to standard output.
fn say(text: &str) {
    eprintln!("-- {text}");
}
