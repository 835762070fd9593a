//! Files in a bucket behind the S3 protocol: PUT, GET and DELETE of an object, addressed by path.

use std::time::Duration;

use futures_util::stream;
use reqwest::{Client, Method, RequestBuilder, Url};

use super::sign::{Asked, Signer, sha256_hex, stamp};
use super::{BucketSettings, Content, FilesError};
use crate::client::ConfigError;
use crate::client::http::{base_url, client, endpoint, reason};
use crate::clock::Clock;

/// For a whole file of the largest size.
const TOTAL: Duration = Duration::from_secs(60);

pub(super) struct Bucket {
    http: Client,
    base: Url,
    name: String,
    signer: Signer,
    clock: Clock,
}

impl Bucket {
    pub fn new(settings: BucketSettings, clock: Clock) -> Result<Self, ConfigError> {
        Ok(Self {
            http: client("KONNECT_S3_URL", TOTAL)?,
            base: base_url("KONNECT_S3_URL", &settings.url)?,
            name: settings.name,
            signer: Signer {
                region: settings.region,
                access_key: settings.access_key,
                secret_key: settings.secret_key,
            },
            clock,
        })
    }

    pub async fn put(&self, key: &str, content: Vec<u8>) -> Result<(), FilesError> {
        self.sent(self.asked(Method::PUT, key, &content).body(content)).await?;
        Ok(())
    }

    pub async fn get(&self, key: &str) -> Result<Content, FilesError> {
        let response = self.sent(self.asked(Method::GET, key, &[])).await?;
        Ok(Box::pin(stream::try_unfold(response, |mut response| async move {
            let chunk = response.chunk().await.map_err(std::io::Error::other)?;
            Ok(chunk.map(|chunk| (chunk.to_vec(), response)))
        })))
    }

    pub async fn delete(&self, key: &str) -> Result<(), FilesError> {
        match self.sent(self.asked(Method::DELETE, key, &[])).await {
            Ok(_) | Err(FilesError::Missing) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// A signed request about one object.
    fn asked(&self, method: Method, key: &str, body: &[u8]) -> RequestBuilder {
        let url = endpoint(&self.base, &[&self.name, key]);
        let now = self.clock.now();
        let (at, hash) = (stamp(now), sha256_hex(body));
        let host = match url.port() {
            Some(port) => format!("{}:{port}", url.host_str().unwrap_or_default()),
            None => url.host_str().unwrap_or_default().to_owned(),
        };
        let headers = [("host", host.as_str()), ("x-amz-content-sha256", &hash), ("x-amz-date", &at)];
        let asked =
            Asked { method: method.as_str(), path: url.path(), headers: &headers, body_sha256: &hash };
        let authorization = self.signer.authorization(&asked, now);
        self.http
            .request(method, url)
            .header("x-amz-content-sha256", hash)
            .header("x-amz-date", at)
            .header("authorization", authorization)
    }

    async fn sent(&self, request: RequestBuilder) -> Result<reqwest::Response, FilesError> {
        let response =
            request.send().await.map_err(|error| FilesError::Bucket(reason(&error.without_url())))?;
        match response.status().as_u16() {
            200..=299 => Ok(response),
            404 => Err(FilesError::Missing),
            status => Err(FilesError::Bucket(format!("status {status}"))),
        }
    }
}
