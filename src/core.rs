//! The stores that every process shares, connected.

use std::time::Duration;

use anyhow::Context;
use chrono::TimeDelta;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use secrecy::{ExposeSecret, SecretString};

use crate::client::files::{self, BucketSettings, Files};
pub use crate::client::files::{Content, FilesError};
use crate::clock::Clock;
use crate::config::{Config, FilesConfig, Rules};
use crate::db::Db;
use crate::memo::Memo;
use crate::replica::Replica;
use crate::signal::{Keys, Signals};
use crate::throttle::Throttle;

/// Cheap to clone.
#[derive(Clone)]
pub struct Core {
    pub db: Db,
    pub redis: ConnectionManager,
    /// For connections of one's own, such as subscriptions.
    pub redis_client: redis::Client,
    pub mongo: mongodb::Database,
    /// How long somebody who waits for an answer waits for MongoDB.
    pub mongo_patience: Duration,
    /// What people send each other in chats.
    pub files: Files,
    pub keys: Keys,
    /// Slot listings that this process gave a moment ago.
    pub memo: Memo,
    /// How often people do what is limited.
    pub throttle: Throttle,
    pub clock: Clock,
    pub rules: Rules,
}

impl Core {
    pub async fn connect(config: &Config, clock: Clock) -> anyhow::Result<Self> {
        if let Some(file) = &config.clock_file {
            clock.follow_file(file.clone());
        }
        let keys = Keys::new(&config.redis_prefix);
        let redis_client = redis::Client::open(config.redis_url.expose_secret())?;
        let redis = connect_redis(&redis_client).await?;
        let signals = Signals::start(redis.clone(), keys.clone());
        let db =
            Db::connect(config.database_url.expose_secret(), config.db_connections, clock.clone(), signals)
                .await?
                .with_replica(replica(config, &clock)?);
        let mongo = connect_mongo(&config.mongodb_url).await?.database(&config.mongo_database);
        let memo = Memo::new(redis_client.clone(), &keys);
        let files = Files::new(files_settings(&config.files)?, clock.clone())?;
        let throttle = Throttle::new(redis.clone(), keys.clone(), clock.clone());
        let mongo_patience = Duration::from_millis(config.mongo_patience_ms);
        Ok(Self {
            db,
            redis,
            redis_client,
            mongo,
            mongo_patience,
            files,
            keys,
            memo,
            throttle,
            clock,
            rules: config.rules.clone(),
        })
    }
}

/// The copy for lists, where one is named.
fn replica(config: &Config, clock: &Clock) -> sqlx::Result<Option<Replica>> {
    let max_lag = TimeDelta::seconds(config.replica_max_lag_seconds);
    let open =
        |url: &SecretString| Replica::new(url.expose_secret(), config.db_connections, max_lag, clock.clone());
    config.replica_url.as_ref().map(open).transpose()
}

/// A folder, or a bucket when one is named.
fn files_settings(config: &FilesConfig) -> anyhow::Result<files::Settings> {
    let bucket = |name: &String| {
        anyhow::Ok(BucketSettings {
            url: config.s3_url.clone(),
            region: config.s3_region.clone(),
            name: name.clone(),
            access_key: config.s3_access_key.clone().context("KONNECT_S3_ACCESS_KEY is missing")?,
            secret_key: config.s3_secret_key.clone().context("KONNECT_S3_SECRET_KEY is missing")?,
        })
    };
    let bucket = config.s3_bucket.as_ref().map(bucket).transpose()?;
    Ok(files::Settings { folder: config.files_dir.clone(), bucket })
}

/// The crate's own response time-out of 500 ms is shorter than a busy server's pause.
async fn connect_redis(client: &redis::Client) -> redis::RedisResult<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(Duration::from_secs(2)))
        .set_response_timeout(Some(Duration::from_secs(10)))
        .set_number_of_retries(20)
        .set_max_delay(Duration::from_secs(2));
    ConnectionManager::new_with_config(client.clone(), config).await
}

/// Connects lazily: a MongoDB that is away stops nobody from booking.
async fn connect_mongo(url: &SecretString) -> mongodb::error::Result<mongodb::Client> {
    let mut options = mongodb::options::ClientOptions::parse(url.expose_secret()).await?;
    options.app_name = Some("konnect".to_owned());
    options.server_selection_timeout = Some(Duration::from_secs(3));
    options.connect_timeout = Some(Duration::from_secs(3));
    mongodb::Client::with_options(options)
}
