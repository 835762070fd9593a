//! Webhooks a second, against a handler that only inserts the row; and how long one takes while others are looked into.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant as Stopwatch};

use anyhow::{Context as _, Result, ensure};
use konnect::id::{AttemptId, PaymentId, ReservationId, UserId};
use serde_json::json;
use sqlx::{MySqlPool, QueryBuilder};
use tokio::task::JoinSet;

use super::http::Connection;
use super::intake::TRANSMISSION_ID;
use super::load::{Until, drive};
use super::process::Process;
use super::report::{Figure, Section, Target};
use super::sample::{Sample, median};
use super::{Bench, say};

const CONNECTIONS: usize = 16;
/// 200 webhooks a second.
const GAP: Duration = Duration::from_millis(5);
/// Orders that webhooks are about.
const ORDERS: usize = 500;
/// For everything to be looked into.
const PATIENCE: Duration = Duration::from_secs(120);
const PATH: &str = "/v1/webhooks/toss";

pub async fn measure(bench: &Bench) -> Result<Section> {
    let pool = bench.core.db.pool();
    let orders = make_orders(pool).await?;
    let mut api = Process::start(&bench.programs, "api", &[("KONNECT_DB_CONNECTIONS", &bench.pool)])?;
    api.wait_ready(bench.api, "/readyz").await?;
    let limit = free_address()?;
    let mut inserter = Process::start_self("inserter", &["intake", "--bind", &limit.to_string()])?;
    inserter.wait_listening(limit).await?;

    say("webhooks: warm-up");
    let count = bench.plan.webhooks;
    intake(bench.api, PATH, "warm-up", &orders, count / 4).await?;
    intake(limit, "/", "warm-up-limit", &orders, count / 4).await?;
    let (mut taken, mut inserted) = (Vec::new(), Vec::new());
    for round in 1..=bench.plan.rounds {
        say(&format!("webhooks: round {round} of {}, {count} each", bench.plan.rounds));
        forget(pool).await?;
        inserted.push(intake(limit, "/", &format!("limit-{round}"), &orders, count).await?);
        forget(pool).await?;
        taken.push(intake(bench.api, PATH, &format!("api-{round}"), &orders, count).await?);
    }
    forget(pool).await?;
    inserter.stop().await?;

    say("webhooks: 200 a second, looked into meanwhile");
    let sandbox = Process::start(&bench.programs, "sandbox", &[])?;
    let relay = Process::start(&bench.programs, "relay", &[])?;
    // The stand-in knows none of the orders, and the worker would say so of each.
    let worker = Process::start(&bench.programs, "payment-worker", &[("RUST_LOG", "error")])?;
    steady(bench.api, "settle", &orders, 200).await?;
    let under_load = steady(bench.api, "steady", &orders, count / 2).await?;
    let before = processed(pool).await?;
    let lag = wait_processed(pool, count as i64 / 2 + 200).await?;
    for process in [worker, relay, sandbox, api] {
        process.stop().await?;
    }

    let share = median(taken.iter().zip(&inserted).map(|(a, b)| 100.0 * a.rate() / b.rate()));
    let rate = |rounds: &[Sample]| median(rounds.iter().map(Sample::rate));
    let during = 100.0 * before as f64 / (count as f64 / 2.0 + 200.0);
    Ok(Section {
        title: "Webhooks: stored with their job, 16 connections",
        figures: vec![
            Figure::new("POST /v1/webhooks/toss", rate(&taken), "/s", Target::Free),
            Figure::new("a handler that only inserts the row", rate(&inserted), "/s", Target::Free),
            Figure::new("share of that limit", share, "%", Target::AtLeast(60.0)),
            Figure::new("intake p50, 200/s being looked into", under_load.p50(), "ms", Target::Free),
            Figure::new("intake p99, 200/s being looked into", under_load.p99(), "ms", Target::AtMost(20.0)),
        ],
        notes: vec![
            format!(
                "{} rounds of {count} webhooks each way, in turn; rates and share are medians of rounds",
                bench.plan.rounds
            ),
            format!(
                "{} webhooks at {:.0} a second about {ORDERS} orders; each is looked into by a worker that asks the stand-in",
                under_load.count(),
                under_load.rate()
            ),
            format!("{during:.0} % were done when the last one had come, all of them {lag:.1} s later"),
        ],
    })
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Attempts that were declined, whose orders webhooks name.
async fn make_orders(pool: &MySqlPool) -> Result<Vec<AttemptId>> {
    let now = konnect::clock::Clock::system().now();
    let orders: Vec<(PaymentId, AttemptId)> =
        (0..ORDERS).map(|_| (PaymentId::generate(), AttemptId::generate())).collect();
    let mut payments = QueryBuilder::new(
        "INSERT INTO payments (id, reservation_id, mentee_id, amount_krw, state, version, created_at, updated_at) ",
    );
    payments.push_values(&orders, |mut row, (payment, _)| {
        row.push_bind(*payment)
            .push_bind(ReservationId::generate())
            .push_bind(UserId::generate())
            .push_bind(50_000)
            .push_bind("ready")
            .push_bind(1)
            .push_bind(now)
            .push_bind(now);
    });
    payments.build().execute(pool).await?;
    let mut attempts = QueryBuilder::new(
        "INSERT INTO payment_attempts (id, payment_id, state, idempotency_key, created_at, updated_at) ",
    );
    attempts.push_values(&orders, |mut row, (payment, attempt)| {
        row.push_bind(*attempt)
            .push_bind(*payment)
            .push_bind("failed")
            .push_bind(attempt.to_string())
            .push_bind(now)
            .push_bind(now);
    });
    attempts.build().execute(pool).await?;
    Ok(orders.into_iter().map(|(_, attempt)| attempt).collect())
}

/// A PAYMENT_STATUS_CHANGED of the usual length.
fn request(path: &str, id: &str, order: AttemptId) -> Vec<u8> {
    let body = json!({
        "eventType": "PAYMENT_STATUS_CHANGED",
        "createdAt": "2026-11-25T12:00:00.000000",
        "data": {
            "mId": "konnectdev", "version": "2022-11-16", "paymentKey": format!("bench{}", order.0.simple()),
            "orderId": order.to_string(), "orderName": "멘토링 예약", "status": "EXPIRED", "currency": "KRW",
            "totalAmount": 50_000, "balanceAmount": 50_000, "suppliedAmount": 45_455, "vat": 4_545,
            "failure": { "code": "EXPIRED_PAYMENT", "message": "결제 유효시간이 만료되었습니다." },
            "filler": "x".repeat(900),
        },
    })
    .to_string();
    format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n{TRANSMISSION_ID}: {id}\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

async fn intake(
    address: SocketAddr,
    path: &str,
    name: &str,
    orders: &[AttemptId],
    count: usize,
) -> Result<Sample> {
    let requests = (0..count).map(|i| request(path, &format!("{name}-{i}"), orders[i % orders.len()]));
    drive(address, CONNECTIONS, Arc::new(requests.collect()), 200, Until::AllSent).await
}

/// One every [`GAP`], whether or not those before are answered; times are from the moment each was due.
async fn steady(address: SocketAddr, name: &str, orders: &[AttemptId], count: usize) -> Result<Sample> {
    let started = Stopwatch::now() + Duration::from_millis(50);
    let mut tasks = JoinSet::new();
    for lane in 0..CONNECTIONS {
        let mut connection = Connection::open(address).await?;
        let mine: Vec<(usize, Vec<u8>)> = (lane..count)
            .step_by(CONNECTIONS)
            .map(|i| (i, request(PATH, &format!("{name}-{i}"), orders[i % orders.len()])))
            .collect();
        tasks.spawn(async move {
            let mut times = Vec::new();
            for (i, bytes) in mine {
                let due = started + GAP * u32::try_from(i).context("few")?;
                tokio::time::sleep_until(due.into()).await;
                connection.send(&bytes).await?.expect(200)?;
                times.push(due.elapsed());
            }
            anyhow::Ok(times)
        });
    }
    let mut times = Vec::new();
    while let Some(done) = tasks.join_next().await {
        times.extend(done??);
    }
    Ok(Sample::new(times, started.elapsed()))
}

async fn processed(pool: &MySqlPool) -> Result<i64> {
    Ok(sqlx::query_scalar("SELECT COUNT(*) FROM webhook_inbox WHERE processed_at IS NOT NULL")
        .fetch_one(pool)
        .await?)
}

/// Seconds until every webhook was looked into.
async fn wait_processed(pool: &MySqlPool, count: i64) -> Result<f64> {
    let started = Stopwatch::now();
    while processed(pool).await? < count {
        ensure!(started.elapsed() < PATIENCE, "webhooks are not looked into");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(started.elapsed().as_secs_f64())
}

async fn forget(pool: &MySqlPool) -> Result<()> {
    for table in ["TRUNCATE TABLE webhook_inbox", "TRUNCATE TABLE outbox"] {
        sqlx::raw_sql(table).execute(pool).await?;
    }
    Ok(())
}
