//! The processes that are measured, as children of this one.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::process::{Child, Command};

use super::http::{Connection, get};

/// For a process to be ready, or to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// Killed when dropped.
pub struct Process {
    name: String,
    child: Child,
}

impl Process {
    /// Starts a program with this process' environment and some more settings. What it logs goes to standard error.
    pub fn start(folder: &Path, name: &str, settings: &[(&str, &str)]) -> Result<Self> {
        Self::spawn(name, Command::new(folder.join(name)).envs(settings.iter().copied()))
    }

    /// Starts a program that stands on the PATH.
    pub fn start_known(name: &str, arguments: &[&str]) -> Result<Self> {
        Self::spawn(name, Command::new(name).args(arguments))
    }

    /// Starts this program in another role.
    pub fn start_self(name: &str, arguments: &[&str]) -> Result<Self> {
        Self::spawn(name, Command::new(std::env::current_exe()?).args(arguments))
    }

    fn spawn(name: &str, command: &mut Command) -> Result<Self> {
        let child = command
            .stdin(Stdio::null())
            .stdout(std::io::stderr())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{name} cannot be started"))?;
        Ok(Self { name: name.to_owned(), child })
    }

    /// As the system counts it.
    pub fn id(&self) -> Result<u32> {
        self.child.id().with_context(|| format!("{} has ended by itself", self.name))
    }

    /// Waits until a GET is answered with 200.
    pub async fn wait_ready(&mut self, address: SocketAddr, path: &str) -> Result<()> {
        let asking = async {
            loop {
                if let Ok(mut connection) = Connection::open(address).await
                    && connection.send(&get(path)).await.is_ok_and(|answer| answer.status == 200)
                {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::select! {
            () = asking => Ok(()),
            ended = self.child.wait() => bail!("{} ended before it was ready: {}", self.name, ended?),
            () = tokio::time::sleep(PATIENCE) => bail!("{} does not answer {path} with 200", self.name),
        }
    }

    /// Waits until it takes connections.
    pub async fn wait_listening(&mut self, address: SocketAddr) -> Result<()> {
        let asking = async {
            while Connection::open(address).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            () = asking => Ok(()),
            ended = self.child.wait() => bail!("{} ended before it was ready: {}", self.name, ended?),
            () = tokio::time::sleep(PATIENCE) => bail!("{} does not listen", self.name),
        }
    }

    /// Asks it to stop, and waits until it has.
    pub async fn stop(mut self) -> Result<()> {
        let id = self.id()?;
        Command::new("kill").arg("-TERM").arg(id.to_string()).status().await?;
        tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .with_context(|| format!("{} does not stop", self.name))??;
        Ok(())
    }
}
