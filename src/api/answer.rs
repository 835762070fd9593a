//! Answers that many handlers give.

use poem_openapi::payload::Json;
use poem_openapi::types::ToJSON;
use poem_openapi::{ApiResponse, Object};

use super::text::Text;

/// Something new exists.
#[derive(ApiResponse)]
pub(crate) enum Created<T: ToJSON> {
    /// It exists now.
    #[oai(status = 201)]
    Created(Json<T>),
}

/// Done, and there is nothing to say.
#[derive(ApiResponse)]
pub(crate) enum Done {
    /// Done.
    #[oai(status = 204)]
    Done,
}

/// Why something was done; stands in the history.
#[derive(Debug, Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Because {
    #[oai(validator(min_length = 1, max_length = 500))]
    pub reason: Text,
}

/// How many entries a page has when nobody says.
pub(crate) fn page_size() -> u32 {
    50
}
