//! Pictures of people.

use std::time::Duration;

use poem::error::ReadBodyError;
use poem::web::Data;
use poem::{Body, Request};
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use poem_openapi::payload::{Binary, Json, Response};

use super::caller::Caller;
use super::me::Profile;
use super::problem::Problem;
use super::{App, Shared, Tag, throttle, unit};
use crate::chat;
use crate::core::FilesError;
use crate::id::{PictureId, secret};
use crate::mentor;
use crate::user::{self, User};

/// Bytes: more than a phone's own smaller size of a photograph.
const LARGEST: usize = 2 * 1024 * 1024;
/// For a whole upload.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct PicturesApi;

#[OpenApi(prefix_path = "/v1", tag = "Tag::Me")]
impl PicturesApi {
    /// Set the caller's picture
    ///
    /// The body is the picture and nothing else, at most 2 MiB; `Content-Type` says what it is, and its bytes must be just
    /// that: PNG, JPEG or WebP.
    #[oai(path = "/me/picture", method = "put", operation_id = "setPicture")]
    async fn set(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        request: &Request,
        body: Binary<Body>,
    ) -> Result<Json<Profile>, Problem> {
        throttle::picture(&app, caller.user_id()).await?;
        let declared = request.content_type().unwrap_or_default().to_ascii_lowercase();
        // Read on past the limit, so that whoever sends somewhat more hears the answer.
        let bytes = match tokio::time::timeout(PATIENCE, body.0.into_bytes_limit(4 * LARGEST)).await {
            Ok(Ok(bytes)) if bytes.len() <= LARGEST => bytes,
            Ok(Ok(_) | Err(ReadBodyError::PayloadTooLarge)) => {
                return Err(Problem::new("user.picture_too_large"));
            }
            Ok(Err(error)) => return Err(Problem::new("request.invalid").because(error)),
            Err(_) => return Err(Problem::new("request.timeout")),
        };
        let media_type = chat::picture_type(&bytes).filter(|media_type| *media_type == declared);
        let media_type = media_type.ok_or_else(|| Problem::new("user.picture_type"))?;
        let (owner, key) = (caller.user_id(), secret());
        let id = unit!(app, caller.actor(), tx => {
            Ok(user::picture_comes(tx, owner, &key, media_type).await?)
        })?;
        keep(&app, &key, &bytes).await?;
        let user = unit!(app, caller.actor(), tx => { Ok(user::show_picture(tx, owner, id).await?) })?;
        profile(&app, user).await
    }

    /// Remove the caller's picture
    #[oai(path = "/me/picture", method = "delete", operation_id = "removePicture")]
    async fn remove(&self, app: Data<&Shared>, caller: Caller) -> Result<Json<Profile>, Problem> {
        let user = unit!(app, caller.actor(), tx => { Ok(user::hide_picture(tx, caller.user_id()).await?) })?;
        profile(&app, user).await
    }

    /// Show a picture
    ///
    /// For everybody. Another picture has another address.
    #[oai(path = "/pictures/:id", method = "get", operation_id = "getPicture")]
    async fn get(&self, app: Data<&Shared>, id: Path<PictureId>) -> Result<Response<Binary<Body>>, Problem> {
        let picture = user::picture(app.core.db.pool(), id.0).await?;
        let content = match app.core.files.open(&picture.file_key).await {
            Ok(content) => content,
            Err(FilesError::Missing) => return Err(user::Error::PictureNotFound.into()),
            Err(error) => return Err(Problem::new("service.unavailable").because(error)),
        };
        Ok(Response::new(Binary(Body::from_bytes_stream(content)))
            .header("content-type", picture.media_type)
            .header("cache-control", "public, max-age=3600")
            .header("x-content-type-options", "nosniff")
            .header("cross-origin-resource-policy", "cross-origin")
            .header("content-security-policy", "sandbox; default-src 'none'"))
    }
}

/// Stores the bytes; the row that leads to them is there already.
async fn keep(app: &App, key: &str, bytes: &[u8]) -> Result<(), Problem> {
    let away = |error: FilesError| Problem::new("service.unavailable").because(error);
    let spooled = app.core.files.spool(key).await.map_err(away)?;
    tokio::fs::write(&spooled, bytes).await.map_err(|error| away(error.into()))?;
    let kept = app.core.files.keep(key, &spooled, bytes.to_vec()).await;
    // It may have been moved to its place.
    let _ = tokio::fs::remove_file(&spooled).await;
    kept.map_err(away)
}

async fn profile(app: &App, user: User) -> Result<Json<Profile>, Problem> {
    let is_mentor = mentor::is_approved(app.core.db.pool(), user.id).await?;
    Ok(Json(Profile::new(user, is_mentor)))
}
