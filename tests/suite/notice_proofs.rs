//! Proof that people were told.

use konnect_sandbox::{Effect, Endpoint, Fault};
use konnect_tests::{TestApp, happening};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn administrators_see_what_became_of_every_notice() {
    let mut app = TestApp::start().await;
    app.enable_push();
    let (mentee, stranger) = (app.mentee("mentee").await, app.mentee("stranger").await);
    let admin = app.admin("admin").await;
    for device in ["fcm:phone", "fcm:tablet"] {
        app.add_device(&mentee, device).await;
    }
    app.enqueue(&happening("told", "reservation.confirmed", &[&mentee])).await;
    app.run_jobs().await;
    app.sandbox.fault(Fault::once(Endpoint::Smtp, Effect::decline("5.7.1")));
    app.enqueue(&happening("refused", "settlement.accrued", &[&mentee])).await;
    app.run_jobs().await;

    let list = async |query: &str| {
        admin.client.get(&format!("/v1/admin/notices?userId={}{query}", mentee.id)).await.ok(200)
    };
    let of = |page: &Value, kind: &str, channel: &str| {
        let items = page["items"].as_array().expect("notices").clone();
        items.into_iter().find(|n| n["kind"] == kind && n["channel"] == channel).expect("a notice")
    };
    let page = list("").await;
    let mail = of(&page, "reservation.confirmed", "email");
    assert_eq!((&mail["state"], mail["sentAt"].is_string()), (&json!("sent"), true));
    assert!(mail["providerId"].as_str().is_some_and(|id| id.contains(mail["id"].as_str().expect("an id"))));
    let failed = of(&page, "settlement.accrued", "email");
    assert_eq!((&failed["state"], failed.get("sentAt")), (&json!("failed"), None));
    assert!(failed["error"].as_str().is_some_and(|why| why.contains("550")), "{failed}");
    let push = of(&page, "reservation.confirmed", "push");
    let mut devices: Vec<_> =
        push["devices"].as_array().expect("devices").iter().map(|d| d["providerId"].clone()).collect();
    let mut taken: Vec<_> = app.sandbox.pushes().into_iter().map(|push| json!(push.name)).collect();
    devices.sort_by_key(Value::to_string);
    taken.sort_by_key(Value::to_string);
    assert_eq!(devices, taken, "both devices, under the service's own names");

    // Whoever opens the push has read the notice.
    let opened = format!("/v1/me/notices/{}/opened", push["id"].as_str().expect("an id"));
    stranger.client.post(&opened, json!({})).await.problem(404, "notice.not_found");
    let in_app = of(&page, "reservation.confirmed", "in_app");
    let no_push = format!("/v1/me/notices/{}/opened", in_app["id"].as_str().expect("an id"));
    mentee.client.post(&no_push, json!({})).await.problem(404, "notice.not_found");
    for _ in 0..2 {
        assert_eq!(mentee.client.post(&opened, json!({})).await.ok(200)["unread"], 1);
    }
    let after = list("").await;
    assert!(of(&after, "reservation.confirmed", "push")["openedAt"].is_string());
    assert!(of(&after, "reservation.confirmed", "in_app")["readAt"].is_string());

    let first = list("&limit=2").await;
    let rest = list(&format!("&limit=100&before={}", first["next"].as_str().expect("a key"))).await;
    assert_eq!(first["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        rest["items"].as_array().map(Vec::len),
        Some(after["items"].as_array().expect("all").len() - 2)
    );
    stranger.client.get("/v1/admin/notices").await.problem(403, "auth.forbidden");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n9_the_file_of_a_dispute_shows_what_both_sides_were_told() {
    let app = TestApp::start().await;
    let booking = app.completed_session().await;
    let path = app.open_dispute(&booking, &booking.mentee, "quality", 10_000).await;
    app.run_jobs().await;
    let admin = app.admin("judge").await;
    let file = admin.client.get(&path.replace("/v1/", "/v1/admin/")).await.ok(200);
    let told = file["notices"].as_array().expect("notices");
    let about = |kind: &str, person: &konnect_tests::Person| {
        told.iter().any(|n| {
            n["kind"] == kind
                && n["userId"] == json!(person.id)
                && n["channel"] == "email"
                && n["state"] == "sent"
                && n["providerId"].is_string()
        })
    };
    for person in [&booking.mentor, &booking.mentee] {
        assert!(about("reservation.confirmed", person) && about("dispute.opened", person));
    }
    let ids: Vec<_> = told.iter().map(|n| n["id"].as_str().expect("an id")).collect();
    assert!(ids.is_sorted(), "oldest first");
    let listed =
        admin.client.get(&format!("/v1/admin/notices?reservationId={}&limit=100", booking.id)).await.ok(200);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(told.len()));
    app.finish().await;
}
