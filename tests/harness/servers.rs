//! The servers that `./dev test` started, and what one test owns on them.

use konnect::id::secret;
use sqlx::Connection;

/// Where nothing listens.
const NO_MONGODB: &str = "mongodb://127.0.0.1:1/?directConnection=true";

/// A database, a key prefix and a MongoDB database, fresh for one test.
#[derive(Clone, Debug)]
pub struct Servers {
    pub database_url: String,
    pub redis_url: String,
    pub redis_prefix: String,
    pub mongodb_url: String,
    pub mongo_database: String,
    admin_url: String,
    database: String,
}

#[expect(clippy::disallowed_methods, reason = "the test run says by its environment where the servers are")]
fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run the tests with ./dev test"))
}

impl Servers {
    pub async fn fresh() -> Self {
        let admin_url = setting("TEST_MYSQL_ADMIN_URL").trim_end_matches('/').to_owned();
        let name: String = secret().chars().filter(char::is_ascii_alphanumeric).take(16).collect();
        let database = format!("kt_{}", name.to_lowercase());
        let mut admin = sqlx::MySqlConnection::connect(&admin_url).await.expect("MariaDB of the test run");
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
            "CREATE DATABASE {database} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"
        )))
        .execute(&mut admin)
        .await
        .expect("a database for this test");
        Self {
            database_url: format!("{admin_url}/{database}"),
            redis_url: setting("TEST_REDIS_URL"),
            redis_prefix: database.clone(),
            mongodb_url: setting("TEST_MONGODB_URL"),
            mongo_database: database.clone(),
            admin_url,
            database,
        }
    }

    /// From now on nobody finds MongoDB: nothing listens at the port that is reserved for tcpmux (IANA).
    pub fn lose_mongodb(&mut self) {
        self.mongodb_url = NO_MONGODB.to_owned();
    }

    pub fn has_mongodb(&self) -> bool {
        self.mongodb_url != NO_MONGODB
    }

    /// Removes the database; the rest goes with the servers.
    pub async fn remove(&self) {
        if let Ok(mut admin) = sqlx::MySqlConnection::connect(&self.admin_url).await {
            // Somebody may be killed in a transaction, which the server notices later.
            let drop = format!("SET lock_wait_timeout = 10; DROP DATABASE IF EXISTS {}", self.database);
            let _ = sqlx::raw_sql(sqlx::AssertSqlSafe(drop)).execute(&mut admin).await;
        }
    }
}
