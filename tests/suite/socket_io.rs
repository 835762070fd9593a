//! The unmodified `socket.io-client` of npm against two api processes, over each of its transports.

use std::time::Duration;

use chrono::TimeDelta;
use konnect::auth::{SigningKeys, Tokens, generate_key};
use konnect::config::TokenConfig;
use konnect::id::{SessionId, UserId};
use konnect_tests::{Booking, Person, TestApp, run_script};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::crashes::live_booking;

const LIMIT: Duration = Duration::from_secs(120);
/// The one that the harness allows.
pub const ORIGIN: &str = "http://localhost:3000";

/// A paid booking five minutes before its start: its room is open, and both have just logged in.
pub async fn open_room(app: &TestApp) -> Booking {
    let mut booking = live_booking(app).await;
    app.pay(&booking).await;
    app.advance_to(booking.starts_at - TimeDelta::minutes(5));
    app.run_jobs().await;
    booking.mentor = app.log_in(&booking.mentor).await;
    booking.mentee = app.log_in(&booking.mentee).await;
    booking
}

/// What the scripts are told: two api processes, the room, who is in it.
pub async fn scenario(app: &TestApp, booking: &Booking) -> Value {
    json!({
        "bases": [app.base, app.second_api().await],
        "room": booking.id,
        "mentor": token(&booking.mentor),
        "mentee": token(&booking.mentee),
        "origin": ORIGIN,
    })
}

fn token(person: &Person) -> &str {
    person.client.token().expect("somebody who is logged in")
}

/// A token that was good for a while, an hour ago.
fn signed(tokens: &Tokens, app: &TestApp, user: UserId, ago: TimeDelta) -> String {
    let issued = tokens.issue(user, SessionId::generate(), &[], app.now() - ago).expect("a token");
    issued.token.expose_secret().to_owned()
}

/// Tokens that look like ours and are signed with somebody else's key.
fn foreign(app: &TestApp) -> Tokens {
    let keys_dir = app.api_config.tokens.keys_dir.with_extension("foreign");
    generate_key(&keys_dir).expect("a signing key");
    let config = TokenConfig { keys_dir: keys_dir.clone(), ..app.api_config.tokens.clone() };
    let tokens = Tokens::new(SigningKeys::load(&config).expect("the key just made"), &config);
    std::fs::remove_dir_all(keys_dir).expect("the folder just made");
    tokens
}

/// Everything that the client's script checks; at the end the mentee logs out.
async fn by(transport: &str) {
    let app = TestApp::start_live().await;
    let booking = open_room(&app).await;
    let stranger = app.mentee("stranger").await;
    let mut scenario = scenario(&app, &booking).await;
    for (name, value) in [
        ("transport", json!(transport)),
        ("stranger", json!(token(&stranger))),
        ("expired", json!(signed(&app.tokens, &app, booking.mentee.id, TimeDelta::hours(1)))),
        ("wrongKey", json!(signed(&foreign(&app), &app, booking.mentee.id, TimeDelta::zero()))),
        ("revocation", json!(true)),
    ] {
        scenario[name] = value;
    }
    let log_out = async |what: &str| {
        assert_eq!(what, "revoke");
        booking.mentee.client.post("/v1/auth/logout", json!({})).await.ok(204);
        "revoked".to_owned()
    };
    let checks = run_script("client.mjs", &scenario, LIMIT, log_out).await;
    assert!(checks >= 30, "{checks} checks");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_of_npm_by_websocket() {
    by("websocket").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_of_npm_by_polling() {
    by("polling").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_of_npm_by_polling_and_upgrade() {
    by("polling-then-upgrade").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s76_a_wrong_origin_gets_a_code_and_a_dropped_upgrade_leaves_polling() {
    let app = TestApp::start_live().await;
    let booking = open_room(&app).await;
    let scenario = scenario(&app, &booking).await;
    let nothing = async |what: &str| panic!("asked for {what}");
    let checks = run_script("fallback.mjs", &scenario, LIMIT, nothing).await;
    assert!(checks >= 7, "{checks} checks");
    app.run_jobs().await;
    app.finish().await;
}
