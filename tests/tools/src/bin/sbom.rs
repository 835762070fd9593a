//! The list of parts: every crate that is in the processes, as CycloneDX 1.5 (JSON), from what Cargo has locked.
//!
//! `sbom [PACKAGE]` stands in the repository and prints it; the same lock gives the same text.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use konnect_tools::sbom::Bom;

/// What is shipped: the processes and the operator's program.
const SHIPPED: &str = "konnect-bin";

fn main() -> Result<()> {
    let metadata = Command::new("cargo")
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--filter-platform",
            "x86_64-unknown-linux-gnu",
        ])
        .output()
        .context("cargo does not start")?;
    ensure!(metadata.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&metadata.stderr));
    let lock = std::fs::read_to_string("Cargo.lock").context("no Cargo.lock here")?;
    let bom = Bom::new(&serde_json::from_slice(&metadata.stdout)?, &lock, SHIPPED)?;
    println!("{}", serde_json::to_string_pretty(&bom.document())?);
    Ok(())
}
