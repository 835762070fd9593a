//! What operators did: who, what, about what, why, and what moved by it.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::Query;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use super::answer::page_size;
use super::caller::Caller;
use super::instant::When;
use super::problem::Problem;
use super::{App, Shared, Tag, unit};
use crate::act::{self, Act, Filter, Moved};
use crate::context::Actor;
use crate::id::{ActId, UserId};

pub struct ActsApi;

/// Something that moved by an act.
#[derive(Debug, Object)]
#[oai(rename = "ActMove", rename_all = "camelCase", skip_serializing_if_is_none)]
struct MoveView {
    /// Such as `reservation`.
    kind: String,
    id: Uuid,
    /// Absent where it is new, or its history says only what was done.
    from: Option<String>,
    to: String,
}

impl From<Moved> for MoveView {
    fn from(moved: Moved) -> Self {
        Self { kind: moved.kind, id: moved.id, from: moved.from, to: moved.to }
    }
}

/// Something an operator did, or read.
#[derive(Debug, Object)]
#[oai(rename = "Act", rename_all = "camelCase", skip_serializing_if_is_none)]
struct ActView {
    id: ActId,
    /// UTC.
    at: DateTime<Utc>,
    /// `admin`, or `operator` for whoever ran a command.
    actor_kind: String,
    actor_id: Option<UserId>,
    /// Such as `POST /v1/admin/users/{id}/suspend`, or `admin jobs replay`.
    operation: String,
    /// What `objectId` is, as the address names it.
    object_kind: Option<String>,
    object_id: Option<Uuid>,
    reason: Option<String>,
    moves: Vec<MoveView>,
    request_id: String,
}

impl From<Act> for ActView {
    fn from(act: Act) -> Self {
        Self {
            id: act.id,
            at: act.at,
            actor_kind: act.actor_kind,
            actor_id: act.actor_id,
            operation: act.operation,
            object_kind: act.object_kind,
            object_id: act.object_id,
            reason: act.reason,
            moves: act.moves.0.into_iter().map(MoveView::from).collect(),
            request_id: act.request_id,
        }
    }
}

#[derive(Debug, Object)]
#[oai(rename = "Acts", rename_all = "camelCase", skip_serializing_if_is_none)]
struct Acts {
    items: Vec<ActView>,
    /// `before` of the next page; absent on the last one.
    next: Option<ActId>,
}

#[OpenApi(prefix_path = "/v1/admin/acts", tag = "Tag::Admin")]
impl ActsApi {
    /// List what operators did
    ///
    /// Every change by the back office or the `admin` command, and every reading of people's data; newest first. What
    /// was refused is not here. For administrators.
    #[oai(path = "/", method = "get", operation_id = "adminListActs")]
    #[expect(clippy::too_many_arguments, reason = "each is a query parameter")]
    async fn list(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        /// Who.
        actor: Query<Option<UserId>>,
        /// About what.
        object: Query<Option<Uuid>>,
        /// The whole operation.
        #[oai(validator(max_length = 120))]
        operation: Query<Option<String>>,
        /// The id of the request.
        #[oai(validator(max_length = 64))]
        request: Query<Option<String>>,
        /// From this instant on (UTC).
        from: Query<Option<When>>,
        /// Before this instant (UTC).
        to: Query<Option<When>>,
        /// The `next` of the page before.
        before: Query<Option<ActId>>,
        #[oai(default = "page_size", validator(minimum(value = "1"), maximum(value = "100")))] limit: Query<
            u32,
        >,
    ) -> Result<Json<Acts>, Problem> {
        caller.admin()?;
        let filter = Filter {
            actor: actor.0,
            object: object.0,
            operation: operation.0,
            request_id: request.0,
            from: from.0.map(|at| at.0),
            to: to.0.map(|at| at.0),
            before: before.0,
        };
        let acts = act::list(app.core.db.pool(), &filter, limit.0).await?;
        let next = acts.last().filter(|_| acts.len() == limit.0 as usize).map(|act| act.id);
        Ok(Json(Acts { items: acts.into_iter().map(ActView::from).collect(), next }))
    }
}

/// Writes down that an administrator reads what is about people.
pub(super) async fn note_reading(app: &App, admin: Actor) -> Result<(), Problem> {
    unit!(app, admin, _tx => { Ok(()) })
}
