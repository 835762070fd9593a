//! The scripts of `tests/js`: real clients in Node, which report a line of JSON per check.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

/// For a script that is told to stop, to end its browser.
const GRACE: Duration = Duration::from_secs(5);

/// Runs a script with its scenario and fails with its lines unless every check held; how many there were. When the
/// script asks for something (`{"ask": "revoke"}`), `answer` does it and gives the line that the script reads.
pub async fn run_script(
    name: &str,
    scenario: &Value,
    limit: Duration,
    answer: impl AsyncFnMut(&str) -> String,
) -> usize {
    let mut child = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("js").join(name))
        .arg(scenario.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| panic!("node does not start ({error}): ./dev provision installs it"));
    let mut stderr = child.stderr.take().expect("piped");
    let complaints = tokio::spawn(async move {
        let mut text = Vec::new();
        let _ = stderr.read_to_end(&mut text).await;
        String::from_utf8_lossy(&text).into_owned()
    });
    let mut lines = Vec::new();
    let in_time = tokio::time::timeout(limit, follow(&mut child, &mut lines, answer)).await.is_ok();
    if !in_time {
        stop(&mut child).await;
    }
    let ended = child.wait().await.expect("the script can be waited for");
    let all_ok = lines.iter().all(|line| line["ok"] == true);
    if !in_time || !ended.success() || !all_ok || lines.is_empty() {
        let shown: Vec<String> = lines.iter().map(Value::to_string).collect();
        let late = if in_time { "" } else { ", too slow" };
        let complaints = complaints.await.unwrap_or_default();
        panic!("{name}: {ended}{late}\n{}\n{complaints}", shown.join("\n"));
    }
    lines.len()
}

/// Reads what the script reports until it says no more.
async fn follow(child: &mut Child, lines: &mut Vec<Value>, mut answer: impl AsyncFnMut(&str) -> String) {
    let mut stdin = child.stdin.take().expect("piped");
    let mut said = BufReader::new(child.stdout.take().expect("piped")).lines();
    while let Some(text) = said.next_line().await.expect("the script speaks UTF-8") {
        let line: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("no report: {text}"));
        if let Some(what) = line["ask"].as_str() {
            let word = answer(what).await + "\n";
            stdin.write_all(word.as_bytes()).await.expect("the script listens");
        } else {
            lines.push(line);
        }
    }
}

/// Asks it to end, with what it has started.
async fn stop(child: &mut Child) {
    if let Some(id) = child.id() {
        let _ = Command::new("kill").args(["-TERM", &id.to_string()]).status().await;
    }
    if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}
