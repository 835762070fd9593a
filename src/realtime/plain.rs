//! Commands for rooms on the plain WebSocket, and their answers, as frames.

use serde_json::{Map, Value};

use super::command::Command;
use super::guest::{GuestLink, Said};
use super::refusal::Refusal;
use super::rooms;
use crate::clock::Clock;

/// Longest `ref` of a command.
const LONGEST_REF: usize = 64;

/// Asks for what a frame says. `false`: the client has asked for more than is remembered.
pub fn ask(guest: &GuestLink, clock: &Clock, kind: &str, mut fields: Map<String, Value>) -> bool {
    fields.remove("type");
    let (reference, command) = match fields.remove("ref") {
        None => (None, Command::parse(kind, fields)),
        Some(Value::String(text)) if text.len() <= LONGEST_REF => (Some(text), Command::parse(kind, fields)),
        Some(_) => (None, Err(Refusal::new("frame.invalid").with("field", "ref"))),
    };
    let (answers, clock) = (guest.answers.clone(), clock.clone());
    let answer = move |outcome: Result<Value, Refusal>| {
        answers.try_send(Said::Answer(answer(reference, outcome, &clock))).is_ok()
    };
    match command {
        // A client that has no room for its answer is told to resync, and may ask again.
        Ok(command) => guest.asks.ask(command, move |outcome| {
            let _ = answer(outcome);
        }),
        Err(refusal) => answer(Err(refusal)),
    }
}

/// What a guest says, as a frame.
pub fn text(said: Said) -> String {
    match said {
        Said::Told(told) => told.text().to_owned(),
        Said::Own { kind, fields } => rooms::text(kind, &fields),
        Said::Answer(text) => text,
    }
}

fn answer(reference: Option<String>, outcome: Result<Value, Refusal>, clock: &Clock) -> String {
    let mut fields = Map::new();
    if let Some(reference) = reference {
        fields.insert("ref".to_owned(), reference.into());
    }
    match outcome {
        Ok(data) => {
            fields.insert("data".to_owned(), data);
            rooms::text("ok", &Value::Object(fields))
        }
        Err(refusal) => {
            fields.extend(refusal.object(clock.now()));
            rooms::text("error", &Value::Object(fields))
        }
    }
}
