//! One side of a session: the socket, the chat, the stay in the room, and coming back after whatever cut it.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use konnect_tools::client::{Door, Frame, Socket};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::caller::Caller;
use super::record::Record;

/// For an answer over the socket.
const PATIENCE: Duration = Duration::from_secs(8);
/// A process that needs longer for a `pong` is taken for frozen.
const PROMPT: Duration = Duration::from_secs(3);
/// Whoever was in the room for so long, heard all the time, was there by any rule of the run.
const STAY: Duration = Duration::from_secs(8);

/// What one side said.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// Client ids, in order.
    pub all: Vec<String>,
    /// The sequence number that was acknowledged.
    pub acked: BTreeMap<String, i64>,
}

pub struct Side<'a> {
    pub caller: &'a Caller,
    pub record: &'a Record,
    pub room: &'a str,
    pub said: &'a mut Said,
}

impl Side<'_> {
    /// Comes, says `lines` things, stays for a while and leaves; comes back when the connection is cut. `true`: this
    /// side was in the room long enough, heard all the time, and its leaving was acknowledged before `until`.
    pub async fn attend(&mut self, lines: usize, until: Instant) -> bool {
        for number in 0..lines {
            let id = format!("{}-{}", self.caller.name, self.said.all.len() + number);
            self.said.all.push(id);
        }
        while Instant::now() < until {
            match timeout(until - Instant::now(), self.visit()).await {
                Ok(Ok(())) => return true,
                Ok(Err(error)) => {
                    self.record.count("sockets", &short(&error));
                    self.caller.turn();
                    sleep(Duration::from_millis(250)).await;
                }
                Err(_) => break,
            }
        }
        self.record.count("sockets", "not long enough in the room");
        false
    }

    /// One connection.
    async fn visit(&mut self) -> Result<()> {
        let node = self.caller.node();
        let token = node.token().context("a token")?.to_owned();
        let (mut socket, _) = Socket::open(node.base(), Door::Header(&token), None).await?;
        self.ask(&mut socket, "chat.join", json!({})).await?;
        self.say_rest(&mut socket).await?;
        self.ask(&mut socket, "session.join", json!({ "takeOver": true })).await?;
        let since = Instant::now();
        while since.elapsed() < STAY {
            sleep(Duration::from_millis(800)).await;
            socket.send(&json!({ "type": "ping" })).await?;
            let pong = async {
                loop {
                    match socket.next().await? {
                        Frame::Control(kind, _) if kind == "pong" => return Ok(()),
                        Frame::Closed(_) => bail!("closed"),
                        _ => {}
                    }
                }
            };
            timeout(PROMPT, pong).await.context("frozen")??;
        }
        self.ask(&mut socket, "session.leave", json!({})).await?;
        Ok(())
    }

    /// Says again what was not acknowledged, and for good measure the first thing once more.
    async fn say_rest(&mut self, socket: &mut Socket) -> Result<()> {
        let open = self.said.all.iter().filter(|id| !self.said.acked.contains_key(*id));
        let open: Vec<String> = open.chain(self.said.all.first()).cloned().collect();
        for id in open {
            let text = format!("{id} says something");
            let data = self.ask(socket, "chat.send", json!({ "clientId": id, "text": text })).await?;
            let seq = data["seq"].as_i64().unwrap_or_default();
            self.record
                .count("chat", if data["duplicate"] == true { "acknowledged again" } else { "acknowledged" });
            if let Some(before) = self.said.acked.insert(id.clone(), seq)
                && before != seq
            {
                self.record.wrong(format!("{}: {id} is {before} and {seq}", self.room));
            }
        }
        Ok(())
    }

    /// A command and its answer.
    ///
    /// # Errors
    /// The connection broke, or the server asks for patience. A refusal of another kind is a violation as well.
    async fn ask(&self, socket: &mut Socket, kind: &str, mut fields: Value) -> Result<Value> {
        fields["type"] = json!(kind);
        fields["ref"] = json!(kind);
        fields["room"] = json!(self.room);
        socket.send(&fields).await?;
        let answered = async {
            loop {
                match socket.next().await? {
                    Frame::Control(_, frame) if frame["ref"] == kind => return Ok(frame),
                    Frame::Closed(_) => bail!("closed"),
                    _ => {}
                }
            }
        };
        let answer: Value = timeout(PATIENCE, answered).await.context("no answer over the socket")??;
        if answer["type"] == "ok" {
            return Ok(answer["data"].clone());
        }
        let code = answer["code"].as_str().unwrap_or_default();
        // What the store or a process that was away may answer; everything else is a rule misread.
        let passing =
            ["UNAVAILABLE", "RATE_LIMITED", "NOT_JOINED", "SUPERSEDED", "ALREADY_ELSEWHERE", "INTERNAL"];
        if !passing.contains(&code) {
            self.record.wrong(format!("{}: {} is refused {kind}: {answer}", self.room, self.caller.name));
        }
        ensure!(code.is_empty(), "refused: {code}");
        bail!("refused")
    }
}

fn short(error: &anyhow::Error) -> String {
    let text = error.to_string();
    let text = text.split(" with ").next().unwrap_or_default();
    text.chars().take(60).collect()
}
