//! Appending to a room: the one place where sequence numbers are given out.

use std::fmt::Write;
use std::time::Duration;

use chrono::DurationRound;
use sha2::{Digest, Sha256};

use super::error::Error;
use super::files;
use super::model::{Access, Draft, Entry, Said, Stored, What, Wish};
use super::rights::Rights;
use super::store::{self, Fault, Inserted, Store};
use super::text::{MAX_KINDS, check_client_id, check_emoji, clean};
use crate::clock::Instant;
use crate::core::Core;
use crate::id::{ReservationId, UserId, jitter};

/// Tries for a place in the log while others take one after another.
const ATTEMPTS: u64 = 40;
/// The longest wait between two tries, in milliseconds.
const LONGEST_WAIT: u64 = 60;

/// Appends what a member drafted, and applies it. It is durable when this returns; sent again under the same
/// `client_id`, from anywhere and at any time, it is the same entry.
///
/// # Errors
/// What the room and the rules refuse; `ClientIdReused` when the id stands for something else. With any other error
/// nothing is acknowledged: it may be stored or not, and the same draft may be sent again.
pub async fn append(core: &Core, access: &Access, draft: Draft) -> Result<Stored, Error> {
    let draft = checked(draft)?;
    let store = Store::open(core).await?;
    let digest = digest(&draft.wish);
    match written(core, &store, access, &draft, &digest).await {
        // Whoever missed the answer asks again, perhaps when it would no longer be allowed.
        Err(refusal) if refusal.is_refusal() => {
            repeated(&store, access, &draft, &digest).await?.ok_or(refusal)
        }
        stored => stored,
    }
}

/// The draft as it is stored.
fn checked(mut draft: Draft) -> Result<Draft, Error> {
    check_client_id(&draft.client_id)?;
    match &mut draft.wish {
        Wish::Send { text: Some(text), .. } | Wish::Edit { text, .. } => *text = clean(text)?,
        Wish::Send { file: None, .. } => return Err(Error::TextEmpty),
        Wish::React { emoji, .. } => check_emoji(emoji)?,
        Wish::Send { .. } | Wish::Delete { .. } => {}
    }
    Ok(draft)
}

/// What two drafts are compared by.
fn digest(wish: &Wish) -> String {
    let text = serde_json::to_vec(wish).expect("a draft is JSON");
    Sha256::digest(&text).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string takes all");
        hex
    })
}

async fn written(
    core: &Core,
    store: &Store,
    access: &Access,
    draft: &Draft,
    digest: &str,
) -> Result<Stored, Error> {
    // Whole milliseconds, as it will be read.
    let now = core.clock.now();
    let at = now.duration_trunc(chrono::TimeDelta::milliseconds(1)).unwrap_or(now);
    match access.rights(&core.rules, now) {
        Rights::Write { .. } => {}
        Rights::Read => return Err(Error::Closed),
        Rights::None => return Err(Error::NotOpen),
    }
    let mut head = healed_head(store, access.room).await?;
    let what = decided(core, store, access, draft, at).await?;
    let mut entry = Entry {
        room: access.room,
        seq: 0,
        sender: access.user,
        client_id: draft.client_id.clone(),
        at,
        applied: matches!(what, What::Message(_)),
        what,
    };
    for attempt in 1..=ATTEMPTS {
        entry.seq = head + 1;
        // From here on no answer is no failure.
        if store.insert(&entry, digest).await.map_err(unanswered)? == Inserted::Done {
            store.raise_head(entry.room, entry.seq).await.map_err(unanswered)?;
            let applied = heal(store, entry).await.map_err(|error| match error {
                Error::Store(fault) => unanswered(fault),
                other => other,
            })?;
            return Ok(Stored { entry: applied, duplicate: false });
        }
        if let Some(stored) = repeated(store, access, draft, digest).await? {
            return Ok(stored);
        }
        metrics::counter!("konnect_chat_append_retries_total").increment(1);
        tokio::time::sleep(Duration::from_millis(jitter((attempt * 4).min(LONGEST_WAIT)))).await;
        head = healed_head(store, access.room).await?;
        // Judged at the place that it takes: what came before it may have deleted what it is about. Whoever was refused
        // for that knows then that no earlier sending is still to come.
        judged_again(core, store, access, &draft.wish, at).await?;
    }
    Err(Error::Crowded)
}

/// What is said of a fault when the entry may be stored already.
fn unanswered(fault: Fault) -> Error {
    if fault.is_away() { Error::Unanswered(fault) } else { Error::Store(fault) }
}

/// The entry that a draft became before, if it did.
async fn repeated(
    store: &Store,
    access: &Access,
    draft: &Draft,
    digest: &str,
) -> Result<Option<Stored>, Error> {
    let Some(found) = store.by_client_id(access.room, access.user, &draft.client_id).await? else {
        return Ok(None);
    };
    let store::Stored { entry, digest: stored } = found;
    if stored != digest {
        if let Wish::Send { file: Some(file), .. } = draft.wish
            && !holds(&entry, file)
        {
            store.release_file(file, &draft.client_id).await?;
        }
        return Err(Error::ClientIdReused);
    }
    // Whoever wrote it may have died right after.
    store.raise_head(entry.room, entry.seq).await?;
    let entry = if entry.applied { entry } else { heal(store, entry).await? };
    Ok(Some(Stored { entry, duplicate: true }))
}

/// Whether an entry is a message with this file.
pub(super) fn holds(entry: &Entry, id: crate::id::FileId) -> bool {
    matches!(&entry.what, What::Message(said) if said.file.as_ref().is_some_and(|file| file.id == id))
}

/// What the entry will say, once the wish is found to be allowed.
async fn decided(
    core: &Core,
    store: &Store,
    access: &Access,
    draft: &Draft,
    at: Instant,
) -> Result<What, Error> {
    let room = access.room;
    Ok(match draft.wish.clone() {
        Wish::Send { text, file, reply_to } => {
            if let Some(seq) = reply_to {
                message(store, room, seq).await?;
            }
            let file = match file {
                Some(id) => Some(files::claim(store, access, id, &draft.client_id, at).await?),
                None => None,
            };
            What::Message(Said { text, file, reply_to, ..Said::default() })
        }
        Wish::Edit { target, text } => {
            own_recent(core, store, access, target, at).await?;
            What::Edit { target, text: Some(text) }
        }
        Wish::Delete { target } => {
            own_recent(core, store, access, target, at).await?;
            What::Delete { target }
        }
        Wish::React { target, emoji, on } => {
            let (_, said) = message(store, room, target).await?;
            let kinds = said.reactions_by_kind();
            if on && kinds.len() >= MAX_KINDS && kinds.iter().all(|(known, _)| *known != emoji) {
                return Err(Error::ReactionLimit);
            }
            What::Reaction { target, emoji, on }
        }
    })
}

/// Whether a wish is still allowed now that the log has grown. What it says stays as it was decided.
async fn judged_again(
    core: &Core,
    store: &Store,
    access: &Access,
    wish: &Wish,
    at: Instant,
) -> Result<(), Error> {
    match wish {
        Wish::Send { .. } => {}
        Wish::Edit { target, .. } | Wish::Delete { target } => {
            own_recent(core, store, access, *target, at).await?;
        }
        Wish::React { target, .. } => drop(message(store, access.room, *target).await?),
    }
    Ok(())
}

/// A message that was not deleted.
async fn message(store: &Store, room: ReservationId, seq: i64) -> Result<(Entry, Said), Error> {
    let entry = store.entry(room, seq).await?.ok_or(Error::MessageNotFound)?;
    match &entry.what {
        What::Message(said) if !said.is_deleted() => {
            let said = said.clone();
            Ok((entry, said))
        }
        _ => Err(Error::MessageNotFound),
    }
}

/// Whether a member may still change a message.
async fn own_recent(core: &Core, store: &Store, access: &Access, seq: i64, at: Instant) -> Result<(), Error> {
    let (entry, _) = message(store, access.room, seq).await?;
    may_change(&entry, access.user, at, core.rules.chat_edit_window())
}

fn may_change(entry: &Entry, user: UserId, at: Instant, window: chrono::TimeDelta) -> Result<(), Error> {
    if entry.sender != user {
        return Err(Error::NotAuthor);
    }
    if at - entry.at >= window {
        return Err(Error::EditWindowOver);
    }
    Ok(())
}

/// The head of a room, 0 when nothing was said, after making sure that it is applied.
pub(super) async fn healed_head(store: &Store, room: ReservationId) -> Result<i64, Error> {
    match store.head(room).await? {
        Some(entry) => Ok(heal(store, entry).await?.seq),
        None => Ok(0),
    }
}

/// Applies the head of a room to the message it is about. Any number of processes may do so at the same time: the
/// message remembers the last entry that changed it.
pub(super) async fn heal(store: &Store, mut entry: Entry) -> Result<Entry, Error> {
    if entry.applied {
        return Ok(entry);
    }
    let hidden = apply(store, &entry).await?;
    store.applied(&entry, hidden).await?;
    entry.applied = true;
    if let (true, What::Edit { text, .. }) = (hidden, &mut entry.what) {
        *text = None;
    }
    Ok(entry)
}

/// `true`: the message was deleted before, so that the entry must not show what it says.
async fn apply(store: &Store, entry: &Entry) -> Result<bool, Error> {
    let room = entry.room;
    match &entry.what {
        What::Message(_) => {}
        What::Delete { target } => store.erase(entry, *target).await?,
        What::Edit { target, text } => match message(store, room, *target).await {
            Ok((_, said)) => {
                let text = text.as_deref().unwrap_or_default();
                store.edit(entry, *target, said.text.as_deref(), text).await?;
            }
            Err(Error::MessageNotFound) => return Ok(true),
            Err(error) => return Err(error),
        },
        What::Reaction { target, emoji, on } => match message(store, room, *target).await {
            Ok(_) => store.react(entry, *target, emoji, *on).await?,
            Err(Error::MessageNotFound) => {}
            Err(error) => return Err(error),
        },
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::FileId;

    fn draft(wish: Wish) -> Draft {
        Draft { client_id: "c-1".into(), wish }
    }

    #[test]
    fn drafts_are_cleaned_before_they_are_compared() {
        let send = |text: &str| draft(Wish::Send { text: Some(text.into()), file: None, reply_to: None });
        let (one, two) = (checked(send(" hi\r\n")).unwrap(), checked(send("hi")).unwrap());
        assert_eq!(digest(&one.wish), digest(&two.wish));
        assert_ne!(digest(&one.wish), digest(&checked(send("ho")).unwrap().wish));
        let edit = draft(Wish::Edit { target: 1, text: "hi".into() });
        assert_ne!(digest(&one.wish), digest(&edit.wish));
        assert!(matches!(checked(send(" ")), Err(Error::TextEmpty)));
        let nothing = Wish::Send { text: None, file: None, reply_to: Some(1) };
        assert!(matches!(checked(draft(nothing)), Err(Error::TextEmpty)));
        let picture = Wish::Send { text: None, file: Some(FileId::generate()), reply_to: None };
        assert!(checked(draft(picture)).is_ok());
        let react = Wish::React { target: 1, emoji: "no".into(), on: true };
        assert!(matches!(checked(draft(react)), Err(Error::EmojiInvalid)));
        let nameless = Draft { client_id: String::new(), wish: Wish::Delete { target: 1 } };
        assert!(matches!(checked(nameless), Err(Error::ClientIdInvalid)));
    }

    #[test]
    fn only_the_author_changes_a_message_and_only_for_a_while() {
        let (author, other) = (UserId::generate(), UserId::generate());
        let said: Instant = "2026-03-02T00:00:00Z".parse().unwrap();
        let entry = Entry {
            room: ReservationId::generate(),
            seq: 1,
            sender: author,
            client_id: "c".into(),
            at: said,
            applied: true,
            what: What::Message(Said::default()),
        };
        let window = chrono::TimeDelta::minutes(15);
        let last = said + window - chrono::TimeDelta::milliseconds(1);
        assert!(may_change(&entry, author, last, window).is_ok());
        assert!(matches!(may_change(&entry, author, said + window, window), Err(Error::EditWindowOver)));
        assert!(matches!(may_change(&entry, other, said, window), Err(Error::NotAuthor)));
    }
}
