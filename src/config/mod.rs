//! Settings: every one is an environment variable and stands in each process' `--help`.

#[cfg(test)]
mod effort;
mod files;
mod identity;
mod issuers;
mod limits;
mod rules;
mod traces;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use secrecy::SecretString;

#[cfg(test)]
pub(crate) use effort::effort;
pub use files::FilesConfig;
pub use identity::IdentityConfig;
pub use issuers::{TrustedIssuer, TrustedIssuers};
pub use limits::{Limit, LimitsConfig, Quota};
pub use rules::Rules;
pub use traces::TraceConfig;

/// What every process needs to know.
#[derive(Clone, Debug, Args)]
pub struct Config {
    /// MySQL 8 or MariaDB 10.11, as `mysql://user:password@host:port/database`.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: SecretString,
    /// Connections this process opens at most.
    #[arg(long, env = "KONNECT_DB_CONNECTIONS", default_value_t = 20)]
    pub db_connections: u32,
    /// A copy of the database that lists of mentors and offerings may be read from; the primary is, when absent.
    #[arg(long, env = "KONNECT_REPLICA_URL", hide_env_values = true)]
    pub replica_url: Option<SecretString>,
    /// A copy that is older than this many seconds is not read from.
    #[arg(long, env = "KONNECT_REPLICA_MAX_LAG_SECONDS", default_value_t = 5, value_parser = clap::value_parser!(i64).range(2..=3600))]
    pub replica_max_lag_seconds: i64,
    /// Redis 7, as `redis://…` or `rediss://…`.
    #[arg(long, env = "REDIS_URL", hide_env_values = true)]
    pub redis_url: SecretString,
    /// Stands before every Redis key, so that environments can share a server.
    #[arg(long, env = "KONNECT_REDIS_PREFIX", default_value = "konnect")]
    pub redis_prefix: String,
    /// MongoDB 6 or later.
    #[arg(long, env = "MONGODB_URL", hide_env_values = true)]
    pub mongodb_url: SecretString,
    #[arg(long, env = "KONNECT_MONGO_DATABASE", default_value = "konnect")]
    pub mongo_database: String,
    /// How long one operation of a chat may take in MongoDB before its sender is told that it failed, in milliseconds.
    #[arg(long, env = "KONNECT_MONGO_PATIENCE_MS", default_value_t = 2_000)]
    pub mongo_patience_ms: u64,
    /// Where `/healthz`, `/readyz` and `/metrics` of a worker are served; not served when absent.
    #[arg(long, env = "KONNECT_OPS_BIND")]
    pub ops_bind: Option<SocketAddr>,
    /// How long a stopping process waits for work in progress, in seconds.
    #[arg(long, env = "KONNECT_DRAIN_SECONDS", default_value_t = 20)]
    pub drain_seconds: u64,
    /// `json` or `text`.
    #[arg(long, env = "KONNECT_LOG_FORMAT", default_value = "json")]
    pub log_format: LogFormat,
    /// For development alone: a file with an offset in seconds that moves the clock of all processes.
    #[arg(long, env = "KONNECT_CLOCK_FILE")]
    pub clock_file: Option<PathBuf>,
    #[command(flatten)]
    pub traces: TraceConfig,
    #[command(flatten)]
    pub files: FilesConfig,
    #[command(flatten)]
    pub rules: Rules,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    Json,
    Text,
}

/// What the api process needs beside [`Config`].
#[derive(Clone, Debug, Args)]
pub struct ApiConfig {
    #[arg(long, env = "KONNECT_BIND", default_value = "127.0.0.1:3000")]
    pub bind: SocketAddr,
    /// How browsers reach this API, without a trailing slash.
    #[arg(long, env = "KONNECT_PUBLIC_URL", default_value = "http://127.0.0.1:3000")]
    pub public_url: String,
    /// Origins that may call the API and open sockets, exact, comma-separated.
    #[arg(long, env = "KONNECT_CORS_ORIGINS", value_delimiter = ',')]
    pub cors_origins: Vec<String>,
    /// Sockets that one user may hold open in this process, on both doors together.
    #[arg(long, env = "KONNECT_SOCKETS_PER_USER", default_value_t = 10)]
    pub sockets_per_user: usize,
    /// Proxies of ours in front of the api, each of which appends to `X-Forwarded-For` whom it was called by. Without
    /// any, the header is not believed.
    #[arg(long, env = "KONNECT_TRUSTED_PROXIES", default_value_t = 0)]
    pub trusted_proxies: usize,
    #[command(flatten)]
    pub tokens: TokenConfig,
    /// The provider's public key for browsers (`test_ck_…`, `live_ck_…`).
    #[arg(long, env = "TOSS_CLIENT_KEY")]
    pub toss_client_key: String,
    /// Seals bank account numbers in the database: 64 hexadecimal digits, the same in every process.
    #[arg(long, env = "KONNECT_DATA_KEY", hide_env_values = true)]
    pub data_key: SecretString,
    #[command(flatten)]
    pub turn: TurnConfig,
    #[command(flatten)]
    pub webhooks: WebhookConfig,
    #[command(flatten)]
    pub limits: LimitsConfig,
    #[command(flatten)]
    pub identity: IdentityConfig,
    /// Whether whoever registers must prove the mailbox by a code.
    #[arg(long, env = "KONNECT_REQUIRE_EMAIL_CODE", default_value_t = true, action = clap::ArgAction::Set)]
    pub require_email_code: bool,
    /// Whether administrators are such only in a login that has shown a second factor.
    #[arg(long, env = "KONNECT_ADMIN_SECOND_FACTOR", default_value_t = true, action = clap::ArgAction::Set)]
    pub admin_second_factor: bool,
}

/// How an api process leaves its place to another one.
#[derive(Clone, Copy, Debug, Args)]
pub struct LingerConfig {
    /// How long a stopping api still takes requests, in seconds: it is not ready any more, so that balancers send none,
    /// and asks for the end of every connection that is used meanwhile. Longer than balancers need to notice.
    #[arg(long, env = "KONNECT_LINGER_SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(0..=300))]
    pub linger_seconds: u64,
}

/// Webhooks to systems of others: the api checks their addresses, and the webhook worker calls them.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct WebhookConfig {
    /// For development alone: endpoints may stand on this machine, also without TLS.
    #[arg(long, env = "KONNECT_WEBHOOKS_LOOPBACK", default_value_t = false, action = clap::ArgAction::Set)]
    pub webhooks_loopback: bool,
}

/// The servers that help browsers to find a path to each other.
#[derive(Clone, Debug, Default, Args)]
pub struct TurnConfig {
    /// STUN and TURN servers for live sessions, comma-separated, as `stun:host:port` or `turn:host:port`.
    #[arg(long, env = "TURN_URLS", value_delimiter = ',')]
    pub turn_urls: Vec<String>,
    /// The secret that the TURN servers share with us (coturn's `static-auth-secret`).
    #[arg(long, env = "TURN_SECRET", hide_env_values = true)]
    pub turn_secret: Option<SecretString>,
}

/// Access tokens: RS256 with the keys of a directory.
#[derive(Clone, Debug, Args)]
pub struct TokenConfig {
    /// Holds `*.pem` private keys (PKCS#8): `current.pem` signs, all of them verify and stand in the JWKS.
    #[arg(long, env = "KONNECT_KEYS_DIR")]
    pub keys_dir: PathBuf,
    #[arg(long, env = "KONNECT_ISSUER", default_value = "https://konnect.example")]
    pub issuer: String,
    #[arg(long, env = "KONNECT_AUDIENCE", default_value = "konnect")]
    pub audience: String,
    /// Life of an access token, in seconds.
    #[arg(long, env = "KONNECT_ACCESS_SECONDS", default_value_t = 900)]
    pub access_seconds: i64,
    /// Life of an unused refresh token, in seconds.
    #[arg(long, env = "KONNECT_REFRESH_SECONDS", default_value_t = 14 * 86_400)]
    pub refresh_seconds: i64,
}

/// What the worker processes need beside [`Config`]: the providers.
#[derive(Clone, Debug, Args)]
pub struct WorkerConfig {
    /// Jobs that run at the same time in this process; a quarter as many more of the `inbox` in the payment worker.
    #[arg(long, env = "KONNECT_WORKER_CONCURRENCY", default_value_t = 16)]
    pub concurrency: usize,
    #[arg(long, env = "TOSS_BASE_URL", default_value = "https://api.tosspayments.com")]
    pub toss_base_url: String,
    #[arg(long, env = "TOSS_SECRET_KEY", hide_env_values = true)]
    pub toss_secret_key: SecretString,
    /// The provider's security key (64 hex digits): encrypts payouts, verifies their webhooks; both are off without it.
    #[arg(long, env = "TOSS_SECURITY_KEY", hide_env_values = true)]
    pub toss_security_key: Option<SecretString>,
    /// The security key before the current one, while webhooks may still be signed with it.
    #[arg(long, env = "TOSS_SECURITY_KEY_OLD", hide_env_values = true)]
    pub toss_security_key_old: Option<SecretString>,
    /// How the security key signs webhooks: the bytes of its digits (`hex`) or the digits themselves (`ascii`).
    #[arg(long, env = "TOSS_SIGNATURE_KEY_FORM", default_value = "hex", value_parser = ["hex", "ascii"])]
    pub toss_signature_key_form: String,
    /// The merchant (`mId`) that payments must have gone to; not compared when absent.
    #[arg(long, env = "TOSS_MERCHANT_ID", value_parser = NonEmptyStringValueParser::new())]
    pub toss_merchant_id: Option<String>,
    /// How old a signed webhook may be, in seconds. The provider retries for almost four days.
    #[arg(long, env = "TOSS_WEBHOOK_TOLERANCE_SECONDS", default_value_t = 432_000)]
    pub toss_webhook_tolerance_seconds: i64,
    /// Mail server, as `smtps://user:password@host` or `smtp://host:port?tls=required`.
    #[arg(long, env = "SMTP_URL", hide_env_values = true)]
    pub smtp_url: SecretString,
    /// Certificates (PEM) of an authority of one's own that signed the mail server's.
    #[arg(long, env = "SMTP_CA_FILE")]
    pub smtp_ca_file: Option<PathBuf>,
    #[arg(long, env = "KONNECT_MAIL_FROM", default_value = "Konnect <no-reply@konnect.example>")]
    pub mail_from: String,
    /// The bare address that mails come back to which cannot be delivered; the sender's, when absent. See `admin
    /// mail-report`.
    #[arg(long, env = "SMTP_BOUNCE_ADDRESS", value_parser = NonEmptyStringValueParser::new())]
    pub smtp_bounce_address: Option<String>,
    /// The front end, where links in mails lead.
    #[arg(long, env = "KONNECT_FRONT_URL", default_value = "http://localhost:3000", value_parser = web_address)]
    pub front_url: String,
    /// How the world reaches the API: where mails are unsubscribed from.
    #[arg(long, env = "KONNECT_PUBLIC_URL", default_value = "http://127.0.0.1:3000", value_parser = web_address)]
    pub public_url: String,
    #[arg(long, env = "FCM_BASE_URL", default_value = "https://fcm.googleapis.com")]
    pub fcm_base_url: String,
    /// A Google service account key file (JSON); without it nothing is pushed.
    #[arg(long, env = "FCM_SERVICE_ACCOUNT_FILE")]
    pub fcm_service_account_file: Option<PathBuf>,
    /// Seals bank account numbers in the database: 64 hexadecimal digits, the same in every process.
    #[arg(long, env = "KONNECT_DATA_KEY", hide_env_values = true)]
    pub data_key: SecretString,
    #[command(flatten)]
    pub webhooks: WebhookConfig,
}

/// Settings as they are when the environment says nothing.
fn defaults<T: Args>() -> T {
    let mut command = T::augment_args(clap::Command::new("konnect"));
    for id in command.get_arguments().map(|a| a.get_id().clone()).collect::<Vec<_>>() {
        command = command.mut_arg(id, |arg| arg.env(None::<&str>));
    }
    T::from_arg_matches(&command.get_matches_from(["konnect"])).expect("defaults parse")
}

/// A web address without a query, as links are built on; its trailing slash goes.
fn web_address(text: &str) -> Result<String, String> {
    let url: reqwest::Url = text.parse().map_err(|_| "not a URL".to_owned())?;
    let plain = matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none();
    if !plain || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err("not http://host or https://host".to_owned());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_built_on_web_addresses() {
        assert_eq!(web_address("https://konnect.example/").unwrap(), "https://konnect.example");
        assert_eq!(web_address("http://localhost:3000/app").unwrap(), "http://localhost:3000/app");
        for bad in [
            "",
            "konnect.example",
            "javascript:alert(1)",
            "https://u:p@a.example",
            "https://a.example/?x",
            "https://a.example/#x",
        ] {
            assert!(web_address(bad).is_err(), "{bad}");
        }
    }
}
