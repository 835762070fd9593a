//! The servers, the providers' stand-in and every process of the Procfile.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use konnect_tools::client::Rest;
use sqlx::Connection;
use tokio::time::sleep;

use super::keeper::{Keeper, Recipe};
use super::place::{DATABASE, Place};

/// What runs, each as often as it is wanted.
pub struct System {
    pub place: Place,
    pub mysql: Keeper,
    pub redis: Keeper,
    pub mongo: Keeper,
    /// Never troubled: the provider's books are the measure of ours.
    pub sandbox: Keeper,
    /// The lines of the Procfile, each with its processes.
    pub kinds: Vec<(String, Vec<Keeper>)>,
}

impl System {
    /// Starts everything, migrated and ready.
    pub async fn start(place: Place, procfile: &Path, of_each: usize) -> Result<Self> {
        let (mysql, redis, mongo) =
            tokio::try_join!(start_mysql(&place), start_redis(&place), start_mongo(&place))?;
        make_database(&place).await?;
        let keys = place.keys();
        let keys = keys.to_str().context("a plain path")?;
        for arguments in [&["keys", "generate", "--dir", keys][..], &["migrate"][..]] {
            let done = place.recipe("admin", "admin", arguments).run().await?;
            ensure!(done, "admin {} failed: see log/admin.log", arguments[0]);
        }
        let sandbox = Keeper::start(place.recipe("sandbox", "sandbox", &[]))?;
        sandbox.wait_port(place.sandbox).await?;
        let procfile = std::fs::read_to_string(procfile).context("the Procfile")?;
        let mut kinds = Vec::new();
        for kind in procfile.lines().filter_map(|line| Some(line.split_once(':')?.0)) {
            if !kind.starts_with('#') {
                kinds.push((kind.to_owned(), start_kind(&place, kind, of_each)?));
            }
        }
        ensure!(kinds.iter().any(|(kind, _)| kind == "api"), "the Procfile has no api");
        let system = Self { place, mysql, redis, mongo, sandbox, kinds };
        system.wait_ready().await?;
        Ok(system)
    }

    pub fn processes(&self) -> impl Iterator<Item = &Keeper> {
        self.kinds.iter().flat_map(|(_, keepers)| keepers)
    }

    /// Until every api process is ready.
    pub async fn wait_ready(&self) -> Result<()> {
        for which in 0..self.place.apis.len() {
            let rest = Rest::new(&self.place.api_url(which))?;
            let asking = async {
                while !rest.get("/readyz").send().await.is_ok_and(|answer| answer.status == 200) {
                    sleep(Duration::from_millis(100)).await;
                }
            };
            let ready = tokio::time::timeout(Duration::from_secs(90), asking).await;
            ready.with_context(|| format!("api-{which} does not become ready: see its log"))?;
        }
        Ok(())
    }

    /// First the processes, then the servers, of which nobody needs the data.
    pub async fn stop(&self) {
        let stopping = self.processes().map(|keeper| keeper.stop(Duration::from_secs(10)));
        futures_util::future::join_all(stopping).await;
        for server in [&self.sandbox, &self.redis, &self.mongo, &self.mysql] {
            server.stop(Duration::ZERO).await;
        }
    }
}

fn start_kind(place: &Place, kind: &str, of_each: usize) -> Result<Vec<Keeper>> {
    let count = if kind == "api" { place.apis.len() } else { of_each };
    let start = |number: usize| {
        let mut recipe = place.recipe(&format!("{kind}-{number}"), kind, &[]);
        if kind == "api" {
            let bind = format!("127.0.0.1:{}", place.apis[number]);
            recipe.settings.insert("KONNECT_BIND".to_owned(), bind);
        }
        Keeper::start(recipe)
    };
    (0..count).map(start).collect()
}

fn arguments(list: &[&str]) -> Vec<String> {
    list.iter().map(|argument| (*argument).to_owned()).collect()
}

/// Every commit is on disk before it is acknowledged.
async fn start_mysql(place: &Place) -> Result<Keeper> {
    let (data, temporary) = (place.folder.join("mysql"), place.folder.join("mysql.tmp"));
    std::fs::create_dir_all(&temporary)?;
    let (data, temporary) = (data.display().to_string(), temporary.display().to_string());
    let user = std::process::Command::new("id").arg("-un").output()?.stdout;
    let user = format!("--user={}", String::from_utf8_lossy(&user).trim());
    let mut install = place.known(
        "mysql-install",
        "mariadb-install-db",
        &arguments(&[
            "--no-defaults",
            &user,
            &format!("--datadir={data}"),
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--innodb-log-file-size=32M",
            "--force",
        ]),
    );
    install.settings.insert("TMPDIR".to_owned(), temporary.clone());
    ensure!(install.run().await?, "mariadb-install-db failed: see log/mysql-install.log");
    let server = place.known(
        "mysql",
        "mariadbd",
        &arguments(&[
            "--no-defaults",
            &user,
            &format!("--datadir={data}"),
            &format!("--tmpdir={temporary}"),
            "--socket=my.sock",
            "--pid-file=my.pid",
            &format!("--port={}", place.mysql),
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            "--character-set-server=utf8mb4",
            "--collation-server=utf8mb4_unicode_ci",
            "--default-time-zone=+00:00",
            "--max-connections=1000",
            "--max-prepared-stmt-count=262144",
            "--skip-log-bin",
            "--innodb-log-file-size=32M",
            "--innodb-buffer-pool-size=256M",
            "--innodb-flush-log-at-trx-commit=1",
        ]),
    );
    started(server, place.mysql).await
}

async fn start_redis(place: &Place) -> Result<Keeper> {
    let folder = place.folder.join("redis");
    std::fs::create_dir_all(&folder)?;
    let list = [
        "--port",
        &place.redis.to_string(),
        "--bind",
        "127.0.0.1",
        "--dir",
        &folder.display().to_string(),
        "--daemonize",
        "no",
        "--maxmemory-policy",
        "noeviction",
        "--appendonly",
        "yes",
        "--appendfsync",
        "everysec",
    ];
    started(place.known("redis", "redis-server", &arguments(&list)), place.redis).await
}

/// A `mongod` when there is one, else the stand-in that speaks its protocol; both write before they acknowledge.
async fn start_mongo(place: &Place) -> Result<Keeper> {
    let folder = place.folder.join("mongo");
    std::fs::create_dir_all(&folder)?;
    let (folder, port) = (folder.display().to_string(), place.mongo.to_string());
    let known = |name: &str| {
        let found = std::process::Command::new("sh").args(["-c", &format!("command -v {name}")]).output();
        found.is_ok_and(|found| found.status.success())
    };
    let recipe = if known("mongod") {
        let list = ["--dbpath", &folder, "--port", &port, "--bind_ip", "127.0.0.1"];
        place.known("mongo", "mongod", &arguments(&list))
    } else {
        let mut list = vec![
            "--host",
            "127.0.0.1",
            "--port",
            &port,
            "--storage-path",
            &folder,
            "--cache-size",
            "2G",
            "--log-level",
            "WARNING",
            "--sync-on-commit",
        ];
        // The faster of the twins.
        let program = if known("secantusd-rs") { "secantusd-rs" } else { "secantusd-py" };
        if program == "secantusd-rs" {
            list.extend(["--log-file-max", "16MB"]);
        }
        place.known("mongo", program, &arguments(&list))
    };
    started(recipe, place.mongo).await
}

async fn started(recipe: Recipe, port: u16) -> Result<Keeper> {
    let keeper = Keeper::start(recipe)?;
    keeper.wait_port(port).await?;
    Ok(keeper)
}

async fn make_database(place: &Place) -> Result<()> {
    let mut connection = sqlx::MySqlConnection::connect(&place.mysql_url()).await?;
    let text = format!("CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci");
    sqlx::raw_sql(sqlx::AssertSqlSafe(text)).execute(&mut connection).await?;
    Ok(())
}
