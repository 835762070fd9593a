//! Api processes that tests kill and start again.

use std::time::Duration;

use crate::{Process, Stack, TestApp, free_address};

/// An api process with an address of its own, which it keeps when it is started again.
pub struct ApiNode {
    stack: Stack,
    pub base: String,
    process: Option<Process>,
}

impl ApiNode {
    /// Starts it over the app's stores, with the app's signing keys, and waits until it answers.
    pub async fn start(app: &TestApp) -> Self {
        Self::start_with(app, &[]).await
    }

    /// The same with further settings.
    pub async fn start_with(app: &TestApp, settings: &[(&str, &str)]) -> Self {
        let mut stack = Stack::new(app);
        for (name, value) in settings {
            stack = stack.with(name, value);
        }
        Self::start_of(app, stack).await
    }

    /// One of these processes.
    pub async fn start_of(app: &TestApp, stack: Stack) -> Self {
        let address = free_address();
        let tokens = &app.api_config.tokens;
        let keys = tokens.keys_dir.to_str().expect("a plain path");
        let stack = stack
            .with("KONNECT_BIND", &address)
            .with("KONNECT_KEYS_DIR", keys)
            .with("KONNECT_ISSUER", &tokens.issuer)
            .with("KONNECT_AUDIENCE", &tokens.audience)
            .with("TOSS_CLIENT_KEY", &app.api_config.toss_client_key);
        let mut node = Self { stack, base: format!("http://{address}"), process: None };
        node.start_again().await;
        node
    }

    /// Starts it again after a [`kill`](Self::kill) or a [`stop`](Self::stop), and waits until it answers.
    pub async fn start_again(&mut self) {
        assert!(self.process.is_none(), "it runs");
        self.process = Some(self.stack.start("api"));
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        let lives = async {
            while http.get(format!("{}/healthz", self.base)).send().await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), lives).await.expect("the api starts");
    }

    /// `kill -9`.
    pub async fn kill(&mut self) {
        self.process.take().expect("it runs").kill().await;
    }

    /// SIGTERM, and waits for its end; whether it ended well.
    pub async fn stop(&mut self) -> bool {
        self.process.take().expect("it runs").stop().await
    }

    /// A number that the process counts; 0 before it was counted for the first time. Of a metric with labels, the sum
    /// of those whose line contains `label`.
    pub async fn metric(&self, name: &str, label: &str) -> f64 {
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        let answer = http.get(format!("{}/metrics", self.base)).send().await.expect("the api lives");
        let text = answer.text().await.expect("text");
        let lines = text.lines().filter(|line| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{'])) && line.contains(label)
        });
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }
}
