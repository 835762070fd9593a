//! Servers that belong to one test, which ill-treats them.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use konnect::id::secret;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

fn free_port() -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    free.local_addr().expect("an address").port()
}

async fn until_it_listens(port: u16) {
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A Redis of its own, for tests that restart it.
pub struct PrivateRedis {
    child: Child,
    port: u16,
}

impl PrivateRedis {
    pub async fn start() -> Self {
        Self::start_on(free_port()).await
    }

    async fn start_on(port: u16) -> Self {
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("redis-server");
        until_it_listens(port).await;
        Self { child, port }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills it and starts it again with nothing in it.
    pub async fn restart_empty(mut self) -> Self {
        self.child.kill().await.expect("Redis runs");
        Self::start_on(self.port).await
    }
}

/// A MongoDB of its own, for tests that kill its clients in the middle of their questions.
pub struct PrivateMongo {
    _child: Child,
    port: u16,
    folder: PathBuf,
}

impl PrivateMongo {
    /// `None` where no program is installed that could be started.
    pub async fn start() -> Option<Self> {
        let (port, folder) = (free_port(), std::env::temp_dir().join(format!("konnect-mongo-{}", secret())));
        std::fs::create_dir_all(&folder).expect("a folder for data");
        let child = ["mongod", "secantusd-rs", "secantusd-py"].into_iter().find_map(|program| {
            let (data, more): (_, &[&str]) = match program {
                "mongod" => ("--dbpath", &["--bind_ip", "127.0.0.1"]),
                _ => {
                    ("--storage-path", &["--host", "127.0.0.1", "--sync-on-commit", "--log-level", "WARNING"])
                }
            };
            let mut command = Command::new(program);
            command.arg("--port").arg(port.to_string()).arg(data).arg(&folder).args(more);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command.kill_on_drop(true).spawn().ok()
        })?;
        until_it_listens(port).await;
        Some(Self { _child: child, port, folder })
    }

    pub fn url(&self) -> String {
        format!("mongodb://127.0.0.1:{}/?directConnection=true", self.port)
    }
}

impl Drop for PrivateMongo {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
