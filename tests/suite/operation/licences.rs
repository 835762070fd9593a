//! Every part that is shipped may be: its licence, as SPDX says it, is one that `deny.toml` allows. `cargo deny` says the
//! same where it is installed.

use std::collections::BTreeSet;

use konnect_tests::binary;
use serde_json::Value;
use tokio::process::Command;

use super::{root, text};

/// The list of `deny.toml`.
fn allowed() -> BTreeSet<String> {
    let file = text("deny.toml");
    let list = file.split("\nallow = [").nth(1).expect("a list").split(']').next().expect("its end");
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Whether the expression can be satisfied: `OR` binds less than `AND` (SPDX 2.3, annex D).
fn fits(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let fits = either(&mut words, allowed);
    fits && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn either(words: &mut Words, allowed: &BTreeSet<String>) -> bool {
    let mut fits = all(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        fits |= all(words, allowed);
    }
    fits
}

fn all(words: &mut Words, allowed: &BTreeSet<String>) -> bool {
    let mut fits = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        fits &= one(words, allowed);
    }
    fits
}

fn one(words: &mut Words, allowed: &BTreeSet<String>) -> bool {
    if words.next_if_eq(&"(").is_some() {
        let fits = either(words, allowed);
        return words.next() == Some(")") && fits;
    }
    let Some(name) = words.next() else { return false };
    if words.next_if_eq(&"WITH").is_some() {
        let exception = words.next().unwrap_or_default();
        return allowed.contains(&format!("{name} WITH {exception}"));
    }
    allowed.contains(name)
}

#[test]
fn expressions_are_read_as_spdx_says() {
    let allowed = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned).into();
    for good in
        ["MIT", "GPL-3.0 OR MIT", "MIT AND ISC", "ISC AND (GPL-3.0 OR MIT)", "Apache-2.0 WITH LLVM-exception"]
    {
        assert!(fits(good, &allowed), "{good}");
    }
    for bad in
        ["GPL-3.0", "MIT AND GPL-3.0", "GPL-3.0 OR MIT AND GPL-2.0", "Apache-2.0", "(MIT", "MIT ISC", ""]
    {
        assert!(!fits(bad, &allowed), "{bad}");
    }
}

#[tokio::test]
async fn every_part_that_is_shipped_may_be() {
    let ended = Command::new(binary("sbom")).current_dir(root()).output().await.expect("sbom starts");
    let bom: Value = serde_json::from_slice(&ended.stdout).expect("JSON");
    let allowed = allowed();
    assert!(allowed.contains("MIT") && !allowed.contains("GPL-3.0"), "{allowed:?}");
    let parts = bom["components"].as_array().expect("components");
    let refused: Vec<String> = parts
        .iter()
        .filter(|part| !fits(part["licenses"][0]["expression"].as_str().unwrap_or_default(), &allowed))
        .map(|part| format!("{}: {}", part["name"], part["licenses"]))
        .collect();
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}
