//! What a hostile client may say, in great numbers: frames that were valid before they were mangled, and noise. Nothing
//! panics, whatever is refused is refused with a code of the protocol, and whatever is taken is no larger than the frame
//! it came in.
//!
//! `KONNECT_FUZZ=1000000` tries that many instead of 20,000; `KONNECT_FUZZ_SEED` begins elsewhere. An input is told by
//! its seed alone.

mod mangle;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Map, Value};

use super::command::{ChatWish, Command, LiveWish, Wish};
use super::frame::{self, Inbound};
use super::live::LiveCommand;
use super::refusal::Refusal;
use super::socket_io::Namespace;
use super::wire::MAX_MESSAGE;
use crate::config::effort;

/// Codes with which a frame is refused before anybody looks into the room.
const CODES: [&str; 3] = ["frame.invalid", "frame.unknown_type", "RESERVATION_NOT_FOUND"];
/// A refusal says little.
const LONGEST_REFUSAL: usize = 200;
/// Of a payload that goes to the peer.
const LONGEST_PAYLOAD: usize = 12 * 1024 + 64;

#[test]
fn hostile_frames_are_refused_with_a_code_or_taken_within_bounds() {
    let (count, first) = (effort("KONNECT_FUZZ").unwrap_or(20_000), effort("KONNECT_FUZZ_SEED").unwrap_or(0));
    let began = std::time::Instant::now();
    let hands = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let seen = std::thread::scope(|scope| {
        let hand = |own| {
            scope.spawn(move || look_at((first..first + count).filter(move |seed| seed % hands == own)))
        };
        let hands: Vec<_> = (0..hands).map(hand).collect();
        let mut seen = BTreeMap::<String, u64>::new();
        for hand in hands {
            for (outcome, times) in hand.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)) {
                *seen.entry(outcome).or_default() += times;
            }
        }
        seen
    });
    println!("{count} inputs from seed {first} in {:.1} s: {seen:#?}", began.elapsed().as_secs_f64());
    // The noise is not so loud that nothing gets through, and every answer was seen.
    for outcome in
        ["plain taken", "plain frame.invalid", "plain frame.unknown_type", "plain RESERVATION_NOT_FOUND"]
    {
        assert!(
            seen.get(outcome).is_some_and(|times| *times >= count / 1_000),
            "hardly any {outcome}: {seen:#?}"
        );
    }
    for door in ["inbound", "live", "/chat", "/webrtc"] {
        let taken = seen.get(&format!("{door} taken")).copied().unwrap_or_default();
        assert!(taken >= count / 2_000, "{door} takes hardly anything: {seen:#?}");
    }
}

/// How often which door had which answer.
fn look_at(seeds: impl Iterator<Item = u64>) -> BTreeMap<String, u64> {
    let mut seen = BTreeMap::<String, u64>::new();
    for seed in seeds {
        let text = mangle::input(seed, MAX_MESSAGE);
        assert!(text.len() <= MAX_MESSAGE, "the door takes no more");
        let outcomes = catch_unwind(AssertUnwindSafe(|| doors(&text)));
        let outcomes = outcomes.unwrap_or_else(|_| panic!("input {seed} ended in a panic: {text:?}"));
        for (door, outcome) in outcomes {
            let word = outcome.unwrap_or_else(|why| panic!("input {seed} at {door}: {why}: {text:?}"));
            *seen.entry(format!("{door} {word}")).or_default() += 1;
        }
    }
    seen
}

type Outcome = Result<&'static str, String>;

/// What every way in makes of a text.
fn doors(text: &str) -> Vec<(&'static str, Outcome)> {
    let mut outcomes = Vec::new();
    match frame::for_room(text) {
        Some((kind, mut fields)) => {
            fields.remove("type");
            fields.remove("ref");
            outcomes.push(("plain", command(&kind, fields, text.len())));
        }
        None => outcomes.push(("inbound", inbound(text))),
    }
    let Ok(value) = serde_json::from_str::<Value>(text) else { return outcomes };
    outcomes.push(("live", live(value.clone(), text.len())));
    let Value::Object(mut fields) = value else { return outcomes };
    // On the other door the type is the event's name.
    let Some(Value::String(name)) = fields.remove("type") else { return outcomes };
    for (door, namespace) in [("/chat", Namespace::Chat), ("/webrtc", Namespace::Webrtc)] {
        let outcome = match namespace.command(&name) {
            Some(kind) => command(kind, fields.clone(), text.len()),
            None => Ok("frame.unknown_type"),
        };
        outcomes.push((door, outcome));
    }
    outcomes
}

fn inbound(text: &str) -> Outcome {
    match Inbound::parse(text) {
        Ok(Inbound::Resume { after }) if after < 0 => Err(format!("resumes after {after}")),
        Ok(Inbound::AuthRefresh { token }) if token.len() > text.len() => Err("grew".to_owned()),
        Ok(_) => Ok("taken"),
        Err(rejected) => known(rejected.code()),
    }
}

fn command(kind: &str, fields: Map<String, Value>, size: usize) -> Outcome {
    match Command::parse(kind, fields) {
        Ok(command) => {
            match command.wish {
                Wish::Chat(wish) => held(&texts(&wish), size)?,
                Wish::Live(LiveWish::Rtc(command)) => bounded(&command, size)?,
                Wish::Live(LiveWish::Join { .. } | LiveWish::Leave) => {}
            }
            Ok("taken")
        }
        Err(refusal) => refused(refusal),
    }
}

fn live(value: Value, size: usize) -> Outcome {
    match LiveCommand::parse(value) {
        Ok(command) => bounded(&command, size).map(|()| "taken"),
        Err(refusal) => refused(refusal),
    }
}

fn known(code: &str) -> Outcome {
    CODES.into_iter().find(|known| *known == code).ok_or_else(|| format!("the code {code}"))
}

fn refused(refusal: Refusal) -> Outcome {
    let code = known(refusal.code)?;
    let said = Value::Object(refusal.object(chrono::DateTime::UNIX_EPOCH)).to_string();
    if said.len() > LONGEST_REFUSAL {
        return Err(format!("a refusal of {} bytes", said.len()));
    }
    Ok(code)
}

/// Everything in a wish whose length the client chose.
fn texts(wish: &ChatWish) -> Vec<&str> {
    match wish {
        ChatWish::Send { client_id, text, file_id, .. } => [Some(client_id), text.as_ref(), file_id.as_ref()]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect(),
        ChatWish::Edit { client_id, text, .. } => vec![client_id, text],
        ChatWish::Delete { client_id, .. } => vec![client_id],
        ChatWish::React { client_id, emoji, .. } => vec![client_id, emoji],
        ChatWish::Join { .. }
        | ChatWish::Leave {}
        | ChatWish::Read { .. }
        | ChatWish::Typing { .. }
        | ChatWish::History { .. } => Vec::new(),
    }
}

fn held(texts: &[&str], size: usize) -> Result<(), String> {
    let bytes: usize = texts.iter().map(|text| text.len()).sum();
    if bytes > size { Err(format!("{bytes} bytes of a frame of {size}")) } else { Ok(()) }
}

fn bounded(command: &LiveCommand, size: usize) -> Result<(), String> {
    match command {
        LiveCommand::Signal { payload, .. } => {
            let bytes = Value::Object(payload.clone()).to_string().len();
            if bytes > LONGEST_PAYLOAD { Err(format!("a payload of {bytes} bytes")) } else { Ok(()) }
        }
        LiveCommand::Quality { report } => {
            let numbers = [report.rtt_ms, report.jitter_ms, report.loss_pct, report.bitrate_kbps];
            if numbers.into_iter().flatten().any(|number| !number.is_finite() || number < 0.0) {
                return Err(format!("measures {report:?}"));
            }
            let resolution = report.resolution.as_deref().unwrap_or_default();
            held(&[resolution], size.min(11))
        }
        LiveCommand::Restart {}
        | LiveCommand::Media { .. }
        | LiveCommand::Screen { .. }
        | LiveCommand::Turn {} => Ok(()),
    }
}
