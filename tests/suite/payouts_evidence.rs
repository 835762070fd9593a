//! What counts as evidence that a payout ended, what does not, and who decides when the provider cannot say.

use chrono::TimeDelta;
use konnect::money::Krw;
use konnect::payout::{self, Applied, Evidence, Finding, Payout};
use konnect::{transact, user};
use konnect_sandbox::{Effect, Endpoint, Fault, Signature};
use konnect_tests::{Earner, TestApp};
use serde_json::{Value, json};

const NET: i64 = 41_098;

/// A payout that the provider has taken.
async fn under_way(app: &TestApp) -> (Earner, Payout) {
    let earner = app.payee("mina", &[50_000]).await;
    app.run_batch().await;
    let payout = app.payouts_of(&earner.mentor).await.remove(0);
    assert_eq!(payout.state.name(), "in_progress");
    (earner, payout)
}

/// A `payout.changed` about it.
fn told(payout: &Payout, status: &str) -> Value {
    json!({
        "eventType": "payout.changed", "createdAt": "2026-03-05T12:00:00+09:00", "version": "2022-11-16",
        "eventId": "forged", "entityType": "payout",
        "entityBody": {
            "id": payout.provider_payout_id, "refPayoutId": payout.id, "destination": payout.destination,
            "scheduleType": "EXPRESS", "amount": { "currency": "KRW", "value": payout.amount_krw },
            "status": status,
        },
    })
}

fn record(payout: &Payout, status: Finding) -> Evidence {
    Evidence {
        provider_payout_id: payout.provider_payout_id.clone().expect("the provider's id"),
        reference: payout.id.to_string(),
        destination: payout.destination.clone(),
        amount: payout.amount_krw,
        status,
        raw: "{}".to_owned(),
    }
}

async fn apply(app: &TestApp, found: &Evidence) -> Applied {
    transact!(app.core.db, app.context(), anyhow::Error, tx => { Ok(payout::apply(tx, found).await?) })
        .expect("the database")
}

async fn is_paused(app: &TestApp) -> bool {
    payout::control(app.core.db.pool()).await.expect("the database").paused
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_moves_nothing_that_the_providers_record_does_not_say() {
    let app = TestApp::start().await;
    let (earner, payout) = under_way(&app).await;
    let signatures = [
        Signature::Missing,
        Signature::WrongKey,
        Signature::OtherBody,
        Signature::OtherTime,
        Signature::Malformed,
        // Even a signed one is a hint.
        Signature::Valid,
        Signature::OldTime,
    ];
    for signature in signatures {
        for status in ["COMPLETED", "FAILED"] {
            let answer = app.sandbox.forge_signed_webhook(told(&payout, status), signature).await;
            assert_eq!(answer, Some(200));
            app.run_jobs().await;
            assert_eq!(app.payout_state(&earner.mentor).await, "in_progress", "{signature:?} {status}");
        }
    }
    let mut unknown = told(&payout, "COMPLETED");
    unknown["entityBody"]["id"] = json!("FPA_nobody");
    app.sandbox.forge_signed_webhook(unknown, Signature::Valid).await;
    app.run_jobs().await;
    assert_eq!(app.owed(&earner.mentor).await, (0, NET));

    app.money_arrives(&earner.mentor).await;
    assert_eq!(app.payout_state(&earner.mentor).await, "paid");
    // Late, and of a state that has passed.
    app.sandbox.forge_signed_webhook(told(&payout, "FAILED"), Signature::Valid).await;
    app.run_jobs().await;
    assert_eq!(app.payout_state(&earner.mentor).await, "paid");
    assert!(!is_paused(&app).await);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_with_another_amount_or_payee_is_no_evidence_and_stops_payouts() {
    let app = TestApp::start().await;
    let (earner, payout) = under_way(&app).await;
    let foreign =
        Evidence { reference: "another merchant's".to_owned(), ..record(&payout, Finding::Completed) };
    assert_eq!(apply(&app, &foreign).await, Applied::Foreign);
    assert!(!is_paused(&app).await);
    let more = Evidence { amount: Krw(NET + 1), ..record(&payout, Finding::Completed) };
    assert_eq!(apply(&app, &more).await, Applied::Alert);
    let after = app.payouts_of(&earner.mentor).await.remove(0);
    assert_eq!((after.state.name(), after.alert.as_deref()), ("manual_review", Some("provider_mismatch")));
    assert_eq!(app.owed(&earner.mentor).await, (0, NET), "nothing moved");
    assert!(is_paused(&app).await);
    let admin = app.admin("admin").await;
    let waiting = admin.client.get("/v1/admin/payouts?state=manual_review").await.ok(200);
    assert_eq!(waiting["items"][0]["id"], payout.id.to_string());
    let others = admin.client.get("/v1/admin/payouts?state=paid").await.ok(200);
    assert_eq!(others["items"], json!([]));

    // The provider's true record still ends it.
    app.money_arrives(&earner.mentor).await;
    assert_eq!(app.payout_state(&earner.mentor).await, "paid");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_turns_into_the_other_one_alarms_and_moves_nothing_back() {
    let app = TestApp::start().await;
    let (earner, payout) = under_way(&app).await;
    assert_eq!(apply(&app, &record(&payout, Finding::Completed)).await, Applied::Paid);
    assert_eq!(apply(&app, &record(&payout, Finding::Completed)).await, Applied::Same);
    assert_eq!(apply(&app, &record(&payout, Finding::Open)).await, Applied::Same);
    assert!(!is_paused(&app).await);
    let failed = record(&payout, Finding::Failed("RETURNED".to_owned()));
    assert_eq!(apply(&app, &failed).await, Applied::Alert);
    let after = app.payouts_of(&earner.mentor).await.remove(0);
    assert_eq!((after.state.name(), after.alert.as_deref()), ("paid", Some("failed_after_paid")));
    assert_eq!(app.owed(&earner.mentor).await, (0, 0));
    assert_eq!(app.line_states_of(&earner.mentor).await, ["paid"], "I11");
    assert!(is_paused(&app).await, "a person looks");
    let second =
        Evidence { provider_payout_id: "FPA_second".to_owned(), ..record(&payout, Finding::Completed) };
    assert_eq!(apply(&app, &second).await, Applied::Alert);
    assert_eq!(app.payouts_of(&earner.mentor).await[0].alert.as_deref(), Some("provider_doubled"));
    app.run_jobs().await;
    app.finish().await;
}

/// A payout about which the provider never answers, for two weeks.
async fn in_review(app: &TestApp) -> (Earner, Payout) {
    let earner = app.payee("mina", &[50_000]).await;
    app.sandbox.fault(Fault::always(Endpoint::Payout, Effect::DropBefore));
    app.run_batch().await;
    assert_eq!(app.payout_state(&earner.mentor).await, "unknown");
    app.advance(TimeDelta::days(13) + TimeDelta::hours(1));
    app.run_jobs().await;
    let payout = app.payouts_of(&earner.mentor).await.remove(0);
    assert_eq!((payout.state.name(), payout.error_code.as_deref()), ("manual_review", Some("too_old")));
    (earner, payout)
}

#[tokio::test(flavor = "multi_thread")]
async fn s71_nobody_asks_again_when_the_key_is_too_old_and_two_people_decide() {
    for outcome in ["failed", "paid"] {
        let app = TestApp::start().await;
        let (earner, payout) = in_review(&app).await;
        let asked = app.sandbox.calls_to(Endpoint::Payout).len();
        let (first, second) = (app.admin("first").await, app.admin("second").await);
        let path = format!("/v1/admin/payouts/{}/resolve", payout.id);
        let body = json!({ "outcome": outcome, "evidence": "the bank's statement of 20 March" });
        let shown = first.client.post(&path, body.clone()).await.ok(200);
        assert_eq!(shown["state"], "manual_review", "one is not enough");
        assert_eq!(shown["resolution"]["askedBy"], first.id.to_string());
        first.client.post(&path, body.clone()).await.problem(409, "payout.second_person_needed");
        assert_eq!(app.owed(&earner.mentor).await, (0, NET), "nothing moved");
        // The second one disagrees first.
        let other = if outcome == "paid" { "failed" } else { "paid" };
        let differs = json!({ "outcome": other, "evidence": "support" });
        second.client.post(&path, differs).await.ok(200);
        second.client.post(&path, body.clone()).await.ok(200);

        let done = first.client.post(&path, body.clone()).await.ok(200);
        assert_eq!(done["state"], outcome);
        assert_eq!(done["resolution"]["confirmedBy"], first.id.to_string());
        let owed = if outcome == "paid" { (0, 0) } else { (NET, 0) };
        assert_eq!(app.owed(&earner.mentor).await, owed);
        second.client.post(&path, body).await.problem(409, "payout.not_in_review");
        assert_eq!(app.sandbox.calls_to(Endpoint::Payout).len(), asked, "nothing was asked for");
        app.run_jobs().await;
        app.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_decides_a_payout_of_their_own() {
    let app = TestApp::start().await;
    let (earner, payout) = in_review(&app).await;
    transact!(app.core.db, app.context(), anyhow::Error, tx => {
        Ok(user::make_admin(tx, earner.mentor.id).await?)
    })
    .expect("an administrator");
    let (mentor, other) = (app.log_in(&earner.mentor).await, app.admin("other").await);
    let path = format!("/v1/admin/payouts/{}/resolve", payout.id);
    let body = json!({ "outcome": "failed", "evidence": "the bank's statement of 20 March" });
    mentor.client.post(&path, body.clone()).await.problem(403, "dispute.own_case");
    other.client.post(&path, body.clone()).await.ok(200);
    mentor.client.post(&path, body).await.problem(403, "dispute.own_case");
    assert_eq!(app.payout_state(&earner.mentor).await, "manual_review");
    assert_eq!(app.owed(&earner.mentor).await, (0, NET), "nothing moved");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_decision_ends_with_the_review_it_was_made_in() {
    let app = TestApp::start().await;
    let (earner, payout) = in_review(&app).await;
    let (first, second) = (app.admin("first").await, app.admin("second").await);
    let shown = format!("/v1/admin/payouts/{}", payout.id);
    let path = format!("{shown}/resolve");
    let body = json!({ "outcome": "failed", "evidence": "the bank's statement of 20 March" });
    first.client.post(&path, body.clone()).await.ok(200);

    // The provider's record turns up after all, and later contradicts itself.
    app.advance(TimeDelta::minutes(1));
    let late = Evidence {
        provider_payout_id: "FPA_late".to_owned(),
        reference: payout.id.to_string(),
        destination: payout.destination.clone(),
        amount: payout.amount_krw,
        status: Finding::Open,
        raw: "{}".to_owned(),
    };
    assert_eq!(apply(&app, &late).await, Applied::Open);
    app.advance(TimeDelta::minutes(1));
    let more = Evidence { amount: Krw(NET + 1), ..late };
    assert_eq!(apply(&app, &more).await, Applied::Alert);
    let detail = second.client.get(&shown).await.ok(200);
    assert_eq!(detail["state"], "manual_review");
    assert!(detail.get("resolution").is_none(), "{detail}");

    let asked = second.client.post(&path, body.clone()).await.ok(200);
    assert_eq!(asked["state"], "manual_review", "the first half is not what was said weeks ago");
    assert_eq!(asked["resolution"]["askedBy"], second.id.to_string());
    let done = first.client.post(&path, body).await.ok(200);
    assert_eq!(done["state"], "failed");
    assert_eq!(done["resolution"]["confirmedBy"], first.id.to_string());
    assert_eq!(app.owed(&earner.mentor).await, (NET, 0));
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_at_a_payout_in_review_finds_what_the_provider_has_and_sends_nothing() {
    let app = TestApp::start().await;
    let (earner, payout) = in_review(&app).await;
    app.sandbox.clear_faults();
    let asked = app.sandbox.calls_to(Endpoint::Payout).len();
    let admin = app.admin("admin").await;
    let path = format!("/v1/admin/payouts/{}/requery", payout.id);
    admin.client.post(&path, json!(null)).await.ok(200);
    app.run_jobs().await;
    assert_eq!(app.payout_state(&earner.mentor).await, "manual_review");
    assert_eq!(app.sandbox.calls_to(Endpoint::Payout).len(), asked);
    app.finish().await;
}
