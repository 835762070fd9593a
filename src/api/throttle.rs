//! What is limited, and by whom it is counted. Webhooks are not: the provider repeats what was refused.

use std::net::IpAddr;
use std::sync::Arc;

use poem::http::{Method, header};
use poem::{Endpoint, Request, Result};

use super::problem::Problem;
use super::{App, Shared, request};
use crate::config::Limit;
use crate::context::Origin;
use crate::id::UserId;
use crate::throttle::{Away, TooOften};
use crate::user::Email;

/// A picture is changed now and then.
const PICTURES: Limit = Limit::of(20, 3600);
/// Files are sent by the handful.
const UPLOADS: Limit = Limit::of(60, 600);

impl From<TooOften> for Problem {
    fn from(error: TooOften) -> Self {
        let seconds = error.0.as_micros().div_ceil(1_000_000);
        Self::new("request.too_many").retry_after(u64::try_from(seconds).unwrap_or(u64::MAX)).because(error)
    }
}

/// A guess at somebody's password or code: `account` is what they are known by, an address or an id.
pub(super) async fn login(app: &App, account: &str) -> Result<(), Problem> {
    joining(app).await?;
    let (limit, who) = (app.config.limits.limit_login, format!("{} {}", known_as(account), address()));
    Ok(app.core.throttle.take("login", &who, limit, Away::CountHere).await?)
}

/// However an address is written, it is counted as the one that is looked up.
fn known_as(account: &str) -> String {
    Email::parse(account).map_or_else(|_| account.trim().to_lowercase(), |email| email.to_string())
}

/// Somebody registers: each costs us a hash.
pub(super) async fn joining(app: &App) -> Result<(), Problem> {
    let limit = app.config.limits.limit_login_ip;
    Ok(app.core.throttle.take("login-ip", &address(), limit, Away::CountHere).await?)
}

/// A code is asked for.
pub(super) async fn code(app: &App, email: &Email) -> Result<(), Problem> {
    let (throttle, limits) = (&app.core.throttle, &app.config.limits);
    throttle.take("code-ip", &address(), limits.limit_codes_ip, Away::CountHere).await?;
    Ok(throttle.take("code", email.as_str(), limits.limit_codes, Away::CountHere).await?)
}

/// Somebody wants another address: a mail goes to whatever address they name.
pub(super) async fn other_email(app: &App, user: UserId, email: &Email) -> Result<(), Problem> {
    let limit = app.config.limits.limit_codes;
    app.core.throttle.take("code-of", &user.to_string(), limit, Away::CountHere).await?;
    code(app, email).await
}

/// A guess at somebody's second factor, wherever from.
pub(super) async fn factor(app: &App, user: UserId) -> Result<(), Problem> {
    let limit = app.config.limits.limit_second_factor;
    Ok(app.core.throttle.take("factor", &user.to_string(), limit, Away::CountHere).await?)
}

/// A picture is uploaded.
pub(super) async fn picture(app: &App, user: UserId) -> Result<(), Problem> {
    Ok(app.core.throttle.take("picture", &user.to_string(), PICTURES, Away::Pass).await?)
}

/// A file is uploaded into a chat.
pub(super) async fn upload(app: &App, user: UserId) -> Result<(), Problem> {
    Ok(app.core.throttle.take("upload", &user.to_string(), UPLOADS, Away::Pass).await?)
}

/// A slot is asked for, or waited for.
pub(super) async fn hold(app: &App, user: UserId) -> Result<(), Problem> {
    let limit = app.config.limits.limit_holds;
    Ok(app.core.throttle.take("hold", &user.to_string(), limit, Away::Pass).await?)
}

/// Counts what everybody may list, with a token or without.
pub(super) async fn listings<E: Endpoint>(inner: Arc<E>, request: Request) -> Result<E::Output> {
    if is_listing(&request)
        && let Some(app) = request.data::<Shared>()
    {
        let (limit, who) = (app.config.limits.limit_search, bearer(app, &request).unwrap_or_else(address));
        app.core.throttle.take("search", &who, limit, Away::Pass).await.map_err(Problem::from)?;
    }
    inner.call(request).await
}

fn is_listing(request: &Request) -> bool {
    let path = request.original_uri().path();
    let places = ["/v1/mentors", "/v1/offerings", "/v1/search"];
    request.method() == Method::GET && places.iter().any(|place| path.starts_with(place))
}

/// Whose token comes with a request, if it is good. Whether its session lives is not asked: this is no door.
fn bearer(app: &App, request: &Request) -> Option<String> {
    let token = request.header(header::AUTHORIZATION)?.strip_prefix("Bearer ")?;
    let principal = app.tokens.verify(token, app.core.clock.now()).ok()?;
    Some(principal.user_id.to_string())
}

/// The address of the network that a request came from, as it is counted.
pub(super) fn address() -> String {
    match request::origin() {
        Origin::Client { ip: Some(ip), .. } => counted(ip),
        _ => "nowhere".to_owned(),
    }
}

/// One subscriber has a whole network of 64 bits of IPv6 (RFC 6177).
fn counted(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_counted_as_it_is_looked_up() {
        for text in ["min@konnect.test", " Min@Konnect.test", "\tmin@konnect.test\u{a0}\n"] {
            assert_eq!(known_as(text), "min@konnect.test", "{text:?}");
        }
        assert_eq!(known_as(" No Address "), "no address");
    }

    #[test]
    fn a_network_of_ipv6_is_counted_as_one() {
        let counted = |text: &str| counted(text.parse().unwrap());
        assert_eq!(counted("203.0.113.7"), "203.0.113.7");
        assert_eq!(counted("2001:db8:0:1::7"), counted("2001:db8:0:1:ffff::1"));
        assert_ne!(counted("2001:db8:0:1::7"), counted("2001:db8:0:2::7"));
    }
}
