//! Heads of rooms, and up to where people have read.

use std::collections::HashMap;
use std::future::IntoFuture;

use futures_util::TryStreamExt;
use mongodb::Collection;
use mongodb::bson::{Document, doc};
use serde::{Deserialize, Serialize};

use super::{Fault, Store, id, is_duplicate};
use crate::id::{ReservationId, UserId};

/// A document of `chat_heads`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Head {
    #[serde(rename = "_id")]
    room: String,
    seq: i64,
}

/// A document of `chat_marks`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Mark {
    room: String,
    user: String,
    seq: i64,
}

impl Store {
    /// Raises the known head of a room; never lowers it.
    pub async fn raise_head(&self, room: ReservationId, seq: i64) -> Result<(), Fault> {
        raise(self, &self.heads, &room.to_string(), doc! { "$max": { "seq": seq } }).await
    }

    /// The heads of rooms; rooms without an entry are absent.
    pub async fn heads(&self, rooms: &[ReservationId]) -> Result<HashMap<ReservationId, i64>, Fault> {
        let rooms: Vec<_> = rooms.iter().map(ToString::to_string).collect();
        let found = async {
            let found = self.heads.find(doc! { "_id": { "$in": rooms } }).await?;
            found.try_collect::<Vec<_>>().await
        };
        let found = self.answered(found).await??;
        found.into_iter().map(|head| Ok((id(&head.room)?, head.seq))).collect()
    }

    /// Raises a mark; never lowers it.
    pub async fn raise_mark(&self, room: ReservationId, user: UserId, seq: i64) -> Result<(), Fault> {
        let named = doc! { "room": room.to_string(), "user": user.to_string() };
        let change = doc! { "$max": { "seq": seq }, "$setOnInsert": named };
        raise(self, &self.marks, &mark_id(room, user), change).await
    }

    /// The marks of one person in rooms; where nothing was read it is absent.
    pub async fn marks_of(
        &self,
        user: UserId,
        rooms: &[ReservationId],
    ) -> Result<HashMap<ReservationId, i64>, Fault> {
        let ids = rooms.iter().map(|room| mark_id(*room, user)).collect();
        let found = self.marks_with(ids).await?;
        found.into_iter().map(|mark| Ok((id(&mark.room)?, mark.seq))).collect()
    }

    /// The marks of people in one room.
    pub async fn marks_in(
        &self,
        room: ReservationId,
        users: &[UserId],
    ) -> Result<HashMap<UserId, i64>, Fault> {
        let ids = users.iter().map(|user| mark_id(room, *user)).collect();
        let found = self.marks_with(ids).await?;
        found.into_iter().map(|mark| Ok((id(&mark.user)?, mark.seq))).collect()
    }

    async fn marks_with(&self, ids: Vec<String>) -> Result<Vec<Mark>, Fault> {
        let found = async {
            let found = self.marks.find(doc! { "_id": { "$in": ids } }).await?;
            found.try_collect().await
        };
        Ok(self.answered(found).await??)
    }

    /// How many messages of others stand after a mark, by room; those without any are absent.
    pub async fn count_after(
        &self,
        user: UserId,
        marks: &[(ReservationId, i64)],
    ) -> Result<HashMap<ReservationId, i64>, Fault> {
        #[derive(Deserialize)]
        struct Count {
            #[serde(rename = "_id")]
            room: String,
            count: i64,
        }
        if marks.is_empty() {
            return Ok(HashMap::new());
        }
        let spans: Vec<_> = marks
            .iter()
            .map(|(room, mark)| doc! { "room": room.to_string(), "seq": { "$gt": mark } })
            .collect();
        let unread = doc! {
            "$or": spans, "kind": "message", "sender": { "$ne": user.to_string() },
            "deletedAt": { "$exists": false },
        };
        let count = doc! { "_id": "$room", "count": { "$sum": 1_i64 } };
        let found = async {
            let steps = [doc! { "$match": unread }, doc! { "$group": count }];
            let found = self.entries.aggregate(steps).with_type::<Count>().await?;
            found.try_collect::<Vec<Count>>().await
        };
        let found = self.answered(found).await??;
        found.into_iter().map(|count| Ok((id(&count.room)?, count.count))).collect()
    }
}

fn mark_id(room: ReservationId, user: UserId) -> String {
    format!("{room}/{user}")
}

/// Of two that make a document at the same moment one is refused, and finds it there the second time.
async fn raise<T: Send + Sync>(
    store: &Store,
    collection: &Collection<T>,
    id: &str,
    change: Document,
) -> Result<(), Fault> {
    for _ in 0..2 {
        let asked = collection.update_one(doc! { "_id": id }, change.clone()).upsert(true);
        match store.answered(asked.into_future()).await? {
            Ok(_) => return Ok(()),
            Err(error) if is_duplicate(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Fault::Away(format!("{id} is fought over")))
}
