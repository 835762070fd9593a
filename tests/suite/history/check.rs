//! The rules, over what was stored and what every device knows.

use std::collections::{HashMap, HashSet};

use futures_util::TryStreamExt;
use konnect_tests::{Booking, Client};
use mongodb::bson::{Document, doc};
use serde_json::{Value, json};

use super::device::Device;
use super::record::{Fate, Key};
use super::storm::Storm;
use super::view::View;

/// What is wrong; nothing, when all is well.
pub async fn everything(storm: &Storm<'_>, rooms: &[Booking], devices: &[Device<'_>]) -> Vec<String> {
    let mut found = Vec::new();
    let mut stored = HashMap::<Key, Vec<i64>>::new();
    for booking in rooms {
        let rows = log(storm, booking).await;
        let view = room(storm, booking, &rows, &mut stored, &mut found);
        for base in &storm.bases {
            let read = history(storm, booking, base).await;
            if let Some(difference) = view.difference(&read) {
                found.push(format!("{} by REST: {difference}", booking.id));
            }
        }
        let head = i64::try_from(rows.len()).expect("not so many");
        for device in devices.iter().filter(|device| device.room == booking.id) {
            if device.last != head {
                found.push(format!("{} knows {} of {head}", device.name, device.last));
            }
            if let Some(difference) = view.difference(&device.view) {
                found.push(format!("{} sees {difference}", device.name));
            }
        }
    }
    fates(&storm.record.seen().fates, &stored, &mut found);
    found
}

/// The rows of a room's log, in order.
async fn log(storm: &Storm<'_>, booking: &Booking) -> Vec<Document> {
    let entries = storm.app.core.mongo.collection::<Document>("chat_entries");
    let found = entries.find(doc! { "room": booking.id.to_string() }).sort(doc! { "seq": 1 }).await;
    found.expect("MongoDB").try_collect().await.expect("MongoDB")
}

fn text<'a>(row: &'a Document, name: &str) -> &'a str {
    row.get_str(name).unwrap_or_default()
}

/// Checks the numbers of a log, and what it comes to by the drafts that stand in it.
fn room(
    storm: &Storm<'_>,
    booking: &Booking,
    rows: &[Document],
    stored: &mut HashMap<Key, Vec<i64>>,
    found: &mut Vec<String>,
) -> View {
    let seen = storm.record.seen();
    let mut view = View::default();
    for (expected, row) in (1..).zip(rows) {
        let seq = row.get_i64("seq").unwrap_or_default();
        if seq != expected {
            found.push(format!("{}: {seq} stands where {expected} belongs", booking.id));
        }
        let key = (text(row, "sender").to_owned(), text(row, "clientId").to_owned());
        stored.entry(key.clone()).or_default().push(seq);
        let Some(Fate { draft, .. }) = seen.fates.get(&key) else {
            found.push(format!("{} {seq} was never said: {row}", booking.id));
            continue;
        };
        let fields = &draft.fields;
        let mut frame = json!({
            "seq": seq, "from": key.0, "clientId": key.1, "target": fields["seq"], "text": fields["text"],
            "emoji": fields["emoji"], "on": fields["on"],
        });
        let (kind, name) = match draft.kind {
            "chat.send" => ("chat.message", "message"),
            "chat.edit" => ("chat.edited", "edit"),
            "chat.delete" => ("chat.deleted", "delete"),
            _ => ("chat.reacted", "reaction"),
        };
        if text(row, "kind") != name {
            found.push(format!("{} {seq} is no {name}: {row}", booking.id));
        }
        frame["type"] = json!(kind);
        view.take(kind, &frame);
    }
    view
}

/// Every draft is there once, at the place that every answer named, or was refused and is not there.
fn fates(fates: &HashMap<Key, Fate>, stored: &HashMap<Key, Vec<i64>>, found: &mut Vec<String>) {
    let nowhere = Vec::new();
    for (key, fate) in fates {
        let places = stored.get(key).unwrap_or(&nowhere);
        let named: HashSet<i64> = fate.acks.iter().map(|(seq, _)| *seq).collect();
        let fresh = fate.acks.iter().filter(|(_, duplicate)| !duplicate).count();
        let is_kept = places.len() == 1 && named.iter().eq(places);
        let is_refused = places.is_empty()
            && named.is_empty()
            && fate.refusals.iter().any(|code| code == "MESSAGE_NOT_FOUND");
        if !is_kept && !is_refused {
            found.push(format!("{key:?} stands at {places:?}: {fate:?}"));
        }
        if fresh > 1 || fate.sent == 1 && is_kept && fresh != 1 {
            found.push(format!("{key:?} was new {fresh} times: {fate:?}"));
        }
    }
}

/// The messages of a room as an api process gives them over REST.
async fn history(storm: &Storm<'_>, booking: &Booking, base: &str) -> View {
    let mentee = storm.app.log_in(&booking.mentee).await;
    let client = Client::new(base, mentee.client.token().map(str::to_owned));
    let (mut view, mut after) = (View::default(), 0);
    loop {
        let path = format!("{}/chat/messages?after={after}&limit=100", booking.path());
        let page: Value = client.get(&path).await.ok(200);
        for message in page["messages"].as_array().expect("messages") {
            view.take("chat.message", message);
            after = message["seq"].as_i64().expect("a seq");
        }
        if page["more"] != true {
            return view;
        }
    }
}
