//! What a request to the back office is about, read off its address and its body: the record of acts has it whatever
//! the handler does.

use poem::http::Method;
use serde_json::Value;
use uuid::Uuid;

use crate::context::Deed;

const OFFICE: &str = "/v1/admin/";
/// As `acts.operation` holds.
const LONGEST: usize = 120;
/// Why, by the names that requests give it.
const REASONS: [&str; 2] = ["reason", "evidence"];

/// Of a file the query stands for the reason: it says which part of the data was taken. `None` for every other address. `POST /v1/admin/users/<id>/suspend` is `POST /v1/admin/users/{id}/suspend`, about that
/// one of `users`.
pub(super) fn of(method: &Method, path: &str, query: Option<&str>) -> Option<Deed> {
    let rest = path.strip_prefix(OFFICE)?;
    let mut deed = Deed::default();
    let mut parts = Vec::new();
    let mut before = None;
    for part in rest.trim_end_matches('/').split('/') {
        if let Ok(id) = part.parse::<Uuid>() {
            deed.object_kind = before.map(str::to_owned);
            deed.object_id = Some(id);
            parts.push("{id}");
        } else {
            parts.push(part);
        }
        before = Some(part);
    }
    deed.reason = query.filter(|_| path.ends_with(".csv")).map(ToOwned::to_owned);
    deed.operation = format!("{method} {OFFICE}{}", parts.join("/")).chars().take(LONGEST).collect();
    deed.object_kind = deed.object_kind.map(|kind| kind.chars().take(40).collect());
    Some(deed)
}

/// The reason that a body gives.
pub(super) fn reason(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    REASONS.iter().find_map(|name| body.get(name)?.as_str()).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_what_is_done_to_what() {
        let id = "019ab123-4567-7abc-8def-0123456789ab";
        let deed = of(&Method::POST, &format!("/v1/admin/users/{id}/suspend"), None).expect("a deed");
        assert_eq!(deed.operation, "POST /v1/admin/users/{id}/suspend");
        assert_eq!((deed.object_kind.as_deref(), deed.object_id), (Some("users"), id.parse().ok()));
        let list = of(&Method::GET, "/v1/admin/jobs/", Some("x=1")).expect("a deed");
        assert_eq!((list.operation.as_str(), list.object_id), ("GET /v1/admin/jobs", None));
        assert_eq!(list.reason, None);
        let file = of(&Method::GET, "/v1/admin/users.csv", Some("from=a&to=b")).expect("a deed");
        assert_eq!(file.reason.as_deref(), Some("from=a&to=b"));
        assert_eq!(of(&Method::GET, "/v1/me", None), None);
        assert!(
            of(&Method::GET, &format!("/v1/admin/{}", "x".repeat(900)), None)
                .is_some_and(|d| d.operation.len() == 120)
        );
    }

    #[test]
    fn a_reason_is_text() {
        assert_eq!(reason(br#"{"reason": "spam", "x": 1}"#).as_deref(), Some("spam"));
        assert_eq!(reason(br#"{"evidence": "a slip"}"#).as_deref(), Some("a slip"));
        for none in ["", "{", "[]", r#"{"reason": 7}"#, "null"] {
            assert_eq!(reason(none.as_bytes()), None, "{none}");
        }
    }
}
