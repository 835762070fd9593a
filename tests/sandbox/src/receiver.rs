//! A system of somebody else that is told by webhooks: it remembers what it was sent and answers as it is told, well or
//! badly. It believes nothing and checks nothing: that is for whoever reads what it got.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use poem::http::StatusCode;
use poem::{Endpoint, Request, Response, Server, endpoint};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::connection::{Connections, CuttableAcceptor};

/// Bodies are small.
const LARGEST: usize = 1024 * 1024;

/// One message as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    pub path: String,
    /// Names in small letters.
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// What it was answered.
    pub status: u16,
}

impl Received {
    /// A header; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
    }
}

/// How a message is answered.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    /// How long it takes.
    pub delay: Duration,
}

impl Reply {
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new(), delay: Duration::ZERO }
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    #[must_use]
    pub fn saying(self, body: impl Into<String>) -> Self {
        Self { body: body.into(), ..self }
    }

    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}

struct State {
    received: Vec<Received>,
    next: VecDeque<Reply>,
    usual: Reply,
}

/// A running receiver; it stops when this is dropped.
pub struct Receiver {
    url: String,
    state: Arc<Mutex<State>>,
    stop: CancellationToken,
    _task: JoinHandle<()>,
}

impl Receiver {
    /// On a free port of loopback, answering 204.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = crate::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/hooks", listener.local_addr()?);
        let usual = Reply::status(204);
        let state = Arc::new(Mutex::new(State { received: Vec::new(), next: VecDeque::new(), usual }));
        let stop = CancellationToken::new();
        let server =
            Server::new_with_acceptor(CuttableAcceptor { listener, connections: Connections::default() });
        let (app, stopped) = (app(state.clone()), stop.clone().cancelled_owned());
        let task = tokio::spawn(async move {
            let served = server.run_with_graceful_shutdown(app, stopped, Some(Duration::ZERO)).await;
            if let Err(error) = served {
                tracing::error!(%error, "the receiver ended");
            }
        });
        Ok(Self { url, state, stop, _task: task })
    }

    /// Where it hears.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Everything that came, in order of arrival.
    pub fn received(&self) -> Vec<Received> {
        self.lock().received.clone()
    }

    /// What came since this was asked for the last time.
    pub fn take(&self) -> Vec<Received> {
        std::mem::take(&mut self.lock().received)
    }

    /// Answers the next message so; called again, the one after it.
    pub fn next(&self, reply: Reply) {
        self.lock().next.push_back(reply);
    }

    /// Answers so whenever nothing else was said.
    pub fn usually(&self, reply: Reply) {
        self.lock().usual = reply;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("nobody panics while holding it")
}

fn app(state: Arc<Mutex<State>>) -> impl Endpoint {
    endpoint::make(move |request| {
        let state = state.clone();
        async move { answer(&state, request).await }
    })
}

async fn answer(state: &Mutex<State>, mut request: Request) -> poem::Result<Response> {
    let body = request.take_body().into_bytes_limit(LARGEST).await?;
    let header = |(name, value): (&poem::http::HeaderName, &poem::http::HeaderValue)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let headers = request.headers().iter().map(header).collect();
    let path = request.uri().path().to_owned();
    let body = String::from_utf8_lossy(&body).into_owned();
    let reply = {
        let mut state = lock(state);
        let reply = state.next.pop_front().unwrap_or_else(|| state.usual.clone());
        state.received.push(Received { path, headers, body, status: reply.status });
        reply
    };
    tokio::time::sleep(reply.delay).await;
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = Response::builder().status(status);
    for (name, value) in &reply.headers {
        response = response.header(*name, value.as_str());
    }
    Ok(response.body(reply.body))
}
