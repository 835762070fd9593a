//! A CycloneDX document from Cargo's metadata and its lock.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// One crate.
struct Part {
    name: String,
    version: String,
    /// An SPDX expression.
    license: Option<String>,
    repository: Option<String>,
    /// Of the crate's archive; absent for our own.
    sha256: Option<String>,
    /// Whether it comes from the registry.
    is_foreign: bool,
    /// Cargo's ids of the crates that it needs to run.
    needs: BTreeSet<String>,
}

/// What one package consists of, in the order of names and versions.
pub struct Bom {
    root: String,
    parts: BTreeMap<String, Part>,
}

impl Bom {
    /// `metadata`: what `cargo metadata` says; `tree`: what `cargo tree` says, without lines; `lock`: the text of
    /// `Cargo.lock`. What is needed for builds and tests alone is left out.
    pub fn new(metadata: &Value, tree: &str, lock: &str, package: &str) -> Result<Self> {
        let (built, sums) = (built(tree), sums(lock));
        let packages = metadata["packages"].as_array().context("no packages")?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let described: BTreeMap<String, &Value> =
            packages.iter().filter_map(|p| Some((text(&p["id"])?, p))).collect();
        let nodes = metadata["resolve"]["nodes"].as_array().context("no graph")?;
        let version = |about: &Value| Some((text(&about["name"])?, text(&about["version"])?));
        let is_built = |id: &String| {
            described.get(id).and_then(|about| version(about)).is_some_and(|part| built.contains(&part))
        };
        let mut needs: BTreeMap<String, BTreeSet<String>> =
            nodes.iter().filter_map(|node| Some((text(&node["id"])?, needs(node)))).collect();
        needs.values_mut().for_each(|on| on.retain(is_built));
        let root = packages.iter().find(|p| p["name"] == package).and_then(|p| text(&p["id"]));
        let root = root.with_context(|| format!("no package {package}"))?;
        let (mut parts, mut open) = (BTreeMap::new(), vec![root.clone()]);
        while let Some(id) = open.pop() {
            if parts.contains_key(&id) {
                continue;
            }
            let about = described.get(&id).with_context(|| format!("{id} is not described"))?;
            let needs = needs.get(&id).cloned().unwrap_or_default();
            open.extend(needs.iter().cloned());
            let name = text(&about["name"]).context("a crate without a name")?;
            let version = text(&about["version"]).context("a crate without a version")?;
            let part = Part {
                // Before SPDX, a slash meant a choice.
                license: text(&about["license"]).map(|license| choice(&license)),
                repository: text(&about["repository"]).filter(|url| url.starts_with("https://")),
                sha256: sums.get(&(name.clone(), version.clone())).cloned(),
                is_foreign: !about["source"].is_null(),
                name,
                version,
                needs,
            };
            parts.insert(id, part);
        }
        Ok(Self { root, parts })
    }

    pub fn document(&self) -> Value {
        let root = &self.parts[&self.root];
        let mut parts: Vec<&Part> =
            self.parts.iter().filter(|(id, _)| **id != self.root).map(|(_, part)| part).collect();
        parts.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
        let mut needs: Vec<Value> = self
            .parts
            .values()
            .map(|part| {
                let mut on: Vec<String> = part.needs.iter().map(|id| self.parts[id].purl()).collect();
                on.sort();
                json!({ "ref": part.purl(), "dependsOn": on })
            })
            .collect();
        needs.sort_by_key(|entry| entry["ref"].to_string());
        json!({
            "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
            "bomFormat": "CycloneDX",
            "specVersion": "1.5",
            "version": 1,
            "metadata": { "component": root.component("application") },
            "components": parts.iter().map(|part| part.component("library")).collect::<Vec<_>>(),
            "dependencies": needs,
        })
    }
}

impl Part {
    fn purl(&self) -> String {
        format!("pkg:cargo/{}@{}", self.name, self.version.replace('+', "%2B"))
    }

    fn component(&self, kind: &str) -> Value {
        let mut component = json!({
            "type": kind, "bom-ref": self.purl(), "name": self.name, "version": self.version,
        });
        if self.is_foreign {
            component["purl"] = json!(self.purl());
        }
        if let Some(license) = &self.license {
            component["licenses"] = json!([{ "expression": license }]);
        }
        if let Some(sum) = &self.sha256 {
            component["hashes"] = json!([{ "alg": "SHA-256", "content": sum }]);
        }
        if let Some(url) = &self.repository {
            component["externalReferences"] = json!([{ "type": "vcs", "url": url }]);
        }
        component
    }
}

fn choice(license: &str) -> String {
    license.split('/').map(str::trim).collect::<Vec<_>>().join(" OR ")
}

/// What a node needs to run, as against what builds or tests it.
fn needs(node: &Value) -> BTreeSet<String> {
    let deps = node["deps"].as_array().into_iter().flatten();
    let runs = |dep: &&Value| {
        dep["dep_kinds"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
    };
    deps.filter(runs).filter_map(|dep| dep["pkg"].as_str().map(str::to_owned)).collect()
}

/// Names and versions of `cargo tree`'s lines: `tokio v1.54.1 (*)`.
fn built(tree: &str) -> BTreeSet<(String, String)> {
    let parts = tree.lines().filter_map(|line| line.split_once(" v"));
    let version = |rest: &str| rest.split(' ').next().unwrap_or_default().to_owned();
    parts.map(|(name, rest)| (name.to_owned(), version(rest))).collect()
}

/// The archives' sums, by name and version.
fn sums(lock: &str) -> BTreeMap<(String, String), String> {
    let mut sums = BTreeMap::new();
    for package in lock.split("[[package]]").skip(1) {
        let field = |name: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
            line.map(|text| text.trim_matches('"').to_owned())
        };
        if let (Some(name), Some(version), Some(sum)) = (field("name"), field("version"), field("checksum")) {
            sums.insert((name, version), sum);
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_builds_and_tests_is_left_out() {
        let metadata = json!({
            "packages": [
                { "id": "a", "name": "app", "version": "1.0.0", "license": "MIT", "source": null },
                { "id": "b", "name": "lib", "version": "2.0.0+x", "license": "MIT/Apache-2.0", "source": "registry" },
                { "id": "d", "name": "optional", "version": "1.0.0", "license": "MIT", "source": "registry" },
                { "id": "c", "name": "testing", "version": "3.0.0", "license": "MIT", "source": "registry" },
            ],
            "resolve": { "nodes": [
                { "id": "a", "deps": [
                    { "pkg": "b", "dep_kinds": [{ "kind": null }, { "kind": "dev" }] },
                    { "pkg": "c", "dep_kinds": [{ "kind": "dev" }] },
                ] },
                { "id": "b", "deps": [{ "pkg": "d", "dep_kinds": [{ "kind": null }] }] },
                { "id": "d", "deps": [] },
                { "id": "c", "deps": [] },
            ] },
        });
        let lock = "[[package]]\nname = \"lib\"\nversion = \"2.0.0+x\"\nchecksum = \"ab\"\n";
        let tree = "app v1.0.0 (/src)\nlib v2.0.0+x\nlib v2.0.0+x (*)\n";
        let document = Bom::new(&metadata, tree, lock, "app").unwrap().document();
        assert_eq!(document["components"].as_array().unwrap().len(), 1);
        let lib = &document["components"][0];
        assert_eq!(lib["purl"], "pkg:cargo/lib@2.0.0%2Bx");
        assert_eq!(lib["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(lib["hashes"][0]["content"], "ab");
        assert_eq!(document["dependencies"][0]["dependsOn"][0], "pkg:cargo/lib@2.0.0%2Bx");
        assert!(Bom::new(&metadata, tree, lock, "nobody").is_err());
    }
}
