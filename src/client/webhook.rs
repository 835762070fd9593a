//! Calls endpoints that others named: never inside our own network, following nobody's redirect, reading little.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, Request, Url};

use super::ConfigError;
use super::call::Call;
use super::http::{reason, retry_after};
use crate::clock::Clock;
use crate::outside::Fence;
use crate::trace;

/// A whole exchange, from the name to the last byte that is read.
const TIMEOUT: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// As much of an answer as is kept, in bytes.
pub const KEPT: usize = 1024;

/// What came of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    pub millis: u32,
    pub answer: Result<Answer, String>,
}

/// What an endpoint said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// The beginning, at most [`KEPT`] bytes.
    pub body: Vec<u8>,
    pub retry_after: Option<Duration>,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Poster {
    http: Client,
    fence: Fence,
    clock: Clock,
}

impl Poster {
    pub fn new(fence: Fence, clock: Clock) -> Result<Self, ConfigError> {
        let http = Client::builder()
            .user_agent(concat!("konnect-webhooks/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .redirect(Policy::none())
            // A proxy would look names up itself, where the fence does not stand.
            .no_proxy()
            // An endpoint that was let in once is looked up again for the next event.
            .pool_max_idle_per_host(0)
            .dns_resolver(Fenced(fence))
            .build()
            .map_err(|error| ConfigError::new("webhooks", reason(&error)))?;
        Ok(Self { http, fence, clock })
    }

    /// Sends one message. No complete answer tells nothing about whether it was taken.
    pub async fn post(&self, url: &str, headers: [(&'static str, String); 3], body: String) -> Posted {
        let started = tokio::time::Instant::now();
        let answer = self.exchange(url, headers, body).await;
        let millis = u32::try_from(started.elapsed().as_millis()).unwrap_or(u32::MAX);
        Posted { millis, answer }
    }

    async fn exchange(
        &self,
        url: &str,
        headers: [(&'static str, String); 3],
        body: String,
    ) -> Result<Answer, String> {
        // Numbers never come to the resolver, and the rules may be stricter than when the address was written.
        let url: Url = self.fence.read(url).map_err(|refused| refused.to_string())?;
        let mut request = self.http.post(url).header("content-type", "application/json").body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let (client, request) = request.build_split();
        let mut request = request.map_err(|error| reason(&error.without_url()))?;
        let call = Call::begin(&mut request);
        let answer = trace::within(call.span.clone(), self.receive(client, request)).await;
        call.end(answer.as_ref().ok().map(|answer| answer.status));
        answer
    }

    async fn receive(&self, client: Client, request: Request) -> Result<Answer, String> {
        let mut response = client.execute(request).await.map_err(|error| reason(&error.without_url()))?;
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers(), self.clock.now());
        let mut body = Vec::new();
        // The status decides; a body that breaks off, or never ends, changes nothing.
        while body.len() < KEPT {
            let Ok(Some(chunk)) = response.chunk().await else { break };
            body.extend_from_slice(&chunk[..chunk.len().min(KEPT - body.len())]);
        }
        Ok(Answer { status, body, retry_after })
    }
}

/// Looks names up and gives only addresses outside, so that what is judged is what is called.
struct Fenced(Fence);

impl Resolve for Fenced {
    fn resolve(&self, name: Name) -> Resolving {
        let fence = self.0;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let outside = pick(fence, found).ok_or("the name leads to a private address")?;
            Ok(Box::new(outside.into_iter()) as Addrs)
        })
    }
}

/// All or nothing: a name that leads inside as well is not somebody else's.
fn pick(fence: Fence, found: Vec<SocketAddr>) -> Option<Vec<SocketAddr>> {
    let lets = |address: &SocketAddr| fence.lets(address.ip());
    (!found.is_empty() && found.iter().all(lets)).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::super::stub;
    use super::*;

    fn poster(loopback: bool) -> Poster {
        Poster::new(Fence { loopback }, Clock::system()).expect("a client")
    }

    fn headers() -> [(&'static str, String); 3] {
        [("webhook-id", "1".into()), ("webhook-timestamp", "2".into()), ("webhook-signature", "v1,x".into())]
    }

    #[tokio::test]
    async fn names_that_lead_inside_are_not_called() {
        let (base, seen) = stub::http(|_| (200, "", String::new()));
        let by_name = base.replace("127.0.0.1", "localhost").replace("http:", "https:");
        for url in [&base, &by_name] {
            assert!(poster(false).post(url, headers(), "{}".into()).await.answer.is_err(), "{url}");
        }
        // Where the name itself is let through, the resolver is asked.
        let refused = Fenced(Fence::default()).resolve("localhost".parse().expect("a name")).await;
        assert!(refused.is_err_and(|error| error.to_string().contains("private")));
        assert!(seen.lock().unwrap().is_empty());
        let mixed: Vec<SocketAddr> = vec!["8.8.8.8:0".parse().unwrap(), "10.0.0.1:0".parse().unwrap()];
        assert_eq!(pick(Fence::default(), mixed), None, "half inside is inside");
        assert_eq!(pick(Fence::default(), Vec::new()), None);
    }

    #[tokio::test]
    async fn redirects_are_answers_and_little_is_read() {
        let (base, seen) = stub::http(|request| match request.contains("/move") {
            true => (302, "location: http://127.0.0.1:1/inside\r\n", String::new()),
            false => (503, "retry-after: 120\r\n", "x".repeat(5_000)),
        });
        let moved = poster(true).post(&format!("{base}/move"), headers(), "{}".into()).await;
        assert_eq!(moved.answer.expect("an answer").status, 302);
        let busy = poster(true).post(&base, headers(), "{\"a\":1}".into()).await.answer.expect("an answer");
        assert_eq!((busy.status, busy.body.len()), (503, KEPT));
        assert_eq!(busy.retry_after, Some(Duration::from_secs(120)));
        let seen = seen.lock().unwrap();
        assert_eq!(seen.len(), 2, "nobody followed");
        assert!(seen[1].contains("webhook-signature: v1,x") && seen[1].ends_with("{\"a\":1}"));
    }
}
