//! Signing keys.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use konnect::auth;

#[derive(Subcommand)]
pub enum Command {
    /// Make the first key; refuses to overwrite one
    Generate(Folder),
    /// Put a new key in the place of the current one, which goes on verifying
    Rotate(Folder),
}

#[derive(Args)]
pub struct Folder {
    /// The folder that holds `current.pem`
    #[arg(long, env = "KONNECT_KEYS_DIR")]
    dir: PathBuf,
}

impl Command {
    pub fn run(&self) -> Result<()> {
        match self {
            Self::Generate(folder) => say!("{}", auth::generate_key(&folder.dir)?),
            Self::Rotate(folder) => {
                let rotated = auth::rotate_key(&folder.dir)?;
                say!("current  {}\nprevious {}", rotated.current, rotated.previous);
                eprintln!(
                    "Restart every api process. Remove the previous file when no token of it can live any more."
                );
            }
        }
        Ok(())
    }
}
