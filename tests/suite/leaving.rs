//! Accounts that are deleted, by their owners and by administrators (S73).

use chrono::TimeDelta;
use konnect::job::EraseAccount;
use konnect::mentor::Kind;
use konnect::outbox;
use konnect::reservation::{self, NewReservation};
use konnect::transact;
use konnect::user::{self, Locale, NewUser};
use konnect_tests::{Answer, Client, Person, Socket, TestApp, happening, monday};
use serde_json::{Value, json};

const PASSWORD: &str = "ten letters and more";

async fn leave(app: &TestApp, who: &Person) -> Answer {
    app.log_in(who).await.client.post("/v1/me/deletion", json!({})).await
}

async fn log_in(app: &TestApp, email: &str, restore: bool) -> Answer {
    let body = json!({ "email": email, "password": PASSWORD, "restore": restore });
    app.anonymous().post("/v1/auth/login", body).await
}

async fn member(app: &TestApp, email: &str) -> (String, Client) {
    let body = json!({ "email": email, "password": PASSWORD, "name": "김민지", "locale": "ko", "timeZone": "Asia/Seoul" });
    let profile = app.anonymous().post("/v1/auth/register", body).await.ok(201);
    let tokens = log_in(app, email, false).await.ok(200);
    let client = Client::new(&app.base, tokens["accessToken"].as_str().map(str::to_owned));
    (profile["id"].as_str().expect("an id").to_owned(), client)
}

/// A row of `users` as JSON.
async fn row(app: &TestApp, id: &str) -> Value {
    let id: konnect::id::UserId = id.parse().expect("an id");
    let user = konnect::user::get(app.core.db.pool(), id).await.expect("a user");
    json!({ "email": user.email, "name": user.name, "state": user.state, "admin": user.is_admin })
}

#[tokio::test(flavor = "multi_thread")]
async fn s73_what_a_mentor_who_leaves_has_ahead_is_cancelled_and_given_back() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.pay(&booking).await;
    let token = format!("Bearer {}", booking.mentor.client.token().expect("a token"));
    let mut socket = Socket::ask(&app.base, "", &[("authorization", &token)]).await.expect("a socket");
    assert_eq!(socket.next().await["type"], "welcome");

    let answer = leave(&app, &booking.mentor).await.ok(200);
    let erased_at: chrono::DateTime<chrono::Utc> =
        answer["erasedAt"].as_str().expect("an instant").parse().expect("an instant");
    assert_eq!(erased_at, app.now() + TimeDelta::days(14));
    loop {
        if socket.next().await["close"] == 4001 {
            break;
        }
    }
    booking.mentor.client.get("/v1/me").await.problem(401, "auth.session_revoked");
    app.run_jobs_twice().await;
    assert_eq!(app.state(&booking).await, "cancelled");
    assert_eq!(app.balance_at_provider(&booking).await, 0);
    assert_eq!(app.claims(booking.id).await, 0, "I4");
    let offering = format!("/v1/offerings/{}", booking.offering);
    app.anonymous().get(&offering).await.problem(404, "offering.not_found");
    assert_eq!(
        app.sandbox.mails_to(&booking.mentor.email).iter().filter(|m| m.subject.contains("삭제")).count(),
        1
    );

    app.advance(TimeDelta::days(14) - TimeDelta::seconds(1));
    app.run_jobs().await;
    assert_eq!(row(&app, &booking.mentor.id.to_string()).await["state"], "leaving");
    app.advance(TimeDelta::seconds(1));
    app.run_jobs_twice().await;
    let gone = row(&app, &booking.mentor.id.to_string()).await;
    assert_eq!((&gone["state"], &gone["name"]), (&json!("deleted"), &json!("")));
    assert!(gone["email"].as_str().expect("text").ends_with("@deleted.invalid"));
    let (bio, headline): (String, String) = sqlx::query_as("SELECT bio, headline FROM mentors")
        .fetch_one(app.core.db.pool())
        .await
        .expect("a row");
    assert_eq!((bio.as_str(), headline.as_str()), ("", ""));
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0], "the ledger is kept, and sums to nothing");
    let mentee = app.log_in(&booking.mentee).await.client;
    mentee.get(&booking.path()).await.ok(200);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s73_whoever_comes_back_in_time_keeps_the_account() {
    let app = TestApp::start().await;
    let (id, owner) = member(&app, "owner@konnect.test").await;
    let ask = async |body: Value| owner.post("/v1/me/deletion", body).await;
    let refused = ask(json!({ "password": "a guess at it" })).await.problem(403, "auth.password_wrong");
    assert_eq!(refused["field"], "password");
    app.advance(TimeDelta::seconds(601));
    ask(json!({})).await.problem(403, "auth.fresh_login_required");
    ask(json!({ "password": PASSWORD })).await.ok(200);

    let refused = log_in(&app, "owner@konnect.test", false).await.problem(403, "auth.account_leaving");
    assert!(refused["context"]["erasedAt"].is_string());
    app.advance(TimeDelta::days(13));
    let back = log_in(&app, "owner@konnect.test", true).await.ok(200);
    assert_eq!((&back["user"]["id"], &back["user"]["state"]), (&json!(id), &json!("active")));
    assert_eq!(app.jobs_of("account.erase.v1").await[0].state, "cancelled");
    app.advance(TimeDelta::days(2));
    app.run_jobs().await;
    assert_eq!(row(&app, &id).await["state"], "active");

    // Another time, another fortnight.
    log_in(&app, "owner@konnect.test", false).await.ok(200);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s73_what_is_erased_is_who_it_was_and_the_address_is_free_again() {
    let app = TestApp::start().await;
    let bookings = app.completed_sessions(1).await;
    let booking = &bookings[0];
    app.review(booking, &booking.mentee, 5, "Very good.").await.ok(200);
    let mentee = app.log_in(&booking.mentee).await;
    mentee.client.post("/v1/me/devices", json!({ "token": "fcm:1", "platform": "web" })).await.ok(204);
    let hours = json!({ "quiet": { "start": "22:00", "end": "07:00" }, "digestHour": 8 });
    mentee.client.send(reqwest::Method::PUT, "/v1/me/notification-hours", Some(hours), &[]).await.ok(200);
    // As older builds wrote it.
    let mut undeliverable = happening("of an older build", "mail.undeliverable", &[&mentee]);
    undeliverable.data["address"] = json!(mentee.email);
    app.enqueue(&undeliverable).await;
    let mut new_login = happening("login", "security.new_login", &[&mentee]);
    new_login.data["device"] = json!("the phone of Kim Minji");
    app.enqueue(&new_login).await;
    app.advance(TimeDelta::days(15));
    app.run_jobs().await;
    let (before, reviews) =
        (app.ledger(booking.id).await, format!("/v1/mentors/{}/reviews", booking.mentor.id));
    leave(&app, &mentee).await.ok(200);
    app.advance(TimeDelta::days(14));
    app.run_jobs_twice().await;

    assert_eq!(app.ledger(booking.id).await, before);
    assert_eq!(app.state(booking).await, "completed");
    let shown = app.anonymous().get(&reviews).await.ok(200);
    assert_eq!(
        (&shown["items"][0]["stars"], &shown["items"][0]["author"]["isDeleted"]),
        (&json!(5), &json!(true))
    );
    for (table, owner) in
        [("device_tokens", "user_id"), ("notice_hours", "user_id"), ("user_identities", "user_id")]
    {
        let sql = format!("SELECT COUNT(*) FROM {table} WHERE {owner} = ?");
        let left: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .bind(mentee.id)
            .fetch_one(app.core.db.pool())
            .await
            .expect("a number");
        assert_eq!(left, 0, "{table}");
    }
    let kept = app.all_notices_of(&mentee).await;
    for kind in ["mail.undeliverable", "security.new_login"] {
        assert!(kept.iter().any(|notice| notice.kind == kind), "{kind}");
    }
    for word in [mentee.email.as_str(), "phone"] {
        assert!(kept.iter().all(|notice| !notice.data.0.to_string().contains(word)), "{word}");
    }
    let agents: Vec<String> =
        sqlx::query_scalar("SELECT DISTINCT user_agent FROM sessions WHERE user_id = ?")
            .bind(mentee.id)
            .fetch_all(app.core.db.pool())
            .await
            .expect("rows");
    assert_eq!(agents, [""]);
    let (fresh, _) = member(&app, &mentee.email).await;
    assert_ne!(fresh, mentee.id.to_string());
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s73_nobody_goes_while_somebody_waits_for_them_or_money_is_open() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    leave(&app, &booking.mentee).await.problem(409, "account.bookings_open");
    app.pay(&booking).await;
    leave(&app, &booking.mentee).await.problem(409, "account.bookings_open");
    app.meet(&booking).await;
    app.advance_to(booking.starts_at + TimeDelta::minutes(30));
    app.run_jobs().await;
    leave(&app, &booking.mentor).await.problem(409, "account.bookings_open");
    app.advance(TimeDelta::hours(49));
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "completed");
    leave(&app, &booking.mentor).await.problem(409, "account.money_open");
    let admin = app.admin("admin").await.client;
    let path = format!("/v1/admin/users/{}/delete", booking.mentor.id);
    admin.post(&path, json!({ "reason": "asked by letter" })).await.problem(409, "account.money_open");
    leave(&app, &booking.mentee).await.ok(200);
    leave(&app, &booking.mentor).await.problem(409, "account.money_open");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s73_earnings_that_make_up_for_a_debt_keep_nobody() {
    let app = TestApp::start().await;
    let mut earner = app.payee("mina", &[50_000]).await;
    app.run_batch().await;
    app.money_arrives(&earner.mentor).await;
    let admin = app.admin("admin").await;
    app.refund(&admin, &earner.bookings[0], 50_000, "shared").await.ok(201);
    app.run_jobs().await;
    leave(&app, &earner.mentor).await.problem(409, "account.money_open");
    app.earn_more(&mut earner, &[50_000]).await;
    assert_eq!(app.line_states_of(&earner.mentor).await, ["paid", "ready", "ready"]);
    assert_eq!(app.owed(&earner.mentor).await, (0, 0));
    leave(&app, &earner.mentor).await.ok(200);
    app.run_jobs().await;
    app.advance(TimeDelta::days(14));
    app.run_jobs_twice().await;
    assert_eq!(row(&app, &earner.mentor.id.to_string()).await["state"], "deleted");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s73_an_administrator_deletes_an_account_and_a_lost_job_is_found() {
    let app = TestApp::start().await;
    let (id, owner) = member(&app, "owner@konnect.test").await;
    let admin = app.admin("admin").await;
    let act = async |what: &str| {
        let client = app.log_in(&admin).await.client;
        client.post(&format!("/v1/admin/users/{id}/{what}"), json!({ "reason": "asked by letter" })).await
    };
    act("suspend").await.ok(200);
    act("delete").await.problem(409, "user.wrong_state");
    act("reinstate").await.ok(200);
    assert_eq!(act("delete").await.ok(200)["state"], "leaving");
    act("delete").await.problem(409, "user.wrong_state");
    owner.get("/v1/me").await.problem(401, "auth.session_revoked");
    app.run_jobs().await;
    sqlx::query("DELETE FROM outbox WHERE kind = 'account.erase.v1'")
        .execute(app.core.db.pool())
        .await
        .expect("lost");
    app.advance(TimeDelta::days(14) + TimeDelta::hours(2));
    app.reconcile_those(|kind| kind == "account.keep.v1").await;
    app.run_jobs_twice().await;
    assert_eq!(row(&app, &id).await["state"], "deleted");
    log_in(&app, "owner@konnect.test", true).await.problem(401, "auth.invalid_credentials");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s73_nobody_escapes_a_suspension_by_leaving() {
    let app = TestApp::start().await;
    let (id, owner) = member(&app, "owner@konnect.test").await;
    let admin = app.admin("admin").await;
    let act = async |what: &str| {
        let client = app.log_in(&admin).await.client;
        client.post(&format!("/v1/admin/users/{id}/{what}"), json!({ "reason": "misuse" })).await.ok(200)
    };
    owner.post("/v1/me/deletion", json!({})).await.ok(200);
    assert_eq!(act("suspend").await["state"], "suspended");
    log_in(&app, "owner@konnect.test", true).await.problem(403, "auth.suspended");
    app.advance(TimeDelta::days(15));
    app.reconcile_those(|kind| kind == "account.keep.v1").await;
    app.run_jobs_twice().await;
    let kept = row(&app, &id).await;
    assert_eq!((&kept["state"], &kept["email"]), (&json!("suspended"), &json!("owner@konnect.test")));

    // Whoever wanted to go goes, and has the whole fortnight again.
    assert_eq!(act("reinstate").await["state"], "leaving");
    log_in(&app, "owner@konnect.test", false).await.problem(403, "auth.account_leaving");
    app.advance(TimeDelta::days(14) - TimeDelta::seconds(1));
    app.run_jobs().await;
    assert_eq!(row(&app, &id).await["state"], "leaving");
    app.advance(TimeDelta::seconds(1));
    app.run_jobs_twice().await;
    assert_eq!(row(&app, &id).await["state"], "deleted");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s73_a_lost_erasure_is_found_behind_many_that_wait() {
    let app = TestApp::start().await;
    let (id, owner) = member(&app, "owner@konnect.test").await;
    owner.post("/v1/me/deletion", json!({})).await.ok(200);
    app.run_jobs().await;
    sqlx::query("DELETE FROM outbox WHERE kind = 'account.erase.v1'")
        .execute(app.core.db.pool())
        .await
        .expect("lost");
    app.advance(TimeDelta::days(14) + TimeDelta::hours(2));
    // Their time was over before, and their money is waited for.
    transact!(app.core.db, app.context(), anyhow::Error, tx => {
        for number in 0..100 {
            let email = format!("waits{number}@konnect.test");
            let new = NewUser::parse(&email, "N", Locale::Ko, "UTC")?;
            let user_id = user::register(tx, &new, "no password").await?.id;
            let again = tx.now + TimeDelta::days(1);
            outbox::enqueue_at(tx, &EraseAccount { user_id, version: 1 }, again).await?;
        }
        Ok(())
    })
    .expect("people");
    sqlx::query("UPDATE users SET state = 'leaving', erase_at = ? WHERE email LIKE 'waits%'")
        .bind(app.now() - TimeDelta::days(3))
        .execute(app.core.db.pool())
        .await
        .expect("rows");
    app.reconcile_those(|kind| kind == "account.keep.v1").await;
    app.run_jobs_twice().await;
    assert_eq!(row(&app, &id).await["state"], "deleted");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s73_whoever_leaves_and_books_at_once_does_one_of_the_two() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mentor").await;
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    for round in 0..6 {
        let mentee = app.mentee(&format!("mentee{round}")).await;
        let at = monday() + TimeDelta::hours(24 + round);
        let (left, booked) = tokio::join!(leave(&app, &mentee), app.reserve(&mentee, offering, at));
        assert_ne!(left.status == 200, booked.status == 201, "round {round}: {} {}", left.body, booked.body);
    }

    // Whoever came through the door before it was shut.
    let mentee = app.mentee("late").await;
    leave(&app, &mentee).await.ok(200);
    let new = NewReservation {
        offering_id: offering,
        mentee_id: mentee.id,
        starts_at: monday() + TimeDelta::hours(31),
        duration_min: None,
        expected_price: None,
        hold: None,
    };
    let refused = transact!(app.core.db, app.context(), anyhow::Error, tx => {
        Ok(reservation::reserve(tx, &app.core.rules, &new).await?)
    });
    let error = refused.expect_err("refused");
    let error = error.downcast_ref::<reservation::Error>().map(reservation::Error::code);
    assert_eq!(error, Some("reservation.account_closed"));
    app.run_jobs().await;
    app.finish().await;
}
