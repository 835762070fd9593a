//! Notices in the app, over REST.

use konnect::id::NoticeId;
use konnect_tests::{Client, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

async fn ids(client: &Client, query: &str) -> Vec<String> {
    let page = client.get(&format!("/v1/me/notices{query}")).await.ok(200);
    let id = |notice: &Value| notice["id"].as_str().expect("an id").to_owned();
    page["items"].as_array().expect("notices").iter().map(id).collect()
}

async fn unread(client: &Client) -> Value {
    client.get("/v1/me/notices/unread-count").await.ok(200)["unread"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn notices_are_read_and_deleted_by_their_reader_alone() {
    let app = TestApp::start().await;
    let first = app.booking().await;
    app.pay(&first).await;
    let (mentee, mentor) = (&first.mentee.client, &first.mentor.client);
    let second = app
        .book(&first.mentor, &first.mentee, first.offering, first.starts_at + chrono::TimeDelta::hours(2))
        .await;
    app.pay(&second).await;

    let all = ids(mentee, "").await;
    assert!(all.len() >= 2, "{all:?}");
    let mut descending = all.clone();
    descending.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(all, descending, "newest first");
    assert_eq!(unread(mentee).await, json!(all.len()));

    // Page by page, each once.
    let (mut paged, mut query) = (Vec::new(), "?limit=1".to_owned());
    loop {
        let page = mentee.get(&format!("/v1/me/notices{query}")).await.ok(200);
        paged.extend(page["items"][0]["id"].as_str().map(str::to_owned));
        let Some(next) = page["next"].as_str() else { break };
        query = format!("?limit=1&before={next}");
    }
    assert_eq!(paged, all);

    let path = format!("/v1/me/notices/{}", all[0]);
    let read = format!("{path}/read");
    let unknown = format!("/v1/me/notices/{}", NoticeId::generate());
    for (client, path) in [(mentor, &path), (mentee, &unknown)] {
        client.post(&format!("{path}/read"), json!({})).await.problem(404, "notice.not_found");
        client.send(Method::DELETE, path, None, &[]).await.problem(404, "notice.not_found");
    }
    for _ in 0..2 {
        assert_eq!(mentee.post(&read, json!({})).await.ok(200)["unread"], json!(all.len() - 1));
    }
    assert_eq!(ids(mentee, "?unread=true").await, all[1..]);
    let shown = mentee.get("/v1/me/notices").await.ok(200);
    assert!(shown["items"][0]["readAt"].is_string() && shown["items"][1].get("readAt").is_none());

    let delete = async || mentee.send(Method::DELETE, &path, None, &[]).await;
    delete().await.ok(200);
    delete().await.problem(404, "notice.not_found");
    mentee.post(&read, json!({})).await.problem(404, "notice.not_found");
    assert_eq!(ids(mentee, "").await, all[1..]);
    assert_eq!(mentee.post("/v1/me/notices/read-all", json!({})).await.ok(200)["unread"], 0);
    assert_eq!((unread(mentee).await, ids(mentee, "?unread=true").await), (json!(0), vec![]));
    assert_ne!(unread(mentor).await, json!(0), "the other side reads for itself");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_speaks_the_readers_language() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.pay(&booking).await;
    let in_language = async |language: &str| {
        let headers = [("accept-language", language)];
        let page = booking.mentee.client.send(Method::GET, "/v1/me/notices", None, &headers).await.ok(200);
        let items = page["items"].as_array().expect("notices").clone();
        items.into_iter().find(|n| n["kind"] == "reservation.confirmed").expect("the confirmation")
    };
    let (korean, english) = (in_language("ko").await, in_language("en").await);
    assert_eq!((&korean["id"], &korean["reservationId"]), (&english["id"], &json!(booking.id)));
    let korean = korean["title"].as_str().expect("a title");
    let english = english["title"].as_str().expect("a title");
    assert!(korean.chars().any(|c| ('가'..='힣').contains(&c)), "{korean}");
    assert!(english.is_ascii() && !english.is_empty(), "{english}");
    app.run_jobs().await;
    app.finish().await;
}
