//! Lists from a copy of the database that lags. The copy is a second schema that the test fills by hand when it wants it to
//! catch up: what is tested is who reads it when, not how a server replicates.

use chrono::TimeDelta;
use konnect::config::Config;
use konnect::mentor::Kind;
use konnect_tests::{Client, Servers, TestApp};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

/// Tables that lists are made from, and the beat.
const COPIED: [&str; 8] = [
    "users",
    "mentors",
    "offerings",
    "mentor_cards",
    "mentor_terms",
    "mentor_free_days",
    "review_sums",
    "replica_beats",
];

struct Copy {
    servers: Servers,
    config: Config,
}

impl Copy {
    async fn of(app: &TestApp) -> Self {
        let servers = Servers::fresh().await;
        let copy = Config { database_url: servers.database_url.clone().into(), ..app.config.clone() };
        let core = konnect::core::Core::connect(&copy, app.core.clock.clone()).await.expect("the copy");
        core.db.migrate().await.expect("migrations run");
        core.db.pool().close().await;
        let replica_url = Some(servers.database_url.clone().into());
        Self { servers, config: Config { replica_url, ..app.config.clone() } }
    }

    /// The copy is now what the primary is.
    async fn catch_up(&self, app: &TestApp) {
        let database = |url: &str| url.rsplit('/').next().expect("a name").to_owned();
        let (from, to) = (database(&app.servers.database_url), database(&self.servers.database_url));
        let mut connection = app.core.db.pool().acquire().await.expect("a connection");
        let run = async |connection: &mut sqlx::MySqlConnection, statement: String| {
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.expect("the copy")
        };
        run(&mut connection, "SET FOREIGN_KEY_CHECKS = 0".into()).await;
        for table in COPIED {
            run(&mut connection, format!("DELETE FROM {to}.{table}")).await;
            // Generated columns are not written: the statement names those that are.
            let columns: Option<String> = sqlx::query_scalar(
                "SELECT GROUP_CONCAT(column_name) FROM information_schema.columns
                 WHERE table_schema = ? AND table_name = ? AND extra NOT LIKE '%GENERATED%'",
            )
            .bind(&from)
            .bind(table)
            .fetch_one(&mut *connection)
            .await
            .expect("the columns");
            let columns = columns.expect("a table has columns");
            let copy = format!("INSERT INTO {to}.{table} ({columns}) SELECT {columns} FROM {from}.{table}");
            run(&mut connection, copy).await;
        }
        run(&mut connection, "SET FOREIGN_KEY_CHECKS = 1".into()).await;
    }
}

/// The headline of the only mentor that is listed; empty where none is.
async fn headline(client: &Client, version: Option<&str>) -> String {
    let headers: Vec<_> = version.map(|version| ("konnect-version", version)).into_iter().collect();
    let page = client.send(Method::GET, "/v1/mentors", None, &headers).await.ok(200);
    page["items"][0]["headline"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn s74_who_wrote_reads_the_primary_until_the_replica_has_caught_up() {
    let app = TestApp::start().await;
    let copy = Copy::of(&app).await;
    let mentor = app.mentor("mentor").await;
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    app.advance(TimeDelta::seconds(1));
    app.run_jobs().await;
    let (base, _core) = app.api_with(&copy.config).await;
    let anyone = Client::new(&base, None);
    let writer = Client::new(&base, mentor.client.token().map(str::to_owned));

    // Not copied yet, so nobody reads it.
    assert_eq!(headline(&anyone, None).await, "mentor teaches");
    copy.catch_up(&app).await;
    app.advance(TimeDelta::seconds(1));
    assert_eq!(headline(&anyone, None).await, "mentor teaches");

    let body = json!({ "expectedVersion": 2, "headline": "written just now" });
    let answer = writer.send(Method::PATCH, "/v1/mentors/profile", Some(body), &[]).await;
    let version = answer.headers["konnect-version"].to_str().expect("a version").to_owned();
    answer.ok(200);
    assert_eq!(
        headline(&anyone, None).await,
        "mentor teaches",
        "others read the copy, which is young enough"
    );
    assert_eq!(headline(&anyone, Some(&version)).await, "written just now", "the writer does not");
    assert_eq!(
        headline(&anyone, Some("nonsense")).await,
        "written just now",
        "what is no version is later than all"
    );

    // A booking: the mentee's next look at the mentor shows what the primary has.
    let mentee = app.mentee("mentee").await;
    let slot = konnect_tests::monday() + TimeDelta::hours(26);
    let mentees = Client::new(&base, mentee.client.token().map(str::to_owned));
    let reserve = json!({ "offeringId": offering, "startsAt": slot });
    let booked = mentees.post("/v1/reservations", reserve).await;
    let after = booked.headers["konnect-version"].to_str().expect("a version").to_owned();
    let id = booked.ok(201)["id"].as_str().expect("an id").to_owned();
    mentees.get(&format!("/v1/reservations/{id}")).await.ok(200);
    for path in
        ["/v1/mentors".to_owned(), format!("/v1/mentors/{}", mentor.id), format!("/v1/offerings/{offering}")]
    {
        mentees.send(Method::GET, &path, None, &[("konnect-version", &after)]).await.ok(200);
    }
    assert_eq!(headline(&mentees, Some(&after)).await, "written just now");

    // The copy catches up, with a beat from after the writing: everybody reads it again.
    app.advance(TimeDelta::seconds(2));
    headline(&anyone, None).await;
    copy.catch_up(&app).await;
    app.advance(TimeDelta::seconds(1));
    spoil(&copy, "from the copy").await;
    assert_eq!(headline(&anyone, Some(&version)).await, "from the copy");
    assert_eq!(headline(&anyone, Some(&after)).await, "from the copy");
    copy.servers.remove().await;
    app.finish().await;
}

/// Makes the copy differ, so that it can be seen who reads it.
async fn spoil(copy: &Copy, headline: &str) {
    let mut connection = <sqlx::MySqlConnection as sqlx::Connection>::connect(&copy.servers.database_url)
        .await
        .expect("the copy");
    sqlx::query("UPDATE mentors SET headline = ?")
        .bind(headline)
        .execute(&mut connection)
        .await
        .expect("the copy");
}

#[tokio::test(flavor = "multi_thread")]
async fn s74_a_beat_of_a_clock_that_is_ahead_says_nothing_and_is_written_over() {
    let app = TestApp::start().await;
    let copy = Copy::of(&app).await;
    app.mentor("mentor").await;
    let (base, _core) = app.api_with(&copy.config).await;
    let anyone = Client::new(&base, None);
    sqlx::query("UPDATE replica_beats SET at = ?")
        .bind(app.now() + TimeDelta::days(1))
        .execute(app.core.db.pool())
        .await
        .expect("a beat");
    copy.catch_up(&app).await;
    spoil(&copy, "from the copy").await;
    app.advance(TimeDelta::seconds(1));
    assert_eq!(headline(&anyone, None).await, "mentor teaches", "nobody knows how old the copy is");
    copy.catch_up(&app).await;
    spoil(&copy, "from the copy").await;
    app.advance(TimeDelta::seconds(1));
    assert_eq!(headline(&anyone, None).await, "from the copy");
    copy.servers.remove().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s74_a_replica_that_lags_or_is_away_is_not_read() {
    let app = TestApp::start().await;
    let copy = Copy::of(&app).await;
    app.mentor("mentor").await;
    let (base, _core) = app.api_with(&copy.config).await;
    let anyone = Client::new(&base, None);
    headline(&anyone, None).await;
    copy.catch_up(&app).await;
    spoil(&copy, "from the copy").await;
    app.advance(TimeDelta::seconds(1));
    assert_eq!(headline(&anyone, None).await, "from the copy");

    app.advance(TimeDelta::seconds(5));
    assert_eq!(headline(&anyone, None).await, "mentor teaches", "it is six seconds old");
    copy.catch_up(&app).await;
    spoil(&copy, "from the copy").await;
    app.advance(TimeDelta::seconds(1));
    assert_eq!(headline(&anyone, None).await, "from the copy");

    // It goes away between two questions: the read itself fails, and is done on the primary.
    copy.servers.remove().await;
    assert_eq!(headline(&anyone, None).await, "mentor teaches");
    app.advance(TimeDelta::seconds(30));
    let page: Value = anyone.get("/v1/mentors").await.ok(200);
    assert_eq!(page["items"].as_array().map(Vec::len), Some(1));
    app.finish().await;
}
