//! The list of parts: every crate that is in the processes, as CycloneDX 1.5 (JSON), from what Cargo has locked.
//!
//! `sbom` stands in the repository and prints it; the same lock gives the same text.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use konnect_tools::sbom::Bom;

/// What is shipped: the processes and the operator's program.
const SHIPPED: &str = "konnect-bin";
/// Where it runs; a part that is for other machines alone is none of it.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

fn main() -> Result<()> {
    let metadata = cargo(&["metadata", "--format-version", "1", "--locked", "--filter-platform", PLATFORM])?;
    // The metadata's graph has optional parts that no feature asks for; the tree has what is built.
    let tree = ["tree", "--locked", "-p", SHIPPED, "-e", "normal", "--target", PLATFORM, "--prefix", "none"];
    let tree = String::from_utf8(cargo(&tree)?)?;
    let lock = std::fs::read_to_string("Cargo.lock").context("no Cargo.lock here")?;
    let bom = Bom::new(&serde_json::from_slice(&metadata)?, &tree, &lock, SHIPPED)?;
    println!("{}", serde_json::to_string_pretty(&bom.document())?);
    Ok(())
}

fn cargo(arguments: &[&str]) -> Result<Vec<u8>> {
    let ended = Command::new("cargo").args(arguments).output().context("cargo does not start")?;
    ensure!(ended.status.success(), "cargo {}: {}", arguments[0], String::from_utf8_lossy(&ended.stderr));
    Ok(ended.stdout)
}
