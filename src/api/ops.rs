//! What operators and their machines ask: does it live, is it ready, what does it count. The api serves these
//! beside its routes, every other process on an address of its own.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use mongodb::bson::doc;
use poem::http::StatusCode;
use poem::web::{Data, Json};
use poem::{Endpoint, EndpointExt, IntoResponse, Response, Route, get, handler};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::farewell::Leaving;
use super::listen;
use super::reach::{Reach, Sockets};
use crate::availability::ZONE_DATA;
use crate::core::Core;
use crate::skew::{self, Skew};

/// A dependency that takes longer to answer is away. Below the second that probes usually wait, so that a MongoDB
/// that is away does not look like an api that is.
const PATIENCE: Duration = Duration::from_millis(750);
/// How often the exporter empties its buffers.
const UPKEEP: Duration = Duration::from_secs(5);
/// Seconds: from a warm read to a job that waited for minutes.
const BUCKETS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0,
];

/// The recorder of this process, installed by the first call.
pub fn metrics() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    let install = || {
        PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), BUCKETS)
            .expect("there are buckets")
            .install_recorder()
            .expect("nobody else installs a recorder")
    };
    HANDLE.get_or_init(install).clone()
}

/// Empties the exporter's buffers until `stop` is cancelled; without it histograms grow.
pub async fn keep_up(handle: PrometheusHandle, stop: CancellationToken) {
    let mut timer = tokio::time::interval(UPKEEP);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = timer.tick() => handle.run_upkeep(),
        }
    }
}

/// Adds `/healthz`, `/readyz` and `/metrics`. `leaving`: whether the process has been told to stop. `reach`: what is
/// known of the sockets, where there are some.
pub fn mount(route: Route, core: Core, handle: PrometheusHandle, leaving: Leaving, reach: Reach) -> Route {
    route
        .at("/healthz", get(health))
        .at("/readyz", get(ready).data(core).data(leaving).data(reach))
        .at("/metrics", get(numbers).data(handle))
}

/// `/healthz`, `/readyz` and `/metrics` alone.
pub fn routes(core: Core, handle: PrometheusHandle, leaving: Leaving) -> impl Endpoint {
    mount(Route::new(), core, handle, leaving, Reach::default())
}

/// Serves them on `bind` until `stop` is cancelled.
pub async fn serve(core: Core, bind: SocketAddr, stop: CancellationToken) -> std::io::Result<()> {
    let listener = TcpListener::bind(bind).await?;
    let leaving = Leaving::new(stop.clone());
    listen::serve(listener, routes(core, metrics(), leaving), stop, Duration::from_secs(1)).await
}

/// The process lives.
#[handler]
fn health() -> &'static str {
    "ok\n"
}

#[handler]
fn numbers(handle: Data<&PrometheusHandle>) -> Response {
    handle.render().with_content_type("text/plain; version=0.0.4; charset=utf-8").into_response()
}

#[derive(Serialize)]
struct Readiness {
    /// `ok`; `degraded` when something is away that no booking needs; `down`; `leaving` once it was told to stop.
    status: &'static str,
    version: &'static str,
    /// The release of the time zone data; the same in every process of a build.
    tzdb: &'static str,
    dependencies: [Dependency; 3],
    /// The database's clock beside this machine's; absent while the database is away.
    #[serde(skip_serializing_if = "Option::is_none")]
    clock: Option<Clock>,
    /// How sockets are reached from outside; changes nothing of the rest. Absent until it is known, and where there are
    /// none.
    #[serde(skip_serializing_if = "Option::is_none")]
    sockets: Option<Sockets>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Clock {
    /// Whether they differ by at most half a second.
    ok: bool,
    /// Positive: the database is ahead.
    skew_ms: i64,
}

impl From<Skew> for Clock {
    fn from(skew: Skew) -> Self {
        Self { ok: !skew.is_alarming(), skew_ms: skew.ahead.num_milliseconds() }
    }
}

#[derive(Serialize)]
struct Dependency {
    name: &'static str,
    ok: bool,
    ms: f64,
}

/// 503 without MySQL or Redis, and from a process that is leaving. A MongoDB that is away leaves bookings and payments
/// whole, so traffic keeps coming.
#[handler]
async fn ready(core: Data<&Core>, leaving: Data<&Leaving>, reach: Data<&Reach>) -> Response {
    let mut redis = core.redis.clone();
    let ping = redis::cmd("PING");
    let mut clock = None;
    let compare = async {
        clock = Some(skew::measure(core.db.pool()).await?.into());
        Ok::<_, sqlx::Error>(())
    };
    let (mysql, redis, mongodb) = tokio::join!(
        ask("mysql", compare),
        ask("redis", async { ping.query_async::<String>(&mut redis).await.map(drop) }),
        ask("mongodb", async { core.mongo.run_command(doc! { "ping": 1 }).await.map(drop) }),
    );
    let status = match (mysql.ok && redis.ok, mongodb.ok) {
        _ if leaving.is_so() => "leaving",
        (false, _) => "down",
        (true, false) => "degraded",
        (true, true) => "ok",
    };
    let is_ready = ["ok", "degraded"].contains(&status);
    let code = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = Readiness {
        status,
        version: env!("CARGO_PKG_VERSION"),
        tzdb: ZONE_DATA,
        dependencies: [mysql, redis, mongodb],
        clock,
        sockets: reach.now(),
    };
    Json(body).with_status(code).with_header("cache-control", "no-store").into_response()
}

/// What went wrong is for the log: answers may name servers.
async fn ask<E: std::fmt::Display>(
    name: &'static str,
    question: impl Future<Output = Result<(), E>>,
) -> Dependency {
    let started = Instant::now();
    let ok = match tokio::time::timeout(PATIENCE, question).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::warn!(name, %error, "dependency is away");
            false
        }
        Err(_) => {
            tracing::warn!(name, "dependency does not answer");
            false
        }
    };
    metrics::gauge!("konnect_dependency_up", "dependency" => name).set(if ok { 1.0 } else { 0.0 });
    Dependency { name, ok, ms: started.elapsed().as_secs_f64() * 1000.0 }
}
