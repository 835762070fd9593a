//! The dashboard: it is one, Prometheus understands every question of it, and every name in it is exported.

use std::collections::BTreeSet;

use konnect::id::secret;
use serde_json::Value;

use super::alarms::rules;
use super::{metrics_in, promtool, sources, text};

/// Labels that Prometheus gives, or the example of a scrape.
const GIVEN: [&str; 4] = ["instance", "job", "le", "process"];

fn dashboard() -> Value {
    serde_json::from_str(&text("ops/grafana/konnect.json")).expect("JSON")
}

fn panels(dashboard: &Value) -> Vec<&Value> {
    dashboard["panels"].as_array().expect("panels").iter().collect()
}

fn expressions() -> Vec<String> {
    let dashboard = dashboard();
    let targets =
        panels(&dashboard).into_iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    targets.map(|target| target["expr"].as_str().expect("an expression").to_owned()).collect()
}

#[test]
fn the_dashboard_is_one() {
    let dashboard = dashboard();
    assert!(dashboard["schemaVersion"].as_i64().is_some_and(|version| version >= 36));
    assert_eq!(dashboard["templating"]["list"][0]["type"], "datasource");
    let panels = panels(&dashboard);
    let ids: BTreeSet<i64> = panels.iter().map(|panel| panel["id"].as_i64().expect("an id")).collect();
    assert_eq!(ids.len(), panels.len(), "an id is taken twice");
    let mut taken = BTreeSet::new();
    for panel in &panels {
        let side = |name: &str| panel["gridPos"][name].as_u64().expect("a place");
        for x in side("x")..side("x") + side("w") {
            for y in side("y")..side("y") + side("h") {
                assert!(x < 24 && taken.insert((x, y)), "{} lies on another panel", panel["title"]);
            }
        }
        match panel["type"].as_str() {
            Some("row") => {}
            Some("timeseries" | "stat") => {
                let targets = panel["targets"].as_array().expect("targets");
                assert!(!targets.is_empty(), "{} shows nothing", panel["title"]);
                let letters: BTreeSet<&str> = targets.iter().filter_map(|t| t["refId"].as_str()).collect();
                assert_eq!(letters.len(), targets.len(), "{}", panel["title"]);
                assert_eq!(panel["datasource"]["uid"], "${datasource}");
            }
            other => panic!("a panel of type {other:?}"),
        }
    }
}

/// As rules that record: the tool that checks rules parses them.
#[test]
fn prometheus_understands_every_question_of_the_dashboard() {
    let expressions = expressions();
    assert!(expressions.len() > 60, "only {} were found", expressions.len());
    let rules: Vec<Value> = (0..)
        .zip(&expressions)
        .map(|(number, expr)| serde_json::json!({ "record": format!("panel:{number}"), "expr": expr }))
        .collect();
    let file = std::env::temp_dir().join(format!("konnect-panels-{}.yml", secret()));
    let groups = serde_json::json!({ "groups": [{ "name": "panels", "rules": rules }] });
    std::fs::write(&file, groups.to_string()).expect("a file");
    let said = promtool(&["check", "rules", file.to_str().expect("a plain path")]);
    std::fs::remove_file(&file).expect("the file just written");
    assert!(said.contains(&format!("{} rules found", expressions.len())), "{said}");
}

#[test]
fn every_name_in_rules_and_panels_is_one_of_the_code() {
    let sources = sources();
    let mut names = BTreeSet::new();
    let mut labels: BTreeSet<String> = GIVEN.iter().map(|label| (*label).to_owned()).collect();
    for text in &sources {
        let strings: Vec<&str> = text.split('"').collect();
        names.extend(strings.iter().filter(|s| s.starts_with("konnect_")).map(|s| (*s).to_owned()));
        for (at, string) in strings.iter().enumerate().skip(1) {
            if strings.get(at + 1).is_some_and(|then| then.starts_with(" =>")) {
                labels.insert((*string).to_owned());
            }
        }
    }
    for expression in rules().into_iter().map(|rule| rule.expr).chain(expressions()) {
        for name in metrics_in(&expression) {
            assert!(names.contains(&name), "nobody exports {name}: {expression}");
        }
        for label in labels_in(&expression) {
            assert!(labels.contains(&label), "no metric has the label {label}: {expression}");
        }
    }
}

/// The labels of `{label="…"}` and of `by (label, …)`.
fn labels_in(expression: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in expression.split("by (").skip(1) {
        let list = part.split(')').next().unwrap_or_default();
        found.extend(list.split(',').map(|label| label.trim().to_owned()));
    }
    for part in expression.split('{').skip(1) {
        let list = part.split('}').next().unwrap_or_default();
        // Values may hold commas and signs; names stand before the first sign of each pair.
        for pair in list.split("\", ").chain(list.split("\",")) {
            let name: String = pair.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            if !name.is_empty() && pair[name.len()..].starts_with(['=', '!']) {
                found.push(name);
            }
        }
    }
    found
}

#[test]
fn labels_are_found_where_they_stand() {
    let found = labels_in(r#"sum by (le, route) (rate(x_bucket{route!~"/a,b|c", status=~"5.."}[5m]))"#);
    let found: BTreeSet<&str> = found.iter().map(String::as_str).collect();
    assert_eq!(found, BTreeSet::from(["le", "route", "status"]));
    assert_eq!(
        metrics_in("rate(konnect_x_seconds_bucket[5m]) > konnect_y"),
        ["konnect_x_seconds", "konnect_y"]
    );
}
