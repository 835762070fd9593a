//! Mentors over REST: applying and being decided, offerings, hours, listings and their pages.

use konnect::mentor::Kind;
use konnect_tests::{Client, Person, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

fn application() -> Value {
    json!({
        "headline": "Rust from zero", "bio": "십 년째 러스트를 씁니다.", "expertise": ["rust", "백엔드"],
        "career": "A startup or two.", "company": "Secret Corp", "companyHidden": true,
    })
}

fn offering() -> Value {
    json!({
        "title": "Rust 멘토링", "priceKrw": 50_000, "durationMinutes": 60, "category": "Backend",
        "kind": "instant",
    })
}

fn hours(version: i64) -> Value {
    let open = |weekday: &str| json!({ "weekday": weekday, "from": "09:00", "to": "18:00" });
    json!({ "expectedVersion": version, "timeZone": "Asia/Seoul", "windows": [open("mon"), open("tue")] })
}

async fn patch(client: &Client, path: &str, body: Value) -> konnect_tests::Answer {
    client.send(Method::PATCH, path, Some(body), &[]).await
}

async fn put_hours(client: &Client, body: Value) -> konnect_tests::Answer {
    client.send(Method::PUT, "/v1/me/schedule", Some(body), &[]).await
}

/// The values of a field on every page of a list, `limit` at a time.
async fn pages(client: &Client, path: &str, key: &str, field: &str, limit: usize) -> Vec<String> {
    let (mut all, mut next) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("{path}limit={limit}{next}")).await.ok(200);
        let items = page["items"].as_array().expect("items");
        assert!(items.len() <= limit);
        all.extend(items.iter().map(|item| item[field].as_str().expect("a field").to_owned()));
        match page["next"].as_str() {
            Some(text) => next = format!("&{key}={text}"),
            None => return all,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_is_rejected_sent_again_and_approved() {
    let app = TestApp::start().await;
    let (person, admin) = (app.mentee("person").await, app.admin("admin").await);
    let me = &person.client;
    me.get("/v1/mentors/application").await.problem(404, "mentor.not_found");
    let sent = me.post("/v1/mentors/application", application()).await.ok(201);
    assert_eq!((&sent["state"], &sent["version"]), (&json!("applied"), &json!(1)));
    me.post("/v1/mentors/application", application()).await.problem(409, "mentor.already_applied");
    app.anonymous().get(&format!("/v1/mentors/{}", person.id)).await.problem(404, "mentor.not_found");

    let waiting = admin.client.get("/v1/admin/mentor-applications").await.ok(200);
    assert_eq!(waiting["items"][0]["userId"], json!(person.id));
    assert_eq!(waiting["items"][0]["company"], "Secret Corp", "administrators decide knowing it");
    let path = format!("/v1/admin/mentor-applications/{}", person.id);
    let decide = async |what: &str, body: Value| admin.client.post(&format!("{path}/{what}"), body).await;
    me.post(&format!("{path}/approve"), json!({ "expectedVersion": 1 })).await.problem(403, "auth.forbidden");
    decide("approve", json!({ "expectedVersion": 7 })).await.problem(409, "mentor.stale");
    decide("reject", json!({ "expectedVersion": 1, "reason": "" })).await.problem(400, "request.invalid");
    decide("reject", json!({ "expectedVersion": 1, "reason": "Say more." })).await.ok(200);
    decide("approve", json!({ "expectedVersion": 2 })).await.problem(409, "mentor.not_pending");
    let rejected = me.get("/v1/mentors/application").await.ok(200);
    assert_eq!((&rejected["state"], &rejected["rejectionReason"]), (&json!("rejected"), &json!("Say more.")));
    me.post("/v1/offerings", offering()).await.problem(403, "auth.forbidden");

    let again = me.post("/v1/mentors/application", application()).await.ok(201);
    assert_eq!((&again["version"], again.get("rejectionReason")), (&json!(3), None));
    decide("approve", json!({ "expectedVersion": 3 })).await.ok(200);
    assert_eq!(app.events_of(&person).await, ["mentor.rejected", "mentor.approved"]);
    me.post("/v1/offerings", offering()).await.problem(403, "auth.forbidden");
    let mentor = app.log_in(&person).await;
    mentor.client.post("/v1/offerings", offering()).await.ok(201);
    assert_eq!(mentor.client.get("/v1/me").await.ok(200)["roles"], json!(["mentee", "mentor"]));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_company_never_leaves() {
    let app = TestApp::start().await;
    let (person, admin) = (app.mentee("person").await, app.admin("admin").await);
    person.client.post("/v1/mentors/application", application()).await.ok(201);
    let approve = format!("/v1/admin/mentor-applications/{}/approve", person.id);
    admin.client.post(&approve, json!({ "expectedVersion": 1 })).await.ok(200);
    let mentor = app.log_in(&person).await;
    let offer = mentor.client.post("/v1/offerings", offering()).await.ok(201);
    let id = offer["id"].as_str().expect("an id");
    let anonymous = app.anonymous();
    for path in [
        format!("/v1/mentors/{}", person.id),
        "/v1/mentors".to_owned(),
        "/v1/mentors?category=backend".to_owned(),
        "/v1/offerings".to_owned(),
        format!("/v1/offerings/{id}"),
    ] {
        let shown = anonymous.get(&path).await.ok(200).to_string();
        assert!(shown.contains(&person.id.to_string()) && !shown.contains("Secret Corp"), "{path}: {shown}");
    }
    assert_eq!(mentor.client.get("/v1/mentors/application").await.ok(200)["company"], "Secret Corp");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_breaks_a_rule_is_refused() {
    let app = TestApp::start().await;
    let me = app.mentee("person").await.client;
    for (field, value) in [
        ("headline", json!("")),
        ("headline", json!("x".repeat(121))),
        ("expertise", json!([])),
        ("expertise", json!(["x".repeat(41)])),
        ("company", json!("")),
        ("state", json!("approved")),
        ("bio", json!(7)),
    ] {
        let mut body = application();
        body[field] = value;
        me.post("/v1/mentors/application", body).await.problem(400, "request.invalid");
    }
    let mut blank = application();
    blank["bio"] = json!("   ");
    assert_eq!(
        me.post("/v1/mentors/application", blank).await.problem(422, "mentor.invalid")["field"],
        "bio"
    );
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offering_is_changed_and_retired_by_its_mentor() {
    let app = TestApp::start().await;
    let (mentor, other) = (app.mentor("mentor").await, app.mentor("other").await);
    let made = mentor.client.post("/v1/offerings", offering()).await.ok(201);
    assert_eq!((&made["version"], &made["isPublic"]), (&json!(1), &json!(true)));
    let path = format!("/v1/offerings/{}", made["id"].as_str().expect("an id"));
    let cheaper = json!({ "expectedVersion": 1, "priceKrw": 40_000 });
    patch(&other.client, &path, cheaper.clone()).await.problem(404, "offering.not_found");
    let changed = patch(&mentor.client, &path, cheaper.clone()).await.ok(200);
    assert_eq!(
        (&changed["version"], &changed["priceKrw"], &changed["title"]),
        (&json!(2), &json!(40_000), &made["title"])
    );
    patch(&mentor.client, &path, cheaper).await.problem(409, "offering.stale");
    assert_eq!(app.anonymous().get(&path).await.ok(200)["priceKrw"], 40_000);

    let retire = async |client: &Client, version: i64| {
        client.send(Method::DELETE, &format!("{path}?expectedVersion={version}"), None, &[]).await
    };
    retire(&other.client, 2).await.problem(404, "offering.not_found");
    retire(&mentor.client, 1).await.problem(409, "offering.stale");
    retire(&mentor.client, 2).await.ok(204);
    app.anonymous().get(&path).await.problem(404, "offering.not_found");
    app.anonymous().get(&format!("{path}/slots")).await.problem(404, "offering.not_found");
    patch(&mentor.client, &path, json!({ "expectedVersion": 3 })).await.problem(409, "offering.retired");
    retire(&mentor.client, 3).await.problem(409, "offering.retired");
    let own = mentor.client.get("/v1/me/offerings").await.ok(200);
    assert_eq!(own["items"][0]["isActive"], false, "its mentor still sees it");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offering_that_breaks_a_rule_names_the_field() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mentor").await.client;
    for (field, value) in [
        ("priceKrw", json!(999)),
        ("priceKrw", json!(10_000_001)),
        ("priceKrw", json!(-50_000)),
        ("durationMinutes", json!(50)),
        ("durationMinutes", json!(0)),
        ("durationMinutes", json!(495)),
        ("title", json!("  ")),
    ] {
        let mut body = offering();
        body[field] = value.clone();
        let problem = mentor.post("/v1/offerings", body).await.problem(422, "offering.invalid");
        assert_eq!(problem["field"], field, "{value}");
        assert!(problem["context"]["rule"].is_string());
    }
    for (field, value) in [
        ("priceKrw", json!(1.5)),
        ("priceKrw", json!("50000")),
        ("durationMinutes", json!(-60)),
        ("kind", json!("gift")),
        ("mentorId", json!(konnect::id::UserId::generate())),
    ] {
        let mut body = offering();
        body[field] = value;
        mentor.post("/v1/offerings", body).await.problem(400, "request.invalid");
    }
    assert_eq!(mentor.get("/v1/me/offerings").await.ok(200)["items"], json!([]));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_offering_is_seen_by_its_mentor_alone() {
    let app = TestApp::start().await;
    let (mentor, mentee) = (app.mentor("mentor").await, app.mentee("mentee").await);
    let mut body = offering();
    body["isPublic"] = json!(false);
    let made = mentor.client.post("/v1/offerings", body).await.ok(201);
    let id = made["id"].as_str().expect("an id");
    for path in [format!("/v1/offerings/{id}"), format!("/v1/offerings/{id}/slots")] {
        mentee.client.get(&path).await.problem(404, "offering.not_found");
    }
    for path in ["/v1/offerings", "/v1/offerings?category=backend", "/v1/mentors?category=backend"] {
        assert_eq!(mentee.client.get(path).await.ok(200)["items"], json!([]), "{path}");
    }
    let starts_at = konnect_tests::monday() + chrono::TimeDelta::hours(26);
    let reserve = json!({ "offeringId": id, "startsAt": starts_at });
    mentee.client.post("/v1/reservations", reserve).await.problem(404, "offering.not_found");
    assert_eq!(mentor.client.get("/v1/me/offerings").await.ok(200)["items"][0]["id"], id);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hours_are_set_by_who_saw_the_last_version() {
    let app = TestApp::start().await;
    let (person, admin) = (app.mentee("person").await, app.admin("admin").await);
    put_hours(&person.client, hours(0)).await.problem(403, "auth.forbidden");
    person.client.post("/v1/mentors/application", application()).await.ok(201);
    let approve = format!("/v1/admin/mentor-applications/{}/approve", person.id);
    admin.client.post(&approve, json!({ "expectedVersion": 1 })).await.ok(200);
    let mentor = app.log_in(&person).await.client;
    mentor.get("/v1/me/schedule").await.problem(404, "schedule.missing");
    let offer = mentor.post("/v1/offerings", offering()).await.ok(201);
    let slots = format!("/v1/offerings/{}/slots", offer["id"].as_str().expect("an id"));
    app.anonymous().get(&slots).await.problem(404, "schedule.missing");

    put_hours(&mentor, hours(3)).await.problem(409, "schedule.stale");
    let set = put_hours(&mentor, hours(0)).await.ok(200);
    assert_eq!((&set["version"], &set["slotIntervalMinutes"]), (&json!(1), &json!(30)));
    assert_eq!(mentor.get("/v1/me/schedule").await.ok(200), set);
    put_hours(&mentor, hours(0)).await.problem(409, "schedule.stale");
    let listed = app.anonymous().get(&slots).await.ok(200);
    assert_eq!(listed["slots"][0]["startsAt"], "2026-03-02T02:00:00Z", "two hours' notice");
    assert_eq!(listed["timeZone"], "Asia/Seoul");

    let mut closed = hours(1);
    closed["windows"] = json!([]);
    assert_eq!(put_hours(&mentor, closed).await.ok(200)["version"], 2);
    app.until(async || app.anonymous().get(&slots).await.ok(200)["slots"] == json!([])).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hours_that_break_a_rule_name_the_field() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mentor").await.client;
    let before = mentor.get("/v1/me/schedule").await.ok(200);
    let window = |from: &str, to: &str| json!([{ "weekday": "mon", "from": from, "to": to }]);
    let overlap = json!([
        { "weekday": "mon", "from": "09:00", "to": "12:00" }, { "weekday": "mon", "from": "11:00", "to": "13:00" },
    ]);
    for (field, value) in [
        ("timeZone", json!("Seoul")),
        ("slotIntervalMinutes", json!(20)),
        ("bufferBeforeMinutes", json!(7)),
        ("bufferAfterMinutes", json!(135)),
        ("minNoticeMinutes", json!(1)),
        ("horizonDays", json!(0)),
        ("horizonDays", json!(181)),
        ("windows", window("09:07", "10:00")),
        ("windows", window("10:00", "09:00")),
        ("windows", window("23:00", "24:15")),
        ("windows", window("9:000", "10:00")),
        ("windows", overlap),
    ] {
        let mut body = hours(1);
        body[field] = value.clone();
        let problem = put_hours(&mentor, body).await.problem(422, "schedule.invalid");
        assert_eq!(problem["field"], field, "{value}");
    }
    for (field, value) in [
        ("windows", json!([{ "weekday": "monday", "from": "09:00", "to": "10:00" }])),
        ("windows", json!("always")),
        ("mentorId", json!("x")),
    ] {
        let mut body = hours(1);
        body[field] = value;
        put_hours(&mentor, body).await.problem(400, "request.invalid");
    }
    assert_eq!(mentor.get("/v1/me/schedule").await.ok(200), before);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_are_asked_for_by_ranges_that_make_sense() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mentor").await;
    let id = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let ask = async |range: &str| app.anonymous().get(&format!("/v1/offerings/{id}/slots{range}")).await;
    let (from, to) = ("from=2026-03-02T00:00:00Z", "to=2026-05-03T00:00:00Z");
    ask(&format!("?{from}&{to}")).await.ok(200);
    for range in [
        format!("?{from}&to=2026-05-03T00:00:01Z"),
        format!("?{from}&to=2026-03-01T00:00:00Z"),
        format!("?{from}&to=2026-03-02T00:00:00Z"),
        "?from=2027-01-01T00:00:00Z&to=2026-03-01T00:00:00Z".to_owned(),
    ] {
        ask(&range).await.problem(422, "slot.invalid_range");
    }
    for range in ["?from=tomorrow", "?to=17", "?from=2026-03-02"] {
        ask(range).await.problem(400, "request.invalid");
    }
    // Dates at the ends of time are no dates of ours, and no crash.
    for far in ["9999-12-31T00:00:00Z", "0001-01-01T00:00:00Z"] {
        let answer = ask(&format!("?from={far}")).await;
        assert!(answer.status.is_success() || answer.status.is_client_error(), "{far}: {:#}", answer.body);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_go_on_where_the_page_before_ended() {
    let app = TestApp::start().await;
    let mut mentors: Vec<Person> = Vec::new();
    for n in 0..5 {
        mentors.push(app.mentor(&format!("mentor{n}")).await);
    }
    // All were approved at the same instant; then one more, later.
    app.advance(chrono::TimeDelta::seconds(1));
    mentors.push(app.mentor("latest").await);
    let mut offerings = Vec::new();
    for mentor in &mentors {
        offerings.push(app.offering(mentor, Kind::Instant, 60, 50_000).await.to_string());
    }
    let anonymous = app.anonymous();
    let seen = pages(&anonymous, "/v1/mentors?", "after", "mentorId", 2).await;
    assert_eq!(seen[0], mentors[5].id.to_string(), "the latest approval first");
    let mut distinct = seen.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!((seen.len(), distinct.len()), (6, 6));
    assert_eq!(pages(&anonymous, "/v1/mentors?category=BACKEND&", "after", "mentorId", 4).await, seen);

    offerings.reverse();
    assert_eq!(pages(&anonymous, "/v1/offerings?", "before", "id", 4).await, offerings, "newest first");
    let of_one = format!("/v1/offerings?mentorId={}&", mentors[0].id);
    assert_eq!(pages(&anonymous, &of_one, "before", "id", 1).await, offerings[5..]);
    for query in ["limit=0", "limit=101", "limit=x", "before=x"] {
        anonymous.get(&format!("/v1/offerings?{query}")).await.problem(400, "request.invalid");
    }
    anonymous.get("/v1/mentors?after=nonsense").await.problem(422, "page.invalid");
    app.finish().await;
}
