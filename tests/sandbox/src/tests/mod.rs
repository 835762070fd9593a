//! Tests over the wire: what a client of the real providers would see.

mod accounts;
mod cancels;
mod console;
mod faults;
mod google;
mod idempotency;
mod mail;
mod payments;
mod payout_faults;
mod payouts;
mod secure;
mod sellers;
mod settlements;
mod signed;
mod webhooks;
mod window;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use poem::http::{HeaderMap, StatusCode};
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

    /// An error in the frame of v2.
    pub(crate) fn is_v2(&self, status: u16, code: &str) {
        let found = self.json["error"]["code"].as_str();
        assert_eq!(
            (self.status, found, &self.json["entityBody"]),
            (status, Some(code), &Value::Null),
            "{self:?}"
        );
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

    /// An encrypted POST of the payout service, and its answer opened.
    pub(crate) async fn sealed(&self, path: &str, body: &Value) -> Answer {
        secure::open(send(self.sealed_with(path, body)).await)
    }

    pub(crate) fn sealed_with(&self, path: &str, body: &Value) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.sandbox.url());
        let jwe = secure::request(body.to_string().as_bytes());
        self.http.post(url).basic_auth(KEY, Some("")).header(secure::MODE.0, secure::MODE.1).body(jwe)
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

/// The bytes and the headers of a request.
pub(crate) type RawRequest = (Vec<u8>, HeaderMap);

/// An address for webhooks that answers with whatever status it is told.
#[derive(Clone, Default)]
pub(crate) struct Receiver {
    pub(crate) got: Arc<Mutex<Vec<Received>>>,
    /// The same requests as bytes and headers.
    pub(crate) raw: Arc<Mutex<Vec<RawRequest>>>,
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

    /// The bodies so far.
    pub(crate) fn bodies(&self) -> Vec<Value> {
        self.got.lock().expect("not poisoned").iter().map(|got| got.2.clone()).collect()
    }

    /// The newest request, and one of its headers.
    pub(crate) fn last(&self, header: &str) -> (Vec<u8>, Option<String>) {
        let raw = self.raw.lock().expect("not poisoned");
        let (body, headers) = raw.last().expect("one has arrived");
        (body.clone(), headers.get(header).map(|value| value.to_str().expect("ASCII").to_owned()))
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
    let bytes = body.into_vec().await.expect("a body");
    let body = serde_json::from_slice(&bytes).unwrap_or_default();
    receiver.raw.lock().expect("not poisoned").push((bytes, request.headers().clone()));
    let received = (header("transmission-id"), header("transmission-retried-count"), body);
    receiver.got.lock().expect("not poisoned").push(received);
    let answer = *receiver.answer.lock().expect("not poisoned");
    StatusCode::from_u16(answer.unwrap_or(200)).expect("a status")
}
