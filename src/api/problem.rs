//! Errors as `application/problem+json` (RFC 9457): the only place that knows status codes.
//!
//! A domain error brings its stable code; [`super::codes`] holds the status and the words for it. What went
//! wrong inside is logged with the request id and never sent.

use std::error::Error as StdError;
use std::fmt;

use poem::error::ResponseError;
use poem::http::StatusCode;
use poem::{IntoResponse, Response};
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::{Any, ToJSON, Type};
use poem_openapi::{ApiResponse, Object};
use serde_json::Value;

use super::codes;
use super::request;
use crate::db::{DbError, database_error};

const CONTENT_TYPE: &str = "application/problem+json";

/// Why a request was refused.
#[derive(Debug, Object)]
#[oai(rename = "Problem", rename_all = "camelCase", skip_serializing_if_is_none)]
pub struct ProblemBody {
    /// `urn:konnect:problem:<code>`
    #[oai(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    /// Stable, for programs: `slot.taken`.
    pub code: String,
    /// For people, in the language of `Accept-Language` (ko or en).
    pub detail: String,
    /// Quote it to support.
    pub request_id: String,
    /// The field that is to blame, where one is.
    pub field: Option<String>,
    /// Facts that help to go on, such as other free slots.
    pub context: Option<Any<Value>>,
}

/// A refusal on its way out.
#[derive(Debug)]
pub struct Problem {
    code: &'static str,
    field: Option<String>,
    context: Option<Value>,
    retry_after: Option<u64>,
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

impl Problem {
    pub fn new(code: &'static str) -> Self {
        Self { code, field: None, context: None, retry_after: None, cause: None }
    }

    /// A domain's error under its own code; when the database is away, that is what the caller hears.
    pub fn of(code: &'static str, error: impl StdError + Send + Sync + 'static) -> Self {
        let away = database_error(&error).is_some_and(is_away);
        Self::new(if away { "service.unavailable" } else { code }).because(error)
    }

    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    #[must_use]
    pub fn context(mut self, context: Value) -> Self {
        self.context = Some(context);
        self
    }

    /// Seconds until it makes sense to ask again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    #[must_use]
    pub fn because(mut self, cause: impl StdError + Send + Sync + 'static) -> Self {
        self.cause = Some(Box::new(cause));
        self
    }

    pub fn code(&self) -> &'static str {
        self.code
    }

    fn status(&self) -> StatusCode {
        codes::find(self.code).status
    }

    fn body(&self) -> ProblemBody {
        let text = codes::find(self.code);
        ProblemBody {
            kind: format!("urn:konnect:problem:{}", self.code),
            title: text.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: text.status.as_u16(),
            code: self.code.to_owned(),
            detail: text.text(request::lang()).to_owned(),
            request_id: request::id(),
            field: self.field.clone(),
            context: self.context.clone().map(Any),
        }
    }

    fn response(&self) -> Response {
        if self.status().is_server_error() {
            let cause = self.cause.as_deref().map(|e| chain(e)).unwrap_or_default();
            tracing::error!(code = self.code, cause, "request failed");
        } else {
            let cause = self.cause.as_deref().map(ToString::to_string).unwrap_or_default();
            tracing::debug!(code = self.code, cause, "request refused");
        }
        metrics::counter!("konnect_problems_total", "code" => self.code).increment(1);
        let mut builder = Response::builder().status(self.status()).content_type(CONTENT_TYPE);
        if let Some(seconds) = self.retry_after {
            builder = builder.header("retry-after", seconds);
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            builder = builder.header("www-authenticate", "Bearer");
        }
        builder.body(self.body().to_json_string())
    }
}

fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
    }
}

impl StdError for Problem {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|e| e as _)
    }
}

impl DbError for Problem {
    fn database(&self) -> Option<&sqlx::Error> {
        database_error(self)
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        Self::new(if is_away(&error) { "service.unavailable" } else { "internal" }).because(error)
    }
}

fn is_away(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) | sqlx::Error::PoolClosed)
}

impl From<redis::RedisError> for Problem {
    fn from(error: redis::RedisError) -> Self {
        Self::new("service.unavailable").because(error)
    }
}

/// Domain errors bring their own codes.
macro_rules! problem_from {
    ($($error:ty),* $(,)?) => {$(
        impl From<$error> for Problem {
            fn from(error: $error) -> Self {
                Self::of(error.code(), error)
            }
        }
    )*};
}
pub(super) use problem_from;

impl ResponseError for Problem {
    fn status(&self) -> StatusCode {
        self.status()
    }

    fn as_response(&self) -> Response {
        self.response()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.response()
    }
}

impl ApiResponse for Problem {
    fn meta() -> MetaResponses {
        let statuses = [
            (400, "The request cannot be read."),
            (401, "Not logged in, or the token is no longer good."),
            (403, "Not allowed."),
            (404, "There is no such thing, or it is not yours."),
            (409, "It has changed meanwhile, or is taken."),
            (413, "The body is too large."),
            (422, "A rule forbids it."),
            (429, "Too many; see Retry-After."),
            (503, "A store is away; nothing was written."),
        ];
        let responses = statuses.map(|(status, description)| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content: vec![MetaMediaType { content_type: CONTENT_TYPE, schema: ProblemBody::schema_ref() }],
            headers: vec![],
        });
        MetaResponses { responses: responses.into() }
    }

    fn register(registry: &mut Registry) {
        ProblemBody::register(registry);
    }
}

/// Turns every error of the web framework (a body that is no JSON, an unknown path, a wrong method) into a
/// problem.
pub async fn from_framework(error: poem::Error) -> Response {
    if let Some(problem) = error.downcast_ref::<Problem>() {
        return problem.response();
    }
    let code = match error.status() {
        StatusCode::NOT_FOUND => "route.not_found",
        StatusCode::METHOD_NOT_ALLOWED => "route.method_not_allowed",
        StatusCode::PAYLOAD_TOO_LARGE => "request.too_large",
        StatusCode::LENGTH_REQUIRED => "request.length_required",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "request.media_type",
        StatusCode::UNAUTHORIZED => "auth.required",
        StatusCode::FORBIDDEN => "request.forbidden",
        status if status.is_client_error() => "request.invalid",
        _ => "internal",
    };
    // The framework's own words name the field and the reason; they hold nothing of ours.
    let reason = error.to_string();
    let mut problem = Problem::new(code);
    if code == "request.invalid" {
        problem =
            problem.context(serde_json::json!({ "reason": reason.chars().take(300).collect::<String>() }));
    }
    problem.response()
}
