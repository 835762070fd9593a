//! Chat for clients without a socket: history, sending, and what was read.

use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::answer::page_size;
use super::caller::Caller;
use super::chat_view::{MarksView, MessageView, PageView, StateView, UnreadView};
use super::problem::Problem;
use super::text::Text;
use super::{Shared, Tag};
use crate::chat::{self, Access, Draft, Span, Wish};
use crate::id::{FileId, ReservationId};
use crate::realtime::To;
use crate::trace;

pub struct ChatApi;

#[derive(Debug, Object)]
#[oai(rename = "SendChatMessage", rename_all = "camelCase", deny_unknown_fields)]
struct SendRequest {
    /// Names the message for ever: sent again, it is the same message.
    #[oai(validator(min_length = 1, max_length = 64))]
    client_id: Text,
    /// Control characters but line ends are left out.
    #[oai(validator(min_length = 1, max_length = 8000))]
    text: Option<Text>,
    /// One of the caller's uploads into this chat that was not sent yet.
    file_id: Option<FileId>,
    /// The `seq` of the message this one answers.
    #[oai(validator(minimum(value = "1")))]
    reply_to: Option<i64>,
}

#[derive(Debug, Object)]
#[oai(rename = "ReadChat", rename_all = "camelCase", deny_unknown_fields)]
struct ReadRequest {
    /// Everything up to it was read.
    #[oai(validator(minimum(value = "0")))]
    seq: i64,
}

#[derive(ApiResponse)]
enum Sent {
    /// The message is stored.
    #[oai(status = 201)]
    Created(Json<MessageView>),
    /// It was stored before.
    #[oai(status = 200)]
    Existing(Json<MessageView>),
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Chat")]
impl ChatApi {
    /// Show how a chat stands
    #[oai(path = "/reservations/:id/chat", method = "get", operation_id = "getChat")]
    async fn get(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
    ) -> Result<Json<StateView>, Problem> {
        let access = access(&app, &caller, id.0).await?;
        Ok(Json(chat::state(&app.core, &access).await?.into()))
    }

    /// List messages
    ///
    /// The newest, those before a `seq`, or those after one; always in order, as they stand now: with their last text,
    /// their reactions, and a tombstone where one was deleted.
    #[oai(path = "/reservations/:id/chat/messages", method = "get", operation_id = "listChatMessages")]
    async fn list(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
        #[oai(validator(minimum(value = "0")))] before: Query<Option<i64>>,
        #[oai(validator(minimum(value = "0")))] after: Query<Option<i64>>,
        #[oai(default = "page_size", validator(minimum(value = "1"), maximum(value = "100")))] limit: Query<
            u32,
        >,
    ) -> Result<Json<PageView>, Problem> {
        let access = access(&app, &caller, id.0).await?;
        let span = Span { before: before.0, after: after.0, limit: limit.0 };
        Ok(Json(chat::history(&app.core, &access, span).await?.try_into()?))
    }

    /// Send a message
    ///
    /// For clients without a socket. From the confirmation until 7 days after the session. Sent again with the same
    /// `clientId` and content it is the same message, whichever way it was sent first.
    #[oai(path = "/reservations/:id/chat/messages", method = "post", operation_id = "sendChatMessage")]
    async fn send(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
        body: Json<SendRequest>,
    ) -> Result<Sent, Problem> {
        let access = access(&app, &caller, id.0).await?;
        let wish = Wish::Send {
            text: body.text.as_deref().map(str::to_owned),
            file: body.file_id,
            reply_to: body.reply_to,
        };
        let draft = Draft { client_id: body.client_id.to_string(), wish };
        let stored = chat::append(&app.core, &access, draft).await?;
        // To the end, also for a client that hangs up: the message is stored.
        let (house, span) = (app.house.clone(), tracing::Span::current());
        let announcing = tokio::spawn(trace::within(span, async move {
            house.announce(&access, &stored).await;
            stored
        }));
        let stored = announcing.await.map_err(|_| Problem::new("internal"))?;
        let view = Json(stored.entry.try_into()?);
        Ok(if stored.duplicate { Sent::Existing(view) } else { Sent::Created(view) })
    }

    /// Say up to where the caller has read
    ///
    /// Marks only grow; a smaller `seq` changes nothing.
    #[oai(path = "/reservations/:id/chat/read", method = "put", operation_id = "readChat")]
    async fn read(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
        body: Json<ReadRequest>,
    ) -> Result<Json<MarksView>, Problem> {
        let access = access(&app, &caller, id.0).await?;
        let marks = chat::mark_read(&app.core, &access, body.seq).await?;
        app.house.tell_read(&access, marks.mine, To::All);
        Ok(Json(marks.into()))
    }

    /// Count unread messages
    ///
    /// Over all chats of the caller.
    #[oai(path = "/me/chat/unread", method = "get", operation_id = "countUnreadChat")]
    async fn unread(&self, app: Data<&Shared>, caller: Caller) -> Result<Json<UnreadView>, Problem> {
        Ok(Json(chat::unread_rooms(&app.core, caller.user_id()).await?.into()))
    }
}

/// The caller's access to a chat.
///
/// # Errors
/// `reservation.not_found`, also for the chats of others.
pub(super) async fn access(app: &Shared, caller: &Caller, room: ReservationId) -> Result<Access, Problem> {
    Ok(chat::access(app.core.db.pool(), room, caller.user_id()).await?)
}

impl From<chat::Error> for Problem {
    fn from(error: chat::Error) -> Self {
        let field = error.field();
        let problem = Self::of(error.code(), error);
        match field {
            Some(field) => problem.field(field),
            None => problem,
        }
    }
}
