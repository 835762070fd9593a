//! Page keys of lists that are ordered by an instant: opaque text for clients, an instant and an id for us.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Datelike, Utc};
use uuid::Uuid;

use super::problem::Problem;
use crate::id::UserId;
use crate::mentor::{After, PageKey, Sort};

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

/// The key of a page of the catalogue. That of the newest is as it always was; the others say which order they are of.
pub(super) fn card_text(sort: Sort, after: After) -> String {
    let plain = format!("{}{}.{}", order(sort), after.value, after.mentor);
    URL_SAFE_NO_PAD.encode(plain)
}

/// # Errors
/// `page.invalid` for text that [`card_text`] did not make for this order.
pub(super) fn card_key(sort: Sort, text: &str) -> Result<After, Problem> {
    let read = || {
        let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let (value, mentor) = plain.strip_prefix(order(sort))?.split_once('.')?;
        let value: i64 = value.parse().ok()?;
        let is_instant = matches!(sort, Sort::Newest | Sort::NextFree);
        // An instant that no list holds is none that a list gave out.
        let holds = |at: DateTime<Utc>| (1970..=9999).contains(&at.year());
        let fits = !is_instant || DateTime::from_timestamp_micros(value).is_some_and(holds);
        fits.then_some(After { value, mentor: mentor.parse().ok()? })
    };
    read().ok_or_else(|| Problem::new("page.invalid").field("after"))
}

fn order(sort: Sort) -> &'static str {
    match sort {
        Sort::Newest => "",
        Sort::Rating => "r",
        Sort::Price => "p",
        Sort::NextFree => "f",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_another_order_is_refused() {
        let sorts = [Sort::Newest, Sort::Rating, Sort::Price, Sort::NextFree];
        let after = After { value: 1_764_000_000_123_456, mentor: UserId::generate() };
        for made in sorts {
            for read in sorts {
                let key = card_key(read, &card_text(made, after));
                assert_eq!(key.is_ok(), made == read, "{made:?} read as {read:?}");
            }
        }
        let at = DateTime::from_timestamp_micros(after.value).unwrap();
        let of_old = key_text(at, after.mentor.0);
        assert_eq!(card_key(Sort::Newest, &of_old).unwrap(), after, "keys that are under way stay good");
        for text in ["", "x", "LS4t", &URL_SAFE_NO_PAD.encode(format!("{}.{}", i64::MAX, after.mentor))] {
            assert_eq!(card_key(Sort::Newest, text).unwrap_err().code(), "page.invalid", "{text}");
        }
    }

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
