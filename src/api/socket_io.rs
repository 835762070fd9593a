//! `/socket.io/`: Socket.IO on the port of everything else.

use poem::endpoint::{BoxEndpoint, TowerCompatExt};
use poem::http::{self, StatusCode, header};
use poem::{Body, Endpoint, EndpointExt, Request, Response, Result, Upgraded};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::problem::Problem;
use super::realtime::{check_origin, upgrades};
use super::{Shared, request};
use crate::realtime::socket_io;

/// The endpoint of the Socket.IO door.
pub fn endpoint(app: &Shared) -> impl Endpoint<Output = Response> + 'static {
    let (service, io) = socket_io::builder().build_svc();
    socket_io::open(&io, app.house.clone(), app.tokens.clone());
    let polling = service.clone().compat().map_to_response().boxed();
    Door { service, polling, origins: app.config.cors_origins.clone() }
}

/// Upgrades are answered here, because poem hands its connections over by itself; the rest is plain HTTP.
struct Door<S> {
    service: S,
    polling: BoxEndpoint<'static>,
    origins: Vec<String>,
}

type Upgrade = (Upgraded, http::Request<()>);

impl<S> Endpoint for Door<S>
where
    S: hyper::service::Service<Upgrade, Response = (), Error: std::fmt::Display, Future: Send>
        + Send
        + Sync
        + Clone
        + 'static,
{
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        check_origin(&request, &self.origins)?;
        let upgrades = upgrades(&request);
        let query = request.uri().query().unwrap_or_default();
        let says = |pair: &str| query.split('&').any(|part| part == pair);
        if !upgrades && says("transport=websocket") {
            // A proxy took the header away: the client goes on by polling when it hears so at once.
            return Err(Problem::new("socket.upgrade_missing").into());
        }
        if !upgrades {
            let names: Vec<_> = request.headers().keys().cloned().collect();
            let head = head(&request, &names)?.into_parts().0;
            (*request.uri_mut(), *request.headers_mut()) = (head.uri, head.headers);
            request.extensions_mut().insert(request::origin());
            return self.polling.call(request).await;
        }
        // RFC 6455 §4.2.1 and the Engine.IO protocol, version 4.
        let key = request.header(header::SEC_WEBSOCKET_KEY);
        let (Some(key), true) = (key, says("EIO=4") && says("transport=websocket")) else {
            return Err(Problem::new("request.invalid").into());
        };
        let accept = derive_accept_key(key.as_bytes());
        let upgrade = request.take_upgrade()?;
        let head = head(&request, &[header::AUTHORIZATION])?;
        let service = self.service.clone();
        tokio::spawn(async move {
            let Ok(stream) = upgrade.await else { return };
            if let Err(error) = service.call((stream, head)).await {
                tracing::debug!(%error, "no Socket.IO handshake");
            }
        });
        Ok(Response::builder()
            .status(StatusCode::SWITCHING_PROTOCOLS)
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "websocket")
            .header(header::SEC_WEBSOCKET_ACCEPT, accept)
            .body(Body::empty()))
    }
}

/// What the library keeps of a request for as long as the connection is open. These are copies: the parts of a request
/// share the buffer that it was read into, of 8 KiB and more, and keep it alive.
fn head(request: &Request, names: &[header::HeaderName]) -> Result<http::Request<()>> {
    let invalid = || Problem::new("request.invalid");
    let mut head = http::Request::new(());
    *head.method_mut() = request.method().clone();
    *head.uri_mut() = request.uri().to_string().parse().map_err(|_| invalid())?;
    for name in names {
        for value in request.headers().get_all(name) {
            let value = header::HeaderValue::from_bytes(value.as_bytes()).map_err(|_| invalid())?;
            head.headers_mut().append(name, value);
        }
    }
    head.extensions_mut().insert(request::origin());
    Ok(head)
}
