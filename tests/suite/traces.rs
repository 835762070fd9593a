//! One trace from a caller's request to the provider, to systems of others and to the socket, and from a command in a
//! room to everybody there, over real processes (Q6).

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DurationRound, TimeDelta};
use konnect::availability::Window;
use konnect::mentor::Kind;
use konnect_sandbox::{Effect, Endpoint, Fault};
use konnect_tests::{ApiNode, Booking, Client, Collector, Process, RawIo, Seen, Socket, Stack, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

use super::crashes::live_booking;

/// The caller's.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const BOOKS: &str = "b7ad6b7169203331";
const PAYS: &str = "00f067aa0ba902b7";
const WORKERS: [&str; 4] = ["relay", "payment-worker", "notification-worker", "webhook-worker"];

/// Processes that export, and a mentor and a mentee whose booking is to come.
struct World {
    app: TestApp,
    node: ApiNode,
    others: Vec<Process>,
    booking: Booking,
}

impl World {
    async fn start(app: TestApp, settings: &[(&str, &str)]) -> Self {
        let (mentor, mentee) = (app.mentor("mentor").await, app.mentee("mentee").await);
        let mut hours = konnect_tests::weekdays();
        hours.windows = (0..7).map(|weekday| Window { weekday, from_minute: 0, to_minute: 1440 }).collect();
        app.set_hours(&mentor, hours).await;
        let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
        let hour = app.now().duration_trunc(TimeDelta::hours(1)).expect("an hour");
        let starts_at = hour + TimeDelta::hours(30);
        let id = konnect::id::ReservationId::generate();
        let booking = Booking { id, offering, mentor, mentee, starts_at, price: 50_000 };
        let mut stack = Stack::new(&app).with("KONNECT_WEBHOOKS_LOOPBACK", "true");
        for (name, value) in settings {
            stack = stack.with(name, value);
        }
        let node = ApiNode::start_with(&app, settings).await;
        let others = WORKERS.iter().map(|name| stack.start(name)).collect();
        Self { app, node, others, booking }
    }

    /// Sends as the mentee, from a span of the caller's trace.
    async fn post(&self, path: &str, body: Value, span: &str) -> Value {
        let client = Client::new(&self.node.base, self.booking.mentee.client.token().map(str::to_owned));
        let parent = format!("00-{TRACE}-{span}-01");
        let key = konnect::id::secret();
        let headers = [("idempotency-key", key.as_str()), ("traceparent", &parent)];
        let answer = client.send(Method::POST, path, Some(body), &headers).await;
        assert!(answer.status.is_success(), "{:#}", answer.body);
        answer.body
    }

    /// Books and pays; when this ends the money is taken.
    async fn book_and_pay(&mut self) {
        let reserve = json!({ "offeringId": self.booking.offering, "startsAt": self.booking.starts_at });
        let made = self.post("/v1/reservations", reserve, BOOKS).await;
        self.booking.id = made["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        let path = format!("{}/payment-orders", self.booking.path());
        let order = self.post(&path, json!({}), PAYS).await;
        let order_id = order["orderId"].as_str().expect("an order id");
        let card = self.app.sandbox.checkout(order_id, 50_000).expect("the card is accepted");
        let confirm = json!({ "orderId": order_id, "paymentKey": card.payment_key, "amount": 50_000 });
        self.post("/v1/payments/confirm", confirm, PAYS).await;
        let (app, booking) = (&self.app, &self.booking);
        app.until(async || app.state(booking).await == "confirmed").await;
    }

    /// Stops all processes, which send their last spans.
    async fn stop(mut self) -> TestApp {
        self.node.stop().await;
        for process in self.others {
            assert!(process.stop().await, "it ends well");
        }
        self.app.expect_sound().await;
        self.app
    }
}

/// From a span to the caller's: service and name of each, and the span above them all.
fn way<'a>(spans: &'a [Seen], from: &'a Seen) -> (Vec<(&'a str, &'a str)>, &'a str) {
    let mut at = from;
    let mut way = vec![(at.service.as_str(), at.name.as_str())];
    while let Some(above) = spans.iter().find(|span| span.span == at.parent) {
        way.push((&above.service, &above.name));
        at = above;
    }
    (way, &at.parent)
}

/// The spans below one, for whoever reads why this failed.
fn print(spans: &[Seen], above: &str, depth: usize) {
    for span in spans.iter().filter(|span| span.parent == above) {
        println!("{}{}  [{}]", "  ".repeat(depth), span.name, span.service.trim_start_matches("konnect-"));
        print(spans, &span.span, depth + 1);
    }
}

fn named<'a>(spans: &'a [Seen], service: &str, name: &str) -> Vec<&'a Seen> {
    spans.iter().filter(|span| span.service == service && span.name == name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn q6_one_trace_leads_from_the_request_to_the_provider_and_the_socket() {
    let app = TestApp::start_live().await;
    let collector = Collector::start().await;
    let partner = app.partner(&["reservation.confirmed"]).await;
    // What a caller does not ask for is not exported here: the trace is the caller's own.
    let settings = [
        ("KONNECT_OTLP_ENDPOINT", collector.address()),
        ("KONNECT_TRACE_RATIO", "0"),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
    ];
    let mut world = World::start(app, &settings).await;
    world.app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::Status(503)));
    let (mut socket, _) = Socket::open(&world.node.base, &world.booking.mentee, "").await;

    world.book_and_pay().await;

    socket.event("payment.captured").await;
    let wanted = [
        ("konnect-api", "push payment.captured"),
        ("konnect-notification-worker", "SMTP send"),
        ("konnect-webhook-worker", "POST 127.0.0.1"),
    ];
    let arrived =
        |(service, name): &(&str, &str)| !named(&collector.of_trace(TRACE), service, name).is_empty();
    world.app.until(async || wanted.iter().all(arrived)).await;
    let mentee = world.booking.mentee.clone();
    let app = world.stop().await;
    let spans = collector.of_trace(TRACE);
    print(&spans, BOOKS, 0);
    print(&spans, PAYS, 0);
    assert_eq!(spans.len(), collector.spans().len(), "nothing else is exported");
    let services: BTreeSet<_> = spans.iter().map(|span| span.service.as_str()).collect();
    assert_eq!(services.len(), 1 + WORKERS.len(), "{services:?}");

    // From the frame back to the request.
    let pushed = named(&spans, "konnect-api", "push payment.captured");
    let (way_of_push, caller) = way(&spans, pushed[0]);
    let expected = [
        ("konnect-api", "push payment.captured"),
        ("konnect-payment-worker", "transaction"),
        ("konnect-payment-worker", "process payment.confirm.v1"),
        ("konnect-relay", "publish payment"),
        ("konnect-api", "transaction"),
        ("konnect-api", "POST /v1/payments/confirm"),
    ];
    assert_eq!((way_of_push.as_slice(), caller), (expected.as_slice(), PAYS));

    // Each attempt is a span below the one transaction that wanted it, and each asks the provider under its own.
    let attempts = named(&spans, "konnect-payment-worker", "process payment.confirm.v1");
    let calls = named(&spans, "konnect-payment-worker", "POST 127.0.0.1");
    let asked = app.sandbox.calls_to(Endpoint::Confirm);
    assert_eq!((attempts.len(), calls.len(), asked.len()), (2, 2, 2), "the first answer was 503");
    for (nth, ended) in [("1", "retried"), ("2", "done")] {
        let is_nth = |span: &&&Seen| span.attributes["konnect.job.attempt"] == nth;
        let attempt = attempts.iter().find(is_nth).expect("an attempt");
        assert_eq!(way(&spans, attempt).0[1..], expected[3..], "attempt {nth}");
        assert_eq!((attempt.attributes["konnect.job.ended"].as_str(), attempt.kind), (ended, 5));
        let call = calls.iter().find(|call| call.parent == attempt.span).expect("a call");
        assert_eq!((call.kind, call.is_error), (3, nth == "1"));
        let sent = format!("00-{TRACE}-{}-01", call.span);
        assert!(asked.iter().any(|asked| asked.traceparent.as_deref() == Some(sent.as_str())));
    }
    let statuses: BTreeSet<_> =
        calls.iter().map(|c| c.attributes["http.response.status_code"].as_str()).collect();
    assert_eq!(statuses, BTreeSet::from(["200", "503"]));

    // Mail and the webhook to a partner are of the same trace.
    let mail = named(&spans, "konnect-notification-worker", "SMTP send")[0];
    assert!([BOOKS, PAYS].contains(&way(&spans, mail).1));
    let received = partner.receiver.received();
    let outward = named(&spans, "konnect-webhook-worker", "POST 127.0.0.1")[0];
    let sent = format!("00-{TRACE}-{}-01", outward.span);
    assert_eq!(received[0].header("traceparent"), sent);
    assert_eq!(way(&spans, outward).1, PAYS);

    // The booking hangs on the span that asked for it, with what the conventions want.
    let request = named(&spans, "konnect-api", "POST /v1/reservations")[0];
    assert_eq!((request.parent.as_str(), request.kind), (BOOKS, 2));
    let says = |name: &str| request.attributes.get(name).map(String::as_str);
    assert_eq!(says("http.request.method"), Some("POST"));
    assert_eq!(says("http.route"), Some("/v1/reservations"));
    assert_eq!(says("http.response.status_code"), Some("201"));
    let transaction = spans.iter().find(|span| span.parent == request.span).expect("a transaction");
    assert_eq!(transaction.attributes["db.system.name"], "mysql");
    assert_eq!(transaction.attributes["konnect.outcome"], "committed");

    // Whose it is stays unsaid.
    let key = asked[0].payment_key.clone().expect("a key");
    let person = mentee.id.to_string();
    let private =
        [person.as_str(), &mentee.email, mentee.client.token().expect("a token"), &key, "127.0.0.1:"];
    for span in &spans {
        for (name, value) in &span.attributes {
            assert!(private.iter().all(|private| !value.contains(private)), "{}: {name}={value}", span.name);
        }
    }
    app.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn q6_a_collector_that_is_away_slows_and_fails_nothing() {
    let app = TestApp::start_live().await;
    // Takes connections and never answers: worse than a port that is closed.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}", silent.local_addr().expect("an address"));
    let settings = [
        ("KONNECT_OTLP_ENDPOINT", address.as_str()),
        ("KONNECT_TRACE_RATIO", "1"),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
    ];
    let mut world = World::start(app, &settings).await;
    let (mut socket, _) = Socket::open(&world.node.base, &world.booking.mentee, "").await;

    world.book_and_pay().await;

    socket.event("payment.captured").await;
    let client = Client::new(&world.node.base, None);
    for _ in 0..50 {
        // Requests do not wait for an export, which would take its 3 s.
        let answer = tokio::time::timeout(Duration::from_secs(2), client.get("/v1/me")).await;
        answer.expect("an answer at once").problem(401, "auth.required");
    }
    // Ends within its time to drain, with success, although the last spans go nowhere.
    let app = world.stop().await;
    drop(silent);
    app.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn q6_one_trace_leads_from_a_command_to_both_doors_of_two_processes() {
    let app = TestApp::start_live().await;
    let collector = Collector::start().await;
    let settings = [
        ("KONNECT_OTLP_ENDPOINT", collector.address()),
        ("KONNECT_TRACE_RATIO", "1"),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
    ];
    let booking = live_booking(&app).await;
    app.pay(&booking).await;
    let (mut here, mut there) =
        tokio::join!(ApiNode::start_with(&app, &settings), ApiNode::start_with(&app, &settings));
    let mut io = RawIo::open(&here.base, None).await;
    io.enter("/chat", &booking.mentee).await.expect("a member");
    let joined = io.ask("/chat", "join", json!({ "room": booking.id })).await;
    assert_eq!(joined["ok"], true, "{joined}");
    let mut sockets = Vec::new();
    for _ in 0..2 {
        let (mut socket, _) = Socket::open(&there.base, &booking.mentor, "").await;
        socket.command("chat.join", booking.id, json!({})).await.expect("a member");
        sockets.push(socket);
    }

    // From Socket.IO to plain WebSockets elsewhere, and the other way. Typing is no trace.
    let typing = io.ask("/chat", "chat.typing", json!({ "room": booking.id, "on": true })).await;
    assert_eq!(typing["ok"], true, "{typing}");
    let message = json!({ "room": booking.id, "clientId": "traced-1", "text": "a quiet word" });
    let stored = io.ask("/chat", "chat.send", message).await;
    assert_eq!(stored["ok"], true, "{stored}");
    let mut heard = vec![io.event("/chat", "chat.message").await.expect("an open connection")];
    for socket in &mut sockets {
        socket.event("chat.typing").await;
        heard.push(socket.event("chat.message").await);
    }
    let seq = &stored["data"]["seq"];
    sockets[0].command("chat.read", booking.id, json!({ "seq": seq })).await.expect("a member");
    heard.push(io.event("/chat", "chat.read").await.expect("an open connection"));
    heard.push(sockets[1].event("chat.read").await);
    for frame in heard {
        assert!(frame.get("trace").is_none(), "a matter of ours: {frame}");
    }

    let expected = [
        ("command chat.send", 1),
        ("deliver chat.message", 2),
        ("command chat.read", 1),
        ("deliver chat.read", 2),
    ];
    // Whoever does not look is told of the message by a job, which its trace goes on to.
    let job_is_written = |spans: &[Seen]| {
        let command = named(spans, "konnect-api", "command chat.send");
        let written = named(spans, "konnect-api", "transaction");
        command.first().is_some_and(|command| written.iter().any(|span| span.parent == command.span))
    };
    let has_all = |spans: &[Seen]| {
        expected.iter().all(|(name, count)| named(spans, "konnect-api", name).len() >= *count)
            && job_is_written(spans)
    };
    app.until(async || has_all(&collector.spans())).await;
    assert!(here.stop().await && there.stop().await, "they end well");
    let spans = collector.spans();
    for (command, delivered) in
        [("command chat.send", "deliver chat.message"), ("command chat.read", "deliver chat.read")]
    {
        let [command] = named(&spans, "konnect-api", command)[..] else { panic!("one {command}: {spans:?}") };
        assert_eq!((command.parent.as_str(), command.kind), ("", 2), "it begins the trace");
        let delivered = named(&spans, "konnect-api", delivered);
        assert_eq!(delivered.len(), 2, "one for each process, however many listen there: {delivered:?}");
        let processes: BTreeSet<_> = delivered.iter().map(|span| span.instance.as_str()).collect();
        assert!(processes.len() == 2 && processes.contains(command.instance.as_str()), "{processes:?}");
        for span in delivered {
            assert_eq!((&span.trace, &span.parent, span.kind), (&command.trace, &command.span, 4));
        }
    }
    let counts: BTreeSet<_> = named(&spans, "konnect-api", "deliver chat.message")
        .iter()
        .map(|span| span.attributes["konnect.connections"].as_str())
        .collect();
    assert_eq!(counts, BTreeSet::from(["1", "2"]));
    assert!(spans.iter().all(|span| !span.name.contains("typing")), "{spans:?}");
    let private = [booking.id.to_string(), booking.mentee.id.to_string(), booking.mentor.id.to_string()];
    for span in &spans {
        for (name, value) in &span.attributes {
            let tells = private.iter().any(|private| value.contains(private)) || value.contains("quiet word");
            assert!(!tells, "{}: {name}={value}", span.name);
        }
    }
    app.expect_sound().await;
    app.leave().await;
}
