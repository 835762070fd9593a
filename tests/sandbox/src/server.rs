//! The routes.

use std::time::Duration;

use poem::middleware::AddData;
use poem::{Endpoint, EndpointExt, IntoEndpoint, Route, Server, get, post};
use tokio_util::sync::CancellationToken;

use crate::connection::CuttableAcceptor;
use crate::handle::Handle;
use crate::{control, fcm, identity, pages, toss};

/// Requests still running at the stop are given up after this.
const DRAIN: Duration = Duration::from_millis(500);

fn routes() -> Route {
    Route::new()
        .at("/", get(pages::index))
        .at("/checkout", get(pages::checkout::show).post(pages::checkout::act))
        .at("/act", post(pages::money::press))
        .at("/mail", get(pages::mail::list))
        .at("/mail/:number", get(pages::mail::one))
        .at("/mail/:number/html", get(pages::mail::html))
        .at("/mail/:number/invite.ics", get(pages::mail::calendar))
        .at("/v1/payments/confirm", post(toss::http::confirm))
        .at("/v1/payments/orders/:order", get(toss::http::get_by_order))
        .at("/v1/payments/:key", get(toss::http::get_by_key))
        .at("/v1/payments/:key/cancel", post(toss::http::cancel))
        .at("/v1/transactions", get(toss::http::transactions))
        .at("/v1/settlements", get(toss::http::settlements))
        .at("/v2/*path", toss::v2::http::any)
        .at("/naver/v1/nid/me", get(identity::naver))
        .at("/oidc/:provider/.well-known/openid-configuration", get(identity::discovery))
        .at("/oidc/:provider/jwks.json", get(identity::key_set))
        .at("/token", post(fcm::token))
        .at("/v1/projects/:project/:verb", post(fcm::send))
        .nest("/sandbox", control_routes())
}

fn control_routes() -> Route {
    Route::new()
        .at("/checkout", post(control::checkout))
        .at("/window", post(control::money::open_window))
        .at("/payments", get(control::list_payments))
        .at("/deposits", post(control::money::deposit))
        .at("/console/cancel", post(control::money::cancel_in_console))
        .at("/sellers", get(control::money::list_sellers))
        .at("/sellers/status", post(control::money::set_seller_status))
        .at("/payouts", get(control::money::list_payouts))
        .at("/payouts/complete", post(control::money::complete_payout))
        .at("/payouts/fail", post(control::money::fail_payout))
        .at("/payouts/settings", post(control::money::set_payouts))
        .at("/balance", get(control::money::show_balance).post(control::money::set_balance))
        .at("/faults", get(control::list_faults).post(control::add_fault).delete(control::clear_faults))
        .at("/calls", get(control::list_calls).delete(control::clear_calls))
        .at("/webhooks", get(control::list_webhooks).post(control::command_webhooks))
        .at("/webhooks/release", post(control::release_webhooks))
        .at("/webhooks/resend", post(control::resend_webhook))
        .at("/webhooks/forge", post(control::forge_webhook))
        .at("/clock", get(control::show_clock).post(control::move_clock))
        .at("/pushes", get(control::list_pushes).delete(control::clear_pushes))
        .at("/smtp", get(control::show_mail_server).post(control::set_mail_server))
        .at("/identity", post(identity::issue))
        .at("/tally", get(control::tally))
        .at("/mails", get(control::list_mails).delete(control::clear_mails))
}

fn app(handle: Handle) -> impl Endpoint {
    routes().with(AddData::new(handle.shared.clone())).with(AddData::new(handle)).into_endpoint()
}

/// Serves until `stop`.
pub(crate) async fn serve(acceptor: CuttableAcceptor, handle: Handle, stop: CancellationToken) {
    let server = Server::new_with_acceptor(acceptor).name("sandbox");
    let served = server.run_with_graceful_shutdown(app(handle), stop.cancelled_owned(), Some(DRAIN)).await;
    if let Err(error) = served {
        tracing::error!(%error, "HTTP server ended");
    }
}
