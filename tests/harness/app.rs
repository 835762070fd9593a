//! One running app with everything it needs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use konnect::api;
use konnect::audit::{self, Offender, Pace};
use konnect::auth::{HashCost, Hasher, SigningKeys, Tokens, generate_key};
use konnect::clock::Clock;
use konnect::config::{
    ApiConfig, Config, FilesConfig, IdentityConfig, LogFormat, Rules, TokenConfig, TraceConfig,
    TrustedIssuer, TrustedIssuers, TurnConfig, WebhookConfig, WorkerConfig,
};
use konnect::context::{Actor, Context};
use konnect::core::Core;
use konnect::realtime::live::Turn;
use konnect::realtime::{House, Hub};
use konnect::seal::Sealer;
use konnect_jobs::{Executor, Services};
use konnect_sandbox::{IDENTITY_AUDIENCE, Sandbox, SandboxOptions};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::servers::Servers;
use crate::{Client, PrivateRedis, world};

pub const SECRET_KEY: &str = "test_sk_konnect_tests";
/// Seals account numbers.
pub const DATA_KEY: &str = "5ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea1";
/// The stand-in's.
pub const SECURITY_KEY: &str = "5d1f0c8e7a934b26b8c4e1d2f3a6978805162738495a6b7c8d9eafb0c1d2e3f4";

/// Monday 2 March 2026, 09:00 in Seoul: where every frozen clock starts.
pub fn monday() -> DateTime<Utc> {
    "2026-03-02T00:00:00Z".parse().expect("an instant")
}

/// How long connections may be in use after a test's end.
const LEAVE: Duration = Duration::from_secs(60);

pub struct TestApp {
    pub core: Core,
    pub config: Config,
    pub services: Services,
    pub executor: Executor,
    pub sandbox: Sandbox,
    pub servers: Servers,
    pub api_config: ApiConfig,
    pub tokens: Tokens,
    pub base: String,
    stop: CancellationToken,
    finished: AtomicBool,
}

impl TestApp {
    pub async fn start() -> Self {
        Self::start_with(Rules::default()).await
    }

    pub async fn start_with(rules: Rules) -> Self {
        let servers = Servers::fresh().await;
        let sandbox =
            Sandbox::start(SandboxOptions { secret_key: SECRET_KEY.into(), ..SandboxOptions::default() })
                .await
                .expect("the stand-in starts");
        sandbox.freeze(monday());
        Self::assemble(servers, sandbox, Clock::frozen(monday()), rules).await
    }

    /// With real time, for tests that start processes.
    pub async fn start_live() -> Self {
        Self::start_live_over(None, None).await
    }

    /// The same over a Redis of the test's own.
    pub async fn start_live_on(redis: &PrivateRedis) -> Self {
        Self::start_live_over(Some(redis.url()), None).await
    }

    /// The same over a Redis and a MongoDB of the test's own.
    pub async fn start_live_over(redis_url: Option<String>, mongodb_url: Option<String>) -> Self {
        let mut servers = Servers::fresh().await;
        servers.redis_url = redis_url.unwrap_or(servers.redis_url);
        servers.mongodb_url = mongodb_url.unwrap_or(servers.mongodb_url);
        let options = SandboxOptions { secret_key: SECRET_KEY.into(), ..SandboxOptions::default() };
        let sandbox = Sandbox::start(options).await.expect("the stand-in starts");
        Self::assemble(servers, sandbox, Clock::system(), Rules::default()).await
    }

    /// With a MongoDB that nobody can reach.
    pub async fn start_without_mongodb() -> Self {
        let mut servers = Servers::fresh().await;
        servers.lose_mongodb();
        let options = SandboxOptions { secret_key: SECRET_KEY.into(), ..SandboxOptions::default() };
        let sandbox = Sandbox::start(options).await.expect("the stand-in starts");
        sandbox.freeze(monday());
        Self::assemble(servers, sandbox, Clock::frozen(monday()), Rules::default()).await
    }

    async fn assemble(servers: Servers, sandbox: Sandbox, clock: Clock, rules: Rules) -> Self {
        let config = Config {
            database_url: servers.database_url.clone().into(),
            db_connections: 24,
            replica_url: None,
            replica_max_lag_seconds: 5,
            redis_url: servers.redis_url.clone().into(),
            redis_prefix: servers.redis_prefix.clone(),
            mongodb_url: servers.mongodb_url.clone().into(),
            mongo_database: servers.mongo_database.clone(),
            // A busy machine is no outage; where MongoDB is away on purpose, nobody waits that long.
            mongo_patience_ms: if servers.has_mongodb() { 20_000 } else { 2_000 },
            ops_bind: None,
            drain_seconds: 5,
            log_format: LogFormat::Text,
            clock_file: None,
            traces: TraceConfig::default(),
            files: FilesConfig::folder(std::env::temp_dir().join(format!("{}_files", servers.redis_prefix))),
            rules,
        };
        let core = Core::connect(&config, clock).await.expect("the stores of the test run");
        core.db.migrate().await.expect("migrations run");

        let keys = std::env::temp_dir().join(&servers.redis_prefix);
        generate_key(&keys).expect("a signing key");
        let api_config = ApiConfig {
            bind: "127.0.0.1:0".parse().expect("an address"),
            public_url: "http://127.0.0.1".into(),
            cors_origins: vec!["http://localhost:3000".into()],
            trusted_proxies: 0,
            tokens: TokenConfig {
                keys_dir: keys.clone(),
                issuer: "https://konnect.test".into(),
                audience: "konnect".into(),
                access_seconds: 900,
                refresh_seconds: 14 * 86_400,
            },
            sockets_per_user: 10,
            toss_client_key: "test_ck_konnect_tests".into(),
            data_key: DATA_KEY.into(),
            turn: Default::default(),
            webhooks: WebhookConfig { webhooks_loopback: true },
            limits: Default::default(),
            identity: identity(&sandbox),
            require_email_code: false,
            admin_second_factor: false,
        };
        let signing = SigningKeys::load(&api_config.tokens).expect("the key just made");
        let tokens = Tokens::new(signing, &api_config.tokens);
        let stop = CancellationToken::new();
        let hub = Hub::start(&core, api_config.sockets_per_user, stop.clone());
        let app = Arc::new(api::App {
            core: core.clone(),
            tokens: tokens.clone(),
            hasher: Hasher::new(HashCost::Cheap).expect("a hasher"),
            config: api_config.clone(),
            house: House::open(hub.clone(), turn()),
            hub,
            identities: api::identities(&api_config.identity, &core.clock).expect("addresses"),
            sealer: sealer(),
            intake: Default::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(api::serve(app, listener, stop.clone(), Duration::from_secs(1)));
        sandbox.set_webhook_url(Some(format!("{base}/v1/webhooks/toss"))).expect("a URL");

        let services = Services::new(core.clone(), &worker_config(&sandbox)).expect("the clients");
        let executor = Executor::new(services.clone(), "test-worker");
        Self {
            core,
            config,
            services,
            executor,
            sandbox,
            servers,
            api_config,
            tokens,
            base,
            stop,
            finished: AtomicBool::new(false),
        }
    }

    /// A second api process over the same stores.
    pub async fn second_api(&self) -> String {
        self.api_with(&self.config).await.0
    }

    /// The same with other settings of the api.
    pub async fn second_api_with(&self, change: impl FnOnce(&mut ApiConfig)) -> String {
        let mut api_config = self.api_config.clone();
        change(&mut api_config);
        self.api_of(&self.config, api_config).await.0
    }

    /// An api process with stores of its own, and these stores.
    pub async fn api_with(&self, config: &Config) -> (String, Core) {
        self.api_of(config, self.api_config.clone()).await
    }

    async fn api_of(&self, config: &Config, api_config: ApiConfig) -> (String, Core) {
        let core = Core::connect(config, self.core.clock.clone()).await.expect("the stores");
        let hub = Hub::start(&core, self.api_config.sockets_per_user, self.stop.clone());
        let app = Arc::new(api::App {
            core: core.clone(),
            tokens: self.tokens.clone(),
            hasher: Hasher::new(HashCost::Cheap).expect("a hasher"),
            identities: api::identities(&api_config.identity, &self.core.clock).expect("addresses"),
            config: api_config,
            house: House::open(hub.clone(), turn()),
            hub,
            sealer: sealer(),
            intake: Default::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(api::serve(app, listener, self.stop.clone(), Duration::from_secs(1)));
        (base, core)
    }

    /// The stores of this test as a process that cannot reach the others: what it commits is announced to nobody.
    pub async fn deaf_core(&self) -> Core {
        let mut config = self.config.clone();
        config.redis_prefix.push_str("_elsewhere");
        Core::connect(&config, self.core.clock.clone()).await.expect("the stores")
    }

    /// Tells every api of this test to stop, as SIGTERM would.
    pub fn stop_apis(&self) {
        self.stop.cancel();
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.core.clock.now()
    }

    /// Moves our clock and the provider's.
    pub fn advance(&self, by: TimeDelta) {
        self.core.clock.advance(by);
        self.sandbox.advance(by);
    }

    pub fn advance_to(&self, at: DateTime<Utc>) {
        self.advance(at - self.now());
    }

    pub fn anonymous(&self) -> Client {
        Client::new(&self.base, None)
    }

    pub fn context(&self) -> Context {
        Context::new(Actor::Operator, "test")
    }

    /// Ends the test: nothing due, nothing dead, no invariant broken.
    pub async fn finish(self) {
        self.expect_no_jobs().await;
        self.expect_sound().await;
        self.leave().await;
    }

    /// Ends a test that leaves dead jobs on purpose.
    pub async fn leave(self) {
        self.finished.store(true, Ordering::SeqCst);
        self.stop.cancel();
        let closed = tokio::time::timeout(LEAVE, self.core.db.pool().close()).await;
        assert!(closed.is_ok(), "somebody keeps a connection to the database");
        let _ = std::fs::remove_dir_all(&self.api_config.tokens.keys_dir);
        let _ = std::fs::remove_dir_all(&self.config.files.files_dir);
        self.servers.remove().await;
    }

    /// No rule of the audit is broken, whatever was touched when.
    pub async fn expect_sound(&self) {
        assert_eq!(self.audit().await, [], "the audit");
    }

    /// What a full pass of the audit finds.
    pub async fn audit(&self) -> Vec<Offender> {
        let found = audit::pass(self.core.db.pool(), self.now(), Pace::Full, |_| ()).await;
        found.expect("the audit runs").offenders
    }

    /// Waits until something that other tasks do has happened; fails after half a minute.
    pub async fn until(&self, mut happened: impl AsyncFnMut() -> bool) {
        let give_up = tokio::time::Instant::now() + Duration::from_secs(30);
        while !happened().await {
            assert!(tokio::time::Instant::now() < give_up, "it did not happen");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn mentor(&self, name: &str) -> world::Person {
        world::mentor(self, name).await
    }

    pub async fn mentee(&self, name: &str) -> world::Person {
        world::mentee(self, name).await
    }

    /// An administrator who is nothing else.
    pub async fn admin(&self, name: &str) -> world::Person {
        world::admin(self, name).await
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if !self.finished.load(Ordering::SeqCst) && !std::thread::panicking() {
            panic!("a test ends with TestApp::finish, which looks for jobs and broken invariants");
        }
    }
}

pub fn worker_config(sandbox: &Sandbox) -> WorkerConfig {
    WorkerConfig {
        concurrency: 8,
        toss_base_url: sandbox.url().to_owned(),
        toss_secret_key: SECRET_KEY.into(),
        toss_security_key: Some(SECURITY_KEY.into()),
        toss_security_key_old: None,
        toss_signature_key_form: "hex".into(),
        toss_merchant_id: None,
        toss_webhook_tolerance_seconds: 432_000,
        smtp_url: sandbox.smtp_url().into(),
        smtp_ca_file: None,
        mail_from: "Konnect <no-reply@konnect.test>".into(),
        smtp_bounce_address: None,
        front_url: "https://app.konnect.test".into(),
        public_url: "https://api.konnect.test".into(),
        fcm_base_url: sandbox.url().to_owned(),
        fcm_service_account_file: None,
        data_key: DATA_KEY.into(),
        webhooks: WebhookConfig { webhooks_loopback: true },
    }
}

/// Every provider is the stand-in.
fn identity(sandbox: &Sandbox) -> IdentityConfig {
    IdentityConfig {
        google_client_ids: vec![IDENTITY_AUDIENCE.into()],
        google_issuer_url: format!("{}/oidc/google", sandbox.url()),
        kakao_app_keys: vec![IDENTITY_AUDIENCE.into()],
        kakao_issuer_url: format!("{}/oidc/kakao", sandbox.url()),
        naver_login: true,
        naver_api_url: format!("{}/naver", sandbox.url()),
        trusted_issuers: TrustedIssuers(vec![
            issuer(sandbox, "corp", true),
            issuer(sandbox, "school", false),
        ]),
    }
}

fn issuer(sandbox: &Sandbox, name: &str, vouches_for_email: bool) -> TrustedIssuer {
    let (url, audiences) = (format!("{}/oidc/{name}", sandbox.url()), vec![IDENTITY_AUDIENCE.into()]);
    TrustedIssuer { name: name.to_owned(), url, audiences, vouches_for_email }
}

pub fn sealer() -> Sealer {
    Sealer::new(&DATA_KEY.into()).expect("a key")
}

/// A relay that is not there: the sessions of tests are held on one machine, and need none.
fn turn() -> Turn {
    let turn_urls = vec!["turn:127.0.0.1:9".to_owned()];
    Turn::new(&TurnConfig { turn_urls, turn_secret: Some("a secret of two servers".into()) })
        .expect("settings")
}
