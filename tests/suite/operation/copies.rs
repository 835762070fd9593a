//! A copy of everything while people go on, and everything from the copy.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use konnect::id::secret;
use konnect::job::{Job, Ping};
use konnect_tests::{ApiNode, Booking, Client, Servers, Stack, TestApp};
use serde_json::json;

use super::path;
use crate::suite::crashes::live_booking;

/// One pixel.
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\
    \0\0\0\x0aIDATx\x9cc\0\x01\0\0\x05\0\x01\x0d\x0a\x2d\xb4\0\0\0\0IEND\xaeB`\x82";

/// The stores of another place, with nothing in them.
struct Elsewhere {
    servers: Servers,
    files: String,
    stack: Stack,
}

async fn elsewhere(app: &TestApp) -> Elsewhere {
    let servers = Servers::fresh().await;
    let files = std::env::temp_dir().join(format!("{}_files", servers.redis_prefix));
    let files = files.to_str().expect("a plain path").to_owned();
    let stack = over(Stack::new(app), &servers, &files).with("PATH", &path());
    Elsewhere { servers, files, stack }
}

fn over(stack: Stack, servers: &Servers, files: &str) -> Stack {
    settings(servers, files).into_iter().fold(stack, |stack, (name, value)| stack.with(name, value))
}

fn settings<'a>(servers: &'a Servers, files: &'a str) -> [(&'static str, &'a str); 4] {
    [
        ("DATABASE_URL", &servers.database_url),
        ("KONNECT_REDIS_PREFIX", &servers.redis_prefix),
        ("KONNECT_MONGO_DATABASE", &servers.mongo_database),
        ("KONNECT_FILES_DIR", files),
    ]
}

async fn messages(client: &Client, booking: &Booking) -> Vec<(i64, String)> {
    let (mut found, mut after) = (Vec::new(), 0);
    loop {
        let page =
            client.get(&format!("{}/chat/messages?after={after}&limit=100", booking.path())).await.ok(200);
        let items = page["messages"].as_array().expect("messages");
        for item in items {
            let seq = item["seq"].as_i64().expect("a number");
            found.push((seq, item["text"].as_str().unwrap_or_default().to_owned()));
            after = after.max(seq);
        }
        if items.is_empty() {
            return found;
        }
    }
}

async fn pings(stack_pool: &sqlx::MySqlPool, state: &str) -> i64 {
    sqlx::query_scalar("SELECT COUNT(*) FROM outbox WHERE kind = ? AND state = ?")
        .bind(Ping::KIND)
        .bind(state)
        .fetch_one(stack_pool)
        .await
        .expect("the database")
}

#[tokio::test(flavor = "multi_thread")]
async fn i18_a_copy_taken_while_people_go_on_is_a_whole_world() {
    let app = TestApp::start_live().await;
    let booking = live_booking(&app).await;
    app.pay(&booking).await;
    let access = app.access(&booking, &booking.mentee).await;
    let before = 30;
    for number in 1..=before {
        app.say(&access, &format!("b{number}"), &format!("before {number}")).await;
    }
    let upload = app.upload(&booking.mentee, &booking, "dot.png", "image/png", PICTURE).await.ok(201);
    let file = upload["id"].as_str().expect("an id");
    let message = json!({ "clientId": "f", "fileId": file });
    booking.mentee.client.post(&format!("{}/chat/messages", booking.path()), message).await.ok(201);
    // Nobody works on these here: they wait in the copy.
    for _ in 0..5 {
        app.enqueue(&Ping { sent_at: app.now() }).await;
    }
    let folder = std::env::temp_dir().join(format!("{}_copy", app.servers.redis_prefix));
    let copy = folder.to_str().expect("a plain path");
    let stack = Stack::new(&app).with("PATH", &path());

    // While it is taken, people talk and jobs are written.
    let over = AtomicBool::new(false);
    let going_on = async {
        let mut said = 0;
        while !over.load(Ordering::SeqCst) {
            said += 1;
            app.say(&access, &format!("d{said}"), &format!("meanwhile {said}")).await;
            app.enqueue(&Ping { sent_at: app.now() }).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        said
    };
    let taking = async {
        let taken = stack.output("admin", &["backup", copy]).await;
        over.store(true, Ordering::SeqCst);
        taken
    };
    let (said, (code, told)) = tokio::join!(going_on, taking);
    assert_eq!(code, 0, "{told}");
    assert!(said > 5, "nobody went on");
    assert!(!Path::new(&format!("{copy}.partial")).exists());
    let (again, _) = stack.output("admin", &["backup", copy]).await;
    assert_eq!(again, 1, "a copy is never written over");

    let there = elsewhere(&app).await;
    let (code, told) = there.stack.output("admin", &["restore", copy]).await;
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("every rule holds"), "{told}");
    let pool = sqlx::MySqlPool::connect(&there.servers.database_url).await.expect("the restored database");
    let paused: bool =
        sqlx::query_scalar("SELECT paused FROM payout_controls").fetch_one(&pool).await.expect("a row");
    assert!(paused, "payouts that were sent after the copy would be sent again");
    for table in ["users", "reservations", "ledger_postings", "slot_claims", "payment_attempts"] {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        let count = async |pool: &sqlx::MySqlPool| -> i64 {
            sqlx::query_scalar(sqlx::AssertSqlSafe(sql.clone())).fetch_one(pool).await.expect("a count")
        };
        assert_eq!(count(&pool).await, count(app.core.db.pool()).await, "{table}");
    }
    // The triggers came along.
    let edit = sqlx::query("UPDATE ledger_postings SET amount_krw = 1").execute(&pool).await;
    assert!(edit.is_err_and(|error| error.to_string().contains("append-only")));

    let (known, restored) = (settings(&there.servers, &there.files), &booking.mentee.client);
    let node = ApiNode::start_with(&app, &known).await;
    let client = Client::new(&node.base, restored.token().map(str::to_owned));
    let log = messages(&client, &booking).await;
    let numbers: Vec<i64> = log.iter().map(|(seq, _)| *seq).collect();
    assert!(numbers.len() >= before, "{numbers:?}");
    assert_eq!(numbers, (1..=i64::try_from(numbers.len()).expect("few")).collect::<Vec<_>>(), "no gap");
    assert_eq!(log[0].1, "before 1");
    let url = format!("{}{}/files/{file}", node.base, booking.path());
    let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
    let shown =
        http.get(url).bearer_auth(client.token().expect("a token")).send().await.expect("the api lives");
    assert_eq!(shown.status(), 200);
    assert_eq!(shown.bytes().await.expect("the file"), PICTURE);

    // A fresh Redis knows nothing of what was given out: the outbox does.
    let waiting = pings(&pool, "pending").await;
    assert!(waiting >= 5, "{waiting}");
    let all: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM outbox WHERE kind = ?")
        .bind(Ping::KIND)
        .fetch_one(&pool)
        .await
        .expect("the database");
    let workers = [there.stack.start("relay"), there.stack.start("reminder-worker")];
    app.until(async || pings(&pool, "done").await == all).await;
    for worker in workers {
        assert!(worker.stop().await);
    }

    // Over something that is there, only by force; a copy that changed, not at all.
    let (refused, _) = there.stack.output("admin", &["restore", copy]).await;
    assert_eq!(refused, 1);
    assert_eq!(pings(&pool, "done").await, all, "nothing was touched");
    let dump = folder.join("mysql.sql");
    let mut bytes = std::fs::read(&dump).expect("the dump");
    let last = bytes.len() - 2;
    bytes[last] ^= 1;
    std::fs::write(&dump, &bytes).expect("the dump");
    let (refused, _) = there.stack.output("admin", &["restore", copy, "--force"]).await;
    assert_eq!(refused, 1);
    assert_eq!(pings(&pool, "done").await, all, "nothing was touched");
    bytes[last] ^= 1;
    std::fs::write(&dump, &bytes).expect("the dump");
    let (forced, told) = there.stack.output("admin", &["restore", copy, "--force"]).await;
    assert_eq!(forced, 0, "{told}");
    assert_eq!(pings(&pool, "done").await, 0, "the copy's past is back");

    drop(node);
    pool.close().await;
    there.servers.remove().await;
    let _ = std::fs::remove_dir_all(&there.files);
    std::fs::remove_dir_all(&folder).expect("the copy");
    app.run_jobs().await;
    app.expect_sound().await;
    app.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_cannot_be_whole_is_none() {
    let app = TestApp::start_live().await;
    let copy = std::env::temp_dir().join(format!("konnect-copy-{}", secret()));
    let copy = copy.to_str().expect("a plain path");
    // Nothing listens at the port that is reserved for tcpmux (IANA).
    let stack = Stack::new(&app)
        .with("PATH", &path())
        .with("MONGODB_URL", "mongodb://127.0.0.1:1/?directConnection=true");
    let (code, _) = stack.output("admin", &["backup", copy]).await;
    assert_eq!(code, 1);
    assert!(!Path::new(copy).exists() && !Path::new(&format!("{copy}.partial")).exists());
    app.finish().await;
}
