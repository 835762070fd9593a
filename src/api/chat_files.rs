//! Files of chats: uploaded by a member, shown to members, never as a part of a page.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::StreamExt;
use poem::web::Data;
use poem::{Body, Request};
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::{Binary, Json, Response};
use poem_openapi::{Object, OpenApi};

use super::answer::Created;
use super::caller::Caller;
use super::chat::access;
use super::chat_view::FileView;
use super::problem::Problem;
use super::{Shared, Tag, throttle};
use crate::chat::{self, FileMeta};
use crate::id::{FileId, ReservationId};
use crate::seal::Sealer;

/// For a whole upload.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a link is good.
const LINK: TimeDelta = TimeDelta::minutes(5);
/// Bytes of a refused upload that are read on, so that its sender hears the answer before the connection ends.
const READ_ON: usize = 16 * 1024 * 1024;
const READ_ON_FOR: Duration = Duration::from_secs(5);

pub struct ChatFilesApi;

#[derive(Debug, Object)]
#[oai(rename = "FileLink", rename_all = "camelCase")]
struct LinkView {
    /// For an `<img>` or a download without a token.
    url: String,
    expires_at: DateTime<Utc>,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Chat")]
impl ChatFilesApi {
    /// Upload a file
    ///
    /// The body is the file and nothing else, at most 10 MiB; `Content-Type` says what it is, and its bytes must be
    /// just that: PNG, JPEG, GIF, WebP, PDF, plain text in UTF-8, or an office document (OOXML without macros, ODF).
    /// The file is then sent with one message, within a day, by whoever uploaded it.
    #[oai(path = "/reservations/:id/files", method = "post", operation_id = "uploadChatFile")]
    async fn upload(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
        /// What it is called. Paths are cut off, and the ending is made that of the type.
        #[oai(validator(max_length = 500))]
        name: Query<Option<String>>,
        request: &Request,
        body: Binary<Body>,
    ) -> Result<Created<FileView>, Problem> {
        let declared = request.content_type().unwrap_or_default();
        let mut body = Box::pin(body.0.into_bytes_stream());
        let uploading = async {
            throttle::upload(&app, caller.user_id()).await?;
            let access = access(&app, &caller, id.0).await?;
            let name = name.0.as_deref().unwrap_or_default();
            let uploading = chat::upload(&app.core, &access, name, declared, &mut body);
            match tokio::time::timeout(PATIENCE, uploading).await {
                Ok(uploaded) => Ok(uploaded?),
                Err(_) => Err(Problem::new("request.timeout")),
            }
        };
        match uploading.await {
            Ok(file) => Ok(Created::Created(Json(file.into()))),
            Err(problem) => {
                let mut left = READ_ON;
                let rest = async {
                    while let Some(Ok(chunk)) = body.next().await
                        && left > chunk.len()
                    {
                        left -= chunk.len();
                    }
                };
                let _ = tokio::time::timeout(READ_ON_FOR, rest).await;
                Err(problem)
            }
        }
    }

    /// Download a file
    ///
    /// For the members of its chat, once it is sent; before that for its uploader.
    #[oai(path = "/reservations/:id/files/:fileId", method = "get", operation_id = "getChatFile")]
    async fn get(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
        #[oai(name = "fileId")] file_id: Path<FileId>,
    ) -> Result<Response<Binary<Body>>, Problem> {
        let access = access(&app, &caller, id.0).await?;
        let meta = chat::file_for_member(&app.core, &access, file_id.0).await?;
        download(&app, &meta).await
    }

    /// Make a link to a file
    ///
    /// Whoever has it can read the file for 5 minutes.
    #[oai(path = "/reservations/:id/files/:fileId/link", method = "post", operation_id = "linkChatFile")]
    async fn link(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
        #[oai(name = "fileId")] file_id: Path<FileId>,
    ) -> Result<Json<LinkView>, Problem> {
        let access = access(&app, &caller, id.0).await?;
        let meta = chat::file_for_member(&app.core, &access, file_id.0).await?;
        let expires_at = app.core.clock.now() + LINK;
        let (expires, id) = (expires_at.timestamp(), meta.file.id);
        let signature = app.sealer.sign(&signed_text(id, expires));
        let url = format!("{}/v1/files/{id}?expires={expires}&signature={signature}", app.config.public_url);
        Ok(Json(LinkView { url, expires_at }))
    }

    /// Open a link to a file
    #[oai(path = "/files/:id", method = "get", operation_id = "openFileLink")]
    async fn open(
        &self,
        app: Data<&Shared>,
        id: Path<FileId>,
        /// Seconds of Unix time.
        expires: Query<i64>,
        #[oai(validator(max_length = 100))] signature: Query<String>,
    ) -> Result<Response<Binary<Body>>, Problem> {
        check_link(&app.sealer, id.0, expires.0, &signature, app.core.clock.now())?;
        let meta = chat::linked_file(&app.core, id.0).await?;
        download(&app, &meta).await
    }
}

fn signed_text(id: FileId, expires: i64) -> String {
    format!("chat-file.v1 {id} {expires}")
}

/// # Errors
/// `chat.file_not_found` for a link that is not ours; `chat.link_expired`
fn check_link(
    sealer: &Sealer,
    id: FileId,
    expires: i64,
    signature: &str,
    now: DateTime<Utc>,
) -> Result<(), Problem> {
    if !sealer.is_signed(&signed_text(id, expires), signature) {
        return Err(Problem::new("chat.file_not_found"));
    }
    if now.timestamp() >= expires {
        return Err(Problem::new("chat.link_expired"));
    }
    Ok(())
}

/// Always as an attachment, of the type that its bytes are, and in a sandbox should a browser show it all the same.
async fn download(app: &Shared, meta: &FileMeta) -> Result<Response<Binary<Body>>, Problem> {
    let content = chat::content(&app.core, meta).await?;
    let media_type = match meta.file.media_type.as_str() {
        "text/plain" => "text/plain; charset=utf-8",
        other => other,
    };
    Ok(Response::new(Binary(Body::from_bytes_stream(content)))
        .header("content-type", media_type)
        .header("content-length", meta.file.bytes)
        .header("content-disposition", disposition(&meta.file.name))
        .header("x-content-type-options", "nosniff")
        .header("content-security-policy", "sandbox; default-src 'none'"))
}

/// An attachment under a name, for clients that know RFC 8187 and for those that know ASCII alone (RFC 6266, 4.3 and
/// appendix D).
pub(super) fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || " ._-()".contains(c) { c } else { '_' })
        .collect();
    let mut encoded = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_header() {
        assert_eq!(disposition("a.png"), "attachment; filename=\"a.png\"; filename*=UTF-8''a.png");
        let header = disposition("견적 \"1\"; x=\r\n.pdf");
        assert!(header.is_ascii() && !header.contains(['\r', '\n']) && header.matches('"').count() == 2);
        assert!(header.ends_with("filename*=UTF-8''%EA%B2%AC%EC%A0%81%20%221%22%3B%20x%3D%0D%0A.pdf"));
    }

    #[test]
    fn links_are_ours_and_run_out() {
        let sealer = Sealer::new(&"11".repeat(32).into()).unwrap();
        let now: DateTime<Utc> = "2026-03-02T00:00:00Z".parse().unwrap();
        let (id, expires) = (FileId::generate(), now.timestamp() + 300);
        let signature = sealer.sign(&signed_text(id, expires));
        let check = |id, expires, signature: &str, now| {
            check_link(&sealer, id, expires, signature, now).map_err(|problem| problem.code())
        };
        assert_eq!(check(id, expires, &signature, now), Ok(()));
        assert_eq!(check(id, expires, &signature, now + LINK), Err("chat.link_expired"));
        for (id, expires, signature) in [
            (FileId::generate(), expires, signature.as_str()),
            (id, expires + 1, &signature),
            (id, expires, ""),
            (id, expires, "한글"),
        ] {
            assert_eq!(check(id, expires, signature, now), Err("chat.file_not_found"));
        }
    }
}
