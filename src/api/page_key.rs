//! Page keys of lists that are ordered by an instant: opaque text for clients, an instant and an id for us.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;

use super::problem::Problem;
use crate::mentor::PageKey;

/// The microseconds and the id of the last entry of a page.
pub(super) fn page_text(key: PageKey) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}.{}", key.at.timestamp_micros(), key.user))
}

/// # Errors
/// `page.invalid` for text that [`page_text`] did not make.
pub(super) fn page_key(text: &str) -> Result<PageKey, Problem> {
    let parse = || {
        let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let (at, user) = plain.split_once('.')?;
        let at = DateTime::from_timestamp_micros(at.parse().ok()?)?;
        Some(PageKey { at, user: user.parse().ok()? })
    };
    parse().ok_or_else(|| Problem::new("page.invalid").field("after"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::UserId;

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
