//! JSON over HTTP.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use reqwest::Method;
use serde_json::Value;

/// One server, and optionally who asks it. Cheap to clone.
#[derive(Clone)]
pub struct Rest {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
    language: &'static str,
}

impl Rest {
    /// `base`: `http://host:port`. Connections are kept; a proxy of the environment is not used.
    ///
    /// # Errors
    /// When TLS can not be set up.
    pub fn new(base: &str) -> Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .tcp_nodelay(true)
            .timeout(Duration::from_secs(40))
            .build()
            .context("HTTP client")?;
        let base = base.trim_end_matches('/').to_owned();
        Ok(Self { http, base, token: None, language: "en" })
    }

    /// The same server, asked with this access token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same server, asked for texts in this language.
    pub fn with_language(&self, language: &'static str) -> Self {
        Self { language, ..self.clone() }
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    pub fn get(&self, path: &str) -> Request {
        self.request(Method::GET, path)
    }

    pub fn post(&self, path: &str) -> Request {
        self.request(Method::POST, path)
    }

    pub fn put(&self, path: &str) -> Request {
        self.request(Method::PUT, path)
    }

    pub fn delete(&self, path: &str) -> Request {
        self.request(Method::DELETE, path)
    }

    fn request(&self, method: Method, path: &str) -> Request {
        let mut inner = self
            .http
            .request(method.clone(), format!("{}{path}", self.base))
            .header("Accept-Language", self.language);
        if let Some(token) = &self.token {
            inner = inner.bearer_auth(token);
        }
        Request { inner, method, path: path.to_owned() }
    }
}

/// A request that is not sent yet.
pub struct Request {
    inner: reqwest::RequestBuilder,
    method: Method,
    path: String,
}

impl Request {
    /// `GET /v1/me`.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub fn json(mut self, body: &Value) -> Self {
        self.inner = self.inner.json(body);
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.inner = self.inner.header(name, value);
        self
    }

    /// # Errors
    /// When no answer comes, or one that says it is JSON and is not.
    pub async fn send(self) -> Result<Answer> {
        let Self { inner, method, path } = self;
        let began = Instant::now();
        let answer = inner.send().await.with_context(|| format!("{method} {path}"))?;
        let status = answer.status().as_u16();
        let text = answer.text().await.with_context(|| format!("{method} {path}"))?;
        let body = match text.as_str() {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
        };
        Ok(Answer { method: method.to_string(), path, status, body, took: began.elapsed() })
    }
}

/// What came back. A body that is no JSON is kept as a string.
#[derive(Clone, Debug)]
pub struct Answer {
    pub method: String,
    pub path: String,
    pub status: u16,
    pub body: Value,
    pub took: Duration,
}

impl Answer {
    /// # Errors
    /// When the status is another one; the problem's code and text are told.
    pub fn expect(self, status: u16) -> Result<Self> {
        if self.status == status {
            return Ok(self);
        }
        let said = match self.body.get("code").and_then(Value::as_str) {
            Some(code) => format!("{code}: {}", self.body["detail"].as_str().unwrap_or_default()),
            None => self.body.to_string().chars().take(300).collect(),
        };
        bail!("{} {} answered {} instead of {status}: {said}", self.method, self.path, self.status)
    }
}

/// `?name=value&…`, percent-encoded.
pub fn query(pairs: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        text.push(if text.is_empty() { '?' } else { '&' });
        text.push_str(name);
        text.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                text.push(char::from(byte));
            } else {
                text.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    text
}
