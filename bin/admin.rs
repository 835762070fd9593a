//! The operator's command line. Changes go through the domains, with the operator as the actor.

#[macro_use]
#[path = "admin/say.rs"]
mod say;

#[path = "admin/activity.rs"]
mod activity;
#[path = "admin/audit.rs"]
mod audit;
#[path = "admin/backup/mod.rs"]
mod backup;
#[path = "admin/clock.rs"]
mod clock;
#[path = "admin/demo.rs"]
mod demo;
#[path = "admin/jobs.rs"]
mod jobs;
#[path = "admin/keys.rs"]
mod keys;
#[path = "admin/mail_report.rs"]
mod mail_report;
#[path = "admin/payouts.rs"]
mod payouts;
#[path = "admin/people.rs"]
mod people;
#[path = "admin/replay.rs"]
mod replay;
#[path = "admin/seed.rs"]
mod seed;
#[path = "admin/stores.rs"]
mod stores;
#[path = "admin/token.rs"]
mod token;

use std::process::ExitCode;
use std::sync::LazyLock;

use anyhow::Result;
use clap::{Parser, Subcommand};

use stores::Stores;

#[derive(Parser)]
#[command(name = "admin", version, long_version = long_version(), about = "The operator's command line of Konnect.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run every migration that has not run yet
    Migrate(Stores),
    /// Check the rules of slots, states and money; exit code 1 when one is broken
    Audit(audit::Command),
    /// Copy the database, MongoDB and files into a folder, while everything goes on
    Backup(backup::Backup),
    /// Put a copy in the place of what is there, and check it; exit code 1 when a rule is broken
    Restore(backup::Restore),
    /// The activity log in MongoDB
    #[command(subcommand)]
    Activity(activity::Command),
    /// The keys that sign access tokens
    #[command(subcommand)]
    Keys(keys::Command),
    /// Look at jobs, run them again, take them back
    #[command(subcommand)]
    Jobs(jobs::Command),
    /// Look at payouts, stop and release them, run a batch
    #[command(subcommand)]
    Payouts(payouts::Command),
    /// Read a delivery report, one mail on standard input, as the pipe of a mail server hands it over
    MailReport(mail_report::Command),
    /// Accounts
    #[command(subcommand)]
    Users(people::UserCommand),
    /// Mentors
    #[command(subcommand)]
    Mentors(people::MentorCommand),
    /// Print an access token of somebody, for development
    Token(token::Command),
    /// Make the demo world, or what is missing of it
    Seed(Stores),
    /// The development clock that all processes follow
    Clock(clock::Command),
    /// Print the OpenAPI document
    Openapi,
}

/// What `--version` says: the release, and that of the zone data, which `/readyz` of the processes says too.
fn long_version() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        format!("{}\nzone data {}", env!("CARGO_PKG_VERSION"), konnect::availability::ZONE_DATA)
    });
    &TEXT
}

#[tokio::main]
async fn main() -> ExitCode {
    konnect_start::cryptography();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help, or what is wrong with the words and settings.
        Err(error) => match mail_report::refused(&error) {
            Some(code) => return code,
            None => error.exit(),
        },
    };
    match run(cli.command).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Migrate(stores) => stores.connect().await?.db.migrate().await?,
        Command::Audit(command) => return command.run().await,
        Command::Backup(command) => command.run().await?,
        Command::Restore(command) => return command.run().await,
        Command::Activity(command) => command.run().await?,
        Command::Keys(command) => command.run()?,
        Command::Jobs(command) => command.run().await?,
        Command::Payouts(command) => command.run().await?,
        Command::MailReport(command) => return Ok(command.run().await),
        Command::Users(command) => command.run().await?,
        Command::Mentors(command) => command.run().await?,
        Command::Token(command) => command.run().await?,
        Command::Seed(stores) => seed::run(&stores.connect().await?).await?,
        Command::Clock(command) => command.run().await?,
        Command::Openapi => say!("{}", konnect::api::openapi()),
    }
    Ok(ExitCode::SUCCESS)
}
