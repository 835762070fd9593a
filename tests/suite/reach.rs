//! The self-check of the sockets: an api looks through its own public address, and says what a proxy does to handshakes.

use konnect_tests::TestApp;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// What a proxy does to a line of a request; `None` leaves it out.
type Change = fn(&str) -> Option<String>;

/// A proxy before the api at `base` that changes each line of a request's head; its address.
async fn proxy(base: &str, change: Change) -> String {
    let target = base.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = TcpStream::connect(&target).await.expect("the api listens");
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(client.read_u8().await?);
                }
                let head = String::from_utf8_lossy(&head);
                let lines: Vec<String> = head.trim_end().lines().filter_map(change).collect();
                server.write_all(format!("{}\r\n\r\n", lines.join("\r\n")).as_bytes()).await?;
                copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    address
}

/// The value of a header, if the line is that header.
fn header<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (found, value) = line.split_once(':')?;
    found.eq_ignore_ascii_case(name).then_some(value.trim())
}

fn as_it_is(line: &str) -> Option<String> {
    Some(line.to_owned())
}

/// As a proxy does that was not told of WebSockets: `Upgrade` is for the next hop alone (RFC 9110 §7.6.1).
fn without_upgrade(line: &str) -> Option<String> {
    match header(line, "connection") {
        Some(_) => Some("Connection: close".to_owned()),
        None => header(line, "upgrade").is_none().then(|| line.to_owned()),
    }
}

fn with_its_own_origin(line: &str) -> Option<String> {
    Some(header(line, "origin").map_or(line.to_owned(), |_| "Origin: http://proxy.internal".to_owned()))
}

fn without_origin(line: &str) -> Option<String> {
    header(line, "origin").is_none().then(|| line.to_owned())
}

/// What an api says of its sockets whose public address is `url`.
async fn sockets_at(app: &mut TestApp, url: String) -> String {
    app.api_config.public_url = url;
    let client = konnect_tests::Client::new(&app.second_api().await, None);
    let mut said = None;
    app.until(async || {
        let ready = client.get("/readyz").await.ok(200);
        assert_eq!(ready["status"], "ok", "whatever is said of the sockets");
        said = ready["sockets"].as_str().map(str::to_owned);
        said.is_some()
    })
    .await;
    said.expect("something is said")
}

/// The value of the gauge of this process.
async fn gauge(app: &TestApp) -> String {
    let numbers = app.anonymous().get("/metrics").await.body;
    let numbers = numbers.as_str().expect("text").to_owned();
    let line = numbers.lines().find(|line| line.starts_with("konnect_sockets_reachable "));
    line.expect("the gauge").rsplit_once(' ').expect("a value").1.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn s76_an_api_says_when_sockets_do_not_come_through_its_public_address() {
    let mut app = TestApp::start().await;
    let ways: [(Change, &str); 4] = [
        (without_upgrade, "upgrade_dropped"),
        (with_its_own_origin, "origin_refused"),
        (without_origin, "origin_dropped"),
        (as_it_is, "ok"),
    ];
    for (change, expected) in ways {
        let url = proxy(&app.base, change).await;
        assert_eq!(sockets_at(&mut app, url).await, expected);
    }
    assert_eq!(gauge(&app).await, "1");
    // Nothing listens there: the port is reserved (IANA, tcpmux).
    assert_eq!(sockets_at(&mut app, "http://127.0.0.1:1".to_owned()).await, "unreachable");
    assert_eq!(gauge(&app).await, "0");
    app.finish().await;
}
