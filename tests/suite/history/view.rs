//! What a room's log comes to: the messages as they stand, for a device that followed it, and for the checker.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// A message as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    pub from: String,
    pub client_id: String,
    pub text: Option<String>,
    pub is_deleted: bool,
    /// Emoji and person.
    pub reactions: BTreeSet<(String, String)>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    pub messages: BTreeMap<i64, Message>,
}

fn text(of: &Value) -> String {
    of.as_str().unwrap_or_default().to_owned()
}

impl View {
    /// Takes a frame of the log, or a message of the history, which is one too.
    pub fn take(&mut self, kind: &str, frame: &Value) {
        let target = frame["target"].as_i64().unwrap_or_default();
        match kind {
            "chat.message" => {
                let mut reactions = BTreeSet::new();
                for one in frame["reactions"].as_array().into_iter().flatten() {
                    let people = one["users"].as_array().into_iter().flatten();
                    reactions.extend(people.map(|person| (text(&one["emoji"]), text(person))));
                }
                let message = Message {
                    from: text(&frame["from"]),
                    client_id: text(&frame["clientId"]),
                    text: frame["text"].as_str().map(str::to_owned),
                    is_deleted: frame["deletedAt"].is_string(),
                    reactions,
                };
                self.messages.insert(frame["seq"].as_i64().unwrap_or_default(), message);
            }
            "chat.edited" => self.change(target, |m| m.text = frame["text"].as_str().map(str::to_owned)),
            "chat.deleted" => self.delete(target),
            "chat.reacted" => {
                let reaction = (text(&frame["emoji"]), text(&frame["from"]));
                let on = frame["on"] == true;
                self.change(target, |m| {
                    if on {
                        m.reactions.insert(reaction);
                    } else {
                        m.reactions.remove(&reaction);
                    }
                });
            }
            _ => {}
        }
    }

    /// A tombstone changes no more.
    fn change(&mut self, seq: i64, how: impl FnOnce(&mut Message)) {
        if let Some(message) = self.messages.get_mut(&seq).filter(|message| !message.is_deleted) {
            how(message);
        }
    }

    fn delete(&mut self, seq: i64) {
        self.change(seq, |message| {
            message.is_deleted = true;
            message.text = None;
            message.reactions.clear();
        });
    }

    /// The first thing in which two views differ.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let seqs: BTreeSet<_> = self.messages.keys().chain(other.messages.keys()).collect();
        let differs = seqs.into_iter().find(|seq| self.messages.get(seq) != other.messages.get(seq))?;
        Some(format!("{differs}: {:?} and not {:?}", self.messages.get(differs), other.messages.get(differs)))
    }
}
