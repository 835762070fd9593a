//! What the sources say.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::super::architecture::reading::read;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests stand in the repository")
}

pub fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The sources at a path, which may be a folder, without their tests.
fn sources(path: &str) -> Vec<String> {
    if !root().join(path).is_dir() {
        let is_source = path.ends_with(".rs") && !path.contains("tests");
        return is_source.then(|| text(path)).into_iter().map(without_tests).collect();
    }
    let entries = fs::read_dir(root().join(path)).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    names.flat_map(|name| sources(&format!("{path}/{name}"))).collect()
}

fn without_tests(text: String) -> String {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned()
}

/// Every text that stands in the sources.
pub fn literals(paths: &[&str]) -> BTreeSet<String> {
    paths.iter().flat_map(|path| sources(path)).flat_map(|text| read(&text).strings).collect()
}

/// Those of them that look like a code: `NOT_JOINED`.
pub fn codes(paths: &[&str]) -> BTreeSet<String> {
    let is_code = |text: &String| text.len() > 3 && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    literals(paths).into_iter().filter(is_code).collect()
}

/// The numbers with which the sources close a WebSocket: `close(1001, …)`, `Close(4001, …)`.
pub fn close_codes() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for text in sources("src/realtime") {
        let code = read(&text).code;
        for (at, call) in code.match_indices("lose(") {
            let digits: String = code[at + call.len()..].chars().take_while(char::is_ascii_digit).collect();
            found.extend((digits.len() == 4).then_some(digits));
        }
    }
    found
}

/// The api's table of problems, without its white space.
pub fn problems() -> String {
    let mut text: String = sources("src/api/codes.rs").concat();
    text.push_str(&sources("src/api/codes").concat());
    text.split_whitespace().collect()
}
