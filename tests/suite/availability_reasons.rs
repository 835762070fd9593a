//! Why times are not offered, and what other hours would do to bookings.

use chrono::{DateTime, TimeDelta, Utc};
use konnect::availability::{Limits, NewSchedule, Window};
use konnect::id::{OfferingId, ReservationId};
use konnect::mentor::Kind;
use konnect_tests::{Answer, Client, Person, TestApp, monday, weekdays};
use serde_json::{Value, json};

use super::availability::{put, with};

async fn explain(client: &Client, offering: OfferingId, question: &str) -> Answer {
    client.get(&format!("/v1/offerings/{offering}/slots/explain?{question}")).await
}

/// The reasons of the times, in their order; `offered` where there is none.
fn reasons(explanation: &Value) -> Vec<(String, String)> {
    let times = explanation["times"].as_array().expect("times").iter();
    times
        .map(|time| {
            let reason = time["reason"].as_str().unwrap_or("offered");
            assert_eq!(time["offered"], reason == "offered");
            assert_eq!(time["text"].is_string(), reason != "offered");
            (time["localTime"].as_str().expect("a time").to_owned(), reason.to_owned())
        })
        .collect()
}

/// Nights of Saturday to Sunday in New York.
fn nights() -> NewSchedule {
    let windows = vec![Window { weekday: 6, from_minute: 60, to_minute: 240 }];
    NewSchedule { time_zone: "America/New_York".into(), windows, ..weekdays() }
}

#[tokio::test(flavor = "multi_thread")]
async fn s05_a_time_that_the_clocks_leave_out_is_explained_as_a_gap() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mentor").await;
    let gap = vec![Window { weekday: 6, from_minute: 120, to_minute: 180 }];
    app.set_hours(&mentor, NewSchedule { windows: gap, ..nights() }).await;
    let offering = app.offering(&mentor, Kind::Instant, 30, 50_000).await;
    // 8 March 2026: 01:59 EST is followed by 03:00 EDT.
    let day = explain(&mentor.client, offering, "date=2026-03-08").await.ok(200);
    assert_eq!((&day["timeZone"], &day["durationMinutes"]), (&json!("America/New_York"), &json!(30)));
    let told = reasons(&day);
    assert_eq!(told.len(), 96);
    for (time, reason) in &told {
        let expected = if time.starts_with("2026-03-08T02:") { "dst_gap" } else { "outside_hours" };
        assert_eq!(reason, expected, "{time}");
    }
    let gap = &day["times"].as_array().expect("times")[8];
    assert_eq!((&gap["localTime"], gap.get("startsAt")), (&json!("2026-03-08T02:00"), None));
    let one = explain(&mentor.client, offering, "localStart=2026-03-08T02:30").await.ok(200);
    assert_eq!(reasons(&one), [("2026-03-08T02:30".to_owned(), "dst_gap".to_owned())]);
    let path = format!("/v1/offerings/{offering}/slots?from=2026-03-07T00:00:00Z&to=2026-03-09T12:00:00Z");
    assert_eq!(app.anonymous().get(&path).await.ok(200)["slots"], json!([]));
    // What the rule means on any other Sunday.
    let next = explain(&mentor.client, offering, "localStart=2026-03-15T02:30").await.ok(200);
    assert_eq!(reasons(&next), [("2026-03-15T02:30".to_owned(), "offered".to_owned())]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s06_a_time_that_comes_twice_is_two_slots() {
    let app = TestApp::start().await;
    let (mentor, mentee) = (app.mentor("mentor").await, app.mentee("mentee").await);
    app.set_hours(&mentor, nights()).await;
    let offering = app.offering(&mentor, Kind::Instant, 30, 50_000).await;
    app.advance_to("2026-10-30T00:00:00Z".parse().expect("an instant"));
    let (mentor, mentee) = (app.log_in(&mentor).await, app.log_in(&mentee).await);
    // 1 November 2026: 01:59 EDT is followed by 01:00 EST.
    let question = "localStart=2026-11-01T01:30";
    let twice = explain(&mentor.client, offering, question).await.ok(200);
    let first: DateTime<Utc> = "2026-11-01T05:30:00Z".parse().expect("an instant");
    let times = twice["times"].as_array().expect("times").iter();
    let starts: Vec<DateTime<Utc>> =
        times.map(|t| t["startsAt"].as_str().expect("a start").parse().expect("an instant")).collect();
    assert_eq!(starts, [first, first + TimeDelta::hours(1)]);
    assert!(reasons(&twice).iter().all(|(_, reason)| reason == "offered"));
    app.reserve(&mentee, offering, first).await.ok(201);
    let told = reasons(&explain(&mentor.client, offering, question).await.ok(200));
    assert_eq!([told[0].1.as_str(), told[1].1.as_str()], ["taken", "offered"]);
    app.reserve(&mentee, offering, first + TimeDelta::hours(1)).await.ok(201);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c8_each_rule_is_named_to_the_mentor() {
    let app = TestApp::start().await;
    let (mentor, mentee) = (app.mentor("mentor").await, app.mentee("mentee").await);
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let more = json!({
        "holidays": ["KR"],
        "bufferAfterMinutes": 15,
        "overrides": [{ "date": "2026-03-06", "windows": [{ "from": "10:00", "to": "11:00" }] }],
        "vacations": [{ "from": "2026-03-09", "to": "2026-03-10" }],
        "limits": { "perDay": 1, "perWeek": 2, "perMenteeWeek": 1 },
    });
    put(&mentor, with(1, more)).await.ok(200);
    let start = |day: i64, hour: i64| monday() + TimeDelta::days(day) + TimeDelta::hours(hour);
    app.reserve(&mentee, offering, start(1, 0)).await.ok(201);
    let told = async |question: &str| {
        let answer = explain(&mentor.client, offering, question).await.ok(200);
        let told = reasons(&answer);
        assert_eq!(told.len(), 1, "{question}");
        told[0].1.clone()
    };
    for (local, reason) in [
        ("2026-03-01T10:00", "past"),
        ("2026-03-02T09:30", "too_soon"),
        ("2026-03-02T14:00", "holiday"),
        ("2026-03-03T09:00", "taken"),
        ("2026-03-03T10:00", "taken"),
        ("2026-03-03T14:00", "limit_day"),
        ("2026-03-03T14:10", "misaligned"),
        ("2026-03-04T10:15", "misaligned"),
        ("2026-03-04T17:30", "outside_hours"),
        ("2026-03-04T10:00", "offered"),
        ("2026-03-06T09:00", "override_closed"),
        ("2026-03-06T10:00", "offered"),
        ("2026-03-09T10:00", "vacation"),
        ("2026-05-10T10:00", "beyond_horizon"),
    ] {
        assert_eq!(told(&format!("localStart={local}")).await, reason, "{local}");
    }
    assert_eq!(told("start=2026-03-04T01:00:00Z").await, "offered");
    assert_eq!(told("start=2026-03-04T01:00:01Z").await, "misaligned");
    assert_eq!(told("localStart=2026-03-04T10:00&durationMinutes=480").await, "offered");
    assert_eq!(told("localStart=2026-03-04T10:30&durationMinutes=480").await, "outside_hours");
    let of_mentee = format!("localStart=2026-03-04T10:00&menteeId={}", mentee.id);
    assert_eq!(told(&of_mentee).await, "limit_mentee");
    let other = app.mentee("other").await;
    app.reserve(&other, offering, start(2, 0)).await.ok(201);
    assert_eq!(told("localStart=2026-03-05T10:00").await, "limit_week");

    let question = "localStart=2026-03-09T10:00";
    let path = format!("/v1/offerings/{offering}/slots/explain?{question}");
    for (language, text) in [("ko-KR", "휴가 기간입니다."), ("en", "You are on vacation.")] {
        let answer =
            mentor.client.send(reqwest::Method::GET, &path, None, &[("accept-language", language)]).await;
        assert_eq!(answer.ok(200)["times"][0]["text"], text);
    }
    let private = json!({ "expectedVersion": 1, "isPublic": false });
    let change = reqwest::Method::PATCH;
    mentor.client.send(change, &format!("/v1/offerings/{offering}"), Some(private), &[]).await.ok(200);
    assert_eq!(told(question).await, "vacation", "also of an offering that nobody else sees");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c8_nobody_else_is_told_the_reasons() {
    let app = TestApp::start().await;
    let (mentor, other, mentee) =
        (app.mentor("mentor").await, app.mentor("other").await, app.mentee("mentee").await);
    let admin = app.admin("admin").await;
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let question = "date=2026-03-04";
    let own = explain(&mentor.client, offering, question).await.ok(200);
    assert_eq!(own["times"].as_array().map(Vec::len), Some(96));
    explain(&mentee.client, offering, question).await.problem(403, "auth.forbidden");
    explain(&other.client, offering, question).await.problem(404, "offering.not_found");
    explain(&app.anonymous(), offering, question).await.problem(401, "auth.required");
    let path = format!("/v1/admin/offerings/{offering}/slots/explain?{question}");
    assert_eq!(admin.client.get(&path).await.ok(200), own);
    mentor.client.get(&path).await.problem(403, "auth.forbidden");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c8_a_question_that_cannot_be_answered_is_refused() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mentor").await;
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    for question in [
        "",
        "date=2026-03-04&localStart=2026-03-04T10:00",
        "date=2026-02-30",
        "date=2026-3-4",
        "date=1969-12-31",
        "date=2101-01-01",
        "date=9999-12-31",
        "localStart=2026-03-04T24:00",
        "localStart=2026-03-04T10:0",
        "localStart=2026-03-04%2010:00",
        "start=%2B262142-12-31T23:59:59Z",
    ] {
        explain(&mentor.client, offering, question).await.problem(422, "slot.invalid_question");
    }
    for question in [
        "date=2026-03-04&durationMinutes=10",
        "date=2026-03-04&durationMinutes=20",
        "date=2026-03-04&durationMinutes=495",
        "start=yesterday",
        "date=2026-03-04&menteeId=me",
    ] {
        explain(&mentor.client, offering, question).await.problem(400, "request.invalid");
    }
    app.finish().await;
}

/// What a preview shows: the bookings in its conflicts and the rules they break.
fn conflicts(preview: &Value) -> Vec<(ReservationId, String)> {
    let conflicts = preview["conflicts"].as_array().expect("conflicts").iter();
    conflicts
        .map(|conflict| {
            assert!(conflict["text"].is_string());
            let id = conflict["reservationId"].as_str().expect("an id").parse().expect("an id");
            (id, conflict["rule"].as_str().expect("a rule").to_owned())
        })
        .collect()
}

async fn preview(mentor: &Person, body: Value) -> Value {
    mentor.client.post("/v1/me/schedule/preview", body).await.ok(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn s08_a_preview_lists_the_bookings_that_new_hours_would_not_offer() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mentor").await;
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let hour = |day, hour| monday() + TimeDelta::days(day) + TimeDelta::hours(hour);
    let mut bookings = Vec::new();
    // Tuesday 11:00, paid; Tuesday 14:30; Wednesday 11:00; the week after, Tuesday 17:00.
    for (i, starts_at) in
        [hour(1, 2), hour(1, 5) + TimeDelta::minutes(30), hour(2, 2), hour(8, 8)].into_iter().enumerate()
    {
        let mentee = app.mentee(&format!("mentee{i}")).await;
        bookings.push(app.book(&mentor, &mentee, offering, starts_at).await);
    }
    app.pay(&bookings[0]).await;
    let gone = app.book(&mentor, &app.mentee("gone").await, offering, hour(3, 0)).await;
    app.cancel(&gone, &gone.mentee).await;
    let [tuesday, half_past, wednesday, late] = [0, 1, 2, 3].map(|i| bookings[i].id);
    let schedule = mentor.client.get("/v1/me/schedule").await.ok(200);
    let rows = async || {
        let query = "SELECT CONCAT_WS('|', HEX(id), starts_at, ends_at, state, version) FROM reservations ORDER BY id";
        sqlx::query_scalar::<_, Vec<u8>>(query).fetch_all(app.core.db.pool()).await.expect("the database")
    };
    let before = rows().await;

    let same = preview(&mentor, with(1, json!({}))).await;
    assert_eq!(
        (&same["bookings"], &same["conflicts"]),
        (&json!(4), &json!([])),
        "as the hours stand all fit"
    );
    let is = |id, rule: &str| (id, rule.to_owned());
    for (more, expected) in [
        (
            json!({ "vacations": [{ "from": "2026-03-04", "to": "2026-03-10" }] }),
            vec![is(wednesday, "vacation"), is(late, "vacation")],
        ),
        (
            json!({ "overrides": [{ "date": "2026-03-03", "windows": [{ "from": "11:00", "to": "15:00" }] }] }),
            vec![is(half_past, "override_closed")],
        ),
        (json!({ "slotIntervalMinutes": 60 }), vec![is(half_past, "misaligned")]),
        (
            json!({ "slotIntervalMinutes": 60, "slotOffsetMinutes": 30 }),
            vec![is(tuesday, "misaligned"), is(wednesday, "misaligned"), is(late, "misaligned")],
        ),
        (json!({ "limits": { "perDay": 1 } }), vec![is(tuesday, "limit_day"), is(half_past, "limit_day")]),
        (json!({ "limits": { "perWeek": 3, "perMenteeWeek": 1 } }), vec![]),
        (json!({ "bufferAfterMinutes": 120 }), vec![]),
        (json!({ "minNoticeMinutes": 43_200, "horizonDays": 1 }), vec![]),
        // What is 11:00 in Seoul is 10:00 in Singapore.
        (json!({ "timeZone": "Asia/Singapore" }), vec![]),
        (
            json!({ "timeZone": "Europe/Berlin" }),
            [tuesday, half_past, wednesday].map(|id| is(id, "outside_hours")).into(),
        ),
        (
            json!({ "windows": [] }),
            [tuesday, half_past, wednesday, late].map(|id| is(id, "outside_hours")).into(),
        ),
    ] {
        assert_eq!(conflicts(&preview(&mentor, with(1, more.clone())).await), expected, "{more}");
    }
    let shown = preview(&mentor, with(1, json!({ "windows": [] }))).await["conflicts"].clone();
    assert_eq!((&shown[0]["isPaid"], &shown[0]["state"]), (&json!(true), &json!("confirmed")));
    assert_eq!((&shown[1]["isPaid"], &shown[1]["state"]), (&json!(false), &json!("awaiting_payment")));
    assert_eq!(mentor.client.get("/v1/me/schedule").await.ok(200), schedule, "nothing was written");
    mentor.client.post("/v1/me/schedule/preview", with(7, json!({}))).await.problem(409, "schedule.stale");

    // The hours and the zone change all the same, and the bookings keep their instants.
    put(&mentor, with(1, json!({ "timeZone": "Europe/Berlin", "vacations": [{ "from": "2026-03-01", "to": "2026-03-31" }] })))
        .await
        .ok(200);
    assert_eq!(rows().await, before);
    let view = bookings[0].mentee.client.get(&bookings[0].path()).await.ok(200);
    assert_eq!(view["timeZone"], "Asia/Seoul", "the zone of the booking is that of its day");
    app.pay(&bookings[1]).await;
    assert_eq!(app.state(&bookings[1]).await, "confirmed");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s08_a_preview_with_limits_counts_sessions_that_are_over() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mentor").await;
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let (first, second) = (app.mentee("first").await, app.mentee("second").await);
    let done = app.book(&mentor, &first, offering, monday() + TimeDelta::hours(24)).await;
    app.pay(&done).await;
    app.meet(&done).await;
    app.advance_to(done.starts_at + TimeDelta::hours(49));
    app.run_jobs().await;
    let (mentor, second) = (app.log_in(&mentor).await, app.log_in(&second).await);
    let friday = app.book(&mentor, &second, offering, monday() + TimeDelta::days(4)).await;
    let one = with(1, json!({ "limits": { "perWeek": 1 } }));
    assert_eq!(conflicts(&preview(&mentor, one).await), [(friday.id, "limit_week".to_owned())]);
    let limits = Limits { per_week: Some(1), ..Limits::default() };
    app.set_hours(&mentor, NewSchedule { limits, ..weekdays() }).await;
    let first = app.log_in(&first).await;
    app.reserve(&first, offering, monday() + TimeDelta::days(4) + TimeDelta::hours(3))
        .await
        .problem(422, "slot.limit_week");
    app.reserve(&first, offering, monday() + TimeDelta::days(11)).await.ok(201);
    app.finish().await;
}
