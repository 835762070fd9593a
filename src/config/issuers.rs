//! Issuers of tokens that the operator trusts beside Google, Kakao and Naver. A list that cannot be meant is refused when the
//! process starts.

use std::collections::HashSet;
use std::net::IpAddr;
use std::str::FromStr;

use reqwest::Url;
use serde::Deserialize;

/// Names that would be taken for somebody else's.
const RESERVED: [&str; 3] = ["google", "kakao", "naver"];
const LONGEST_NAME: usize = 32;
/// A name and an address stand together in a column of 191 characters.
const LONGEST_URL: usize = 150;
const MOST: usize = 20;
const MOST_AUDIENCES: usize = 20;

/// Somebody whose tokens are exchanged for sessions of ours.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrustedIssuer {
    /// How clients and people name it: it stands in paths and in lists of identities.
    pub name: String,
    /// As its tokens write it (`iss`); its keys are found through `/.well-known/openid-configuration` below it.
    #[serde(rename = "issuer")]
    pub url: String,
    /// Whom a token must be for.
    pub audiences: Vec<String>,
    /// Whether its `email_verified` is believed: then its people come into the account of that address.
    #[serde(default)]
    pub vouches_for_email: bool,
}

/// All of them, in the order of the setting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedIssuers(pub Vec<TrustedIssuer>);

impl FromStr for TrustedIssuers {
    type Err = String;

    /// A JSON list; an empty text is an empty list.
    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let list: Vec<TrustedIssuer> =
            serde_json::from_str(text).map_err(|error| format!("not a list of issuers: {error}"))?;
        if list.len() > MOST {
            return Err(format!("more than {MOST} issuers"));
        }
        let (mut names, mut urls) = (HashSet::new(), HashSet::new());
        for issuer in &list {
            issuer.check()?;
            if !names.insert(issuer.name.as_str()) {
                return Err(format!("{:?} stands there twice", issuer.name));
            }
            if !urls.insert(issuer.url.trim_end_matches('/')) {
                return Err(format!("{} has two names; its audiences go into one list", issuer.url));
            }
        }
        Ok(Self(list))
    }
}

impl TrustedIssuer {
    fn check(&self) -> Result<(), String> {
        let name = &self.name;
        let plain = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.len() <= LONGEST_NAME
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !plain {
            return Err(format!(
                "{name:?} is no name: 1 to {LONGEST_NAME} of a-z, 0-9 and -, a letter first"
            ));
        }
        if RESERVED.contains(&name.as_str()) {
            return Err(format!("{name:?} is the name of a provider that has its own settings"));
        }
        check_url(&self.url).map_err(|wrong| format!("{name}: {:?} {wrong}", self.url))?;
        let listed = (1..=MOST_AUDIENCES).contains(&self.audiences.len());
        if !listed || self.audiences.iter().any(|audience| audience.trim().is_empty()) {
            return Err(format!("{name}: 1 to {MOST_AUDIENCES} audiences, none of them empty"));
        }
        Ok(())
    }
}

/// Keys that come over a line which others can write on are anybody's: without TLS only on this machine.
fn check_url(text: &str) -> Result<(), &'static str> {
    let url: Url = text.parse().map_err(|_| "is no address")?;
    let bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    match url.scheme() {
        _ if !bare => Err("has credentials, a query or a fragment"),
        _ if url.as_str().len() > LONGEST_URL => Err("is too long"),
        "https" => Ok(()),
        "http" if is_loopback(&url) => Ok(()),
        _ => Err("must begin with https:// (http:// only on this machine)"),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn one(change: impl FnOnce(&mut Value)) -> Value {
        let mut issuer =
            json!({ "name": "corp", "issuer": "https://id.corp.example", "audiences": ["konnect"] });
        change(&mut issuer);
        issuer
    }

    #[test]
    fn a_list_is_read_as_it_is_written() {
        assert_eq!("".parse(), Ok(TrustedIssuers::default()));
        assert_eq!("[]".parse(), Ok(TrustedIssuers::default()));
        let text = json!([
            one(|_| ()),
            one(|issuer| {
                issuer["name"] = json!("school-2");
                issuer["issuer"] = json!("http://127.0.0.1:9/realms/a/");
                issuer["vouchesForEmail"] = json!(true);
            }),
        ]);
        let TrustedIssuers(list) = text.to_string().parse().unwrap();
        assert_eq!(list.iter().map(|issuer| issuer.vouches_for_email).collect::<Vec<_>>(), [false, true]);
        for local in ["http://localhost:9", "http://[::1]:9"] {
            let text = json!([one(|issuer| issuer["issuer"] = json!(local))]).to_string();
            assert!(text.parse::<TrustedIssuers>().is_ok(), "{local}");
        }
    }

    #[test]
    fn a_list_that_cannot_be_meant_is_refused_with_the_reason() {
        let set = |field: &str, value: Value| json!([one(|issuer| issuer[field] = value)]);
        let twice = json!([one(|_| ()), one(|issuer| issuer["issuer"] = json!("https://other.example"))]);
        let renamed = json!([
            one(|_| ()),
            one(|issuer| {
                issuer["name"] = json!("again");
                issuer["issuer"] = json!("https://id.corp.example/");
            }),
        ]);
        for (list, reason) in [
            (json!({}), "not a list"),
            (json!([{ "name": "corp" }]), "not a list"),
            (set("audience", json!("konnect")), "unknown field"),
            (set("name", json!("Corp")), "no name"),
            (set("name", json!("")), "no name"),
            (set("name", json!("a/b")), "no name"),
            (set("name", json!("google")), "its own settings"),
            (set("issuer", json!("http://id.corp.example")), "https://"),
            (set("issuer", json!("http://127.0.0.1.corp.example")), "https://"),
            (set("issuer", json!("ftp://127.0.0.1")), "https://"),
            (set("issuer", json!("https://u:p@id.corp.example")), "credentials"),
            (set("issuer", json!("https://id.corp.example/?a=b")), "query"),
            (set("issuer", json!(format!("https://a.example/{}", "x".repeat(150)))), "too long"),
            (set("issuer", json!("id.corp.example")), "no address"),
            (set("audiences", json!([])), "audiences"),
            (set("audiences", json!(["konnect", " "])), "audiences"),
            (twice, "twice"),
            (renamed, "two names"),
        ] {
            let refused = list.to_string().parse::<TrustedIssuers>().unwrap_err();
            assert!(refused.contains(reason), "{list}: {refused}");
        }
    }
}
