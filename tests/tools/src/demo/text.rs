//! How things are written down.

use chrono::{DateTime, FixedOffset, Utc};
use serde_json::Value;

/// Korea has had no daylight saving time since 1988.
const KST_SECONDS: i32 = 9 * 3600;

/// Wall-clock time in Seoul, with the day.
pub fn day_and_time(at: DateTime<Utc>) -> String {
    seoul(at).format("%a %d %b %Y %H:%M KST").to_string()
}

/// Wall-clock time in Seoul.
pub fn time(at: DateTime<Utc>) -> String {
    seoul(at).format("%H:%M:%S").to_string()
}

fn seoul(at: DateTime<Utc>) -> DateTime<FixedOffset> {
    let zone = FixedOffset::east_opt(KST_SECONDS).expect("nine hours are a valid offset");
    at.with_timezone(&zone)
}

/// The instant in a field of an answer.
pub fn instant(value: &Value) -> Option<DateTime<Utc>> {
    value.as_str()?.parse().ok()
}

/// `₩50,000`
pub fn won(amount: i64) -> String {
    let digits = amount.unsigned_abs().to_string();
    let mut text = if amount < 0 { "-₩".to_owned() } else { "₩".to_owned() };
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Milliseconds, or seconds from two on.
pub fn span(ms: i64) -> String {
    match ms {
        ..2_000 => format!("{ms} ms"),
        2_000..120_000 => format!("{:.1} s", ms as f64 / 1_000.0),
        120_000..7_200_000 => format!("{} min", (ms + 30_000) / 60_000),
        _ => format!("{} h {:02} min", (ms + 30_000) / 3_600_000, (ms + 30_000) / 60_000 % 60),
    }
}

/// The tail of an id: ids of one moment begin alike.
pub fn short(id: &str) -> String {
    let tail = id.char_indices().rev().nth(5).map_or(id, |(at, _)| &id[at..]);
    format!("…{tail}")
}

/// A path with short ids and without its query.
pub fn short_path(path: &str) -> String {
    let path = path.split('?').next().unwrap_or(path);
    let is_id = |part: &str| part.len() == 36 && part.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    let parts: Vec<String> =
        path.split('/').map(|part| if is_id(part) { short(part) } else { part.to_owned() }).collect();
    parts.join("/")
}

/// `n thing` or `n things`.
pub fn count(n: usize, thing: &str) -> String {
    if n == 1 { format!("1 {thing}") } else { format!("{n} {thing}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_spans_are_readable() {
        assert_eq!(
            [won(0), won(999), won(50_000), won(-1_234_567)],
            ["₩0", "₩999", "₩50,000", "-₩1,234,567"]
        );
        assert_eq!(
            [span(12), span(2_500), span(900_000), span(172_800_000)],
            ["12 ms", "2.5 s", "15 min", "48 h 00 min"]
        );
        let path = "/v1/reservations/0199c0de-0000-7000-8000-0000deadbeef/payment?x=1";
        assert_eq!(short_path(path), "/v1/reservations/…adbeef/payment");
    }
}
