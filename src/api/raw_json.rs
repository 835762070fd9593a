//! JSON that is finished already, such as a cached listing.

use std::marker::PhantomData;

use bytes::Bytes;
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchemaRef, Registry};
use poem_openapi::types::Type;

/// The JSON text of a `T`, sent as it is: the document shows the schema of `T`, and nothing is parsed or written
/// again. Whoever makes one answers for the text; a test beside the `T` compares the two.
pub(super) struct RawJson<T> {
    text: Bytes,
    schema: PhantomData<fn() -> T>,
}

impl<T> RawJson<T> {
    pub fn new(text: impl Into<Bytes>) -> Self {
        Self { text: text.into(), schema: PhantomData }
    }
}

impl<T: Type> Payload for RawJson<T> {
    const CONTENT_TYPE: &'static str = Json::<T>::CONTENT_TYPE;

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Type> IntoResponse for RawJson<T> {
    fn into_response(self) -> Response {
        Response::builder().content_type(Self::CONTENT_TYPE).body(self.text)
    }
}

impl<T: Type> ApiResponse for RawJson<T> {
    fn meta() -> MetaResponses {
        let content =
            vec![MetaMediaType { content_type: Self::CONTENT_TYPE, schema: <Self as Payload>::schema_ref() }];
        let response =
            MetaResponse { description: "", status: Some(200), status_range: None, content, headers: vec![] };
        MetaResponses { responses: vec![response] }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_text_is_sent_as_it_is() {
        let text = r#"{ "b":1,"a":  "한글" }"#;
        let response = RawJson::<String>::new(text).into_response();
        assert_eq!(response.content_type(), Some("application/json; charset=utf-8"));
        assert_eq!(response.into_body().into_string().await.unwrap(), text);
    }
}
