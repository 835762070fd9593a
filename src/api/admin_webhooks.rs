//! Systems of others that are told what happens here: administrators say who listens, to what.

use chrono::{DateTime, TimeDelta, Utc};
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use secrecy::{ExposeSecret, SecretString};

use super::answer::{Because, Created, Done};
use super::caller::Caller;
use super::problem::Problem;
use super::text::Text;
use super::{App, Shared, Tag, unit};
use crate::id::WebhookEndpointId;
use crate::outside::Fence;
use crate::partner::{self, Endpoint, EndpointState, Wanted};
use crate::snapshot;

pub struct WebhooksApi;

#[derive(Clone, Debug, Object)]
#[oai(rename = "CreateWebhookEndpoint", rename_all = "camelCase", deny_unknown_fields)]
struct CreateRequest {
    /// An address outside, with https.
    #[oai(validator(min_length = 1, max_length = 500))]
    url: Text,
    #[oai(default, validator(max_length = 200))]
    description: Text,
    /// Types of events, or whole families such as `payment.*`; none: everything.
    #[oai(default, validator(max_items = 50))]
    types: Vec<Text>,
}

#[derive(Clone, Debug, Object)]
#[oai(rename = "ChangeWebhookEndpoint", rename_all = "camelCase", deny_unknown_fields)]
struct ChangeRequest {
    /// The version the caller saw; refused when the endpoint has changed since.
    expected_version: i64,
    #[oai(validator(min_length = 1, max_length = 500))]
    url: Option<Text>,
    #[oai(validator(max_length = 200))]
    description: Option<Text>,
    #[oai(validator(max_items = 50))]
    types: Option<Vec<Text>>,
}

#[derive(Debug, Object)]
#[oai(rename = "RotateWebhookSecret", rename_all = "camelCase", deny_unknown_fields)]
struct RotateRequest {
    /// For so long the secrets before sign as well, or longer, where an earlier rotation said so. 0: they end at once.
    #[oai(default = "a_day", validator(minimum(value = "0"), maximum(value = "168")))]
    overlap_hours: u32,
}

fn a_day() -> u32 {
    24
}

/// Somebody who listens. All instants are UTC.
#[derive(Debug, Object)]
#[oai(rename = "WebhookEndpoint", rename_all = "camelCase", skip_serializing_if_is_none)]
struct EndpointView {
    id: WebhookEndpointId,
    url: String,
    description: String,
    types: Vec<String>,
    state: EndpointState,
    /// `gone`: it answered 410; `failing`: nothing but failures for five days; or an administrator's words.
    disabled_reason: Option<String>,
    /// Since when nothing but failures came of it.
    failing_since: Option<DateTime<Utc>>,
    /// Until when the secrets before the present one sign as well.
    old_secret_until: Option<DateTime<Utc>>,
    enabled_at: DateTime<Utc>,
    /// Send it back as `expectedVersion`.
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<Endpoint> for EndpointView {
    fn from(e: Endpoint) -> Self {
        Self {
            id: e.id,
            url: e.url,
            description: e.description,
            types: e.types.0,
            state: e.state,
            disabled_reason: e.disabled_reason,
            failing_since: e.failing_since,
            old_secret_until: e.old_until,
            enabled_at: e.enabled_at,
            version: e.version,
            created_at: e.created_at,
            updated_at: e.updated_at,
        }
    }
}

/// An endpoint with its secret, which is shown this once.
#[derive(Debug, Object)]
#[oai(rename = "WebhookEndpointWithSecret", rename_all = "camelCase")]
struct WithSecret {
    endpoint: EndpointView,
    /// `whsec_…`: signatures are checked with it.
    secret: String,
}

impl WithSecret {
    fn new((endpoint, secret): (Endpoint, SecretString)) -> Json<Self> {
        Json(Self { endpoint: endpoint.into(), secret: secret.expose_secret().to_owned() })
    }
}

fn texts(types: &[Text]) -> Vec<String> {
    types.iter().map(|text| text.0.clone()).collect()
}

fn fence(app: &App) -> Fence {
    Fence { loopback: app.config.webhooks.webhooks_loopback }
}

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Admin")]
impl WebhooksApi {
    /// List webhook endpoints
    ///
    /// Newest first, without deleted ones. For administrators.
    #[oai(path = "/webhook-endpoints", method = "get", operation_id = "adminListWebhookEndpoints")]
    async fn list(&self, app: Data<&Shared>, caller: Caller) -> Result<Json<Vec<EndpointView>>, Problem> {
        caller.admin()?;
        let endpoints = partner::list(app.core.db.pool()).await?;
        Ok(Json(endpoints.into_iter().map(EndpointView::from).collect()))
    }

    /// List the types of events
    ///
    /// Those that an endpoint can choose by. For administrators.
    #[oai(path = "/webhook-types", method = "get", operation_id = "adminListWebhookTypes")]
    async fn types(&self, caller: Caller) -> Result<Json<Vec<String>>, Problem> {
        caller.admin()?;
        Ok(Json(snapshot::TYPES.iter().map(|kind| (*kind).to_owned()).collect()))
    }

    /// Add a webhook endpoint
    ///
    /// It hears of what happens from now on. The secret is shown this once. For administrators.
    #[oai(path = "/webhook-endpoints", method = "post", operation_id = "adminCreateWebhookEndpoint")]
    async fn create(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        body: Json<CreateRequest>,
    ) -> Result<Created<WithSecret>, Problem> {
        let admin = caller.admin()?;
        let wanted = Wanted {
            url: body.url.0.clone(),
            description: body.description.0.clone(),
            types: texts(&body.types),
        };
        let made = unit!(app, admin, tx => {
            Ok(partner::create(tx, &app.sealer, fence(&app), &wanted).await?)
        })?;
        Ok(Created::Created(WithSecret::new(made)))
    }

    /// Show a webhook endpoint
    ///
    /// Also a deleted one. For administrators.
    #[oai(path = "/webhook-endpoints/:id", method = "get", operation_id = "adminGetWebhookEndpoint")]
    async fn get(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<WebhookEndpointId>,
    ) -> Result<Json<EndpointView>, Problem> {
        caller.admin()?;
        Ok(Json(partner::find(app.core.db.pool(), id.0).await?.into()))
    }

    /// Change a webhook endpoint
    ///
    /// What is left out stays. What is on its way goes to the new address. For administrators.
    #[oai(path = "/webhook-endpoints/:id", method = "patch", operation_id = "adminChangeWebhookEndpoint")]
    async fn change(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<WebhookEndpointId>,
        body: Json<ChangeRequest>,
    ) -> Result<Json<EndpointView>, Problem> {
        let admin = caller.admin()?;
        // Refused below when it is not of the expected version, so this is what the caller saw.
        let seen = partner::find(app.core.db.pool(), id.0).await?;
        let wanted = Wanted {
            url: body.url.as_ref().map_or(seen.url, |url| url.0.clone()),
            description: body.description.as_ref().map_or(seen.description, |text| text.0.clone()),
            types: body.types.as_ref().map_or(seen.types.0, |types| texts(types)),
        };
        let endpoint = unit!(app, admin, tx => {
            Ok(partner::change(tx, fence(&app), id.0, &wanted, body.expected_version).await?)
        })?;
        Ok(Json(endpoint.into()))
    }

    /// Give a webhook endpoint a new secret
    ///
    /// It is shown this once. Until the overlap is over messages carry the signatures of the new one and of up to three
    /// old ones. For administrators.
    #[oai(
        path = "/webhook-endpoints/:id/rotate-secret",
        method = "post",
        operation_id = "adminRotateWebhookSecret"
    )]
    async fn rotate(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<WebhookEndpointId>,
        body: Json<RotateRequest>,
    ) -> Result<Json<WithSecret>, Problem> {
        let admin = caller.admin()?;
        let overlap = TimeDelta::hours(body.overlap_hours.into());
        let rotated = unit!(app, admin, tx => {
            Ok(partner::rotate_secret(tx, &app.sealer, id.0, overlap).await?)
        })?;
        Ok(WithSecret::new(rotated))
    }

    /// Enable a webhook endpoint
    ///
    /// It hears of what happens from now on; what failed before can be sent again. For administrators.
    #[oai(
        path = "/webhook-endpoints/:id/enable",
        method = "post",
        operation_id = "adminEnableWebhookEndpoint"
    )]
    async fn enable(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<WebhookEndpointId>,
    ) -> Result<Json<EndpointView>, Problem> {
        let admin = caller.admin()?;
        let endpoint = unit!(app, admin, tx => { Ok(partner::enable(tx, id.0).await?) })?;
        Ok(Json(endpoint.into()))
    }

    /// Disable a webhook endpoint
    ///
    /// What is on its way fails, and can be sent again when it is enabled. For administrators.
    #[oai(
        path = "/webhook-endpoints/:id/disable",
        method = "post",
        operation_id = "adminDisableWebhookEndpoint"
    )]
    async fn disable(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<WebhookEndpointId>,
        body: Json<Because>,
    ) -> Result<Json<EndpointView>, Problem> {
        let admin = caller.admin()?;
        let endpoint = unit!(app, admin, tx => { Ok(partner::disable(tx, id.0, &body.reason).await?) })?;
        Ok(Json(endpoint.into()))
    }

    /// Delete a webhook endpoint
    ///
    /// For good, with its secrets; the log of its deliveries stays for 30 days. For administrators.
    #[oai(path = "/webhook-endpoints/:id", method = "delete", operation_id = "adminDeleteWebhookEndpoint")]
    async fn delete(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<WebhookEndpointId>,
    ) -> Result<Done, Problem> {
        let admin = caller.admin()?;
        unit!(app, admin, tx => { Ok(partner::delete(tx, id.0).await?) })?;
        Ok(Done::Done)
    }
}
