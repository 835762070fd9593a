//! The rights that the handbook gives are enough for everything, and for nothing more: its own statements are run, and
//! then real processes as those users.

use konnect::id::secret;
use konnect_tests::{PrivateRedis, Servers, Stack, TestApp, free_address};
use sqlx::{AssertSqlSafe, Connection, MySqlConnection};

use super::{path, text};
use crate::suite::crashes::live_booking;

/// The fenced block of the handbook that begins with these words.
fn block(begins: &str) -> String {
    let handbook = text("docs/OPERATIONS.md");
    let blocks = handbook.split("```").skip(1).step_by(2);
    let block = blocks.map(|block| block.split_once('\n').map_or("", |(_, text)| text));
    block.filter(|text| text.starts_with(begins)).collect()
}

/// Users of one test, as the handbook makes them.
struct Users {
    root: MySqlConnection,
    suffix: String,
    database: String,
    address: String,
}

impl Users {
    async fn make(servers: &Servers) -> Self {
        let (server, database) = servers.database_url.rsplit_once('/').expect("a database's URL");
        let root = MySqlConnection::connect(server).await.expect("root");
        let suffix: String = secret().chars().filter(char::is_ascii_alphanumeric).take(10).collect();
        let address = server.rsplit_once('@').expect("a user").1.to_owned();
        let mut users = Self { root, suffix, database: database.to_owned(), address };
        let sql = block("CREATE USER 'konnect'@'%'");
        assert_eq!(sql.matches("GRANT").count(), 3, "three users");
        let named = sql.replace("'@'%'", &format!("_{}'@'%'", users.suffix));
        let named = named.replace("ON konnect.*", &format!("ON {database}.*"));
        sqlx::raw_sql(AssertSqlSafe(named))
            .execute(&mut users.root)
            .await
            .expect("the handbook's statements");
        users
    }

    fn url(&self, user: &str, password: &str) -> String {
        let password = password.replace(' ', "%20");
        format!("mysql://{user}_{}:{password}@{}/{}", self.suffix, self.address, self.database)
    }

    async fn remove(mut self) {
        for user in ["konnect", "konnect_migrate", "konnect_backup"] {
            let drop = format!("DROP USER '{user}_{}'@'%'", self.suffix);
            sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut self.root).await.expect("a user of this test");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_handbooks_rights_are_enough_and_no_more() {
    let redis = PrivateRedis::start().await;
    let app = TestApp::start_live_on(&redis).await;
    let users = Users::make(&app.servers).await;
    let (processes, migrations) =
        (users.url("konnect", "a long secret"), users.url("konnect_migrate", "another"));

    // Redis: the handbook's line, for the prefix of this test.
    let acl = block("user konnect on").replace("konnect:", &format!("{}:", app.servers.redis_prefix));
    let acl = acl.replace("konnect.*", &format!("{}.*", app.servers.redis_prefix));
    let mut words = acl.split_whitespace().skip(1);
    let mut set = redis::cmd("ACL");
    set.arg("SETUSER");
    for word in words.by_ref() {
        set.arg(word);
    }
    let () = set.query_async(&mut app.core.redis.clone()).await.expect("the handbook's line");
    let redis_url = redis.url().replace("redis://", "redis://konnect:a-long-secret@");

    let stack = Stack::new(&app)
        .with("DATABASE_URL", &processes)
        .with("REDIS_URL", &redis_url)
        .with("KONNECT_OPS_BIND", &free_address());
    let booking = live_booking(&app).await;
    let relay = stack.start("relay");
    let stack = stack.with("KONNECT_OPS_BIND", &free_address());
    let worker = stack.start("payment-worker");
    let body = app.checkout(&booking).await;
    app.confirm(&booking, &body).await.ok(202);
    app.until(async || app.state(&booking).await == "confirmed").await;
    assert!(worker.stop().await && relay.stop().await);

    // No more: the shape, the triggers and the ledger are out of reach.
    let mut as_process = MySqlConnection::connect(&processes).await.expect("a process' user");
    for sql in [
        "DROP TRIGGER ledger_postings_no_update",
        "ALTER TABLE ledger_postings ADD COLUMN x INT",
        "TRUNCATE TABLE ledger_postings",
        "DROP TABLE ledger_postings",
        "CREATE TABLE x (id INT)",
        "UPDATE ledger_postings SET amount_krw = 1",
        "SELECT * FROM mysql.user",
    ] {
        assert!(sqlx::raw_sql(sql).execute(&mut as_process).await.is_err(), "a process may {sql}");
    }
    let mut konnect = redis::Client::open(redis_url)
        .expect("a URL")
        .get_multiplexed_async_connection()
        .await
        .expect("Redis");
    for words in [&["FLUSHALL"][..], &["CONFIG", "GET", "*"], &["GET", "of.another"]] {
        let mut command = redis::cmd(words[0]);
        for word in &words[1..] {
            command.arg(*word);
        }
        let refused = command.query_async::<redis::Value>(&mut konnect).await;
        assert!(refused.is_err_and(|error| error.code() == Some("NOPERM")), "a process may {words:?}");
    }

    // A copy, as the user of copies.
    let copy = std::env::temp_dir().join(format!("konnect-copy-{}", secret()));
    let copies = users.url("konnect_backup", "a third");
    let copies = Stack::new(&app).with("DATABASE_URL", &copies).with("PATH", &path());
    let (code, told) = copies.output("admin", &["backup", copy.to_str().expect("a plain path")]).await;
    assert_eq!(code, 0, "{told}");
    std::fs::remove_dir_all(&copy).expect("the copy");

    // From nothing, as the migrations' user.
    let mut root = MySqlConnection::connect(&app.servers.database_url).await.expect("root");
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT CONVERT(table_name USING utf8mb4) FROM information_schema.tables WHERE table_schema = DATABASE()",
    )
    .fetch_all(&mut root)
    .await
    .expect("tables");
    let mut drop = "SET FOREIGN_KEY_CHECKS = 0;".to_owned();
    tables.iter().for_each(|table| drop += &format!("DROP TABLE {table};"));
    sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut root).await.expect("an empty database");
    let (code, told) = Stack::new(&app).with("DATABASE_URL", &migrations).output("admin", &["migrate"]).await;
    assert_eq!(code, 0, "{told}");
    drop_connections([as_process, root]).await;
    users.remove().await;
    app.leave().await;
}

async fn drop_connections(connections: [MySqlConnection; 2]) {
    for connection in connections {
        connection.close().await.expect("a connection that is open");
    }
}
