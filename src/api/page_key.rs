//! Page keys of lists that are ordered by an instant: opaque text for clients, an instant and an id for us.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::problem::Problem;
use crate::id::UserId;
use crate::mentor::PageKey;

/// The microseconds and the id of the last entry of a page.
pub(super) fn key_text(at: DateTime<Utc>, id: Uuid) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}.{id}", at.timestamp_micros()))
}

/// `None` for text that [`key_text`] did not make.
pub(super) fn instant_key(text: &str) -> Option<(DateTime<Utc>, Uuid)> {
    let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let (at, id) = plain.split_once('.')?;
    Some((DateTime::from_timestamp_micros(at.parse().ok()?)?, id.parse().ok()?))
}

/// The key of a page of mentors.
pub(super) fn page_text(key: PageKey) -> String {
    key_text(key.at, key.user.0)
}

/// # Errors
/// `page.invalid` for text that [`page_text`] did not make.
pub(super) fn page_key(text: &str) -> Result<PageKey, Problem> {
    let (at, id) = instant_key(text).ok_or_else(|| Problem::new("page.invalid").field("after"))?;
    Ok(PageKey { at, user: UserId(id) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_keys_come_back_and_nonsense_is_refused() {
        let at = DateTime::from_timestamp_micros(1_764_000_000_123_456).unwrap();
        let key = PageKey { at, user: UserId::generate() };
        assert_eq!(page_key(&page_text(key)).unwrap(), key);
        for text in ["", "x", "MTIz", "한글", "LS4t"] {
            assert_eq!(page_key(text).unwrap_err().code(), "page.invalid", "{text}");
        }
    }
}
