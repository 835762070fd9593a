//! The doors of the WebSocket: tickets for browsers, and `GET /v1/ws` itself. `docs/REALTIME.md` is the protocol.

use chrono::{DateTime, Utc};
use poem::http::header::{AUTHORIZATION, ORIGIN, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use poem::web::Data;
use poem::web::websocket::WebSocket;
use poem::{FromRequest, IntoResponse, Request, RouteMethod, get, handler};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use serde::Deserialize;

use super::caller::{Caller, authenticate};
use super::problem::{Problem, problem_from};
use super::{App, Shared, Tag, request};
use crate::auth::Principal;
use crate::realtime::{self, PROTOCOL, issue_ticket, redeem_ticket, socket_config};

problem_from!(realtime::Error);

pub struct RealtimeApi;

/// A ticket for one WebSocket.
#[derive(Debug, Object)]
#[oai(rename_all = "camelCase")]
struct TicketView {
    /// Goes into `GET /v1/ws?ticket=…`, once.
    ticket: String,
    /// UTC.
    expires_at: DateTime<Utc>,
}

#[OpenApi(prefix_path = "/v1/realtime", tag = "Tag::Realtime")]
impl RealtimeApi {
    /// Get a ticket for a WebSocket
    ///
    /// For browsers, which cannot send an `Authorization` header with a WebSocket. Good once, for 30 seconds; the
    /// socket lives as long as the access token that bought the ticket.
    #[oai(path = "/tickets", method = "post", operation_id = "createRealtimeTicket")]
    async fn ticket(&self, app: Data<&Shared>, caller: Caller) -> Result<Json<TicketView>, Problem> {
        let ticket = issue_ticket(&app.core, caller.principal()).await?;
        Ok(Json(TicketView { ticket: ticket.text, expires_at: ticket.expires_at }))
    }
}

/// `GET /v1/ws`.
pub fn ws_route() -> RouteMethod {
    get(open)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    ticket: Option<String>,
    after: Option<i64>,
}

#[handler]
async fn open(request: &Request, app: Data<&Shared>) -> poem::Result<impl IntoResponse> {
    check_origin(request, &app.config.cors_origins)?;
    if !upgrades(request) {
        return Err(Problem::new("socket.upgrade_missing").into());
    }
    let params: Params = request.params().map_err(|_| Problem::new("request.invalid"))?;
    if params.after.is_some_and(|after| after < 0) {
        return Err(Problem::new("request.invalid").field("after").into());
    }
    let principal = identify(request, &app, params.ticket.as_deref()).await?;
    let socket = WebSocket::from_request_without_body(request).await?;
    let opened = app.hub.open(&app.tokens, principal, params.after).await;
    let connection = opened.map_err(|error| match error {
        realtime::Error::TooMany | realtime::Error::Stopping => Problem::from(error).retry_after(5),
        other => other.into(),
    })?;
    let socket = socket.config(socket_config()).protocols([PROTOCOL]);
    let house = app.house.clone();
    let origin = request::origin();
    Ok(socket.on_upgrade(move |stream| connection.run(stream, house, origin)))
}

/// Browsers let any page open a socket and only say which one it is. Other clients send no `Origin`.
pub(super) fn check_origin(request: &Request, allowed: &[String]) -> Result<(), Problem> {
    let Some(origin) = request.headers().get(ORIGIN) else { return Ok(()) };
    if allowed.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()) {
        return Ok(());
    }
    Err(Problem::new("origin.forbidden"))
}

/// Whether the request asks for a WebSocket, and no proxy took that away (RFC 6455 §4.2.1).
pub(super) fn upgrades(request: &Request) -> bool {
    request.header(UPGRADE).is_some_and(|to| to.eq_ignore_ascii_case("websocket"))
}

/// The first of: `Authorization: Bearer`, the subprotocol, a ticket.
async fn identify(
    request: &Request,
    app: &std::sync::Arc<App>,
    ticket: Option<&str>,
) -> Result<Principal, Problem> {
    if let Some(header) = request.headers().get(AUTHORIZATION) {
        let token =
            header.to_str().ok().and_then(bearer).ok_or_else(|| Problem::new("auth.token_invalid"))?;
        return authenticate(app, token).await;
    }
    let offers = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL);
    if let Some(token) = offered_token(offers.iter().filter_map(|value| value.to_str().ok())) {
        return authenticate(app, token).await;
    }
    let ticket = ticket.ok_or_else(|| Problem::new("auth.required"))?;
    // That the session lives is checked when the socket opens.
    redeem_ticket(&app.core, ticket).await?.ok_or_else(|| Problem::new("auth.ticket_invalid"))
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The token among the offered subprotocols: `konnect.v1, bearer.<token>` or `konnect.v1, bearer, <token>`.
fn offered_token<'a>(headers: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut offers = headers.flat_map(|header| header.split(',')).map(str::trim);
    offers
        .find_map(|offer| match offer.strip_prefix("bearer") {
            Some("") => Some(None),
            Some(rest) => rest.strip_prefix('.').map(Some),
            None => None,
        })?
        .or_else(|| offers.next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_found_among_the_subprotocols() {
        let find = |headers: &[&'static str]| offered_token(headers.iter().copied());
        assert_eq!(find(&["konnect.v1, bearer.a.b.c"]), Some("a.b.c"));
        assert_eq!(find(&["konnect.v1,bearer,a.b.c"]), Some("a.b.c"));
        assert_eq!(find(&["konnect.v1", "bearer", "a.b.c"]), Some("a.b.c"));
        assert_eq!(find(&["konnect.v1"]), None);
        assert_eq!(find(&["konnect.v1, bearer"]), None);
        assert_eq!(find(&["konnect.v1, bearerish"]), None);
        assert_eq!(find(&[]), None);
    }

    #[test]
    fn origins_are_compared_exactly() {
        let allowed = ["https://app.example".to_owned()];
        let verdict = |origin: Option<&str>| {
            let mut request = Request::builder();
            if let Some(origin) = origin {
                request = request.header(ORIGIN, origin);
            }
            check_origin(&request.finish(), &allowed).map_err(|problem| problem.code())
        };
        assert_eq!(verdict(None), Ok(()));
        assert_eq!(verdict(Some("https://app.example")), Ok(()));
        for origin in
            ["https://app.example.evil.com", "http://app.example", "https://app.example/", "null", ""]
        {
            assert_eq!(verdict(Some(origin)), Err("origin.forbidden"), "{origin}");
        }
    }

    #[test]
    fn the_scheme_is_not_case_sensitive() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bearer  abc"), Some("abc"));
        assert_eq!(bearer("Basic abc"), None);
        assert_eq!(bearer("abc"), None);
    }
}
