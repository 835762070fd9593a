//! The OpenAPI document as a front end uses it: a client in TypeScript, generated from it, compiled and run.

use std::path::Path;
use std::time::Duration;

use chrono::TimeDelta;
use konnect_tests::{TestApp, monday, run_script};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_client_generated_from_the_document_compiles_and_books() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mentor").await;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests stand in the repository");
    let scenario = json!({
        "document": root.join("docs/openapi.json"),
        "base": app.base,
        "mentor": mentor.client.token(),
        "startsAt": monday() + TimeDelta::hours(26),
    });
    let play = async |what: &str| -> String {
        let Some(order) = what.strip_prefix("pay ") else {
            assert_eq!(what, "work");
            app.run_jobs().await;
            return "done".into();
        };
        let (order, won) = order.split_once(' ').expect("an order and its won");
        app.sandbox.checkout(order, won.parse().expect("won")).expect("the card is accepted").payment_key
    };
    let checks = run_script("typed.mjs", &scenario, Duration::from_secs(180), play).await;
    assert_eq!(checks, 8);
    app.finish().await;
}
