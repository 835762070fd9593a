//! Tests over the wire: what a client of the real providers would see.

mod cancels;
mod faults;
mod google;
mod idempotency;
mod mail;
mod payments;
mod webhooks;
mod window;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use poem::http::StatusCode;
use poem::web::Data;
use poem::{Body, EndpointExt, Request, Route, Server, handler, post};
use serde_json::{Value, json};

use crate::{Checkout, Sandbox, SandboxOptions};

pub(crate) const KEY: &str = "test_sk_konnect";

pub(crate) struct Client {
    pub(crate) sandbox: Sandbox,
    pub(crate) http: reqwest::Client,
}

/// A status, and the body as text and as JSON.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
    pub(crate) json: Value,
}

impl Answer {
    pub(crate) fn is(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.json["code"].as_str()), (status, Some(code)), "{self:?}");
    }
}

impl Client {
    pub(crate) async fn start() -> Self {
        let sandbox = Sandbox::start(SandboxOptions::default()).await.expect("it starts");
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(5))
            .build()
            .expect("a client");
        Self { sandbox, http }
    }

    pub(crate) fn checkout(&self, order: &str, amount: i64) -> Checkout {
        self.sandbox.checkout(order, amount).expect("the window takes it")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> reqwest::RequestBuilder {
        self.http.post(format!("{}{path}", self.sandbox.url())).basic_auth(KEY, Some("")).json(body)
    }

    pub(crate) fn confirm_with(&self, c: &Checkout) -> reqwest::RequestBuilder {
        let body = json!({ "paymentKey": c.payment_key, "orderId": c.order_id, "amount": c.amount });
        self.post("/v1/payments/confirm", &body)
    }

    pub(crate) async fn confirm(&self, checkout: &Checkout) -> Answer {
        send(self.confirm_with(checkout)).await
    }

    pub(crate) async fn cancel(&self, key: &str, body: Value) -> Answer {
        send(self.post(&format!("/v1/payments/{key}/cancel"), &body)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let url = format!("{}{path}", self.sandbox.url());
        send(self.http.get(url).basic_auth(KEY, Some(""))).await
    }

    /// An approved payment.
    pub(crate) async fn paid(&self, order: &str, amount: i64) -> Checkout {
        let checkout = self.checkout(order, amount);
        assert_eq!(self.confirm(&checkout).await.status, 200);
        checkout
    }
}

pub(crate) async fn send(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let text = response.text().await.expect("a body");
    let json = serde_json::from_str(&text).unwrap_or_default();
    Answer { status, text, json }
}

/// One request that arrived at [`Receiver`]: the transmission id, the retried count, the body.
pub(crate) type Received = (String, String, Value);

/// An address for webhooks that answers with whatever status it is told.
#[derive(Clone, Default)]
pub(crate) struct Receiver {
    pub(crate) got: Arc<Mutex<Vec<Received>>>,
    pub(crate) answer: Arc<Mutex<Option<u16>>>,
}

impl Receiver {
    pub(crate) async fn start(client: &Client) -> Self {
        let receiver = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("bound"));
        let acceptor = poem::listener::TcpAcceptor::from_tokio(listener).expect("an acceptor");
        let app = Route::new().at("/hook", post(hook)).data(receiver.clone());
        tokio::spawn(Server::new_with_acceptor(acceptor).run(app));
        client.sandbox.set_webhook_url(Some(url)).expect("a URL");
        receiver
    }

    pub(crate) fn statuses(&self) -> Vec<String> {
        let got = self.got.lock().expect("not poisoned");
        got.iter()
            .map(|(_, _, body)| body["data"]["status"].as_str().unwrap_or_default().to_owned())
            .collect()
    }
}

#[handler]
async fn hook(request: &Request, body: Body, Data(receiver): Data<&Receiver>) -> StatusCode {
    let header =
        |name: &str| request.header(format!("tosspayments-webhook-{name}")).unwrap_or_default().to_owned();
    assert!(header("transmission-time").contains("+09:00"));
    let body = body.into_json().await.expect("JSON");
    let received = (header("transmission-id"), header("transmission-retried-count"), body);
    receiver.got.lock().expect("not poisoned").push(received);
    let answer = *receiver.answer.lock().expect("not poisoned");
    StatusCode::from_u16(answer.unwrap_or(200)).expect("a status")
}
