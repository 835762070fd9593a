//! A process that is started again whenever it ends, as a supervisor would, and the signals that trouble it.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

/// How long a process that ended stays away.
const PAUSE: Duration = Duration::from_millis(300);
/// For a port to be answered at.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a process is started. It ends with this program, however that ends.
#[derive(Clone)]
pub struct Recipe {
    pub name: String,
    pub program: PathBuf,
    pub arguments: Vec<String>,
    /// On top of the environment of this program.
    pub settings: BTreeMap<String, String>,
    /// Everything it says is added to this file.
    pub log: PathBuf,
}

impl Recipe {
    fn command(&self) -> Result<Command> {
        let log = File::options().create(true).append(true).open(&self.log);
        let log = log.with_context(|| self.log.display().to_string())?;
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(&self.program).args(&self.arguments);
        command.envs(&self.settings).stdin(Stdio::null()).kill_on_drop(true);
        command.stdout(log.try_clone()?).stderr(log);
        Ok(command)
    }

    fn spawn(&self) -> Result<Child> {
        self.command()?.spawn().with_context(|| format!("{} does not start", self.name))
    }

    /// Runs it to its end: whether that was a good one.
    pub async fn run(&self) -> Result<bool> {
        Ok(self.spawn()?.wait().await?.success())
    }

    /// Runs it to its end and gives what it said on standard output, and whether the end was a good one.
    pub async fn output(&self) -> Result<(String, bool)> {
        let output = self.command()?.stdout(Stdio::piped()).output().await?;
        Ok((String::from_utf8_lossy(&output.stdout).into_owned(), output.status.success()))
    }
}

struct State {
    recipe: Recipe,
    /// 0 while it is away.
    pid: AtomicU32,
    /// Ends that nobody here caused.
    ended: AtomicU64,
    killed: AtomicBool,
    closing: AtomicBool,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Keeper {
    state: Arc<State>,
}

impl Keeper {
    /// Starts it, and from now on whenever it has ended.
    pub fn start(recipe: Recipe) -> Result<Self> {
        let mut child = recipe.spawn()?;
        let state = Arc::new(State {
            recipe,
            pid: AtomicU32::new(child.id().unwrap_or(0)),
            ended: AtomicU64::new(0),
            killed: AtomicBool::new(false),
            closing: AtomicBool::new(false),
        });
        let kept = state.clone();
        tokio::spawn(async move {
            loop {
                let _ended = child.wait().await;
                kept.pid.store(0, Ordering::SeqCst);
                if kept.closing.load(Ordering::SeqCst) {
                    return;
                }
                if !kept.killed.swap(false, Ordering::SeqCst) {
                    kept.ended.fetch_add(1, Ordering::SeqCst);
                }
                sleep(PAUSE).await;
                if kept.closing.load(Ordering::SeqCst) {
                    return;
                }
                match kept.recipe.spawn() {
                    Ok(fresh) => child = fresh,
                    Err(error) => {
                        eprintln!("{error:#}");
                        return;
                    }
                }
                kept.pid.store(child.id().unwrap_or(0), Ordering::SeqCst);
            }
        });
        Ok(Self { state })
    }

    pub fn name(&self) -> &str {
        &self.state.recipe.name
    }

    /// As the system counts it; `None` while it is away.
    pub fn pid(&self) -> Option<u32> {
        Some(self.state.pid.load(Ordering::SeqCst)).filter(|pid| *pid != 0)
    }

    /// How often it ended by itself.
    pub fn ended(&self) -> u64 {
        self.state.ended.load(Ordering::SeqCst)
    }

    /// `kill -9`. `false`: it was away.
    pub async fn kill(&self) -> bool {
        let Some(pid) = self.pid() else { return false };
        self.state.killed.store(true, Ordering::SeqCst);
        signal(pid, "KILL").await
    }

    /// Freezes it for so long, unless it is away.
    pub async fn freeze(&self, span: Duration) -> bool {
        let Some(pid) = self.pid() else { return false };
        let frozen = signal(pid, "STOP").await;
        sleep(span).await;
        // It may have been killed meanwhile; then there is nobody to thaw.
        signal(pid, "CONT").await;
        frozen
    }

    /// Asks it to stop, and kills it when it does not within so long.
    pub async fn stop(&self, patience: Duration) {
        self.state.closing.store(true, Ordering::SeqCst);
        let begun = Instant::now();
        if let Some(pid) = self.pid() {
            signal(pid, "TERM").await;
        }
        while let Some(pid) = self.pid() {
            if begun.elapsed() > patience {
                signal(pid, "KILL").await;
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until it listens at a port of this machine.
    pub async fn wait_port(&self, port: u16) -> Result<()> {
        let begun = Instant::now();
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            if begun.elapsed() > PATIENCE {
                bail!(
                    "{} does not listen at {port}; its log: {}",
                    self.name(),
                    self.state.recipe.log.display()
                );
            }
            sleep(Duration::from_millis(30)).await;
        }
        Ok(())
    }
}

async fn signal(pid: u32, name: &str) -> bool {
    let mut kill = Command::new("kill");
    kill.arg(format!("-{name}")).arg(pid.to_string()).stderr(Stdio::null());
    kill.status().await.is_ok_and(|status| status.success())
}
