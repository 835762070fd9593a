//! The rules of alarms, by Prometheus' own tool, and the handbook beside them.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{promtool, text};

#[derive(Deserialize)]
struct Rules {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
pub struct Rule {
    pub alert: String,
    pub expr: String,
    labels: Labels,
    annotations: Annotations,
}

#[derive(Deserialize)]
struct Labels {
    severity: String,
}

#[derive(Deserialize)]
struct Annotations {
    summary: String,
    description: String,
    runbook_url: String,
}

#[derive(Deserialize)]
struct Tests {
    tests: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

pub fn rules() -> Vec<Rule> {
    let rules: Rules = serde_yaml::from_str(&text("ops/prometheus/alerts.yml")).expect("rules");
    let rules: Vec<Rule> = rules.groups.into_iter().flat_map(|group| group.rules).collect();
    assert!(rules.len() > 30, "only {} rules were found", rules.len());
    rules
}

#[test]
fn prometheus_takes_the_rules_and_each_fires_when_it_should() {
    promtool(&["check", "rules", "alerts.yml"]);
    promtool(&["check", "config", "scrape.yml"]);
    let said = promtool(&["test", "rules", "alerts_test.yml"]);
    assert!(said.contains("SUCCESS"), "{said}");
}

#[test]
fn every_alarm_is_tried_and_explained() {
    let rules = rules();
    let alarms: BTreeSet<&str> = rules.iter().map(|rule| rule.alert.as_str()).collect();
    assert_eq!(alarms.len(), rules.len(), "two rules have one name");

    let tests: Tests = serde_yaml::from_str(&text("ops/prometheus/alerts_test.yml")).expect("tests");
    let mut tried: BTreeSet<&str> = tests.tests.iter().map(|test| test.name.as_str()).collect();
    assert!(tried.remove("texts"));
    assert_eq!(tried, alarms, "what is tried, and what there is");

    let handbook = text("docs/OPERATIONS.md");
    let headings: BTreeSet<&str> = handbook
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .filter(|h| h.starts_with("Konnect"))
        .collect();
    assert_eq!(headings, alarms, "what is explained, and what there is");

    for rule in &rules {
        assert!(["critical", "warning"].contains(&rule.labels.severity.as_str()), "{}", rule.alert);
        let place = format!("docs/OPERATIONS.md#{}", rule.alert.to_lowercase());
        assert_eq!(rule.annotations.runbook_url, place);
        assert!(!rule.annotations.summary.is_empty() && !rule.annotations.description.is_empty());
        // What it means, how to look, what to do: nobody reads an empty section at night.
        let section = handbook.split(&format!("### {}\n", rule.alert)).nth(1).expect("its section");
        let section = section.split("\n### ").next().unwrap_or_default();
        for word in ["**Look**", "**Do**"] {
            assert!(section.contains(word), "the section {} does not say {word}", rule.alert);
        }
    }
}

#[test]
fn the_handbook_names_routes_that_exist() {
    let document: serde_json::Value = serde_json::from_str(&text("docs/openapi.json")).expect("JSON");
    let handbook = text("docs/OPERATIONS.md");
    let mut seen = 0;
    for (method, after) in [("get", "GET "), ("post", "POST "), ("put", "PUT ")] {
        for rest in handbook.split(after).skip(1).filter(|rest| rest.starts_with("/v1/")) {
            let path: String =
                rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "/-_{}".contains(*c)).collect();
            assert!(document["paths"][&path][method].is_object(), "no route {method} {path}");
            seen += 1;
        }
    }
    assert!(seen > 15, "only {seen} were found");
}

/// Commands of the handbook are commands of the program.
#[tokio::test]
async fn the_handbook_names_commands_that_exist() {
    let handbook = text("docs/OPERATIONS.md");
    let mut seen = BTreeSet::new();
    for part in handbook.split("admin ").skip(1) {
        let words: Vec<&str> = part.split([' ', '`', '\n', '|']).take(2).collect();
        let first = words.first().copied().unwrap_or_default();
        if !first.is_empty() && first.chars().all(|c| c.is_ascii_lowercase()) {
            let second = words.get(1).copied().unwrap_or_default();
            let second = if second.chars().all(|c| c.is_ascii_lowercase()) { second } else { "" };
            seen.insert((first.to_owned(), second.to_owned()));
        }
    }
    assert!(seen.contains(&("jobs".to_owned(), "list".to_owned())), "{seen:?}");
    for (first, second) in &seen {
        let mut arguments = vec![first.as_str()];
        if !second.is_empty() {
            arguments.push(second);
        }
        arguments.push("--help");
        let ended =
            tokio::process::Command::new(konnect_tests::binary("admin")).args(&arguments).output().await;
        let ended = ended.expect("admin starts");
        assert!(ended.status.success(), "the handbook says `admin {first} {second}`, which is none");
    }
}
