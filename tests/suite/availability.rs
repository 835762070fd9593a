//! Hours with exceptions and limits: set, listed, reserved.

use chrono::TimeDelta;
use futures_util::future::join_all;
use konnect::availability::{Limits, NewSchedule};
use konnect::mentor::Kind;
use konnect_tests::{Answer, Person, TestApp, monday, weekdays};
use reqwest::Method;
use serde_json::{Value, json};

pub async fn put(mentor: &Person, body: Value) -> Answer {
    mentor.client.send(Method::PUT, "/v1/me/schedule", Some(body), &[]).await
}

/// What a client sends that knows the weekly hours alone: weekdays 09:00 to 18:00 in Seoul.
pub fn plain(version: i64) -> Value {
    let windows: Vec<Value> = ["mon", "tue", "wed", "thu", "fri"]
        .map(|day| json!({ "weekday": day, "from": "09:00", "to": "18:00" }))
        .into();
    json!({ "expectedVersion": version, "timeZone": "Asia/Seoul", "windows": windows })
}

/// [`plain`] with more fields.
pub fn with(version: i64, more: Value) -> Value {
    let (mut body, Value::Object(more)) = (plain(version), more) else { panic!("an object") };
    body.as_object_mut().expect("an object").extend(more);
    body
}

async fn starts(app: &TestApp, offering: impl std::fmt::Display, from: &str, to: &str) -> Vec<String> {
    let path = format!("/v1/offerings/{offering}/slots?from={from}&to={to}");
    let listing = app.anonymous().get(&path).await.ok(200);
    let slots = listing["slots"].as_array().expect("slots").iter();
    slots.map(|slot| slot["startsAt"].as_str().expect("an instant").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn c4_exceptions_are_kept_when_a_client_does_not_know_them() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mentor").await;
    let before = mentor.client.get("/v1/me/schedule").await.ok(200);
    assert_eq!(before["overrides"], json!([]));
    assert_eq!((&before["holidays"], &before["limits"]), (&json!([]), &json!({})));

    let exceptions = json!({
        "slotOffsetMinutes": 15,
        "holidays": ["KR"],
        "overrides": [
            { "date": "2026-03-12", "windows": [{ "from": "13:00", "to": "24:00" }] },
            { "date": "2026-03-11", "windows": [] },
        ],
        "vacations": [{ "from": "2026-04-01", "to": "2026-04-10" }],
        "limits": { "perDay": 3, "perMenteeWeek": 1 },
    });
    let set = put(&mentor, with(1, exceptions.clone())).await.ok(200);
    assert_eq!(set["version"], 2);
    assert_eq!(set["overrides"][0]["date"], "2026-03-11", "by date");
    assert_eq!(set["overrides"][1], exceptions["overrides"][0]);
    for field in ["slotOffsetMinutes", "holidays", "vacations", "limits"] {
        assert_eq!(set[field], exceptions[field], "{field}");
    }
    assert_eq!(mentor.client.get("/v1/me/schedule").await.ok(200), set);

    let again = put(&mentor, plain(2)).await.ok(200);
    for field in ["slotOffsetMinutes", "holidays", "overrides", "vacations", "limits", "windows"] {
        assert_eq!(again[field], set[field], "{field} stays");
    }
    let quarter = with(3, json!({ "slotIntervalMinutes": 15 }));
    assert_eq!(
        put(&mentor, quarter).await.ok(200)["slotOffsetMinutes"],
        0,
        "an offset of 15 is no offset now"
    );
    let none = json!({ "holidays": [], "overrides": [], "vacations": [], "limits": {} });
    let gone = put(&mentor, with(4, none)).await.ok(200);
    for field in ["holidays", "overrides", "vacations", "limits"] {
        assert_eq!(gone[field], before[field], "{field}");
    }
    put(&mentor, plain(4)).await.problem(409, "schedule.stale");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c4_what_breaks_a_rule_is_refused_by_its_field() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mentor").await;
    let before = mentor.client.get("/v1/me/schedule").await.ok(200);
    let own = |date: &str, windows: Value| json!({ "overrides": [{ "date": date, "windows": windows }] });
    let away = |from: &str, to: &str| json!({ "vacations": [{ "from": from, "to": to }] });
    let twice: Vec<Value> = (0..2).map(|_| json!({ "date": "2026-03-11", "windows": [] })).collect();
    for (field, more) in [
        ("slotOffsetMinutes", json!({ "slotOffsetMinutes": 30 })),
        ("slotOffsetMinutes", json!({ "slotOffsetMinutes": 7 })),
        ("overrides", own("2026-02-30", json!([]))),
        ("overrides", own("+026-02-03", json!([]))),
        ("overrides", own("2101-01-01", json!([]))),
        ("overrides", own("2026-03-11", json!([{ "from": "9:00 ", "to": "10:00" }]))),
        ("overrides", own("2026-03-11", json!([{ "from": "09:10", "to": "10:00" }]))),
        ("overrides", own("2026-03-11", json!([{ "from": "10:00", "to": "09:00" }]))),
        (
            "overrides",
            own(
                "2026-03-11",
                json!([{ "from": "09:00", "to": "11:00" }, { "from": "10:00", "to": "12:00" }]),
            ),
        ),
        ("overrides", json!({ "overrides": twice })),
        ("vacations", away("2026-04-02", "2026-04-01")),
        ("vacations", away("2026-04-02", "2027-04-03")),
        ("limits", json!({ "limits": { "perDay": 0 } })),
        ("limits", json!({ "limits": { "perWeek": 673 } })),
    ] {
        for answer in [
            put(&mentor, with(1, more.clone())).await,
            mentor.client.post("/v1/me/schedule/preview", with(1, more.clone())).await,
        ] {
            let problem = answer.problem(422, "schedule.invalid");
            assert_eq!(problem["field"], field, "{more}");
            assert!(problem["context"]["rule"].is_string(), "{more}");
        }
    }
    let dates = |n: i64| {
        (0..n).map(|day| monday() + TimeDelta::days(day)).map(|at| at.format("%Y-%m-%d").to_string())
    };
    let overrides = |n| dates(n).map(|date| json!({ "date": date, "windows": [] })).collect::<Vec<_>>();
    for more in [
        json!({ "holidays": ["US"] }),
        json!({ "overrides": overrides(367) }),
        json!({ "vacations": vec![json!({ "from": "2026-04-01", "to": "2026-04-02" }); 51] }),
        json!({ "limits": { "perYear": 1 } }),
        json!({ "limits": { "perDay": -1 } }),
        json!({ "vacation": [] }),
        json!({ "overrides": [{ "date": 20260311, "windows": [] }] }),
    ] {
        put(&mentor, with(1, more)).await.problem(400, "request.invalid");
    }
    assert_eq!(mentor.client.get("/v1/me/schedule").await.ok(200), before, "nothing was written");
    let most = put(&mentor, with(1, json!({ "overrides": overrides(366) }))).await.ok(200);
    assert_eq!(most["overrides"].as_array().map(Vec::len), Some(366));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_exceptions_hold_for_listing_and_for_reserving() {
    let app = TestApp::start().await;
    let (mentor, mentee) = (app.mentor("mentor").await, app.mentee("mentee").await);
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let week = ("2026-05-03T15:00:00Z", "2026-05-10T15:00:00Z");
    app.advance(TimeDelta::days(40));
    let mentor = app.log_in(&mentor).await;
    let mentee = app.log_in(&mentee).await;
    assert_eq!(starts(&app, offering, week.0, week.1).await.len(), 5 * 17);

    // Tuesday the 5th is Children's Day.
    let more = json!({
        "holidays": ["KR"],
        "overrides": [
            { "date": "2026-05-06", "windows": [] },
            { "date": "2026-05-07", "windows": [{ "from": "20:00", "to": "22:00" }] },
        ],
        "vacations": [{ "from": "2026-05-08", "to": "2026-05-09" }],
    });
    put(&mentor, with(1, more)).await.ok(200);

    let mut expected: Vec<String> = (0..17).map(|half| at("2026-05-04T09:00", 30 * half)).collect();
    expected.extend((0..3).map(|half| at("2026-05-07T20:00", 30 * half)));
    app.until(async || starts(&app, offering, week.0, week.1).await == expected).await;
    for (local, code) in [
        ("2026-05-05T10:00", "slot.holiday"),
        ("2026-05-06T10:00", "slot.override_closed"),
        ("2026-05-07T10:00", "slot.override_closed"),
        ("2026-05-07T18:00", "slot.outside_hours"),
        ("2026-05-08T10:00", "slot.vacation"),
        ("2026-05-09T10:00", "slot.outside_hours"),
    ] {
        let start = at(local, 0).parse().expect("an instant");
        app.reserve(&mentee, offering, start).await.problem(422, code);
    }
    let evening = at("2026-05-07T20:30", 0).parse().expect("an instant");
    app.reserve(&mentee, offering, evening).await.ok(201);
    app.finish().await;
}

/// A time in Seoul, some minutes later, as UTC.
fn at(local: &str, minutes: i64) -> String {
    let start: chrono::DateTime<chrono::Utc> = format!("{local}:00+09:00").parse().expect("a local time");
    (start + TimeDelta::minutes(minutes)).format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn c6_two_mentees_race_for_the_last_session_of_a_day() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mentor").await;
    let limits = Limits { per_day: Some(1), ..Limits::default() };
    app.set_hours(&mentor, NewSchedule { limits, ..weekdays() }).await;
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    for day in 1..=4 {
        let morning = monday() + TimeDelta::days(day);
        let mut mentees = Vec::new();
        for i in 0..6 {
            mentees.push(app.mentee(&format!("mentee{day}{i}")).await);
        }
        // Each at an hour of their own: no claim of one is in the way of another.
        let asks = mentees
            .iter()
            .zip(0..)
            .map(|(mentee, hour)| app.reserve(mentee, offering, morning + TimeDelta::hours(hour)));
        let answers = join_all(asks).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1, "day {day}");
        for answer in answers.into_iter().filter(|answer| answer.status != 201) {
            answer.problem(422, "slot.limit_day");
        }
    }
    app.until(async || {
        starts(&app, offering, "2026-03-02T15:00:00Z", "2026-03-07T00:00:00Z").await.is_empty()
    })
    .await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c6_limits_count_what_took_place_and_not_what_was_cancelled() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mentor").await;
    let limits = Limits { per_day: Some(2), per_week: Some(3), per_mentee_week: Some(1) };
    app.set_hours(&mentor, NewSchedule { limits, ..weekdays() }).await;
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let mut people = Vec::new();
    for i in 0..4 {
        people.push(app.mentee(&format!("mentee{i}")).await);
    }
    let [first, second, third, fourth] = &people[..] else { unreachable!() };
    let hour = |day, hour| monday() + TimeDelta::days(day) + TimeDelta::hours(hour);

    // Tuesday: one that takes place, and one that is cancelled and makes room.
    let done = app.book(&mentor, first, offering, hour(1, 0)).await;
    app.pay(&done).await;
    let dropped = app.book(&mentor, second, offering, hour(1, 2)).await;
    app.reserve(third, offering, hour(1, 4)).await.problem(422, "slot.limit_day");
    app.reserve(second, offering, hour(2, 0)).await.problem(422, "slot.limit_mentee");
    app.cancel(&dropped, second).await;
    app.reserve(first, offering, hour(2, 0)).await.problem(422, "slot.limit_mentee");
    app.reserve(first, offering, hour(7, 0)).await.ok(201);

    app.meet(&done).await;
    app.advance_to(hour(1, 4) + TimeDelta::hours(49));
    app.run_jobs().await;
    assert_eq!(app.state(&done).await, "completed");
    // Thursday, 14:00. The one of Tuesday counts for the week, the two of Friday fill it.
    let (second, third, fourth) =
        (app.log_in(second).await, app.log_in(third).await, app.log_in(fourth).await);
    app.reserve(&second, offering, hour(4, 0)).await.ok(201);
    app.reserve(&third, offering, hour(4, 2)).await.ok(201);
    app.reserve(&fourth, offering, hour(4, 4)).await.problem(422, "slot.limit_day");
    app.reserve(&fourth, offering, hour(3, 8)).await.problem(422, "slot.limit_week");
    app.reserve(&fourth, offering, hour(8, 0)).await.ok(201);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_slots_are_grouped_by_the_viewers_dates() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mentor").await;
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let path = format!("/v1/offerings/{offering}/slots?from=2026-03-03T00:00:00Z&to=2026-03-05T00:00:00Z");
    let anonymous = app.anonymous();
    let listing = anonymous.get(&path).await.ok(200);
    assert_eq!(
        (&listing["timeZone"], &listing["viewerTimeZone"]),
        (&json!("Asia/Seoul"), &json!("Asia/Seoul"))
    );
    assert_eq!(listing["days"].as_array().map(Vec::len), Some(2));
    assert_eq!(listing["days"][0]["date"], "2026-03-03");
    assert_eq!(listing["days"][0]["starts"][0], "2026-03-03T09:00:00+09:00");
    // 09:00 to 17:00 in Seoul: the evening of the day before in Pago Pago (11 hours behind UTC) and Los Angeles, the
    // morning in Kathmandu, and the afternoon in Kiritimati (14 ahead).
    for (zone, dates, first) in [
        ("Asia/Kathmandu", vec![("2026-03-03", 17), ("2026-03-04", 17)], "2026-03-03T05:45:00+05:45"),
        ("Asia/Kolkata", vec![("2026-03-03", 17), ("2026-03-04", 17)], "2026-03-03T05:30:00+05:30"),
        ("Pacific/Kiritimati", vec![("2026-03-03", 17), ("2026-03-04", 17)], "2026-03-03T14:00:00+14:00"),
        ("Pacific/Pago_Pago", vec![("2026-03-02", 17), ("2026-03-03", 17)], "2026-03-02T13:00:00-11:00"),
        (
            "America/Los_Angeles",
            vec![("2026-03-02", 16), ("2026-03-03", 17), ("2026-03-04", 1)],
            "2026-03-02T16:00:00-08:00",
        ),
    ] {
        let grouped = anonymous.get(&format!("{path}&timeZone={zone}")).await.ok(200);
        assert_eq!(grouped["slots"], listing["slots"], "the same slots for {zone}");
        assert_eq!((&grouped["timeZone"], &grouped["viewerTimeZone"]), (&json!("Asia/Seoul"), &json!(zone)));
        let days = grouped["days"].as_array().expect("days");
        let counts: Vec<_> = days
            .iter()
            .map(|day| (day["date"].as_str().expect("a date"), day["starts"].as_array().map_or(0, Vec::len)))
            .collect();
        assert_eq!(counts, dates, "{zone}");
        assert_eq!(days[0]["starts"][0], first, "{zone}");
    }
    let problem = anonymous.get(&format!("{path}&timeZone=Mars/Olympus")).await;
    assert_eq!(problem.problem(422, "slot.invalid_time_zone")["field"], "timeZone");
    app.finish().await;
}
