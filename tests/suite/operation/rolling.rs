//! A rolling restart under load: every process of the house is stopped by SIGTERM and started again, one after the other,
//! while people ask, book and listen. The test is the balancer: it asks `/readyz` and sends nobody to who is not ready.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DurationRound, TimeDelta};
use futures_util::future::join_all;
use konnect::availability::Window;
use konnect::id::OfferingId;
use konnect::job::{Job, Ping};
use konnect::mentor::Kind;
use konnect::{event, transact};
use konnect_tests::{ApiNode, Person, Process, Socket, Stack, TestApp, weekdays};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// How often the balancer asks; nobody is sent to a process that has not been ready for longer.
const PROBE: Duration = Duration::from_millis(100);
/// Longer than the balancer needs, on a busy machine too.
const LINGER: &str = "2";
const LISTENERS: usize = 6;
const ASKERS: usize = 4;

/// What clients see of two api processes.
struct Balancer<'a> {
    app: &'a TestApp,
    bases: [String; 2],
    ready: [AtomicBool; 2],
    turn: AtomicUsize,
    over: AtomicBool,
    /// What must not have happened, in words.
    faults: Mutex<Vec<String>>,
    asked: AtomicUsize,
    /// Answers that asked for another connection.
    shown_out: AtomicUsize,
}

impl Balancer<'_> {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    fn fault(&self, what: String) {
        self.faults.lock().expect("nobody panics with it").push(what);
    }

    /// The next process in turn that is ready.
    async fn next(&self) -> &str {
        loop {
            for _ in 0..self.bases.len() {
                let which = self.turn.fetch_add(1, Ordering::SeqCst) % self.bases.len();
                if self.ready[which].load(Ordering::SeqCst) {
                    return &self.bases[which];
                }
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Asks a process whether it is ready, again and again, on a connection of its own each time.
    async fn probe(&self, which: usize) {
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().expect("HTTP");
        let url = format!("{}/readyz", self.bases[which]);
        while !self.is_over() {
            let answer = http.get(&url).timeout(Duration::from_secs(2)).send().await;
            let is_ready = answer.is_ok_and(|answer| answer.status() == 200);
            self.ready[which].store(is_ready, Ordering::SeqCst);
            sleep(PROBE).await;
        }
    }

    /// Sends a request over connections that are kept, as a balancer's are.
    async fn ask(&self, http: &reqwest::Client, request: reqwest::Request) -> Option<Value> {
        let what = format!("{} {}", request.method(), request.url().path());
        self.asked.fetch_add(1, Ordering::SeqCst);
        match http.execute(request).await {
            Err(error) => self.fault(format!("{what}: {error:?}")),
            Ok(answer) => {
                if answer.headers().get("connection").is_some_and(|value| value == "close") {
                    self.shown_out.fetch_add(1, Ordering::SeqCst);
                }
                let status = answer.status();
                let body = answer.json().await.unwrap_or(Value::Null);
                if status.is_success() {
                    return Some(body);
                }
                self.fault(format!("{what}: {status} {body}"));
            }
        }
        None
    }
}

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().expect("an HTTP client")
}

/// Reads and writes, without a pause longer than a person's thought.
async fn ask_on(balancer: &Balancer<'_>, person: &Person) {
    let http = http();
    let token = person.client.token().expect("a token");
    while !balancer.is_over() {
        let base = balancer.next().await;
        let read = http.get(format!("{base}/v1/me")).bearer_auth(token).build().expect("a request");
        balancer.ask(&http, read).await;
        let base = balancer.next().await;
        let write = http.post(format!("{base}/v1/realtime/tickets")).bearer_auth(token).json(&json!({}));
        balancer.ask(&http, write.build().expect("a request")).await;
        sleep(Duration::from_millis(10)).await;
    }
}

/// Takes one slot after the other and gives it back, each with a job and events behind it; how many there were.
async fn book_on(balancer: &Balancer<'_>, person: &Person, offering: OfferingId) -> usize {
    let http = http();
    let token = person.client.token().expect("a token");
    let hour = balancer.app.now().duration_trunc(TimeDelta::hours(1)).expect("an hour");
    let mut booked = 0;
    while !balancer.is_over() {
        let starts_at = hour + TimeDelta::hours(48 + i64::try_from(booked % 400).expect("a small number"));
        let post = |url: String, body: &Value| {
            let request = http.post(url).bearer_auth(token).header("idempotency-key", konnect::id::secret());
            request.json(body).build().expect("a request")
        };
        let base = balancer.next().await;
        let body = json!({ "offeringId": offering, "startsAt": starts_at });
        let made = balancer.ask(&http, post(format!("{base}/v1/reservations"), &body)).await;
        let Some(made) = made else { continue };
        let id = made["id"].as_str().expect("an id");
        let base = balancer.next().await;
        let body = json!({ "reason": "another time", "expectedVersion": made["version"] });
        balancer.ask(&http, post(format!("{base}/v1/reservations/{id}/cancel"), &body)).await;
        booked += 1;
        sleep(Duration::from_millis(50)).await;
    }
    booked
}

/// Hears every event of a person, through whichever process; the number of the last one and how often it went elsewhere.
async fn listen_on(
    balancer: &Balancer<'_>,
    person: &Person,
    until: impl AsyncFn() -> Option<i64>,
) -> (i64, usize) {
    let (mut last, mut moved) = (0, 0);
    loop {
        let base = balancer.next().await;
        let (mut socket, _) = Socket::open(base, person, &format!("?after={last}")).await;
        loop {
            if until().await.is_some_and(|head| last >= head) {
                socket.close().await;
                return (last, moved);
            }
            let Ok(frame) = tokio::time::timeout(Duration::from_millis(200), socket.next()).await else {
                continue;
            };
            if let Some(id) = frame["id"].as_i64() {
                if id != last + 1 {
                    balancer.fault(format!("event {id} came after {last}"));
                }
                last = id;
            } else if frame["type"] == "going_away" {
                moved += 1;
                sleep(Duration::from_millis(frame["retryAfterMs"].as_u64().expect("a delay"))).await;
                break;
            } else if frame.get("close").is_some() {
                balancer.fault(format!("closed without a farewell: {frame}"));
                break;
            }
        }
    }
}

/// Something happens to everybody, and a job is written, again and again; how many times.
async fn go_on(balancer: &Balancer<'_>, people: &[Person]) -> i64 {
    let (app, mut happened) = (balancer.app, 0);
    let ids: Vec<_> = people.iter().map(|person| person.id).collect();
    while !balancer.is_over() {
        transact!(app.core.db, app.context(), sqlx::Error, tx => {
            konnect::outbox::enqueue(tx, &Ping { sent_at: tx.now }).await?;
            event::append(tx, &ids, "test.happened", json!({ "n": happened })).await
        })
        .expect("the database");
        happened += 1;
        sleep(Duration::from_millis(25)).await;
    }
    happened
}

/// One after the other: stops it, and starts it again. A queue whose one worker is away waits for it.
async fn restart_all(
    balancer: &Balancer<'_>,
    stack: &Stack,
    workers: Vec<Process>,
    nodes: &mut [ApiNode; 2],
) -> Vec<Process> {
    let mut fresh = Vec::new();
    for worker in workers {
        let name = worker.name.clone();
        if !worker.stop().await {
            balancer.fault(format!("{name} ended badly"));
        }
        fresh.push(stack.start(&name));
    }
    for (which, node) in nodes.iter_mut().enumerate() {
        // Nobody stops the one process that is ready.
        while !balancer.ready[1 - which].load(Ordering::SeqCst) {
            sleep(PROBE).await;
        }
        if !node.stop().await {
            balancer.fault(format!("api {which} ended badly"));
        }
        node.start_again().await;
    }
    while !balancer.ready.iter().all(|ready| ready.load(Ordering::SeqCst)) {
        sleep(PROBE).await;
    }
    fresh
}

async fn done(app: &TestApp) -> i64 {
    sqlx::query_scalar("SELECT COUNT(*) FROM outbox WHERE kind = ? AND state = 'done'")
        .bind(Ping::KIND)
        .fetch_one(app.core.db.pool())
        .await
        .expect("the database")
}

#[tokio::test(flavor = "multi_thread")]
async fn s65_a_rolling_restart_under_load_fails_no_request_and_loses_no_frame() {
    let app = TestApp::start_live().await;
    let mentor = app.mentor("mentor").await;
    let mut hours = weekdays();
    hours.windows = (0..7).map(|weekday| Window { weekday, from_minute: 0, to_minute: 1440 }).collect();
    app.set_hours(&mentor, hours).await;
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let booker = app.mentee("booker").await;
    let mut people = Vec::new();
    for number in 0..LISTENERS {
        people.push(app.mentee(&format!("listener-{number}")).await);
    }
    let settings = [
        ("KONNECT_LINGER_SECONDS", LINGER),
        ("KONNECT_LIMIT_HOLDS", "off"),
        ("KONNECT_COOL_DOWN_HOLDS", "0"),
    ];
    let (mut nodes, stack) = (
        <[ApiNode; 2]>::from(tokio::join!(
            ApiNode::start_with(&app, &settings),
            ApiNode::start_with(&app, &settings)
        )),
        Stack::new(&app),
    );
    let names = ["relay", "relay", "reminder-worker", "reminder-worker", "booking-worker", "payment-worker"];
    let workers: Vec<Process> = names.iter().map(|name| stack.start(name)).collect();
    let balancer = Balancer {
        app: &app,
        bases: [nodes[0].base.clone(), nodes[1].base.clone()],
        ready: Default::default(),
        turn: AtomicUsize::new(0),
        over: AtomicBool::new(false),
        faults: Mutex::default(),
        asked: AtomicUsize::new(0),
        shown_out: AtomicUsize::new(0),
    };
    let head = Mutex::new(None);
    let story = async {
        let workers = restart_all(&balancer, &stack, workers, &mut nodes).await;
        balancer.over.store(true, Ordering::SeqCst);
        workers
    };
    let happening = async {
        let happened = go_on(&balancer, &people).await;
        *head.lock().expect("nobody panics with it") = Some(happened);
        happened
    };
    let began = Instant::now();
    let (workers, happened, booked, heard, ..) = tokio::join!(
        story,
        happening,
        book_on(&balancer, &booker, offering),
        join_all(people.iter().map(|person| listen_on(&balancer, person, async || {
            *head.lock().expect("nobody panics with it")
        }))),
        join_all(people[..ASKERS].iter().map(|person| ask_on(&balancer, person))),
        balancer.probe(0),
        balancer.probe(1),
    );
    let took = began.elapsed();

    let faults = balancer.faults.into_inner().expect("nobody panicked with it");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    let (asked, shown_out) = (balancer.asked.into_inner(), balancer.shown_out.into_inner());
    let moved: usize = heard.iter().map(|(_, moved)| moved).sum();
    println!(
        "{took:.1?}: 8 processes restarted; {asked} requests, none failed, {shown_out} shown out; {booked} bookings; \
         {happened} events to {LISTENERS} sockets that moved {moved} times, none lost"
    );
    assert!(asked > 200 && booked > 20 && happened > 100, "too little happened to tell");
    assert!(shown_out > 0, "nobody on a kept connection was shown out");
    assert!(heard.iter().all(|(last, _)| *last == happened), "{heard:?} of {happened}");
    assert!(moved >= LISTENERS, "sockets stayed where nobody is");
    assert!(took < Duration::from_secs(60), "{took:?}");
    app.until(async || done(&app).await == happened).await;
    assert!(app.jobs_in("dead").await.is_empty());
    app.expect_sound().await;
    drop((workers, nodes));
    app.leave().await;
}
