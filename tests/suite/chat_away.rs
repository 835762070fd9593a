//! MongoDB away: chats say so at once, and nothing else notices.

use std::time::Duration;

use konnect::chat;
use konnect_tests::{TestApp, say};
use reqwest::Method;
use serde_json::json;
use tokio::time::Instant;

#[tokio::test(flavor = "multi_thread")]
async fn s75_without_mongodb_chats_fail_loudly_and_bookings_go_on() {
    let app = TestApp::start_without_mongodb().await;
    // From a slot to a payment, a cancellation and its refund.
    let booking = app.booking().await;
    app.pay(&booking).await;
    let started = Instant::now();
    let path = format!("{}/chat", booking.path());
    let client = &booking.mentee.client;
    let tries = [
        client.post(&format!("{path}/messages"), json!({ "clientId": "m-1", "text": "hi" })).await,
        client.get(&path).await,
        client.get(&format!("{path}/messages")).await,
        client.send(Method::PUT, &format!("{path}/read"), Some(json!({ "seq": 1 })), &[]).await,
        client.get(&format!("{path}/export?format=json")).await,
        client.get("/v1/me/chat/unread").await,
        app.upload(&booking.mentee, &booking, "a.txt", "text/plain", b"hi").await,
    ];
    let each = started.elapsed() / u32::try_from(tries.len()).expect("few");
    for answer in tries {
        answer.problem(503, "service.unavailable");
    }
    assert!(each < Duration::from_millis(2800), "{each:?} each");
    // Rights need no MongoDB; what sockets call fails like the rest, without an acknowledgement.
    let access = app.access(&booking, &booking.mentee).await;
    let refused = say(&app.core, &access, "m-1", "hi").await.expect_err("nothing is stored");
    assert_eq!((refused.refusal(), refused.is_refusal()), ("UNAVAILABLE", false));
    let replay = chat::entries_after(&app.core, &access, 0, 10).await.expect_err("nothing is read");
    assert_eq!(replay.refusal(), "UNAVAILABLE");
    let swept = chat::sweep_uploads(&app.core).await.expect_err("nothing is swept");
    assert_eq!(swept.code(), "service.unavailable");

    let found = client.get(&booking.path()).await.ok(200);
    let body = json!({ "reason": "ill", "expectedVersion": found["version"] });
    client.post(&format!("{}/cancel", booking.path()), body).await.ok(200);
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "cancelled");
    app.finish().await;
}
