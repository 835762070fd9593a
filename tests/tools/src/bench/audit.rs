//! The operator's audit over a ledger of a million rows: how long it takes and how much memory.

use std::process::Stdio;
use std::time::{Duration, Instant as Stopwatch};

use anyhow::{Context as _, Result, ensure};
use chrono::TimeDelta;
use konnect::clock::{Clock, Instant};
use konnect::config::Rules;
use konnect::id::{AttemptId, LedgerEntryId, OfferingId, PaymentId, ReservationId, SettlementLineId, UserId};
use konnect::ledger::Split;
use konnect::money::Krw;
use konnect::settlement::{RULE_VERSION, Rates};
use sqlx::{MySqlPool, QueryBuilder};
use tokio::process::Command;

use super::report::{Figure, Section, Target};
use super::{Bench, say};

const PRICE: Krw = Krw(50_000);
/// Ledger rows of one session: its capture has two, its split five.
const ROWS: usize = 7;
/// Sessions of one statement.
const CHUNK: usize = 500;
const MENTORS: usize = 1_000;

pub async fn measure(bench: &Bench) -> Result<Section> {
    let pool = bench.core.db.pool();
    let sessions = bench.plan.ledger_rows.div_ceil(ROWS);
    say(&format!("audit: writing {sessions} settled sessions"));
    fill(pool, sessions).await?;
    let rows: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM ledger_postings").fetch_one(pool).await?;
    let mut runs = Vec::new();
    for round in 1..=bench.plan.rounds {
        say(&format!("audit: round {round} of {}, {rows} ledger rows", bench.plan.rounds));
        runs.push(run(bench).await?);
    }
    let seconds = super::sample::median(runs.iter().map(|run| run.seconds));
    let early = super::sample::median(runs.iter().map(|run| run.early_mib));
    let peak = super::sample::median(runs.iter().map(|run| run.peak_mib));
    Ok(Section {
        title: "The audit of a million ledger rows",
        figures: vec![
            Figure::new("ledger rows", rows as f64, "", Target::Free),
            Figure::new("admin audit, every check", seconds, "s", Target::AtMost(60.0)),
            Figure::new("peak memory after a tenth of the time", early, "MiB", Target::Free),
            Figure::new("peak memory at the end", peak, "MiB", Target::Free),
            Figure::new("the end : a tenth", peak / early, "x", Target::AtMost(1.25)),
        ],
        notes: vec![
            format!(
                "{sessions} sessions with reservation, history, payment, attempt, settlement line and entries; nothing to be found, and nothing was"
            ),
            format!("{} rounds, medians; the program is the one that operators run", bench.plan.rounds),
        ],
    })
}

struct Run {
    seconds: f64,
    early_mib: f64,
    peak_mib: f64,
}

/// Runs the operator's command and watches its memory.
async fn run(bench: &Bench) -> Result<Run> {
    let started = Stopwatch::now();
    let mut child = Command::new(bench.programs.join("admin"))
        .args(["audit", "--json"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("admin cannot be started")?;
    let id = child.id().context("it runs")?;
    let mut peaks = Vec::new();
    let ended = loop {
        tokio::select! {
            ended = child.wait() => break ended?,
            () = tokio::time::sleep(Duration::from_millis(50)) => {
                if let Some(peak) = peak_mib(id) {
                    peaks.push((started.elapsed(), peak));
                }
            }
        }
    };
    let elapsed = started.elapsed();
    ensure!(ended.success(), "the audit found something, or broke off: {ended}");
    let (_, peak_mib) = *peaks.last().context("it was too short to be watched")?;
    let early = peaks.iter().take_while(|(at, _)| *at <= elapsed / 10).last();
    let (_, early_mib) = *early.or(peaks.first()).context("it was watched")?;
    Ok(Run { seconds: elapsed.as_secs_f64(), early_mib, peak_mib })
}

/// `VmHWM`, the most resident memory so far.
fn peak_mib(id: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib / 1024.0)
}

/// One settled session.
struct Session {
    reservation: ReservationId,
    mentor: UserId,
    mentee: UserId,
    payment: PaymentId,
    attempt: AttemptId,
    line: SettlementLineId,
    capture: LedgerEntryId,
    split: LedgerEntryId,
    /// No two of one person overlap.
    starts_at: Instant,
}

async fn fill(pool: &MySqlPool, count: usize) -> Result<()> {
    let rates = Rates::of(&Rules::default(), false);
    let split = rates.split(PRICE);
    let mentors: Vec<UserId> = (0..MENTORS).map(|_| UserId::generate()).collect();
    let first = Clock::system().now() - TimeDelta::days(90);
    for chunk in (0..count).collect::<Vec<_>>().chunks(CHUNK) {
        let sessions: Vec<Session> = chunk
            .iter()
            .map(|i| Session {
                reservation: ReservationId::generate(),
                mentor: mentors[i % MENTORS],
                mentee: UserId::generate(),
                payment: PaymentId::generate(),
                attempt: AttemptId::generate(),
                line: SettlementLineId::generate(),
                capture: LedgerEntryId::generate(),
                split: LedgerEntryId::generate(),
                starts_at: first + TimeDelta::hours(i64::try_from(i / MENTORS).unwrap_or(0)),
            })
            .collect();
        write_bookings(pool, &sessions).await?;
        write_payments(pool, &sessions).await?;
        write_lines(pool, &sessions, rates, &split).await?;
        write_ledger(pool, &sessions, &split).await?;
    }
    Ok(())
}

async fn write_bookings(pool: &MySqlPool, sessions: &[Session]) -> Result<()> {
    let mut insert = QueryBuilder::new(
        "INSERT INTO reservations (id, offering_id, mentor_id, mentee_id, title, price_krw, duration_min, time_zone,
            policy_version, starts_at, ends_at, schedule_version, state, version, payment_failed, created_at, updated_at) ",
    );
    insert.push_values(sessions, |mut row, s| {
        let ends_at = s.starts_at + TimeDelta::hours(1);
        row.push_bind(s.reservation)
            .push_bind(OfferingId(s.mentor.0))
            .push_bind(s.mentor)
            .push_bind(s.mentee)
            .push_bind("A session")
            .push_bind(PRICE)
            .push_bind(60)
            .push_bind("Asia/Seoul")
            .push_bind(1)
            .push_bind(s.starts_at)
            .push_bind(ends_at)
            .push_bind(1)
            .push_bind("completed")
            .push_bind(1)
            .push_bind(false)
            .push_bind(s.starts_at)
            .push_bind(ends_at);
    });
    insert.build().execute(pool).await?;
    let mut insert = QueryBuilder::new(
        "INSERT INTO reservation_history (reservation_id, version, to_state, cause, actor_kind, request_id, at) ",
    );
    insert.push_values(sessions, |mut row, s| {
        row.push_bind(s.reservation)
            .push_bind(1)
            .push_bind("completed")
            .push_bind("completed")
            .push_bind("operator")
            .push_bind("bench")
            .push_bind(s.starts_at);
    });
    insert.build().execute(pool).await?;
    Ok(())
}

async fn write_payments(pool: &MySqlPool, sessions: &[Session]) -> Result<()> {
    let mut insert = QueryBuilder::new(
        "INSERT INTO payments (id, reservation_id, mentee_id, amount_krw, state, version, created_at, updated_at) ",
    );
    insert.push_values(sessions, |mut row, s| {
        row.push_bind(s.payment)
            .push_bind(s.reservation)
            .push_bind(s.mentee)
            .push_bind(PRICE)
            .push_bind("done")
            .push_bind(1)
            .push_bind(s.starts_at)
            .push_bind(s.starts_at);
    });
    insert.build().execute(pool).await?;
    let mut insert = QueryBuilder::new(
        "INSERT INTO payment_attempts (id, payment_id, payment_key, state, idempotency_key, captured_krw,
            transaction_key, created_at, updated_at) ",
    );
    insert.push_values(sessions, |mut row, s| {
        row.push_bind(s.attempt)
            .push_bind(s.payment)
            .push_bind(s.attempt.to_string())
            .push_bind("done")
            .push_bind(s.attempt.to_string())
            .push_bind(PRICE)
            .push_bind(s.attempt.0.simple().to_string())
            .push_bind(s.starts_at)
            .push_bind(s.starts_at);
    });
    insert.build().execute(pool).await?;
    Ok(())
}

async fn write_lines(pool: &MySqlPool, sessions: &[Session], rates: Rates, split: &Split) -> Result<()> {
    let mut insert = QueryBuilder::new(
        "INSERT INTO settlement_lines (id, reservation_id, mentor_id, line_key, gross_krw, fee_krw, vat_krw,
            withholding_krw, net_krw, fee_bps, vat_bps, withholding_bps, rule_version, state, release_at, created_at,
            updated_at) ",
    );
    insert.push_values(sessions, |mut row, s| {
        let ended = s.starts_at + TimeDelta::hours(1);
        row.push_bind(s.line)
            .push_bind(s.reservation)
            .push_bind(s.mentor)
            .push_bind("accrual")
            .push_bind(split.gross)
            .push_bind(split.fee)
            .push_bind(split.vat)
            .push_bind(split.withholding)
            .push_bind(split.net)
            .push_bind(rates.fee.0)
            .push_bind(rates.vat.0)
            .push_bind(rates.withholding.0)
            .push_bind(RULE_VERSION)
            .push_bind("ready")
            .push_bind(ended)
            .push_bind(ended)
            .push_bind(ended);
    });
    insert.build().execute(pool).await?;
    Ok(())
}

async fn write_ledger(pool: &MySqlPool, sessions: &[Session], split: &Split) -> Result<()> {
    let mut insert =
        QueryBuilder::new("INSERT INTO ledger_entries (id, posting_key, kind, reservation_id, at) ");
    let entries = sessions.iter().flat_map(|s| {
        [
            (s.capture, format!("capture:{}", s.attempt), "capture", s),
            (s.split, format!("split:{}:accrual", s.reservation), "split", s),
        ]
    });
    insert.push_values(entries, |mut row, (id, key, kind, s)| {
        row.push_bind(id).push_bind(key).push_bind(kind).push_bind(s.reservation).push_bind(s.starts_at);
    });
    insert.build().execute(pool).await?;
    let mut insert = QueryBuilder::new(
        "INSERT INTO ledger_postings (entry_id, line, account, owner_id, reservation_id, amount_krw) ",
    );
    let postings = sessions.iter().flat_map(|s| {
        [
            (s.capture, 1, "provider", None, PRICE, s),
            (s.capture, 2, "held", None, PRICE.negated(), s),
            (s.split, 1, "held", None, split.gross, s),
            (s.split, 2, "mentor_payable", Some(s.mentor), split.net.negated(), s),
            (s.split, 3, "withholding_payable", Some(s.mentor), split.withholding.negated(), s),
            (s.split, 4, "platform_revenue", None, split.vat.minus(split.fee), s),
            (s.split, 5, "vat_payable", None, split.vat.negated(), s),
        ]
    });
    insert.push_values(postings, |mut row, (entry, line, account, owner, amount, s)| {
        row.push_bind(entry)
            .push_bind(line)
            .push_bind(account)
            .push_bind(owner)
            .push_bind(s.reservation)
            .push_bind(amount);
    });
    insert.build().execute(pool).await?;
    Ok(())
}
