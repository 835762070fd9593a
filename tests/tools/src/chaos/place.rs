//! Where everything of a run lies: its folder, its ports, and the settings of its processes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rand::RngExt;

use super::keeper::Recipe;

pub const DATABASE: &str = "konnect_chaos";
const SECRET_KEY: &str = "test_sk_konnect_chaos";
const SECURITY_KEY: &str = "5d1f0c8e7a934b26b8c4e1d2f3a6978805162738495a6b7c8d9eafb0c1d2e3f4";
const DATA_KEY: &str = "5ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea1";
/// Below the range of outgoing connections, so that a server finds its port free when it comes back.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

pub struct Place {
    pub folder: PathBuf,
    pub programs: PathBuf,
    pub mysql: u16,
    pub redis: u16,
    pub mongo: u16,
    pub sandbox: u16,
    pub smtp: u16,
    /// Of the api processes.
    pub apis: Vec<u16>,
}

impl Place {
    /// Makes the folder and chooses free ports.
    pub fn choose(folder: &Path, programs: &Path, apis: usize) -> Result<Self> {
        for name in ["log", "files"] {
            std::fs::create_dir_all(folder.join(name)).with_context(|| folder.display().to_string())?;
        }
        let folder = folder.canonicalize()?;
        let programs = programs.canonicalize().with_context(|| programs.display().to_string())?;
        let mut taken = BTreeSet::new();
        let mut ports = Vec::new();
        for _ in 0..apis {
            ports.push(free_port(&mut taken)?);
        }
        Ok(Self {
            folder,
            programs,
            mysql: free_port(&mut taken)?,
            redis: free_port(&mut taken)?,
            mongo: free_port(&mut taken)?,
            sandbox: free_port(&mut taken)?,
            smtp: free_port(&mut taken)?,
            apis: ports,
        })
    }

    pub fn mysql_url(&self) -> String {
        format!("mysql://root@127.0.0.1:{}", self.mysql)
    }

    pub fn redis_url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.redis)
    }

    pub fn mongo_url(&self) -> String {
        format!("mongodb://127.0.0.1:{}/?directConnection=true", self.mongo)
    }

    pub fn sandbox_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.sandbox)
    }

    pub fn api_url(&self, which: usize) -> String {
        format!("http://127.0.0.1:{}", self.apis[which])
    }

    /// The file whose offset all processes follow.
    pub fn clock_file(&self) -> PathBuf {
        self.folder.join("clock")
    }

    pub fn keys(&self) -> PathBuf {
        self.folder.join("keys")
    }

    /// Settings of every process. Limits of how often are off: all load comes from one address. Sessions open, and
    /// absence is decided, two minutes around their start, and disputes have short deadlines, so that a run meets them.
    pub fn settings(&self) -> BTreeMap<String, String> {
        let text = |path: PathBuf| path.display().to_string();
        let pairs = [
            ("DATABASE_URL", format!("{}/{DATABASE}", self.mysql_url())),
            ("REDIS_URL", self.redis_url()),
            ("MONGODB_URL", self.mongo_url()),
            ("KONNECT_MONGO_DATABASE", DATABASE.to_owned()),
            ("KONNECT_CLOCK_FILE", text(self.clock_file())),
            ("KONNECT_KEYS_DIR", text(self.keys())),
            ("KONNECT_FILES_DIR", text(self.folder.join("files"))),
            ("KONNECT_DB_CONNECTIONS", "10".to_owned()),
            ("KONNECT_LOG_FORMAT", "text".to_owned()),
            ("KONNECT_DRAIN_SECONDS", "5".to_owned()),
            ("KONNECT_PUBLIC_URL", self.api_url(0)),
            ("KONNECT_CORS_ORIGINS", "http://localhost:3000".to_owned()),
            ("KONNECT_DATA_KEY", DATA_KEY.to_owned()),
            ("KONNECT_ACCESS_SECONDS", "315360000".to_owned()),
            ("KONNECT_REFRESH_SECONDS", "315360000".to_owned()),
            ("KONNECT_FRESH_LOGIN_SECONDS", "315360000".to_owned()),
            ("KONNECT_REQUIRE_EMAIL_CODE", "false".to_owned()),
            ("KONNECT_ADMIN_SECOND_FACTOR", "false".to_owned()),
            ("KONNECT_LIMIT_LOGIN", "off".to_owned()),
            ("KONNECT_LIMIT_LOGIN_IP", "off".to_owned()),
            ("KONNECT_LIMIT_HOLDS", "off".to_owned()),
            ("KONNECT_LIMIT_SEARCH", "off".to_owned()),
            ("KONNECT_GATE_EARLY_MINUTES", "2".to_owned()),
            ("KONNECT_NO_SHOW_MINUTES", "2".to_owned()),
            ("KONNECT_PRESENCE_SECONDS", "5".to_owned()),
            ("KONNECT_DISPUTE_ANSWER_HOURS", "72".to_owned()),
            ("KONNECT_DISPUTE_EVIDENCE_HOURS", "12".to_owned()),
            ("TOSS_CLIENT_KEY", "test_ck_konnect_chaos".to_owned()),
            ("TOSS_SECRET_KEY", SECRET_KEY.to_owned()),
            ("TOSS_SECURITY_KEY", SECURITY_KEY.to_owned()),
            ("TOSS_BASE_URL", self.sandbox_url()),
            ("SMTP_URL", format!("smtp://127.0.0.1:{}", self.smtp)),
            ("FCM_BASE_URL", self.sandbox_url()),
            ("SANDBOX_BIND", format!("127.0.0.1:{}", self.sandbox)),
            ("SANDBOX_SMTP_BIND", format!("127.0.0.1:{}", self.smtp)),
            ("SANDBOX_WEBHOOK_URL", format!("{}/v1/webhooks/toss", self.api_url(0))),
            ("RUST_LOG", "warn,konnect=info,konnect_jobs=info".to_owned()),
        ];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// A program of the product under a name of its own.
    pub fn recipe(&self, name: &str, program: &str, arguments: &[&str]) -> Recipe {
        self.made_of(name, self.programs.join(program), arguments, self.settings())
    }

    /// A program that stands on the PATH.
    pub fn known(&self, name: &str, program: &str, arguments: &[String]) -> Recipe {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.made_of(name, program.into(), &arguments, BTreeMap::new())
    }

    fn made_of(
        &self,
        name: &str,
        program: PathBuf,
        arguments: &[&str],
        settings: BTreeMap<String, String>,
    ) -> Recipe {
        Recipe {
            name: name.to_owned(),
            program,
            arguments: arguments.iter().map(|a| (*a).to_owned()).collect(),
            settings,
            log: self.folder.join("log").join(format!("{name}.log")),
        }
    }
}

fn free_port(taken: &mut BTreeSet<u16>) -> Result<u16> {
    for _ in 0..200 {
        let port = rand::rng().random_range(PORTS);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() && taken.insert(port) {
            return Ok(port);
        }
    }
    bail!("no free port between {} and {}", PORTS.start, PORTS.end)
}
