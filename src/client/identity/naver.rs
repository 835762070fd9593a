//! Naver signs nothing: its open API says whose an access token is.

use reqwest::{Client, Url};
use serde::Deserialize;

use super::{IdentityError, Person, TIMEOUT, http, subject};
use crate::client::ConfigError;

const SETTING: &str = "NAVER_API_URL";
/// A token that is longer is none.
const MAX_BYTES: usize = 2 * 1024;

pub(super) struct Naver {
    http: Client,
    url: Url,
}

#[derive(Deserialize)]
struct Answer {
    resultcode: String,
    response: Option<Profile>,
}

#[derive(Deserialize)]
struct Profile {
    id: String,
    email: Option<String>,
    name: Option<String>,
    nickname: Option<String>,
}

impl Naver {
    pub fn new(base: &str) -> Result<Self, ConfigError> {
        let url = http::endpoint(&http::base_url(SETTING, base)?, &["v1", "nid", "me"]);
        Ok(Self { http: http::client(SETTING, TIMEOUT)?, url })
    }

    /// # Errors
    /// `Invalid` when Naver does not know the token; `Away` when it says neither.
    pub async fn ask(&self, access_token: &str) -> Result<Person, IdentityError> {
        let plain = access_token.bytes().all(|b| b.is_ascii_graphic());
        if access_token.is_empty() || access_token.len() > MAX_BYTES || !plain {
            return Err(IdentityError::Invalid("its form".to_owned()));
        }
        let request = self.http.get(self.url.clone()).bearer_auth(access_token);
        let answer = http::exchange(request).await.map_err(IdentityError::Away)?;
        match answer.status {
            200 => read(&answer.body),
            401 | 403 => Err(IdentityError::Invalid(format!("status {}", answer.status))),
            status => Err(IdentityError::Away(format!("status {status}"))),
        }
    }
}

fn read(body: &[u8]) -> Result<Person, IdentityError> {
    let unknown = || IdentityError::Away("not what is documented".to_owned());
    let answer: Answer = serde_json::from_slice(body).map_err(|_| unknown())?;
    if answer.resultcode != "00" {
        return Err(IdentityError::Invalid("its result code".to_owned()));
    }
    let profile = answer.response.ok_or_else(unknown)?;
    Ok(Person {
        subject: subject(&profile.id)?,
        email: profile.email,
        email_verified: false,
        name: profile.name.or(profile.nickname),
    })
}
