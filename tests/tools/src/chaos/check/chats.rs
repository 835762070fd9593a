//! The logs of the rooms: every acknowledged message once, at its place, and nothing that nobody said.

use std::collections::{BTreeMap, HashSet};

use anyhow::{Context, Result, ensure};

use super::Check;
use crate::chaos::flow::Flow;

impl Check<'_> {
    pub(super) async fn chats(&self, flows: &[Flow]) {
        for flow in flows.iter().filter(|flow| flow.said.iter().any(|said| !said.all.is_empty())) {
            match self.log(flow).await {
                Ok(log) => self.judge(flow, &log),
                Err(error) => self.wrong(flow, &format!("the chat cannot be read: {error:#}")),
            }
        }
    }

    /// Sequence number and client id, in order.
    async fn log(&self, flow: &Flow) -> Result<Vec<(i64, String)>> {
        let (mut log, mut after) = (Vec::new(), 0);
        loop {
            let room = flow.id.as_deref().context("a room")?;
            let path = format!("/v1/reservations/{room}/chat/messages?after={after}&limit=100");
            let answer = flow.mentee.caller.get(&path).await.context("no answer")?;
            ensure!(answer.status == 200, "{} {}", answer.status, answer.body["code"]);
            for message in answer.body["messages"].as_array().context("messages")? {
                after = message["seq"].as_i64().context("a seq")?;
                log.push((after, message["clientId"].as_str().unwrap_or_default().to_owned()));
            }
            if answer.body["more"] != true {
                return Ok(log);
            }
        }
    }

    fn judge(&self, flow: &Flow, log: &[(i64, String)]) {
        for (expected, (seq, _)) in (1..).zip(log) {
            if expected != *seq {
                self.wrong(flow, &format!("the log has {seq} where {expected} belongs"));
                break;
            }
        }
        let mut stored: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
        for (seq, id) in log {
            stored.entry(id).or_default().push(*seq);
        }
        let said: HashSet<&str> = flow.said.iter().flat_map(|said| &said.all).map(String::as_str).collect();
        for (id, seqs) in &stored {
            if seqs.len() > 1 || !said.contains(id) {
                self.wrong(flow, &format!("{id} stands at {seqs:?}, said: {}", said.contains(id)));
            }
        }
        for (id, seq) in flow.said.iter().flat_map(|said| &said.acked) {
            if stored.get(id.as_str()) != Some(&vec![*seq]) {
                self.wrong(
                    flow,
                    &format!("{id} was acknowledged as {seq} and stands at {:?}", stored.get(id.as_str())),
                );
            }
        }
        self.record.count_many("chat", "stored", log.len() as i64);
    }
}
