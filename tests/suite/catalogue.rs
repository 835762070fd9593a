//! The catalogue over REST: what is asked for is found, in an order that pages keep, by one statement a page.

use chrono::TimeDelta;
use konnect::config::Config;
use konnect::mentor::Kind;
use konnect_tests::{Answer, Client, Person, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

async fn change(mentor: &Person, body: Value) -> Answer {
    mentor.client.send(Method::PATCH, "/v1/mentors/profile", Some(body), &[]).await
}

async fn offer(mentor: &Person, title: &str, category: &str, price: i64) -> Value {
    let body = json!({
        "title": title, "priceKrw": price, "durationMinutes": 60, "category": category, "kind": "instant",
    });
    mentor.client.post("/v1/offerings", body).await.ok(201)
}

/// The names on a page, in its order.
async fn names(client: &Client, query: &str) -> Vec<String> {
    let page = client.get(&format!("/v1/mentors?{query}")).await.ok(200);
    names_in(&page)
}

fn names_in(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().expect("items");
    items.iter().map(|item| item["name"].as_str().expect("a name").to_owned()).collect()
}

/// The same, in alphabetical order.
async fn found(client: &Client, query: &str) -> Vec<String> {
    let mut names = names(client, query).await;
    names.sort_unstable();
    names
}

/// Text as it stands in an address.
fn encoded(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02X}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn mentors_are_found_by_all_that_is_asked_for() {
    let app = TestApp::start().await;
    let (ann, bob, cho) = (app.mentor("Ann").await, app.mentor("Bob").await, app.mentor("Cho").await);
    offer(&ann, "코드 리뷰 (C++)", "Backend", 30_000).await;
    offer(&ann, "시스템 설계 면접", "interview", 90_000).await;
    offer(&bob, "백엔드개발자 커리어 상담", "backend", 60_000).await;
    let body = json!({ "expectedVersion": 2, "headline": "데이터분석 팀장", "expertise": ["SQL", "통계"], "languages": ["en", "ja"] });
    let changed = change(&cho, body).await.ok(200);
    assert_eq!((&changed["version"], &changed["languages"]), (&json!(3), &json!(["en", "ja"])));
    let anyone = app.anonymous();

    for (query, expected) in [
        ("", &["Ann", "Bob", "Cho"][..]),
        ("category=backend", &["Ann", "Bob"]),
        ("category=BACKEND&priceFrom=50000", &["Bob"]),
        // Ann has something at that price, but not in that category.
        ("category=backend&priceFrom=80000", &[]),
        ("priceFrom=80000", &["Ann"]),
        ("priceTo=30000", &["Ann"]),
        ("priceFrom=30001&priceTo=89999", &["Bob"]),
        ("language=ja", &["Cho"]),
        ("language=ko", &["Ann", "Bob"]),
        ("language=ko&language=en", &["Ann", "Bob", "Cho"]),
        ("language=fr", &[]),
        ("minRating=1", &[]),
    ] {
        assert_eq!(found(&anyone, query).await, expected, "{query}");
    }
    for (text, expected) in [
        ("리뷰", &["Ann"][..]),
        ("c++", &["Ann"]),
        ("C", &["Ann", "Cho"]),
        ("개발자", &["Bob"]),
        ("상담 커리어", &["Bob"]),
        ("bo", &["Bob"]),
        ("ob", &[]),
        ("분석", &["Cho"]),
        ("분데", &[]),
        ("sql 통계", &["Cho"]),
        ("sql 리뷰", &[]),
        ("teaches", &["Ann", "Bob"]),
        // No sign means anything but itself.
        ("%", &[]),
        ("_", &[]),
        ("+", &["Ann"]),
        ("(c", &["Ann"]),
        ("-sql", &[]),
        ("s*", &[]),
        ("\"", &[]),
        ("' OR 1=1", &[]),
        ("\\", &[]),
    ] {
        assert_eq!(found(&anyone, &format!("q={}", encoded(text))).await, expected, "{text}");
    }
    // A second duration has a price of its own; a free session is no price.
    let body = json!({
        "title": "이력서 첨삭", "priceKrw": 40_000, "durationMinutes": 60, "category": "career", "kind": "instant",
        "options": [
            { "durationMinutes": 60, "priceKrw": 40_000 }, { "durationMinutes": 30, "priceKrw": 25_000 },
            { "durationMinutes": 15, "priceKrw": 0 },
        ],
    });
    cho.client.post("/v1/offerings", body).await.ok(201);
    assert_eq!(found(&anyone, "category=career&priceFrom=20000&priceTo=25000").await, ["Cho"]);
    assert_eq!(found(&anyone, "priceFrom=25001&priceTo=29999").await, [""; 0], "between two of its prices");
    assert_eq!(found(&anyone, "priceTo=0").await, ["Cho"]);
    let shown = anyone.get(&format!("/v1/mentors/{}", cho.id)).await.ok(200);
    assert_eq!(shown["lowestPriceKrw"], 25_000);
    let both = format!("q={}&category=interview&language=ko", encoded("설계"));
    assert_eq!(found(&anyone, &both).await, ["Ann"]);
    let shown = anyone.get(&format!("/v1/mentors/{}", ann.id)).await.ok(200);
    assert_eq!((&shown["lowestPriceKrw"], &shown["languages"]), (&json!(30_000), &json!(["ko"])));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_is_found_at_once_and_what_is_gone_is_not() {
    let app = TestApp::start().await;
    let (mentor, admin) = (app.mentor("Ann").await, app.admin("admin").await);
    let anyone = app.anonymous();
    let made = offer(&mentor, "러스트 입문", "backend", 30_000).await;
    let path = format!("/v1/offerings/{}", made["id"].as_str().expect("an id"));
    let rust = format!("q={}", encoded("러스트"));
    assert_eq!(found(&anyone, &rust).await, ["Ann"]);
    let change_offering = json!({ "expectedVersion": 1, "title": "코틀린 입문", "priceKrw": 20_000 });
    mentor.client.send(Method::PATCH, &path, Some(change_offering), &[]).await.ok(200);
    assert_eq!(found(&anyone, &rust).await, [""; 0]);
    assert_eq!(found(&anyone, &format!("priceTo=20000&q={}", encoded("코틀린"))).await, ["Ann"]);
    mentor.client.send(Method::DELETE, &format!("{path}?expectedVersion=2"), None, &[]).await.ok(204);
    assert_eq!(found(&anyone, "priceTo=10000000").await, [""; 0]);
    let card = anyone.get("/v1/mentors").await.ok(200)["items"][0].clone();
    assert!(card.get("lowestPriceKrw").is_none(), "{card}");

    let rename = json!({ "expectedVersion": 1, "name": "Anna" });
    mentor.client.send(Method::PATCH, "/v1/me", Some(rename), &[]).await.ok(200);
    assert_eq!(found(&anyone, "q=anna").await, ["Anna"], "a new name is found at once");

    let suspend = format!("/v1/admin/users/{}/suspend", mentor.id);
    admin.client.post(&suspend, json!({ "reason": "a test" })).await.ok(200);
    assert_eq!(found(&anyone, "").await, [""; 0]);
    anyone.get(&format!("/v1/mentors/{}", mentor.id)).await.problem(404, "mentor.not_found");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_changed_by_its_mentor_who_saw_the_last_version() {
    let app = TestApp::start().await;
    let (mentor, mentee) = (app.mentor("mentor").await, app.mentee("mentee").await);
    change(&mentee, json!({ "expectedVersion": 1 })).await.problem(403, "auth.forbidden");
    change(&mentor, json!({ "expectedVersion": 1, "bio": "x" })).await.problem(409, "mentor.stale");
    for (field, value) in [
        ("headline", json!("")),
        ("expertise", json!([])),
        ("languages", json!(["korean"])),
        ("state", json!("suspended")),
        ("userId", json!(mentee.id)),
    ] {
        change(&mentor, json!({ "expectedVersion": 2, field: value })).await.problem(400, "request.invalid");
    }
    for (field, value) in
        [("languages", json!(["xx"])), ("languages", json!(["ko", "ko"])), ("headline", json!("  "))]
    {
        let problem = change(&mentor, json!({ "expectedVersion": 2, field: value })).await;
        assert_eq!(problem.problem(422, "mentor.invalid")["field"], field);
    }
    let body = json!({ "expectedVersion": 2, "company": "Secret Corp", "companyHidden": true });
    let changed = change(&mentor, body).await.ok(200);
    assert_eq!((&changed["company"], &changed["version"]), (&json!("Secret Corp"), &json!(3)));
    for path in
        ["/v1/mentors".to_owned(), format!("/v1/mentors/{}", mentor.id), "/v1/mentors?q=secret".to_owned()]
    {
        let shown = app.anonymous().get(&path).await.ok(200).to_string();
        assert!(!shown.contains("Secret Corp"), "B2: {shown}");
    }
    assert_eq!(names(&app.anonymous(), "q=secret").await, [""; 0], "what is hidden is not found either");
    let shown = change(&mentor, json!({ "expectedVersion": 3, "companyHidden": false })).await.ok(200);
    assert_eq!(shown["version"], 4);
    assert_eq!(app.anonymous().get("/v1/mentors").await.ok(200)["items"][0]["company"], "Secret Corp");
    let none = change(&mentor, json!({ "expectedVersion": 4, "company": "" })).await.ok(200);
    assert!(none.get("company").is_none());
    app.finish().await;
}

/// Mentors with prices and ratings of which several are the same.
async fn crowd(app: &TestApp, count: i64) -> Vec<Person> {
    let mut mentors = Vec::new();
    for i in 0..count {
        if i % 3 == 0 {
            app.advance(TimeDelta::seconds(1));
        }
        let mentor = app.mentor(&format!("m{i:02}")).await;
        if i % 4 != 3 {
            app.offering(&mentor, Kind::Instant, 60, 10_000 * (1 + i % 3)).await;
        }
        let stars = konnect::mentor::Stars([0, 0, 0, i % 3, if i % 5 == 0 { 0 } else { 1 }]);
        konnect::transact!(app.core.db, app.context(), sqlx::Error, tx => {
            konnect::mentor::rate(tx, mentor.id, stars).await
        })
        .expect("the database");
        mentors.push(mentor);
    }
    app.advance(TimeDelta::seconds(1));
    app.run_jobs().await;
    mentors
}

#[tokio::test(flavor = "multi_thread")]
async fn every_order_has_pages_without_gaps_and_repeats() {
    let app = TestApp::start().await;
    crowd(&app, 14).await;
    let anyone = app.anonymous();
    for sort in ["newest", "rating", "price", "next_free"] {
        let whole = names(&anyone, &format!("sort={sort}&limit=100")).await;
        assert_eq!(whole.len(), 14, "{sort}");
        for limit in [1, 3, 5, 14] {
            let (mut all, mut next) = (Vec::new(), String::new());
            loop {
                let page = anyone.get(&format!("/v1/mentors?sort={sort}&limit={limit}{next}")).await.ok(200);
                all.extend(names_in(&page));
                match page["next"].as_str() {
                    Some(key) => next = format!("&after={key}"),
                    None => break,
                }
            }
            assert_eq!(all, whole, "{sort} by {limit}");
        }
    }
    let page = anyone.get("/v1/mentors?sort=price&limit=100").await.ok(200);
    let prices: Vec<i64> = page["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|m| m["lowestPriceKrw"].as_i64().unwrap_or(i64::MAX))
        .collect();
    assert!(prices.is_sorted() && prices[0] == 10_000 && prices[13] == i64::MAX, "{prices:?}");
    let page = anyone.get("/v1/mentors?sort=rating&limit=100").await.ok(200);
    let counts: Vec<i64> = page["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|m| m["rating"]["count"].as_i64().expect("a count"))
        .collect();
    let unrated = counts.iter().position(|count| *count == 0).expect("some are not rated");
    assert!(counts[unrated..].iter().all(|count| *count == 0), "they come last: {counts:?}");

    let key = anyone.get("/v1/mentors?sort=price&limit=1").await.ok(200)["next"]
        .as_str()
        .expect("a key")
        .to_owned();
    for sort in ["newest", "rating", "next_free"] {
        let query = format!("/v1/mentors?sort={sort}&after={key}");
        anyone.get(&query).await.problem(422, "page.invalid");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_one_statement_however_long_it_is() {
    let app = TestApp::start().await;
    crowd(&app, 9).await;
    let (base, core) = app.api_with(&Config { db_connections: 1, ..app.config.clone() }).await;
    let client = Client::new(&base, None);
    let selects = async || -> i64 {
        let (_, count): (String, String) = sqlx::query_as("SHOW SESSION STATUS LIKE 'Com_select'")
            .fetch_one(core.db.pool())
            .await
            .expect("the only connection");
        count.parse().expect("a number")
    };
    let everything = format!(
        "&category=backend&priceTo=90000&language=ko&minRating=1&freeFrom=2026-03-02T00:00:00Z&q={}",
        encoded("rust 멘토링"),
    );
    for sort in ["newest", "rating", "price", "next_free"] {
        for (limit, more) in [(1, ""), (9, ""), (9, everything.as_str())] {
            let before = selects().await;
            let page = client.get(&format!("/v1/mentors?sort={sort}&limit={limit}{more}")).await.ok(200);
            assert!(!names_in(&page).is_empty());
            assert_eq!(selects().await - before, 1, "{sort}, {limit}, {more}");
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn searches_that_make_no_sense_are_refused() {
    let app = TestApp::start().await;
    app.mentor("Ann").await;
    let anyone = app.anonymous();
    let long = format!("q={}", "a".repeat(81));
    for query in [
        "priceFrom=-1",
        "priceTo=10000001",
        "priceFrom=x",
        "minRating=0.9",
        "minRating=5.1",
        "minRating=NaN",
        "minRating=many",
        "sort=random",
        "q=",
        &long,
        "limit=0",
        "limit=101",
        "freeFrom=tomorrow",
        "category=",
        "language=ko&language=en&language=ja&language=fr&language=de&language=es",
    ] {
        anyone.get(&format!("/v1/mentors?{query}")).await.problem(400, "request.invalid");
    }
    for (query, field) in [
        ("priceFrom=2&priceTo=1", "priceTo"),
        ("q=a+b+c+d+e+f+g+h+i+j+k", "q"),
        ("q=%20%20", "q"),
        ("language=korean", "language"),
        ("language=", "language"),
        ("freeFrom=2026-03-02T00:00:00Z&freeTo=2026-03-02T00:00:00Z", "freeTo"),
        ("freeFrom=2026-03-02T00:00:00Z&freeTo=2026-05-03T00:00:01Z", "freeTo"),
        ("freeTo=2026-03-01T00:00:00Z", "freeTo"),
    ] {
        let problem = anyone.get(&format!("/v1/mentors?{query}")).await.problem(422, "search.invalid");
        assert_eq!(problem["field"], field, "{query}");
    }
    // Dates at the ends of time are no dates of ours, and no crash.
    for far in ["9999-12-31T00:00:00Z", "9999-12-01T00:00:00Z", "0001-01-01T00:00:00Z"] {
        let answer = anyone.get(&format!("/v1/mentors?freeFrom={far}")).await;
        assert!(answer.status.is_success() || answer.status.is_client_error(), "{far}: {:#}", answer.body);
    }
    for text in ["\u{1F600}", "\u{0}", "한\u{ffff}", "\u{10ffff}"] {
        let answer = anyone.get(&format!("/v1/mentors?q={}", encoded(text))).await;
        assert!(answer.status.is_success() || answer.status.is_client_error(), "{text:?}: {:#}", answer.body);
    }
    app.finish().await;
}
