//! A copy of everything, and everything from a copy.
//!
//! MySQL comes first, in one snapshot; then MongoDB; then files. So whatever the earlier part speaks of is in the later
//! one: a chat of a booking, a file of a message. What the later parts know beyond that does no harm. Redis is not
//! copied: the outbox is the truth about jobs, and the rest of Redis is remembered or lived again.

mod files;
mod manifest;
mod mongo;
mod mysql;
mod query;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use konnect::audit::{self, Pace};
use konnect::core::Core;
use konnect::{db, payout, transact};
use secrecy::ExposeSecret;

use crate::stores::{Stores, context};
use manifest::Manifest;

#[derive(Args)]
pub struct Backup {
    /// Where the copy shall lie; must not be there yet
    folder: PathBuf,
    #[command(flatten)]
    stores: Stores,
}

#[derive(Args)]
pub struct Restore {
    /// Where the copy lies
    folder: PathBuf,
    /// Forget what is there now
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    stores: Stores,
}

impl Backup {
    pub async fn run(self) -> Result<()> {
        let Self { folder, stores } = self;
        ensure!(!folder.exists(), "{} is there already", folder.display());
        let core = stores.connect().await?;
        let mut name = folder.clone().into_os_string();
        name.push(".partial");
        let partial = PathBuf::from(name);
        // Of a backup that was stopped; nobody else has such a name.
        let _ = fs::remove_dir_all(&partial);
        fs::create_dir_all(&partial).with_context(|| format!("{} cannot be made", partial.display()))?;
        let done = write(&core, &stores, &partial).await;
        let manifest = match done {
            Ok(manifest) => manifest,
            Err(error) => {
                let _ = fs::remove_dir_all(&partial);
                return Err(error);
            }
        };
        fs::rename(&partial, &folder)?;
        say!("{}", manifest.summary());
        Ok(())
    }
}

async fn write(core: &Core, stores: &Stores, folder: &Path) -> Result<Manifest> {
    let mut manifest = Manifest::begin(core.clock.now(), query::schema(core.db.pool()).await?);
    manifest.server = query::server(core.db.pool()).await?;
    let url = stores.config.database_url.expose_secret();
    mysql::dump(url, query::has_binlog(core.db.pool()).await?, &folder.join("mysql.sql")).await?;
    manifest.collections = mongo::export(&core.mongo, &folder.join("mongo")).await?;
    match &stores.config.files.s3_bucket {
        Some(bucket) => manifest.bucket = Some(bucket.clone()),
        None => files::copy(&stores.config.files.files_dir, &folder.join("files"))?,
    }
    manifest.seal(folder)?;
    Ok(manifest)
}

impl Restore {
    /// Exit code 1 when the audit finds something in what was restored.
    pub async fn run(self) -> Result<ExitCode> {
        let Self { folder, force, stores } = self;
        let manifest = Manifest::read(&folder)?;
        manifest.check(&folder)?;
        ensure!(
            manifest.schema <= db::newest_migration(),
            "the copy is of migration {}, this build knows {}: restore it with the build that wrote it, or a later one",
            manifest.schema,
            db::newest_migration()
        );
        let core = stores.connect().await?;
        let files_dir = &stores.config.files.files_dir;
        let there = occupied(&core, files_dir).await?;
        if !there.is_empty() && !force {
            bail!("there is something in {}: --force forgets it", there.join(" and "));
        }
        clear(&core, files_dir).await?;
        mysql::load(stores.config.database_url.expose_secret(), &folder.join("mysql.sql")).await?;
        mongo::import(&core.mongo, &folder.join("mongo"), &manifest.collections).await?;
        files::copy(&folder.join("files"), files_dir)?;
        core.db.migrate().await.context("the migrations that came after the copy")?;
        // Payouts that were sent after the copy was made are not in it, and would be sent again.
        let reason = format!("restored from a copy of {}", manifest.taken_at);
        transact!(core.db, context(), anyhow::Error, tx => { Ok(payout::pause(tx, &reason).await?) })?;
        say!("{}", manifest.summary());
        if let Some(bucket) = &manifest.bucket {
            say!("files lie in the bucket {bucket}, which was not touched");
        }
        judge(&core).await
    }
}

async fn judge(core: &Core) -> Result<ExitCode> {
    let found = audit::pass(core.db.pool(), core.clock.now(), Pace::Full, |_| ()).await?;
    transact!(core.db, context(), anyhow::Error, tx => { Ok(audit::record(tx, &found).await?) })?;
    for offender in &found.offenders {
        say!("{}  {}  {}", offender.check, offender.subject, offender.facts);
    }
    eprintln!(
        "Payouts are paused. Compare the provider's days since the copy before `admin payouts release`."
    );
    if !found.is_sound() {
        eprintln!("The audit found something: see above.");
        return Ok(ExitCode::FAILURE);
    }
    say!("every rule holds; {} rows were looked at", found.subjects);
    Ok(ExitCode::SUCCESS)
}

/// What a copy would be laid over.
async fn occupied(core: &Core, files_dir: &Path) -> Result<Vec<String>> {
    let mut there = Vec::new();
    if !query::tables(core.db.pool()).await?.is_empty() {
        there.push("the database".to_owned());
    }
    if !mongo::names(&core.mongo).await?.is_empty() {
        there.push("MongoDB".to_owned());
    }
    if files::any(files_dir)? {
        there.push(files_dir.display().to_string());
    }
    Ok(there)
}

/// Forgets all of it, and what Redis remembers of it: versions of calendars, cards and rooms of another past.
async fn clear(core: &Core, files_dir: &Path) -> Result<()> {
    query::drop_tables(core.db.pool()).await?;
    for name in mongo::names(&core.mongo).await? {
        core.mongo.collection::<mongodb::bson::Document>(&name).drop().await?;
    }
    files::clear(files_dir)?;
    for pattern in core.keys.patterns() {
        forget(core.redis.clone(), &pattern).await?;
    }
    Ok(())
}

async fn forget(mut redis: redis::aio::ConnectionManager, pattern: &str) -> Result<()> {
    let mut cursor = 0_u64;
    loop {
        let (next, keys): (u64, Vec<String>) = redis::cmd("SCAN")
            .arg(cursor)
            .arg("MATCH")
            .arg(pattern)
            .arg("COUNT")
            .arg(1_000)
            .query_async(&mut redis)
            .await?;
        if !keys.is_empty() {
            let () = redis::cmd("UNLINK").arg(&keys).query_async(&mut redis).await?;
        }
        cursor = next;
        if cursor == 0 {
            return Ok(());
        }
    }
}
