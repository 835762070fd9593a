//! The archive of a chat, whole: for its members, and for administrators, who say why.

use std::fmt::Write;

use futures_util::Stream;
use futures_util::stream::try_unfold;
use poem::Body;
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::{Binary, Json, Response};
use poem_openapi::{Enum, Object, OpenApi};
use serde_json::json;

use super::caller::Caller;
use super::chat::access;
use super::chat_files::disposition;
use super::problem::Problem;
use super::request::{Lang, lang};
use super::text::Text;
use super::{Shared, Tag, unit};
use crate::chat::{self, Entry, Page, Room, Said, What};
use crate::clock::Instant;
use crate::core::Core;
use crate::event;
use crate::id::ReservationId;

pub struct ChatExportApi;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "ChatExportFormat", rename_all = "snake_case")]
enum Format {
    Json,
    Text,
}

#[derive(Debug, Object)]
#[oai(rename = "AdminExportChat", rename_all = "camelCase", deny_unknown_fields)]
struct ExportRequest {
    format: Format,
    /// Why two people's conversation is read; kept.
    #[oai(validator(min_length = 1, max_length = 500))]
    reason: Text,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Chat")]
impl ChatExportApi {
    /// Export a chat
    ///
    /// The whole archive, oldest first. Deleted messages are tombstones.
    #[oai(path = "/reservations/:id/chat/export", method = "get", operation_id = "exportChat")]
    async fn export(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
        format: Query<Format>,
    ) -> Result<Response<Binary<Body>>, Problem> {
        let access = access(&app, &caller, id.0).await?;
        if !access.rights(&app.core.rules, app.core.clock.now()).can_read() {
            return Err(Problem::new("chat.not_open"));
        }
        let room = chat::room(app.core.db.pool(), id.0).await?;
        archive(&app, room, format.0, false).await
    }

    /// Export a chat for a decision
    ///
    /// With the texts before edits and those of deleted messages. Who read it, when and why is kept as an event. For
    /// administrators.
    #[oai(
        path = "/admin/reservations/:id/chat/export",
        method = "post",
        operation_id = "adminExportChat",
        tag = "Tag::Admin"
    )]
    async fn admin_export(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
        body: Json<ExportRequest>,
    ) -> Result<Response<Binary<Body>>, Problem> {
        let actor = caller.admin()?;
        let room = chat::room(app.core.db.pool(), id.0).await?;
        unit!(app, actor, tx => {
            let what = json!({ "reservationId": room.id, "reason": &*body.reason, "by": caller.user_id() });
            Ok(event::append(tx, &[caller.user_id()], "chat.exported", what).await?)
        })?;
        archive(&app, room, body.format, true).await
    }
}

/// The first page is read before anything is answered, so that an archive that cannot be read is a problem; one that
/// breaks off later ends the connection, and never looks whole.
async fn archive(
    app: &Shared,
    room: Room,
    format: Format,
    whole: bool,
) -> Result<Response<Binary<Body>>, Problem> {
    let first = chat::archive(&app.core, room.id, 0).await?;
    let writer = Writer { room, format, whole, lang: lang(), at: app.core.clock.now() };
    let (media_type, ending) = match format {
        Format::Json => ("application/json", "json"),
        Format::Text => ("text/plain; charset=utf-8", "txt"),
    };
    let name = format!("chat-{}.{ending}", room.id);
    let body = Body::from_bytes_stream(pages(app.core.clone(), writer, first));
    Ok(Response::new(Binary(body))
        .header("content-type", media_type)
        .header("content-disposition", disposition(&name))
        .header("content-security-policy", "sandbox; default-src 'none'"))
}

fn pages(
    core: Core,
    writer: Writer,
    first: Page,
) -> impl Stream<Item = std::io::Result<Vec<u8>>> + Send + 'static {
    try_unfold((core, writer, Some(first), true), |(core, writer, page, is_first)| async move {
        let Some(page) = page else { return Ok(None) };
        let text = writer.page(&page.messages, is_first, !page.more);
        let next = match (page.more, page.messages.last()) {
            (true, Some(last)) => {
                let next = chat::archive(&core, writer.room.id, last.seq).await;
                Some(next.map_err(std::io::Error::other)?)
            }
            _ => None,
        };
        Ok(Some((text.into_bytes(), (core, writer, next, false))))
    })
}

/// Writes an archive, page by page.
struct Writer {
    room: Room,
    format: Format,
    /// Also what was edited away and deleted.
    whole: bool,
    lang: Lang,
    at: Instant,
}

impl Writer {
    fn page(&self, messages: &[Entry], is_first: bool, is_last: bool) -> String {
        let mut text = String::new();
        if is_first && self.format == Format::Json {
            let (id, at) = (json!(self.room.id), json!(self.at.to_rfc3339()));
            let people = json!({ "mentor": self.room.mentor, "mentee": self.room.mentee });
            text =
                format!("{{\"reservationId\":{id},\"exportedAt\":{at},\"members\":{people},\"messages\":[");
        }
        for (number, entry) in messages.iter().enumerate() {
            match self.format {
                Format::Json => {
                    let data = if self.whole { entry.record_data() } else { entry.frame_data() };
                    let comma = if is_first && number == 0 { "" } else { "," };
                    write!(text, "{comma}{data}").expect("a string takes all");
                }
                Format::Text => self.line(&mut text, entry),
            }
        }
        if is_last && self.format == Format::Json {
            text.push_str("]}");
        }
        text
    }

    /// `[2026-03-02 00:00:00 UTC] #3 Mentor: …`, with the following lines of a text indented.
    fn line(&self, out: &mut String, entry: &Entry) {
        let What::Message(said) = &entry.what else { return };
        let who = self.word(self.room.side_of(entry.sender).name());
        let at = entry.at.format("%Y-%m-%d %H:%M:%S UTC");
        let notes = self.notes(said);
        let text = match &said.text {
            Some(text) if self.whole || !said.is_deleted() => text.replace('\n', "\n    "),
            _ => String::new(),
        };
        let line = format!("[{at}] #{} {who}: {notes}{text}", entry.seq);
        writeln!(out, "{}", line.trim_end()).expect("a string takes all");
        for edit in said.edits.iter().filter(|_| self.whole) {
            let was = edit.was.as_deref().unwrap_or_default().replace('\n', "\n    ");
            writeln!(out, "    ({} #{}: {was})", self.word("before"), edit.seq).expect("a string takes all");
        }
    }

    fn notes(&self, said: &Said) -> String {
        let mut notes = Vec::new();
        if said.is_deleted() {
            notes.push(self.word("deleted").to_owned());
            if !self.whole {
                return format!("({}) ", notes.join(", "));
            }
        }
        notes.extend(said.reply_to.map(|seq| format!("{} #{seq}", self.word("reply"))));
        notes.extend(said.edited_at.map(|_| self.word("edited").to_owned()));
        if let Some(file) = &said.file {
            notes.push(format!("{} {}, {}, {} B", self.word("file"), file.name, file.media_type, file.bytes));
        }
        let kinds = said.reactions_by_kind();
        notes.extend(kinds.iter().map(|(emoji, users)| format!("{emoji} {}", users.len())));
        if notes.is_empty() { String::new() } else { format!("({}) ", notes.join(", ")) }
    }

    fn word(&self, word: &'static str) -> &'static str {
        match (self.lang, word) {
            (Lang::Ko, "mentor") => "멘토",
            (Lang::Ko, "mentee") => "멘티",
            (Lang::Ko, "deleted") => "삭제됨",
            (Lang::Ko, "edited") => "수정됨",
            (Lang::Ko, "before") => "수정 전",
            (Lang::Ko, "reply") => "답장",
            (Lang::Ko, "file") => "파일",
            (Lang::En, "mentor") => "Mentor",
            (Lang::En, "mentee") => "Mentee",
            (Lang::En, "reply") => "reply to",
            (_, word) => word,
        }
    }
}
