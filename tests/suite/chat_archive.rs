//! Archives of chats: whole, for members and for administrators who say why.

use chrono::TimeDelta;
use konnect::chat::{self, Draft, Wish};
use konnect_tests::TestApp;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_is_whole_and_hides_what_was_deleted() {
    let app = TestApp::start().await;
    let booking = app.chat().await;
    let access = app.access(&booking, &booking.mentee).await;
    let path = format!("{}/chat/export", booking.path());
    let mentor = &booking.mentor.client;
    let empty = mentor.get(&format!("{path}?format=json")).await.ok(200);
    assert_eq!(empty["messages"], json!([]));

    for n in 1..=205 {
        app.say(&access, &format!("m-{n}"), &format!("message\nnumber {n}")).await;
    }
    let append = async |id: &str, wish| {
        chat::append(&app.core, &access, Draft { client_id: id.into(), wish }).await.expect("it is stored")
    };
    append("e", Wish::Edit { target: 204, text: "the better text".into() }).await;
    append("d", Wish::Delete { target: 205 }).await;

    let answer = mentor.get(&format!("{path}?format=json")).await;
    assert_eq!(answer.headers["content-type"], "application/json");
    let disposition = answer.headers["content-disposition"].to_str().expect("text");
    assert!(disposition.starts_with("attachment; filename=\"chat-"), "{disposition}");
    let archive = answer.ok(200);
    let messages = archive["messages"].as_array().expect("messages");
    let seqs: Vec<_> = messages.iter().map(|m| m["seq"].as_i64().expect("a number")).collect();
    assert_eq!(seqs, (1..=205).collect::<Vec<_>>(), "every page of it");
    assert_eq!(messages[203]["text"], "the better text");
    assert!(messages[204]["deletedAt"].is_string() && messages[204].get("text").is_none());
    assert_eq!(archive["reservationId"], booking.id.to_string());
    assert!(!archive.to_string().contains("number 205") && !archive.to_string().contains("number 204"));

    let headers = [("accept-language", "ko")];
    let text = mentor.send(reqwest::Method::GET, &format!("{path}?format=text"), None, &headers).await;
    assert_eq!(text.headers["content-type"], "text/plain; charset=utf-8");
    let text = text.ok(200);
    let text = text.as_str().expect("text");
    assert!(text.starts_with("[2026-03-02 00:00:00 UTC] #1 멘티: message\n    number 1\n"), "{text}");
    assert!(text.contains("#204 멘티: (수정됨) the better text\n"), "{text}");
    assert!(text.ends_with("#205 멘티: (삭제됨)\n"), "{text}");
    mentor.get(&format!("{path}?format=html")).await.problem(400, "request.invalid");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_sees_all_and_is_seen() {
    let app = TestApp::start().await;
    let booking = app.chat().await;
    let access = app.access(&booking, &booking.mentee).await;
    app.say(&access, "m-1", "pay me outside").await;
    let draft = Draft { client_id: "d".into(), wish: Wish::Delete { target: 1 } };
    chat::append(&app.core, &access, draft).await.expect("a deletion");
    // Long after: archives stay.
    app.advance(TimeDelta::days(60));
    app.run_jobs().await;
    let admin = app.admin("admin").await;
    let path = format!("/v1/admin/reservations/{}/chat/export", booking.id);
    admin.client.post(&path, json!({ "format": "json" })).await.problem(400, "request.invalid");
    admin.client.post(&path, json!({ "format": "json", "reason": "" })).await.problem(400, "request.invalid");
    assert_eq!(app.events_of(&admin).await, Vec::<String>::new());
    let body = json!({ "format": "json", "reason": "dispute 7" });
    let archive = admin.client.post(&path, body).await.ok(200);
    assert_eq!(archive["messages"][0]["deleted"]["text"], "pay me outside");
    let text = admin.client.post(&path, json!({ "format": "text", "reason": "again" })).await.ok(200);
    assert!(text.as_str().expect("text").ends_with("#1 Mentee: (deleted) pay me outside\n"), "{text}");

    let topic = konnect::event::user_topic(admin.id);
    let events = konnect::event::after(app.core.db.pool(), &topic, 0, 10).await.expect("the database");
    let kept: Vec<(&str, &Value)> = events.iter().map(|e| (e.kind.as_str(), &e.data.0)).collect();
    let line = |reason| json!({ "reservationId": booking.id, "reason": reason, "by": admin.id });
    assert_eq!(kept, [("chat.exported", &line("dispute 7")), ("chat.exported", &line("again"))]);
    app.finish().await;
}
