//! Real processes, for what can only be shown with `kill -9`.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

use crate::TestApp;
use crate::app::{DATA_KEY, SECRET_KEY, SECURITY_KEY};

/// One process of the Procfile.
pub struct Process {
    child: Child,
    pub name: String,
}

impl Process {
    pub fn id(&self) -> u32 {
        self.child.id().expect("the process runs")
    }

    /// Ends it without warning.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("the process runs");
    }

    /// Sends a signal by name.
    pub async fn signal(&self, signal: &str) {
        let pid = self.id().to_string();
        let sent = Command::new("kill").args([&format!("-{signal}"), &pid]).status().await.expect("kill");
        assert!(sent.success(), "kill -{signal} {pid}");
    }

    /// Asks it to stop and waits until it has; whether it ended well. One that has just been started is asked when it
    /// listens: before that the system ends it.
    pub async fn stop(mut self) -> bool {
        let pid = self.id();
        tokio::time::timeout(Duration::from_secs(30), async {
            while !listens(pid) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await
        .expect("it starts");
        self.signal("TERM").await;
        let ended = tokio::time::timeout(Duration::from_secs(30), self.child.wait()).await;
        ended.expect("it stops within its drain time").expect("it can be waited for").success()
    }
}

/// Whether a process has taken SIGTERM into its own hands, or cannot any more (proc_pid_status(5): SigCgt).
fn listens(pid: u32) -> bool {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/status")) else { return true };
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    caught
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & (1 << 14) != 0)
        || status.contains("\nState:\tZ")
}

/// What processes of one test share: the settings of its stores.
pub struct Stack {
    settings: BTreeMap<String, String>,
    folder: PathBuf,
    logs: Option<PathBuf>,
}

impl Stack {
    /// The app's stores, with real time: processes cannot see a frozen clock.
    pub fn new(app: &TestApp) -> Self {
        let servers = &app.servers;
        let settings = [
            ("DATABASE_URL", servers.database_url.as_str()),
            ("REDIS_URL", &servers.redis_url),
            ("KONNECT_REDIS_PREFIX", &servers.redis_prefix),
            ("MONGODB_URL", &servers.mongodb_url),
            ("KONNECT_MONGO_DATABASE", &servers.mongo_database),
            ("KONNECT_MONGO_PATIENCE_MS", "20000"),
            ("KONNECT_FILES_DIR", app.config.files.files_dir.to_str().expect("a plain path")),
            ("KONNECT_DB_CONNECTIONS", "10"),
            ("KONNECT_LOG_FORMAT", "text"),
            ("KONNECT_DRAIN_SECONDS", "5"),
            ("KONNECT_LINGER_SECONDS", "0"),
            ("TOSS_BASE_URL", app.sandbox.url()),
            ("TOSS_SECRET_KEY", SECRET_KEY),
            ("KONNECT_DATA_KEY", DATA_KEY),
            ("TOSS_SECURITY_KEY", SECURITY_KEY),
            ("SMTP_URL", app.sandbox.smtp_url()),
            ("FCM_BASE_URL", app.sandbox.url()),
            ("KONNECT_REQUIRE_EMAIL_CODE", "false"),
            ("KONNECT_ADMIN_SECOND_FACTOR", "false"),
            ("RUST_LOG", "info"),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Self { settings, folder: binaries(), logs: None }
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Keeps what processes write to standard output and standard error, in `<folder>/<name>.log`.
    #[must_use]
    pub fn logging_to(self, folder: &Path) -> Self {
        Self { logs: Some(folder.to_owned()), ..self }
    }

    /// Where a process writes to.
    fn output_of(&self, name: &str) -> Stdio {
        let Some(folder) = &self.logs else { return Stdio::null() };
        let file = File::options().create(true).append(true).open(folder.join(format!("{name}.log")));
        file.expect("the folder of logs can be written to").into()
    }

    /// Runs a program to its end: its exit code and what it wrote.
    pub async fn output(&self, name: &str, arguments: &[&str]) -> (i32, String) {
        self.fed(name, arguments, b"").await
    }

    /// The same with a text on its standard input, which it need not read to the end.
    pub async fn fed(&self, name: &str, arguments: &[&str], input: &[u8]) -> (i32, String) {
        let mut command = Command::new(self.folder.join(name));
        command.args(arguments).env_clear().envs(&self.settings);
        let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child =
            started.unwrap_or_else(|error| panic!("{name} does not start ({error}): ./dev test builds it"));
        let mut stdin = child.stdin.take().expect("its standard input");
        let feeding = async move {
            // A program that ends before it has read everything breaks the pipe.
            let _ = stdin.write_all(input).await;
        };
        let ((), ended) = tokio::join!(feeding, child.wait_with_output());
        let ended = ended.expect("it can be waited for");
        (ended.status.code().unwrap_or(-1), String::from_utf8_lossy(&ended.stdout).into_owned())
    }

    /// Starts a process by the name it has in the Procfile. It ends with the test.
    pub fn start(&self, name: &str) -> Process {
        let child = Command::new(self.folder.join(name))
            .env_clear()
            .envs(&self.settings)
            .stdin(Stdio::null())
            .stdout(self.output_of(name))
            .stderr(self.output_of(name))
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start ({error}): ./dev test builds it"));
        Process { child, name: name.to_owned() }
    }
}

/// An address on which nobody listens.
pub fn free_address() -> String {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    free.local_addr().expect("an address").to_string()
}

/// Where a program is.
pub fn binary(name: &str) -> PathBuf {
    binaries().join(name)
}

#[expect(clippy::disallowed_methods, reason = "the test run says by its environment where the binaries are")]
fn binaries() -> PathBuf {
    std::env::var("KONNECT_BIN_DIR").map_or_else(|_| "target/debug".into(), PathBuf::from)
}
