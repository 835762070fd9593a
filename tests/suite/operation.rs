//! What operators work with: alarms, their handbook, copies, rolling restarts, migrations, the list of parts.

#[path = "operation/alarms.rs"]
mod alarms;
#[path = "operation/allocator.rs"]
mod allocator;
#[path = "operation/copies.rs"]
mod copies;
#[path = "operation/dashboard.rs"]
mod dashboard;
#[path = "operation/figures.rs"]
mod figures;
#[path = "operation/image.rs"]
mod image;
#[path = "operation/licences.rs"]
mod licences;
#[path = "operation/migrations.rs"]
mod migrations;
#[path = "operation/rights.rs"]
mod rights;
#[path = "operation/rolling.rs"]
mod rolling;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests stand in the repository")
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Runs Prometheus' own tool in the folder of the rules; what it said, when it is content.
fn promtool(arguments: &[&str]) -> String {
    let ended = Command::new("promtool")
        .args(arguments)
        .current_dir(root().join("ops/prometheus"))
        .output()
        .unwrap_or_else(|error| panic!("promtool does not start ({error}): ./dev provision installs it"));
    let said =
        format!("{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success(), "promtool {arguments:?}:\n{said}");
    said
}

/// Every `.rs` file of the processes.
fn sources() -> Vec<String> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = ["src", "jobs/src", "bin"].iter().map(|name| root().join(name)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                found.push(fs::read_to_string(&path).expect("sources are text"));
            }
        }
    }
    assert!(found.len() > 200, "only {} files were found", found.len());
    found
}

/// The words of an expression that are names of ours.
fn metrics_in(expression: &str) -> Vec<String> {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let ours = words.filter(|word| word.starts_with("konnect_"));
    let plain = |word: &str| {
        let parts = ["_bucket", "_count", "_sum"];
        parts.iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word).to_owned()
    };
    ours.map(plain).collect()
}

/// The tools of the database's server are found by it; everything else of a process' environment is set.
#[expect(clippy::disallowed_methods, reason = "the test run says by its environment where programs are")]
fn path() -> String {
    std::env::var("PATH").expect("a path")
}
