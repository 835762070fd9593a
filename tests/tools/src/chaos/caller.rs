//! Somebody's front end: it asks again, with the same `Idempotency-Key` and at the next process, until it has an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use konnect::id::secret;
use konnect_tools::client::{Answer, Request, Rest};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use super::record::Record;

/// Without an answer for so long, a process is given up.
const PATIENCE: Duration = Duration::from_secs(12);
/// Without any definite answer for so long, the product has failed.
const GIVES_UP: Duration = Duration::from_secs(150);

#[derive(Clone)]
pub struct Caller {
    /// The api processes, asked with this person's token.
    nodes: Arc<Vec<Rest>>,
    at: Arc<AtomicUsize>,
    record: Record,
    pub name: Arc<str>,
}

impl Caller {
    pub fn new(nodes: &[Rest], token: &str, name: &str, record: &Record) -> Self {
        let nodes: Vec<Rest> = nodes.iter().map(|node| node.with_token(token)).collect();
        // Not everybody begins at the same process.
        let at = name.bytes().map(usize::from).sum();
        Self {
            nodes: Arc::new(nodes),
            at: Arc::new(AtomicUsize::new(at)),
            record: record.clone(),
            name: name.into(),
        }
    }

    /// The process to ask now.
    pub fn node(&self) -> Rest {
        self.nodes[self.at.load(Ordering::Relaxed) % self.nodes.len()].clone()
    }

    /// Asks another process from now on.
    pub fn turn(&self) {
        self.at.fetch_add(1, Ordering::Relaxed);
    }

    pub async fn get(&self, path: &str) -> Option<Answer> {
        self.ask(|rest| rest.get(path)).await
    }

    /// A call under one key, however often it is sent. Every POST takes the header, also where it is not needed.
    pub async fn post(&self, path: &str, body: &Value) -> Option<Answer> {
        let key = secret();
        self.ask(|rest| rest.post(path).header("Idempotency-Key", &key).json(body)).await
    }

    /// The same that waits for the outcome of a payment for some seconds.
    pub async fn post_and_wait(&self, path: &str, body: &Value) -> Option<Answer> {
        let key = secret();
        let build = |rest: &Rest| rest.post(path).header("Idempotency-Key", &key).header("Prefer", "wait=3");
        self.ask(|rest| build(rest).json(body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Option<Answer> {
        self.ask(|rest| rest.put(path).json(body)).await
    }

    /// The first definite answer; `None`, and a violation, when there is none.
    async fn ask(&self, build: impl Fn(&Rest) -> Request) -> Option<Answer> {
        let begun = Instant::now();
        let mut wait = Duration::from_millis(100);
        loop {
            let asked = timeout(PATIENCE, build(&self.node()).send()).await;
            let why = match asked {
                Ok(Ok(answer)) if answer.status < 500 && answer.status != 429 => return Some(answer),
                Ok(Ok(answer)) => {
                    let code = answer.body["code"].as_str().unwrap_or_default();
                    format!("{} {code}", answer.status)
                }
                Ok(Err(_)) => "connection broken".to_owned(),
                Err(_) => "no answer in 12 s".to_owned(),
            };
            self.record.count("retries", &why);
            if begun.elapsed() > GIVES_UP {
                let asked = build(&self.node()).line();
                self.record
                    .wrong(format!("{}: no answer in {GIVES_UP:?} to {asked}, lastly {why}", self.name));
                return None;
            }
            self.turn();
            sleep(wait).await;
            wait = (wait * 2).min(Duration::from_secs(1));
        }
    }
}
