//! A stand-in for the services Konnect depends on but does not own: Toss Payments, Google (OAuth token and FCM
//! HTTP v1) and an SMTP server. It knows nothing of Konnect. Beside it
//! stands somebody else's system that webhooks go to ([`Receiver`]).
//!
//! It runs as a process (`sandbox`) for development and browsers, and inside a test ([`Sandbox::start`]). Money
//! rules are those of the real provider; faults are commanded by `/sandbox/faults` or [`Handle::fault`].

mod calendar;
mod calls;
mod clock;
mod connection;
mod control;
mod faults;
mod fcm;
mod handle;
mod html;
mod id;
mod idempotency;
mod identity;
mod mime;
mod pages;
mod receiver;
mod server;
mod smtp;
mod smtp_tls;
mod state;
mod tally;
#[cfg(test)]
mod tests;
mod toss;

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use self::calls::Call;
pub use self::clock::Instant;
pub use self::faults::{Effect, Endpoint, Fault, Match};
pub use self::fcm::Push;
pub use self::handle::Handle;
pub use self::identity::IDENTITY_AUDIENCE;
pub use self::receiver::{Received, Receiver, Reply};
pub use self::smtp::Mail;
pub use self::smtp_tls::SecureMail;
pub use self::toss::{
    Account, Balance, BusinessType, Cancel, Card, Checkout, Company, Delivery, EasyPay, Failure, Individual,
    LedgerTotals, Link, Method, NewCheckout, Payment, Payout, PayoutStatus, RefundAccount, ScheduleType,
    Seller, SellerStatus, Signature, SignatureKey, Status, TEST_SECURITY_KEY, Transaction, Transfer,
    VirtualAccount, WebhookKinds, WebhookMode,
};

use self::clock::Clock;
use self::connection::{Connections, CuttableAcceptor};
use self::smtp_tls::Encryption;
use self::state::{Shared, State};
use self::toss::security::Security;

/// How often expiry and webhook retries are looked at; tests that move the clock do not wait for it.
const TICK: Duration = Duration::from_millis(250);

/// What a stand-in is started with.
#[derive(Clone, Debug)]
pub struct SandboxOptions {
    /// `host:port` of HTTP; port 0 takes a free one.
    pub bind: String,
    /// `host:port` of SMTP.
    pub smtp_bind: String,
    /// Where webhooks go; none are sent without it.
    pub webhook_url: Option<String>,
    /// The secret key of the merchant.
    pub secret_key: String,
    /// The security key of the payout service: 64 hexadecimal digits.
    pub security_key: String,
    /// A file with the clock's offset in whole seconds, shared with other processes.
    pub clock_file: Option<PathBuf>,
}

impl Default for SandboxOptions {
    /// Free ports on loopback, no webhooks, a test key, real time.
    fn default() -> Self {
        Self {
            bind: "127.0.0.1:0".to_owned(),
            smtp_bind: "127.0.0.1:0".to_owned(),
            webhook_url: None,
            secret_key: "test_sk_konnect".to_owned(),
            security_key: TEST_SECURITY_KEY.to_owned(),
            clock_file: None,
        }
    }
}

/// A running stand-in; it stops when this is dropped. Everything else is on [`Handle`], reached by dereference.
pub struct Sandbox {
    handle: Handle,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Sandbox {
    /// Binds both ports and serves.
    ///
    /// # Errors
    /// When a port is taken, the security key is malformed, or the webhook address is no URL.
    pub async fn start(options: SandboxOptions) -> anyhow::Result<Self> {
        let listener = bind(&options.bind).await?;
        let smtp = bind(&options.smtp_bind).await?;
        let connections = Connections::default();
        let security = Security::new(&options.security_key)?;
        let shared = Arc::new(Shared {
            url: format!("http://{}", listener.local_addr()?),
            smtp_url: format!("smtp://{}", smtp.local_addr()?),
            secret_key: options.secret_key,
            clock: Clock::new(options.clock_file),
            connections: connections.clone(),
            // Webhooks go straight to their address, whatever proxy the environment names.
            http: reqwest::Client::builder().no_proxy().build().context("HTTP client")?,
            runtime: tokio::runtime::Handle::current(),
            deliveries: watch::Sender::new(0),
            state: Mutex::new(State { security, ..State::default() }),
        });
        let handle = Handle { shared: shared.clone() };
        handle.set_webhook_url(options.webhook_url)?;

        let stop = CancellationToken::new();
        let acceptor = CuttableAcceptor { listener, connections };
        let tasks = vec![
            tokio::spawn(server::serve(acceptor, handle.clone(), stop.clone())),
            tokio::spawn(smtp::serve(smtp, shared.clone(), Encryption::Open, stop.clone())),
            tokio::spawn(tick(shared, stop.clone())),
        ];
        Ok(Self { handle, stop, tasks })
    }

    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Two more ports of the mail server, where it encrypts and calls itself `name`. They end with the stand-in.
    ///
    /// # Errors
    /// When no certificate can be made for the name.
    pub async fn secure_mail(&self, name: &str) -> anyhow::Result<SecureMail> {
        let (acceptor, roots) = smtp_tls::acceptor(name)?;
        let [starttls, wrapped] = [bind("127.0.0.1:0").await?, bind("127.0.0.1:0").await?];
        let (starttls_at, smtps_at) = (starttls.local_addr()?, wrapped.local_addr()?);
        for (listener, encryption) in
            [(starttls, Encryption::StartTls(acceptor.clone())), (wrapped, Encryption::Wrapped(acceptor))]
        {
            tokio::spawn(smtp::serve(listener, self.shared.clone(), encryption, self.stop.clone()));
        }
        Ok(SecureMail {
            starttls_url: format!("smtp://{starttls_at}?tls=required"),
            smtps_url: format!("smtps://{smtps_at}"),
            roots,
        })
    }

    /// Stops, and returns when both ports are free.
    pub async fn stop(mut self) {
        self.stop.cancel();
        for task in std::mem::take(&mut self.tasks) {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task of the stand-in broke off");
            }
        }
    }
}

impl Deref for Sandbox {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn bind(address: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("can not listen on {address}"))
}

async fn tick(shared: Arc<Shared>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(TICK) => toss::webhook::tick(&shared),
        }
    }
}
