//! The api, put together: chapters, plain routes, and the layers around them.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use poem::endpoint::make_sync;
use poem::http::{HeaderValue, StatusCode, header};
use poem::middleware::CatchPanic;
use poem::web::Html;
use poem::{Endpoint, EndpointExt, IntoResponse, PathPattern, Request, Response, Result, Route, get, post};
use poem_openapi::{LicenseObject, OpenApi, OpenApiService};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::admin::AdminApi;
use super::admin_activity::ActivityApi;
use super::admin_acts::ActsApi;
use super::admin_audit::AuditApi;
use super::admin_case::CaseApi;
use super::admin_csv::CsvApi;
use super::admin_dashboard::DashboardApi;
use super::admin_disputes::AdminDisputesApi;
use super::admin_jobs::JobsApi;
use super::admin_lists::ListsApi;
use super::admin_operations::OperationsApi;
use super::admin_payments::AdminPaymentsApi;
use super::admin_payouts::AdminPayoutsApi;
use super::admin_queues::QueuesApi;
use super::admin_refunds::AdminRefundsApi;
use super::admin_reservations::AdminReservationsApi;
use super::admin_reviews::AdminReviewsApi;
use super::admin_webhook_deliveries::WebhookDeliveriesApi;
use super::admin_webhooks::WebhooksApi;
use super::auth::{AuthApi, jwks};
use super::auth_mail::AuthMailApi;
use super::chat::ChatApi;
use super::chat_export::ChatExportApi;
use super::chat_files::ChatFilesApi;
use super::cors::{Cors, harden};
use super::disputes::DisputesApi;
use super::earnings::EarningsApi;
use super::email_change::EmailChangeApi;
use super::farewell::{Leaving, farewell};
use super::issuers::IssuersApi;
use super::leaving::LeavingApi;
use super::limit::bodies;
use super::me::MeApi;
use super::mentors::MentorsApi;
use super::notice_hours::NoticeHoursApi;
use super::notice_mail::NoticeMailApi;
use super::notice_preferences::NoticePreferencesApi;
use super::notice_proofs::NoticeProofsApi;
use super::notices::NoticesApi;
use super::offerings::OfferingsApi;
use super::payments::PaymentsApi;
use super::payout_account::PayoutAccountApi;
use super::payouts::PayoutsApi;
use super::pictures::PicturesApi;
use super::problem::{self, Problem};
use super::reach::Reach;
use super::realtime::{RealtimeApi, ws_route};
use super::refunds::RefundsApi;
use super::request::Track;
use super::reschedules::ReschedulesApi;
use super::reservation_notes::ReservationNotesApi;
use super::reservations::ReservationsApi;
use super::reviews::ReviewsApi;
use super::schedule::ScheduleApi;
use super::second_factor::SecondFactorApi;
use super::sessions::SessionsApi;
use super::slot_explain::ExplainApi;
use super::slots::SlotsApi;
use super::social::SocialApi;
use super::throttle::listings;
use super::waitlist::WaitlistApi;
use super::{Shared, document, listen, notice_unsubscribe, ops, socket_io, webhooks};

const DESCRIPTION: &str = "Mentoring, from slot to settlement.\n\n\
    Instants are RFC 3339 in UTC; amounts are whole won. Errors are `application/problem+json` with a stable \
    `code` for programs and a `detail` in the language of `Accept-Language` (ko or en). Lists are pages: `next` \
    of one is the key of the following. Requests that take a slot or money carry an `Idempotency-Key`.";

/// Every chapter of the API. A new one is added here and nowhere else.
fn chapters() -> impl OpenApi {
    (
        (AuthApi, AuthMailApi, EmailChangeApi, SocialApi, IssuersApi, SecondFactorApi),
        (MeApi, PicturesApi, LeavingApi),
        (NoticesApi, NoticePreferencesApi, NoticeHoursApi, NoticeMailApi),
        MentorsApi,
        OfferingsApi,
        (ScheduleApi, SlotsApi, ExplainApi, WaitlistApi),
        (ReservationsApi, ReschedulesApi, ReservationNotesApi, SessionsApi, ReviewsApi),
        (PaymentsApi, RefundsApi, DisputesApi),
        (EarningsApi, PayoutAccountApi, PayoutsApi),
        (RealtimeApi, ChatApi, ChatFilesApi, ChatExportApi),
        (AdminApi, ActivityApi, AuditApi, JobsApi, AdminDisputesApi),
        (AdminReservationsApi, AdminReviewsApi, NoticeProofsApi),
        (AdminPaymentsApi, AdminRefundsApi, AdminPayoutsApi),
        (WebhooksApi, WebhookDeliveriesApi, OperationsApi, ActsApi, CaseApi),
        (DashboardApi, ListsApi, CsvApi, QueuesApi),
    )
}

/// What is served beside the chapters: things that are no JSON API, each under its own address.
fn plain(route: Route, app: &Shared) -> Route {
    route
        .at("/socket.io/", socket_io::endpoint(app))
        .at("/.well-known/jwks.json", get(jwks))
        .at("/v1/ws", ws_route())
        .at("/v1/webhooks/toss", post(webhooks::toss))
        .at("/v1/unsubscribe/:token", get(notice_unsubscribe::show).post(notice_unsubscribe::press))
}

fn service(url: &str) -> OpenApiService<impl OpenApi + use<>, ()> {
    OpenApiService::new(chapters(), "Konnect", env!("CARGO_PKG_VERSION"))
        .description(DESCRIPTION)
        .license(LicenseObject::new("Apache-2.0").url("https://www.apache.org/licenses/LICENSE-2.0"))
        .server(url)
}

/// The OpenAPI document, as JSON text; needs no stores.
pub fn openapi() -> String {
    document::complete(&service("http://127.0.0.1:3000").spec())
}

const JSON: &str = "application/json; charset=utf-8";

/// What the api shows of itself. It takes a second to make where nothing is optimised, and few processes are asked for it.
struct Shown {
    /// The OpenAPI document.
    text: String,
    /// The same as a page.
    page: String,
    /// The methods of each path, by the router's pattern for it.
    methods: HashMap<String, String>,
}

type Face = Arc<LazyLock<Shown, Box<dyn FnOnce() -> Shown + Send>>>;

impl Shown {
    fn new(service: &OpenApiService<impl OpenApi, ()>) -> Self {
        let generated = service.spec();
        let text = document::complete(&generated);
        let page = service.swagger_ui_html().replace(&generated, &text);
        Self { methods: methods(&text), page, text }
    }
}

/// Everything the api process serves.
fn routes(app: Shared, leaving: Leaving, reach: Reach) -> impl Endpoint<Output = Response> + 'static {
    let url = app.config.public_url.clone();
    let face: Face = Arc::new(LazyLock::new(Box::new(move || Shown::new(&service(&url)))));
    let (page, document) = (face.clone(), face.clone());
    let route = Route::new()
        .nest("/docs", Route::new().at("/", get(make_sync(move |_| Html(page.page.clone())))))
        .at("/openapi.json", get(make_sync(move |_| document.text.clone().with_content_type(JSON))))
        .nest("/", service(&app.config.public_url).around(bodies).around(listings));
    let route = ops::mount(plain(route, &app), app.core.clone(), ops::metrics(), leaving, reach);
    let cors = Cors::new(&app.config.cors_origins);
    let track = Track { trusted_proxies: app.config.trusted_proxies, clock: app.core.clock.clone() };
    layered(route.data(app), cors, face, track)
}

/// From the outside in: request id, log and metrics; headers; CORS; errors as problems; panics as problems.
fn layered(
    inner: impl Endpoint + 'static,
    cors: Cors,
    face: Face,
    track: Track,
) -> impl Endpoint<Output = Response> + 'static {
    inner
        .with(CatchPanic::new().with_handler(panicked))
        .around(move |inner, request| problems(inner, request, face.clone()))
        .with(cors)
        .around(harden)
        .with(track)
}

/// Serves until `stop` is cancelled; then gives open requests `drain` to end, and sockets time to say goodbye.
pub async fn serve(
    app: Shared,
    listener: TcpListener,
    stop: CancellationToken,
    drain: Duration,
) -> std::io::Result<()> {
    serve_until(app, listener, stop.clone(), stop, drain).await
}

/// The same, but from `told` on balancers and clients are shown the door, while requests are still served until `stop`,
/// which comes later (see [`super::later`]).
pub async fn serve_until(
    app: Shared,
    listener: TcpListener,
    told: CancellationToken,
    stop: CancellationToken,
    drain: Duration,
) -> std::io::Result<()> {
    let (hub, reach, leaving) = (app.hub.clone(), Reach::default(), Leaving::new(told));
    tokio::spawn(reach.clone().watch(app.clone(), stop.clone()));
    let shown_out = leaving.clone();
    let routes =
        routes(app, leaving, reach).around(move |inner, request| farewell(inner, request, shown_out.clone()));
    listen::serve(listener, routes, stop, drain).await?;
    hub.drained().await;
    Ok(())
}

fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    // The panic hook has logged what and where.
    Problem::new("internal").into_response()
}

/// Turns errors into problems here, so that they get the headers of the layers around; keeps the route's
/// pattern for the metrics, and says which methods a 405 would have taken (RFC 9110 §15.5.6).
async fn problems<E: Endpoint>(inner: Arc<E>, request: Request, face: Face) -> Result<Response> {
    let error = match inner.call(request).await {
        Ok(output) => return Ok(output.into_response()),
        Err(error) => error,
    };
    let pattern = error.data::<PathPattern>().cloned();
    let mut response = problem::from_framework(error).await;
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        let known = pattern.as_ref().and_then(|p| face.methods.get(p.0.trim_end_matches('/')));
        let allow = known.map_or("GET, HEAD", String::as_str);
        response
            .headers_mut()
            .insert(header::ALLOW, HeaderValue::from_str(allow).expect("methods are ASCII"));
    }
    if let Some(pattern) = pattern {
        response.set_data(pattern);
    }
    Ok(response)
}

/// The methods of every path of the document, by the router's pattern for it.
fn methods(document: &str) -> HashMap<String, String> {
    let document: Value = serde_json::from_str(document).expect("the document is JSON");
    let paths = document["paths"].as_object().into_iter().flatten();
    let line = |(path, operations): (&String, &Value)| {
        let pattern = pattern_of(path);
        let mut methods: Vec<_> =
            operations.as_object().into_iter().flatten().map(|(method, _)| method.to_uppercase()).collect();
        if methods.iter().any(|m| m == "GET") {
            methods.push("HEAD".to_owned());
        }
        (pattern, methods.join(", "))
    };
    let mut methods: HashMap<_, _> = paths.map(line).collect();
    methods.insert("/v1/webhooks/toss".to_owned(), "POST".to_owned());
    methods
}

/// `/v1/a/{id}/b/` of the document is `/v1/a/:param0/b` in the router.
fn pattern_of(path: &str) -> String {
    let mut params = 0..;
    let part = |part: &str| match part.starts_with('{') {
        true => format!(":param{}", params.next().unwrap_or(0)),
        false => part.to_owned(),
    };
    let parts: Vec<_> = path.trim_end_matches('/').split('/').map(part).collect();
    parts.join("/")
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
