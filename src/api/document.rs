//! The OpenAPI document, completed: what the framework's generator has no words for, and what clients that are made
//! from the document need to know.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// Keys of JSON Schema and OpenAPI.
const SCHEMAS: &str = "#/components/schemas/";

/// The generator's text, completed.
pub(super) fn complete(generated: &str) -> String {
    let mut document: Value = serde_json::from_str(generated).expect("the generated document is JSON");
    let sent = sent_schemas(&document);
    for (name, schema) in object(document.pointer_mut("/components/schemas")) {
        formats(schema);
        if sent.contains(name) {
            close(schema);
        }
    }
    for (_, path) in object(document.get_mut("paths")) {
        for (_, operation) in object(Some(path)) {
            formats(operation);
            media_types(operation);
            headers(operation);
        }
    }
    let mut text = serde_json::to_string_pretty(&document).expect("JSON");
    text.push('\n');
    text
}

fn object(value: Option<&mut Value>) -> impl Iterator<Item = (&String, &mut Value)> {
    value.and_then(Value::as_object_mut).into_iter().flatten()
}

/// The names of the schemas that requests are made of.
fn sent_schemas(document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let paths = document["paths"].as_object().into_iter().flatten();
    for (_, operation) in paths.flat_map(|(_, path)| path.as_object().into_iter().flatten()) {
        collect(document, &operation["requestBody"], &mut found);
    }
    found
}

fn collect(document: &Value, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            let name = fields.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix(SCHEMAS));
            if let Some(name) = name.filter(|name| found.insert((*name).to_owned())) {
                collect(document, &document["components"]["schemas"][name], found);
            }
            fields.values().for_each(|field| collect(document, field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(document, item, found)),
        _ => {}
    }
}

/// Unknown fields are refused, and `null` is the same as leaving a field out.
fn close(schema: &mut Value) {
    let required = schema["required"].clone();
    let required: Vec<&str> = required.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let Some(fields) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (_, field) in fields.iter_mut().filter(|(name, _)| !required.contains(&name.as_str())) {
        if field.get("$ref").is_some() {
            // Beside a reference nothing else counts (OpenAPI 3.0.3, "Reference Object").
            *field = json!({ "allOf": [field.take()] });
        }
        field["nullable"] = json!(true);
    }
    schema["additionalProperties"] = json!(false);
}

/// Formats that OpenAPI does not know are said in numbers; a date is the date of RFC 3339.
fn formats(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let most = match fields.get("format").and_then(Value::as_str) {
                Some("uint8") => Some(u64::from(u8::MAX)),
                Some("uint16") => Some(u64::from(u16::MAX)),
                Some("uint32") => Some(u64::from(u32::MAX)),
                Some("uint64") => Some(u64::MAX),
                _ => None,
            };
            if let Some(most) = most {
                fields.entry("minimum").or_insert(json!(0));
                fields.entry("maximum").or_insert(json!(most));
            }
            if fields.get("format").is_some_and(|format| format == "naive-date") {
                fields.insert("format".into(), json!("date"));
            }
            fields.values_mut().for_each(formats);
        }
        Value::Array(items) => items.iter_mut().for_each(formats),
        _ => {}
    }
}

/// Downloads come as what they are; a body that is something else is refused.
fn media_types(operation: &mut Value) {
    if let Some(problem) = operation.pointer("/responses/400").cloned()
        && operation.get("requestBody").is_some()
    {
        let mut refused = problem;
        refused["description"] = json!("The body is of another type.");
        operation["responses"]["415"] = refused;
    }
    for (_, response) in object(operation.get_mut("responses")) {
        let content = response.get_mut("content").and_then(Value::as_object_mut);
        if let Some(content) = content
            && content.remove("application/octet-stream").is_some()
        {
            content.insert("*/*".into(), json!({ "schema": {} }));
        }
    }
}

/// `Idempotency-Key` may be absent for the router, which lets the handler refuse with a code of its own; for clients it
/// is required.
fn headers(operation: &mut Value) {
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten().filter(|p| p["name"] == "Idempotency-Key") {
        parameter["required"] = json!(true);
        parameter["schema"] =
            json!({ "type": "string", "minLength": 8, "maxLength": 128, "pattern": "^[!-~]*$" });
        parameter["description"] =
            json!("Made by the client; the same key and request give the same answer.");
    }
}
