//! The document of the sockets, and whether what is said is as it says. Words of JSON Schema that stand in it and are
//! not known here fail the test: nothing passes unread.

use std::collections::BTreeSet;

use chrono::DateTime;
use serde_json::Value;

use super::code;

pub struct Document(Value);

impl Document {
    pub fn read() -> Self {
        Self(serde_yaml::from_str(&code::text("docs/asyncapi.yaml")).expect("YAML"))
    }

    pub fn at(&self, pointer: &str) -> &Value {
        self.0.pointer(pointer).unwrap_or_else(|| panic!("the document has no {pointer}"))
    }

    /// The names of a channel's messages that begin so, without that.
    pub fn messages(&self, channel: &str, prefix: &str) -> BTreeSet<String> {
        names(self.at(&format!("/channels/{channel}/messages")), prefix)
    }

    /// The words that a schema allows.
    pub fn words(&self, schema: &str) -> BTreeSet<String> {
        let words = self.at(&format!("/components/schemas/{schema}/enum")).as_array().expect("words");
        words.iter().map(|word| word.as_str().expect("a word").to_owned()).collect()
    }

    /// References that lead nowhere.
    pub fn dangling(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut left = vec![&self.0];
        while let Some(value) = left.pop() {
            match value {
                Value::Array(items) => left.extend(items),
                Value::Object(fields) => {
                    left.extend(fields.values());
                    let to = fields.get("$ref").and_then(Value::as_str);
                    found.extend(to.filter(|to| self.0.pointer(to.trim_start_matches('#')).is_none()));
                }
                _ => {}
            }
        }
        found.into_iter().map(str::to_owned).collect()
    }

    /// What of a message is not as the document says. Fields that it does not name count, although clients ignore them.
    pub fn faults(&self, channel: &str, message: &str, value: &Value) -> Vec<String> {
        let message = self.follow(self.at(&format!("/channels/{channel}/messages/{message}")));
        let mut faults = Vec::new();
        self.check(&message["payload"], value, "", &mut faults);
        faults
    }

    fn follow<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(to) => self.at(to.trim_start_matches('#')),
            None => value,
        }
    }

    fn is_kept(&self, schema: &Value, value: &Value) -> bool {
        let mut faults = Vec::new();
        self.check(schema, value, "", &mut faults);
        faults.is_empty()
    }

    fn check(&self, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
        let schema = self.follow(schema);
        for (word, says) in schema.as_object().unwrap_or_else(|| panic!("no schema: {schema}")) {
            let list = || says.as_array().expect("a list").iter();
            let kept = match word.as_str() {
                "description" | "default" => true,
                "type" if says.is_array() => list().any(|kind| is_a(kind, value)),
                "type" => is_a(says, value),
                "const" => says == value,
                "enum" => list().any(|word| word == value),
                "format" => value.as_str().is_none_or(|text| has_format(text, says)),
                "minLength" => value.as_str().is_none_or(|text| text.chars().count() >= number(says)),
                "maxLength" => value.as_str().is_none_or(|text| text.chars().count() <= number(says)),
                "minimum" => value.as_f64().is_none_or(|n| says.as_f64().is_some_and(|least| n >= least)),
                "maximum" => value.as_f64().is_none_or(|n| says.as_f64().is_some_and(|most| n <= most)),
                "maxItems" => value.as_array().is_none_or(|items| items.len() <= number(says)),
                "minProperties" => value.as_object().is_none_or(|fields| fields.len() >= number(says)),
                "required" => {
                    !value.is_object()
                        || list().all(|name| value.get(name.as_str().expect("a name")).is_some())
                }
                "items" => {
                    for (n, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(says, item, &format!("{at}/{n}"), faults);
                    }
                    true
                }
                "properties" => {
                    self.check_fields(schema, value, at, faults);
                    true
                }
                "additionalProperties" => says.is_boolean(),
                "allOf" => {
                    list().for_each(|part| self.check(part, value, at, faults));
                    true
                }
                "anyOf" => list().any(|part| self.is_kept(part, value)),
                "oneOf" => list().filter(|part| self.is_kept(part, value)).count() == 1,
                "not" => !self.is_kept(says, value),
                other => panic!("{other} is not known here"),
            };
            if !kept {
                faults.push(format!("{at}: {word} {says}, not {value}"));
            }
        }
    }

    fn check_fields(&self, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
        let Some(fields) = value.as_object() else { return };
        let open = schema.get("type").is_none() || schema["additionalProperties"] == true;
        for (name, value) in fields {
            match schema["properties"].get(name) {
                Some(schema) => self.check(schema, value, &format!("{at}/{name}"), faults),
                None if open => {}
                None => faults.push(format!("{at}/{name} is not in the document")),
            }
        }
    }
}

/// The names of an object that begin so, without that.
fn names(object: &Value, prefix: &str) -> BTreeSet<String> {
    let names = object.as_object().expect("an object").keys();
    names.filter_map(|name| name.strip_prefix(prefix)).map(str::to_owned).collect()
}

fn number(says: &Value) -> usize {
    says.as_u64().and_then(|n| n.try_into().ok()).expect("a number")
}

fn is_a(kind: &Value, value: &Value) -> bool {
    match kind.as_str().expect("a type") {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("{other} is no type"),
    }
}

fn has_format(text: &str, format: &Value) -> bool {
    match format.as_str() {
        Some("uuid") => text.len() == 36 && text.parse::<uuid::Uuid>().is_ok(),
        Some("date-time") => {
            DateTime::parse_from_rfc3339(text).is_ok_and(|at| at.offset().local_minus_utc() == 0)
        }
        other => panic!("{other:?} is no format that is known here"),
    }
}
