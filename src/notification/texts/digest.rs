//! The text of a digest, in both languages: a line for each thing that it tells.

use serde_json::Value;

use super::facts::{Facts, says};
use super::{Text, render};
use crate::user::TimeZone;

pub(super) fn en(kind: &str, f: &Facts) -> Option<Text> {
    (kind == "digest.daily").then(|| {
        let more = others(f).map(|more| format!("And {more} more in the app."));
        says("What else is new on Konnect", [lines(f), more])
    })
}

pub(super) fn ko(kind: &str, f: &Facts) -> Option<Text> {
    (kind == "digest.daily").then(|| {
        let more = others(f).map(|more| format!("그 밖에 {more}건을 앱에서 볼 수 있습니다."));
        says("그동안의 Konnect 소식입니다", [lines(f), more])
    })
}

fn items<'a>(f: &Facts<'a>) -> &'a [Value] {
    f.data["items"].as_array().map_or(&[], Vec::as_slice)
}

fn lines(f: &Facts) -> Option<String> {
    let line = |item: &Value| {
        let kind = item["kind"].as_str().unwrap_or_default();
        let text = render(kind, &item["data"], f.locale, TimeZone(f.zone));
        match text.body.lines().next() {
            Some(about) => format!("· {} ({about})", text.title),
            None => format!("· {}", text.title),
        }
    };
    let lines: Vec<_> = items(f).iter().map(line).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// How many are not shown.
fn others(f: &Facts) -> Option<usize> {
    let count = usize::try_from(f.data["count"].as_u64()?).ok()?;
    count.checked_sub(items(f).len()).filter(|more| *more > 0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::user::Locale;

    #[test]
    fn a_digest_has_a_line_for_each_thing() {
        let item = |title: &str| {
            json!({
                "kind": "settlement.accrued", "data": { "title": title, "startsAt": "2026-11-24T05:00:00Z", "net": 1_000 },
            })
        };
        let data = json!({ "count": 5, "items": [item("Rust"), item("Go")] });
        let zone: TimeZone = "Asia/Seoul".parse().expect("a zone");
        let english = render("digest.daily", &data, Locale::En, zone);
        assert_eq!(
            english.body,
            "· Your earnings are recorded (Rust · 2026-11-24 (Tue) 14:00 KST)\n\
             · Your earnings are recorded (Go · 2026-11-24 (Tue) 14:00 KST)\nAnd 3 more in the app."
        );
        let korean = render("digest.daily", &data, Locale::Ko, zone);
        assert!(korean.body.ends_with("그 밖에 3건을 앱에서 볼 수 있습니다."), "{}", korean.body);
        for odd in [json!({}), json!({ "items": [7, null], "count": -1 })] {
            assert!(!render("digest.daily", &odd, Locale::En, zone).title.is_empty());
        }
    }
}
