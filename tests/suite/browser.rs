//! Two Chromium pages with fake devices hold a call through our signalling, each at an api process of its own.

use std::path::Path;
use std::time::Duration;

use konnect_tests::{TestApp, run_script};
use serde_json::json;

use super::socket_io::{open_room, scenario};

/// It takes seven seconds on an idle machine.
const LIMIT: Duration = Duration::from_secs(240);

#[tokio::test(flavor = "multi_thread")]
async fn two_browsers_hold_a_call_share_a_screen_and_come_back() {
    let app = TestApp::start_live().await;
    let booking = open_room(&app).await;
    let mut scenario = scenario(&app, &booking).await;
    let shots = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(".dev").join("shots");
    scenario["shots"] = json!(shots);
    let nothing = async |what: &str| panic!("asked for {what}");
    let checks = run_script("call.mjs", &scenario, LIMIT, nothing).await;
    assert!(checks >= 9, "{checks} checks");
    for name in ["sharing-mentor.png", "sharing-mentee.png"] {
        let picture = std::fs::read(shots.join(name)).expect("a picture is kept");
        assert!(picture.starts_with(b"\x89PNG"), "{name}");
    }
    app.run_jobs().await;
    app.finish().await;
}
