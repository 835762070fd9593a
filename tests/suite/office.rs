//! The back office reads: the dashboard, lists, files and cases.

use chrono::TimeDelta;
use konnect::mentor::Kind;
use konnect_tests::{Client, Person, TestApp, monday};
use serde_json::{Value, json};

async fn client(app: &TestApp, admin: &Person) -> Client {
    app.log_in(admin).await.client
}

fn ids(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().expect("items");
    items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
}

/// How many bookings came into a state.
fn moved(figures: &Value, state: &str) -> i64 {
    let moves = figures["bookings"].as_array().expect("moves");
    moves.iter().find(|m| m["state"] == state).map_or(0, |m| m["count"].as_i64().expect("a count"))
}

#[tokio::test(flavor = "multi_thread")]
async fn o1_the_dashboard_counts_today_and_days_that_are_over() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let booking = app.booking().await;
    app.pay(&booking).await;
    let today = client(&app, &admin).await.get("/v1/admin/dashboard").await.ok(200);
    assert_eq!(today["today"], "2026-03-02");
    let day = &today["day"];
    assert_eq!((&day["newUsers"], &day["captured"]), (&json!(3), &json!(50_000)));
    assert_eq!((moved(day, "awaiting_payment"), moved(day, "confirmed")), (1, 1));
    assert_eq!(today["month"], today["day"]);
    assert_eq!(today["missingDays"], 29);

    app.meet(&booking).await;
    app.advance_to(booking.starts_at + TimeDelta::hours(49));
    app.run_jobs().await;
    app.reconcile_those(|kind| kind == "office.count_days.v1").await;
    app.run_jobs_twice().await;
    let later = client(&app, &admin).await.get("/v1/admin/dashboard").await.ok(200);
    assert_eq!((&later["missingDays"], &later["today"]), (&json!(0), &json!("2026-03-05")));
    assert_eq!((&later["day"]["captured"], &later["week"]["captured"]), (&json!(0), &json!(50_000)));
    assert_eq!(
        (&later["day"]["fees"], &later["month"]["fees"]),
        (&json!(6_819), &json!(6_819)),
        "without VAT"
    );
    assert_eq!((moved(&later["week"], "confirmed"), moved(&later["week"], "completed")), (1, 1));
    assert_eq!(later["month"]["newUsers"], 3);
    let waiting = &later["waiting"];
    assert_eq!(
        (&waiting["jobsDead"], &waiting["disputesOpen"], &waiting["paymentsUnknown"]),
        (&json!(0), &json!(0), &json!(0))
    );
    assert_eq!(later["queues"].as_array().expect("queues").len(), 7);

    // Out of the week, still in the month.
    app.advance(TimeDelta::days(8));
    app.run_jobs().await;
    app.reconcile_those(|kind| kind == "office.count_days.v1").await;
    app.run_jobs().await;
    let month = client(&app, &admin).await.get("/v1/admin/dashboard").await.ok(200);
    assert_eq!((&month["week"]["captured"], &month["month"]["captured"]), (&json!(0), &json!(50_000)));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn o1_lists_are_filtered_and_come_in_pages() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let (mentor, mentee, other) =
        (app.mentor("mentor").await, app.mentee("mentee").await, app.mentee("other").await);
    let instant = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let approval = app.offering(&mentor, Kind::Approval, 60, 30_000).await;
    let start = monday() + TimeDelta::hours(26);
    let first = app.book(&mentor, &mentee, instant, start).await;
    let second = app.book(&mentor, &other, approval, start + TimeDelta::hours(1)).await;
    let third = app.book(&mentor, &mentee, instant, start + TimeDelta::hours(24)).await;
    app.pay(&first).await;
    let get = async |path: &str| admin.client.get(&format!("/v1/admin/{path}")).await;
    let newest = [third.id, second.id, first.id].map(|id| id.to_string());
    assert_eq!(ids(&get("reservations").await.ok(200)), newest);
    let page = get("reservations?limit=2").await.ok(200);
    assert_eq!(ids(&page), newest[..2]);
    let rest =
        get(&format!("reservations?limit=2&before={}", page["next"].as_str().expect("a key"))).await.ok(200);
    assert_eq!((ids(&rest), rest.get("next")), (newest[2..].to_vec(), None));
    let of = async |query: String| ids(&get(&format!("reservations?{query}")).await.ok(200));
    assert_eq!(of("state=confirmed".into()).await, [first.id.to_string()]);
    assert_eq!(of(format!("mentee={}", other.id)).await, [second.id.to_string()]);
    assert_eq!(of(format!("mentor={}", mentor.id)).await.len(), 3);
    assert_eq!(of(format!("mentor={}", other.id)).await.len(), 0);
    assert_eq!(of("from=2026-03-04T00:00:00Z".into()).await, [third.id.to_string()]);
    assert_eq!(of("to=2026-03-03T03:00:00Z".into()).await, [first.id.to_string()]);
    assert_eq!(of(format!("id={}", &second.id.to_string()[..23])).await, [second.id.to_string()]);
    assert_eq!(of(format!("id={}", second.id.0.simple())).await, [second.id.to_string()]);
    let shown = get("reservations?state=confirmed").await.ok(200);
    let row = &shown["items"][0];
    assert_eq!(
        (&row["mentorName"], &row["menteeName"], &row["paymentState"]),
        (&json!("mentor"), &json!("mentee"), &json!("done"))
    );
    get("reservations?id=0123").await.problem(422, "office.prefix_invalid");
    for bad in ["state=paid", "mentor=me", "from=today", "limit=101", "limit=0"] {
        get(&format!("reservations?{bad}")).await.problem(400, "request.invalid");
    }

    let payments = get("payments?state=done").await.ok(200);
    let payment = &payments["items"][0];
    assert_eq!((&payment["amount"], &payment["refunded"]), (&json!(50_000), &json!(0)));
    assert_eq!(payment["reservationId"], first.id.to_string());
    assert_eq!(get(&format!("payments?mentee={}", other.id)).await.ok(200)["items"], json!([]));
    let mentors = get("mentors?state=approved").await.ok(200);
    assert_eq!(
        (&mentors["items"][0]["name"], &mentors["items"][0]["offerings"]),
        (&json!("mentor"), &json!(2))
    );
    assert_eq!(get("mentors?state=applied").await.ok(200)["items"], json!([]));
    assert_eq!(ids(&get(&format!("offerings?mentor={}&active=true", mentor.id)).await.ok(200)).len(), 2);
    assert_eq!(get("offerings?active=false").await.ok(200)["items"], json!([]));

    let person = get(&format!("users/{}", mentee.id)).await.ok(200);
    assert_eq!((&person["figures"]["booked"], &person["figures"]["given"]), (&json!(2), &json!(0)));
    assert_eq!((&person["account"]["email"], person.get("mentor")), (&json!(mentee.email), None));
    let person = get(&format!("users/{}", mentor.id)).await.ok(200);
    assert_eq!((&person["figures"]["given"], &person["mentor"]["state"]), (&json!(3), &json!("approved")));
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn o5_files_are_masked_and_nothing_in_them_runs() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let booking = app.booking().await;
    app.pay(&booking).await;
    let rename = sqlx::query("UPDATE users SET name = ? WHERE id = ?")
        .bind("=cmd|' /C calc'!A0")
        .bind(booking.mentee.id);
    rename.execute(app.core.db.pool()).await.expect("the database");
    let title = sqlx::query("UPDATE reservations SET title = '+82,\"10\"'");
    title.execute(app.core.db.pool()).await.expect("the database");
    let company = sqlx::query("UPDATE mentors SET company = 'Secret Works', company_hidden = TRUE");
    company.execute(app.core.db.pool()).await.expect("the database");
    let span = "from=2026-03-01T00:00:00Z&to=2026-04-01T00:00:00Z";
    let file = async |name: &str| {
        let answer = admin.client.get(&format!("/v1/admin/{name}.csv?{span}")).await;
        assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8");
        let text = answer.ok(200).as_str().expect("text").to_owned();
        assert!(text.ends_with("\r\n"), "{name}");
        text
    };
    let users = file("users").await;
    let lines: Vec<&str> = users.lines().collect();
    assert_eq!(
        lines[0].trim_start_matches('\u{feff}'),
        "id,email,name,state,admin,mentor,company,created_at"
    );
    assert_eq!(lines.len(), 4);
    assert!(
        users.contains("m***@k***.test") && users.contains(",m****r,") && users.contains("'="),
        "{users}"
    );
    for hidden in ["mentor@konnect.test", "mentee@konnect.test", "Secret Works", "calc"] {
        assert!(!users.contains(hidden), "{hidden}: {users}");
    }
    let reservations = file("reservations").await;
    assert!(
        reservations.contains("\"'+82,\"\"10\"\"\"") && reservations.contains(",50000,confirmed,"),
        "{reservations}"
    );
    let payments = file("payments").await;
    assert!(payments.contains(",50000,0,done,"), "{payments}");
    assert_eq!(file("payouts").await.lines().count(), 1, "nothing but the names of the columns");
    // Not the made ones of another span.
    let other =
        admin.client.get("/v1/admin/users.csv?from=2026-04-01T00:00:00Z&to=2026-05-01T00:00:00Z").await;
    assert_eq!(other.ok(200).as_str().expect("text").lines().count(), 1);
    for (query, status, code) in [
        ("from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z", 422, "office.span_invalid"),
        ("from=2026-03-01T00:00:00Z&to=2027-04-01T00:00:00Z", 422, "office.span_invalid"),
        ("from=2026-03-01T00:00:00Z", 400, "request.invalid"),
        ("from=x&to=y", 400, "request.invalid"),
    ] {
        admin.client.get(&format!("/v1/admin/users.csv?{query}")).await.problem(status, code);
    }
    let acts = admin.client.get("/v1/admin/acts?limit=100").await.ok(200);
    let taken: Vec<_> = acts["items"].as_array().expect("acts").iter().map(|act| &act["reason"]).collect();
    assert_eq!(taken.len(), 5);
    assert!(taken[1..].iter().all(|reason| **reason == span), "{taken:?}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn o5_long_files_come_whole_and_too_long_ones_not_at_all() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    // Many at the same instant: pages are cut by the id as well.
    let many = async |from: i64, count: i64| {
        for batch in (from..from + count).collect::<Vec<_>>().chunks(5_000) {
            let mut insert = sqlx::QueryBuilder::new(
                "INSERT INTO users (id, email, password_hash, name, locale, time_zone, is_admin, state, created_at, version) ",
            );
            insert.push_values(batch, |mut row, number| {
                row.push_bind(konnect::id::UserId::generate())
                    .push_bind(format!("u{number}@konnect.test"))
                    .push("'x', '김민수', 'ko', 'UTC', FALSE, 'active', '2026-02-01 00:00:00', 1");
            });
            insert.build().execute(app.core.db.pool()).await.expect("the database");
        }
    };
    many(0, 2_500).await;
    let path = "/v1/admin/users.csv?from=2026-02-01T00:00:00Z&to=2026-02-02T00:00:00Z";
    let file = admin.client.get(path).await.ok(200);
    let lines: std::collections::BTreeSet<&str> = file.as_str().expect("text").lines().collect();
    assert_eq!(lines.len(), 2_501, "each once");
    many(2_500, 47_501).await;
    admin.client.get(path).await.problem(422, "office.too_many");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_a_case_shows_no_stars_that_nobody_may_read() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let booking = app.completed_sessions(1).await.remove(0);
    app.review(&booking, &booking.mentee, 1, "Not for anybody.").await.ok(200);
    let path = format!("/v1/admin/reservations/{}/case", booking.id);
    let shown = async || {
        let case = client(&app, &admin).await.get(&path).await.ok(200);
        let entries = case["entries"].as_array().expect("entries").iter();
        let by = json!(booking.mentee.id);
        let is_theirs = |e: &&Value| e["kind"] == "review" && e["data"]["authorId"] == by;
        let reviews: Vec<_> = entries.filter(is_theirs).collect();
        assert_eq!(reviews.len(), 1);
        (reviews[0]["data"]["state"].clone(), reviews[0]["data"]["stars"].clone())
    };
    assert_eq!(shown().await, (json!("sealed"), json!(null)));
    let version =
        app.reviews(&booking, &booking.mentee).await["mine"]["version"].as_i64().expect("a version");
    app.withdraw_review(&booking, &booking.mentee, version).await.ok(204);
    assert_eq!(shown().await, (json!("withdrawn"), json!(null)));
    app.published_review(&booking, 3).await;
    assert_eq!(shown().await, (json!("published"), json!(3)));
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn o3_a_case_tells_everything_in_order() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let partner = app.partner(&["reservation.confirmed"]).await;
    let booking = app.booking().await;
    app.pay(&booking).await;
    app.meet(&booking).await;
    app.advance_to(booking.starts_at + TimeDelta::hours(1));
    app.run_jobs().await;
    let mentee = app.log_in(&booking.mentee).await;
    mentee.client.post(&format!("{}/complete", booking.path()), json!({})).await.ok(200);
    app.run_jobs().await;
    app.refund(&admin, &booking, 1_000, "platform").await.ok(201);
    app.run_jobs().await;
    app.dispute(&booking, &booking.mentee, "quality", 5_000).await.ok(201);
    app.run_jobs().await;
    let path = format!("/v1/admin/reservations/{}/case", booking.id);
    let case = client(&app, &admin).await.get(&path).await.ok(200);
    let entries = case["entries"].as_array().expect("entries");
    let at: Vec<_> = entries.iter().map(|entry| konnect_tests::instant(&entry["at"])).collect();
    assert!(at.is_sorted(), "oldest first");
    let kinds: std::collections::BTreeSet<_> =
        entries.iter().map(|entry| entry["kind"].as_str().expect("a kind")).collect();
    for kind in [
        "act",
        "reservation",
        "payment_attempt",
        "refund",
        "posting",
        "settlement_line",
        "job",
        "notice",
        "joined",
        "dispute",
        "webhook",
    ] {
        assert!(kinds.contains(kind), "{kind} of {kinds:?}");
    }
    let of = |kind: &str| entries.iter().filter(|e| e["kind"] == kind).collect::<Vec<_>>();
    let moves: Vec<_> = of("reservation").iter().map(|e| e["title"].as_str().expect("a title")).collect();
    assert_eq!(
        moves,
        [
            "Reservation: reserved",
            "Reservation: paying",
            "Reservation: confirmed",
            "Reservation: started",
            "Reservation: completed"
        ]
    );
    assert!(of("notice").iter().any(|e| e["data"]["state"] == "sent" && e["data"]["providerId"].is_string()));
    let sum: i64 = of("posting").iter().map(|e| e["data"]["amount"].as_i64().expect("won")).sum();
    assert_eq!(sum, 0);
    assert_eq!(
        (&case["payment"]["amount"], case["refunds"].as_array().map(Vec::len)),
        (&json!(50_000), Some(1))
    );
    assert_eq!((case["disputes"].as_array().map(Vec::len), &case["truncated"]), (Some(1), &json!(false)));
    // In Korean, and nothing secret of anybody.
    let korean = client(&app, &admin).await;
    let korean = korean.send(reqwest::Method::GET, &path, None, &[("accept-language", "ko")]).await.ok(200);
    let first = korean["entries"].as_array().expect("entries").iter().find(|e| e["kind"] == "reservation");
    assert_eq!(first.expect("one")["title"], "예약: reserved");
    for secret in ["whsec_", "accountNumber", "secretSealed", "password"] {
        assert!(!case.to_string().contains(secret), "{secret}");
    }
    partner.receiver.take();
    let mentee = app.log_in(&booking.mentee).await;
    mentee.client.get(&path).await.problem(403, "auth.forbidden");
    app.finish().await;
}
