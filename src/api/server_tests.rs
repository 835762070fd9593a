//! The layers around the routes, with a chapter of their own: whatever goes wrong ends as a problem.

use poem::Body;
use poem::http::Method;
use poem_openapi::Object;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;

use super::super::caller::Caller;
use super::super::text::Text;
use super::*;
use crate::id::UserId;

const ORIGIN: &str = "https://app.konnect.example";

struct Probe;

#[derive(Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
struct Note {
    #[oai(validator(max_length = 5))]
    text: Text,
    count: Option<u32>,
}

#[OpenApi(prefix_path = "/v1")]
impl Probe {
    #[oai(path = "/notes/:id", method = "post")]
    async fn write(&self, id: Path<UserId>, body: Json<Note>) -> Result<Json<u32>, Problem> {
        if &*body.text == "taken" {
            return Err(Problem::new("slot.taken").field("text").retry_after(7));
        }
        assert!(&*body.text != "panic", "as asked");
        Ok(Json(body.count.unwrap_or(0) + u32::from(id.0.0.is_nil())))
    }

    #[oai(path = "/notes/:id", method = "get")]
    async fn read(&self, id: Path<UserId>, caller: Caller) -> Json<bool> {
        Json(caller.user_id() == id.0)
    }
}

const NOTE: &str = "/v1/notes/00000000-0000-0000-0000-000000000000";

fn server() -> impl Endpoint<Output = Response> {
    let service = OpenApiService::new(Probe, "Probe", "1");
    let methods = methods(&service.spec());
    let shown = Shown { text: String::new(), page: String::new(), methods };
    let face: Face = Arc::new(LazyLock::new(Box::new(move || shown)));
    let track = Track { trusted_proxies: 0, clock: crate::clock::Clock::system() };
    layered(Route::new().nest("/", service.around(bodies)), Cors::new(&[ORIGIN.to_owned()]), face, track)
}

fn post_json(path: &str, body: impl Into<Body>) -> Request {
    let uri = path.parse().expect("a path");
    Request::builder().method(Method::POST).uri(uri).content_type("application/json").body(body)
}

fn ask(method: Method, path: &str) -> poem::RequestBuilder {
    Request::builder().method(method).uri(path.parse().expect("a path"))
}

async fn problem_of(request: Request) -> (u16, Value, Response) {
    let mut response = server().get_response(request).await;
    let body = response.take_body().into_string().await.expect("text");
    assert_eq!(response.content_type(), Some("application/problem+json"), "{body}");
    let problem: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(problem["status"], response.status().as_u16());
    assert_eq!(problem["requestId"], response.headers()["x-request-id"].to_str().expect("text"));
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    assert_eq!(response.headers()["vary"], "origin");
    (response.status().as_u16(), problem, response)
}

async fn code_of(request: Request) -> (u16, String) {
    let (status, problem, _) = problem_of(request).await;
    (status, problem["code"].as_str().expect("a code").to_owned())
}

#[tokio::test]
async fn bodies_that_do_not_fit_are_problems() {
    for body in [
        "",
        "{",
        "[]",
        r#"{"text":1}"#,
        r#"{}"#,
        r#"{"text":"a","more":1}"#,
        r#"{"text":"too long"}"#,
        r#"{"text":"a","count":-1}"#,
        r#"{"text":"a","count":"1"}"#,
    ] {
        assert_eq!(code_of(post_json(NOTE, body)).await, (400, "request.invalid".to_owned()), "{body}");
    }
    assert_eq!(code_of(post_json(NOTE, vec![b'{', 0xff, b'}'])).await.0, 400);
}

#[tokio::test]
async fn requests_that_do_not_fit_are_problems() {
    assert_eq!(
        code_of(post_json("/v1/notes/1", "{}")).await,
        (400, "request.invalid".to_owned()),
        "an id that is none"
    );
    let plain = ask(Method::POST, NOTE).content_type("text/plain").body("x");
    assert_eq!(code_of(plain).await, (415, "request.media_type".to_owned()));
    let untyped = ask(Method::POST, NOTE).body("x");
    assert_eq!(code_of(untyped).await, (415, "request.media_type".to_owned()));
    assert_eq!(code_of(ask(Method::GET, "/v1/nothing").finish()).await, (404, "route.not_found".to_owned()));
}

#[tokio::test]
async fn a_wrong_method_is_a_problem_that_names_the_right_ones() {
    let (status, problem, response) = problem_of(ask(Method::DELETE, NOTE).finish()).await;
    assert_eq!((status, &problem["code"]), (405, &Value::from("route.method_not_allowed")));
    let allow = response.headers()["allow"]
        .to_str()
        .expect("text")
        .split(", ")
        .collect::<std::collections::BTreeSet<_>>();
    assert_eq!(allow, ["GET", "HEAD", "POST"].into());
}

#[tokio::test]
async fn large_bodies_are_refused_announced_or_not() {
    let large = format!(r#"{{"text":"{}"}}"#, "x".repeat(70_000));
    assert_eq!(code_of(post_json(NOTE, large.clone())).await, (413, "request.too_large".to_owned()));
    let announced = ask(Method::POST, NOTE)
        .content_type("application/json")
        .header("content-length", "70000")
        .body(Body::empty());
    assert_eq!(code_of(announced).await, (413, "request.too_large".to_owned()));
}

#[tokio::test]
async fn nobody_without_a_token_is_let_in() {
    let (status, problem, response) = problem_of(ask(Method::GET, NOTE).finish()).await;
    assert_eq!((status, &problem["code"]), (401, &Value::from("auth.required")));
    assert_eq!(response.headers()["www-authenticate"], "Bearer");
    for header in ["Basic YTpi", "Bearer", "x"] {
        let request = ask(Method::GET, NOTE).header("authorization", header).finish();
        assert_eq!(code_of(request).await, (401, "auth.required".to_owned()), "{header}");
    }
}

#[tokio::test]
async fn refusals_and_panics_are_problems() {
    let request = post_json(NOTE, r#"{"text":"taken"}"#).map_header("accept-language", "ko-KR,en;q=0.5");
    let (status, problem, response) = problem_of(request).await;
    assert_eq!((status, &problem["code"], &problem["field"]), (409, &"slot.taken".into(), &"text".into()));
    assert!(problem["detail"].as_str().expect("words").contains("예약"), "{problem}");
    assert_eq!(response.headers()["retry-after"], "7");
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(code_of(post_json(NOTE, r#"{"text":"panic"}"#)).await, (500, "internal".to_owned()));
}

#[tokio::test]
async fn good_requests_pass_and_head_is_known() {
    let response = server().get_response(post_json(NOTE, r#"{"text":"a","count":2}"#)).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.into_body().into_string().await.expect("text"), "3");
    let head = server().get_response(ask(Method::HEAD, NOTE).finish()).await;
    assert_eq!(head.status(), 401, "HEAD goes where GET goes");
}

#[tokio::test]
async fn only_listed_origins_may_read() {
    for (origin, let_in) in [
        (ORIGIN, true),
        ("https://evil.example", false),
        ("https://app.konnect.example.evil.example", false),
        ("http://app.konnect.example", false),
        ("null", false),
    ] {
        let request = ask(Method::GET, NOTE).header("origin", origin).finish();
        let response = server().get_response(request).await;
        let allowed = response.headers().get("access-control-allow-origin");
        assert_eq!(allowed.is_some(), let_in, "{origin}");
        assert!(!response.headers().contains_key("access-control-allow-credentials"));
        let preflight = ask(Method::OPTIONS, NOTE)
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .finish();
        let response = server().get_response(preflight).await;
        assert_eq!(response.status(), 204);
        assert_eq!(response.headers().contains_key("access-control-allow-headers"), let_in, "{origin}");
    }
}

#[test]
fn the_document_needs_no_stores_and_every_operation_has_a_name() {
    let document: Value = serde_json::from_str(&openapi()).expect("JSON");
    let mut operations = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            operations += 1;
            assert!(operation["operationId"].is_string(), "{method} {path}");
            assert!(operation["summary"].is_string(), "{method} {path}");
        }
    }
    assert!(operations > 20, "{operations}");
}

/// A request that carries one header more.
trait WithHeader {
    fn map_header(self, name: &'static str, value: &'static str) -> Self;
}

impl WithHeader for Request {
    fn map_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers_mut().insert(name, HeaderValue::from_static(value));
        self
    }
}
