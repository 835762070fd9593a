//! The audit at an operator's hand.

use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use chrono::{NaiveDate, TimeDelta};
use clap::{Args, Subcommand};
use indicatif::ProgressBar;
use konnect::audit::{self, DayReport, Offender, Outcome, Pace};
use konnect::client::toss::TossClient;
use konnect::core::Core;
use konnect::payout;
use konnect::transact;
use konnect_jobs::read_day;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::stores::{Stores, context, progress};

#[derive(Args)]
pub struct Command {
    #[command(flatten)]
    stores: Stores,
    /// Only what was touched in so many days, and what was found before
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(i64).range(1..=3650))]
    since: Option<i64>,
    /// Read these days of the provider's list again and compare them: dates in Korea, the last one included
    #[arg(long, value_name = "DAY..DAY", value_parser = days)]
    provider: Option<(NaiveDate, NaiveDate)>,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    toss: Toss,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Args)]
struct Toss {
    #[arg(long, env = "TOSS_BASE_URL", default_value = "https://api.tosspayments.com")]
    toss_base_url: String,
    /// Needed with --provider alone.
    #[arg(long, env = "TOSS_SECRET_KEY", hide_env_values = true)]
    toss_secret_key: Option<SecretString>,
}

#[derive(Subcommand)]
enum Action {
    /// Let payouts go out again after the audit stopped them
    Release {
        #[arg(long)]
        reason: String,
    },
}

fn days(text: &str) -> Result<(NaiveDate, NaiveDate)> {
    let (from, to) = text.split_once("..").unwrap_or((text, text));
    let (from, to): (NaiveDate, NaiveDate) = (from.parse()?, to.parse()?);
    ensure!(from <= to && to - from <= TimeDelta::days(366), "a stretch of at most a year");
    Ok((from, to))
}

impl Command {
    /// Exit code 1 when something was found.
    pub async fn run(self) -> Result<ExitCode> {
        let core = self.stores.connect().await?;
        if let Some(Action::Release { reason }) = &self.action {
            transact!(core.db, context(), anyhow::Error, tx => { Ok(payout::release(tx, reason).await?) })?;
            say!("payouts go out again");
            return Ok(ExitCode::SUCCESS);
        }
        let reports = match self.provider {
            Some(range) => self.compare(&core, range).await?,
            None => Vec::new(),
        };
        let found = self.check(&core).await?;
        let unexplained: i64 = reports.iter().map(|report| report.unexplained).sum();
        if self.json {
            say!("{}", as_json(&found, &reports));
        } else {
            print(&found, &reports);
        }
        Ok(if found.is_sound() && unexplained == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn check(&self, core: &Core) -> Result<Outcome> {
        let now = core.clock.now();
        let pace = self.since.map_or(Pace::Full, |days| Pace::Since(now - TimeDelta::days(days)));
        let bar = progress(0, "audit")?;
        let found = audit::pass(core.db.pool(), now, pace, |so_far| advance(&bar, so_far)).await?;
        bar.finish_and_clear();
        transact!(core.db, context(), anyhow::Error, tx => { Ok(audit::record(tx, &found).await?) })?;
        Ok(found)
    }

    async fn compare(&self, core: &Core, (from, to): (NaiveDate, NaiveDate)) -> Result<Vec<DayReport>> {
        let key = self.toss.toss_secret_key.clone().context("--provider needs TOSS_SECRET_KEY")?;
        let toss = TossClient::new(&self.toss.toss_base_url, key)?;
        let days: Vec<NaiveDate> = from.iter_days().take_while(|day| *day <= to).collect();
        let bar = progress(days.len(), "provider")?;
        for day in &days {
            read_day(core, &toss, context().doing(None), *day).await?;
            transact!(core.db, context(), anyhow::Error, tx => { Ok(audit::compare(tx, *day).await?) })?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(audit::reports(core.db.pool(), from, to).await?)
    }
}

fn advance(bar: &ProgressBar, so_far: audit::Progress) {
    bar.set_length(so_far.total.max(so_far.done));
    bar.set_position(so_far.done);
}

fn as_json(found: &Outcome, reports: &[DayReport]) -> Value {
    let offender = |o: &Offender| json!({ "check": o.check, "id": o.subject, "facts": o.facts });
    let day = |r: &DayReport| {
        json!({
            "day": r.day, "transactions": r.transactions, "matched": r.matched, "unexplained": r.unexplained,
            "captured": r.captured_krw, "cancelled": r.cancelled_krw, "ledgerCaptured": r.ledger_captured_krw,
            "ledgerRefunded": r.ledger_refunded_krw,
        })
    };
    json!({
        "checkedAt": found.started_at, "checked": found.subjects, "counts": found.counts,
        "findings": found.offenders.iter().map(offender).collect::<Vec<_>>(),
        "days": reports.iter().map(day).collect::<Vec<_>>(),
    })
}

fn print(found: &Outcome, reports: &[DayReport]) {
    for report in reports {
        say!(
            "{}  {:>6} transactions, {} unexplained; captured {} there, {} here; given back {} there, {} here",
            report.day,
            report.transactions,
            report.unexplained,
            report.captured_krw,
            report.ledger_captured_krw,
            report.cancelled_krw,
            report.ledger_refunded_krw
        );
    }
    for (check, count) in &found.counts {
        let (_, en) = audit::meaning(check);
        say!("\n{check}: {count} x {en}");
        for offender in found.offenders.iter().filter(|o| o.check == *check) {
            say!("  {}  {}", offender.subject, offender.facts);
        }
    }
    if found.is_sound() {
        say!("every rule holds; {} rows were looked at", found.subjects);
    } else {
        let all: u64 = found.counts.values().sum();
        eprintln!("{all} findings; money findings stop payouts until `admin audit release`");
    }
}
