//! Logins of one person: how many live, how they end, and when they are forgotten.

use chrono::TimeDelta;
use konnect::auth::MOST_SESSIONS;
use konnect::id::SessionId;
use konnect_tests::{Person, TestApp};
use serde_json::{Value, json};

/// Logins of somebody, as builds without a limit left them: each was used a second before the one before, and the first
/// one a second ago.
async fn logins(app: &TestApp, who: &Person, count: i64) -> Vec<SessionId> {
    let used = |number: i64| app.now() - TimeDelta::seconds(number + 1);
    let rows: Vec<_> = (0..count).map(|number| (SessionId::generate(), used(number))).collect();
    for batch in rows.chunks(5_000) {
        let mut insert = sqlx::QueryBuilder::new(
            "INSERT INTO sessions (id, user_id, user_agent, created_at, last_seen_at) ",
        );
        insert.push_values(batch, |mut row, (id, at)| {
            row.push_bind(*id).push_bind(who.id).push("''").push_bind(*at).push_bind(*at);
        });
        insert.build().execute(app.core.db.pool()).await.expect("the database");
    }
    rows.into_iter().map(|(id, _)| id).collect()
}

async fn count(app: &TestApp, sql: &'static str, who: &Person) -> i64 {
    sqlx::query_scalar(sql).bind(who.id).fetch_one(app.core.db.pool()).await.expect("a number")
}

const LIVE: &str = "SELECT COUNT(*) FROM sessions WHERE user_id = ? AND revoked_at IS NULL";

/// What somebody's feed says of ended logins: how many in each event, and why.
async fn ended(app: &TestApp, who: &Person) -> Vec<(i64, String)> {
    sqlx::query_as(
        "SELECT CAST(JSON_LENGTH(data, '$.sessionIds') AS SIGNED), JSON_UNQUOTE(JSON_EXTRACT(data, '$.reason'))
         FROM events WHERE topic = ? AND type = 'auth.session_revoked' ORDER BY seq",
    )
    .bind(format!("user:{}", who.id))
    .fetch_all(app.core.db.pool())
    .await
    .expect("rows")
}

/// The ids of the caller's logins, the one used last first.
async fn listed(who: &Person) -> Vec<String> {
    let list: Value = who.client.get("/v1/me/sessions").await.ok(200);
    let list = list.as_array().expect("a list").iter();
    list.map(|login| login["id"].as_str().expect("an id").to_owned()).collect()
}

async fn forget(app: &TestApp) {
    konnect::transact!(app.core.db, app.context(), sqlx::Error, tx => {
        konnect::retention::forget(tx, 1_000).await
    })
    .expect("the database");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_more_logins_than_a_statement_has_places_is_suspended() {
    let app = TestApp::start().await;
    let (admin, person) = (app.admin("admin").await, app.mentee("person").await);
    logins(&app, &person, 33_000).await;
    let path = format!("/v1/admin/users/{}/suspend", person.id);
    admin.client.post(&path, json!({ "reason": "misuse" })).await.ok(200);
    assert_eq!(count(&app, LIVE, &person).await, 0);
    person.client.get("/v1/me").await.problem(401, "auth.session_revoked");
    let events = ended(&app, &person).await;
    assert_eq!(events.iter().map(|(count, _)| count).sum::<i64>(), 33_001, "each is told");
    assert!(events.iter().all(|(count, reason)| *count <= 500 && reason == "suspended"));
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_login_too_many_ends_the_one_that_was_used_longest_ago() {
    let app = TestApp::start().await;
    let first = app.mentee("person").await;
    let others = logins(&app, &first, i64::from(MOST_SESSIONS) - 1).await;
    let [.., kept, oldest] = &others[..] else { panic!("there are many") };
    assert!(listed(&first).await.contains(&oldest.to_string()));

    let person = app.log_in(&first).await;
    let list = listed(&person).await;
    assert_eq!(list.len(), MOST_SESSIONS as usize);
    assert!(list.contains(&kept.to_string()) && !list.contains(&oldest.to_string()));
    assert_eq!(ended(&app, &person).await, [(1, "too_many".to_owned())]);
    first.client.get("/v1/me").await.ok(200);

    // Nobody refreshed any of them while that could be done.
    app.advance(app.tokens.refresh_life());
    let person = app.log_in(&person).await;
    assert_eq!(listed(&person).await.len(), 1);
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_are_over_and_logins_that_nobody_uses_are_forgotten() {
    const TOKENS: &str =
        "SELECT COUNT(*) FROM refresh_tokens WHERE session_id IN (SELECT id FROM sessions WHERE user_id = ?)";
    const LOGINS: &str = "SELECT COUNT(*) FROM sessions WHERE user_id = ?";
    let app = TestApp::start().await;
    let person = app.mentee("person").await;
    let joined = app.now();
    app.advance(app.tokens.refresh_life() + TimeDelta::days(7));
    forget(&app).await;
    assert_eq!(count(&app, TOKENS, &person).await, 1);
    app.advance(TimeDelta::seconds(1));
    forget(&app).await;
    assert_eq!((count(&app, TOKENS, &person).await, count(&app, LOGINS, &person).await), (0, 1));

    app.advance_to(joined + TimeDelta::days(365));
    forget(&app).await;
    assert_eq!(count(&app, LOGINS, &person).await, 1, "the device is known");
    app.advance(TimeDelta::seconds(1));
    forget(&app).await;
    assert_eq!(count(&app, LOGINS, &person).await, 0);
    app.log_in(&person).await;
    app.run_jobs().await;
    assert_eq!(app.notices_of(&person, "security.new_login").await, 1, "it may be anybody after so long");
    app.finish().await;
}
