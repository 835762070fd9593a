//! Migrations: none changes after it has run, none takes something from the build before without saying why that goes
//! well, and each runs on a filled database of the version before.

#[path = "migrations/filler.rs"]
mod filler;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use konnect::db;
use konnect_tests::Servers;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection};

use super::{root, text};
use filler::Contents;

/// The rule of two releases begins after this one: nothing was running anywhere before.
const FREE: u32 = 27;
/// What takes something away or makes something stricter.
const STRICT: [&str; 12] = [
    "DROP TABLE",
    "DROP COLUMN",
    "DROP KEY",
    "DROP INDEX",
    "DROP CONSTRAINT",
    "DROP CHECK",
    "DROP FOREIGN KEY",
    "DROP TRIGGER",
    "RENAME",
    "CHANGE",
    "MODIFY",
    "TRUNCATE",
];
/// The words that allow it, in a comment above the statement.
const ALLOWED: &str = "-- rolling:";
/// Values that a migration changes on purpose: its number, the table, the column.
const CHANGES: [(u32, &str, &str); 1] = [(14, "activity_watermark", "event_id")];

/// Number, name and text of every migration, in order.
fn migrations() -> Vec<(u32, String, String)> {
    let entries = std::fs::read_dir(root().join("migrations")).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text"));
    let mut found: Vec<_> = names
        .filter(|name| name.ends_with(".sql"))
        .map(|name| {
            let number = name[..4].parse().unwrap_or_else(|_| panic!("{name} has no number"));
            let text = text(&format!("migrations/{name}"));
            (number, name, text)
        })
        .collect();
    found.sort();
    assert!(found.len() >= 27);
    found
}

#[test]
fn no_migration_changes_after_it_has_run() {
    let mut sums = String::new();
    for (_, name, text) in migrations() {
        for byte in digest(&SHA256, text.as_bytes()).as_ref() {
            write!(sums, "{byte:02x}").expect("a string");
        }
        writeln!(sums, "  {name}").expect("a string");
    }
    let kept = text("migrations/SUMS");
    assert_eq!(
        kept, sums,
        "a file that has run anywhere never changes; a new one: migrations/README.md says how"
    );
    let newest = migrations().last().expect("migrations").0;
    assert_eq!(db::newest_migration(), i64::from(newest), "the build has all of them");
}

/// Statements that would break the build before, and do not say why not.
fn breaks(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for statement in text.split_inclusive(';') {
        let code: String =
            statement.lines().map(|line| line.split("--").next().unwrap_or("").to_owned() + " ").collect();
        let code = code.to_uppercase().split_whitespace().collect::<Vec<_>>().join(" ");
        let is_alter = code.starts_with("ALTER TABLE");
        let words: Vec<&str> = code
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .filter(|word| !word.is_empty())
            .collect();
        let words = format!(" {} ", words.join(" "));
        let strict =
            !code.starts_with("CREATE") && STRICT.iter().any(|word| words.contains(&format!(" {word} ")));
        let narrows = is_alter
            && (code.contains("ADD CONSTRAINT")
                || code.contains("ADD UNIQUE")
                || code.contains("ADD CHECK")
                || code.contains("ADD FOREIGN KEY")
                || code.split("ADD COLUMN ").skip(1).any(|column| {
                    column.contains("NOT NULL") && !column.contains(" DEFAULT ") && !column.contains(" AS (")
                }));
        let narrows = narrows || code.starts_with("CREATE UNIQUE INDEX");
        let says = statement.lines().any(|line| {
            line.trim().strip_prefix(ALLOWED).is_some_and(|why| why.split_whitespace().count() >= 3)
        });
        if (strict || narrows) && !says {
            found.push(code);
        }
    }
    found
}

#[test]
fn what_breaks_the_build_before_is_found() {
    for bad in [
        "ALTER TABLE a DROP COLUMN b;",
        "DROP TABLE a;",
        "ALTER TABLE a RENAME COLUMN b TO c;",
        "RENAME TABLE a TO b;",
        "ALTER TABLE a\n    ADD COLUMN b INT NULL,\n    ADD COLUMN c INT NOT NULL;",
        "ALTER TABLE a MODIFY b INT NOT NULL;",
        "ALTER TABLE a ADD CONSTRAINT c CHECK (b > 0);",
        "ALTER TABLE a ADD UNIQUE KEY b (c);",
        "CREATE UNIQUE INDEX a ON b (c);",
        "-- rolling:\nALTER TABLE a DROP COLUMN b;",
        "-- rolling: it is not read any more.\nALTER TABLE a DROP COLUMN b;\nALTER TABLE a DROP COLUMN c;",
    ] {
        assert_eq!(breaks(bad).len(), 1, "{bad}");
    }
    for good in [
        "CREATE TABLE a (b INT NOT NULL, UNIQUE KEY c (b));",
        "ALTER TABLE a ADD COLUMN changes INT NULL, ADD COLUMN c INT NOT NULL DEFAULT 0, ADD KEY d (b);",
        "-- What is dropped: DROP TABLE a.\nALTER TABLE a ADD COLUMN b INT NULL;",
        "-- rolling: 0.4 was the last build that read it.\nALTER TABLE a DROP COLUMN b;",
        "CREATE TRIGGER a BEFORE DELETE ON b FOR EACH ROW SIGNAL SQLSTATE '45000';",
    ] {
        assert_eq!(breaks(good), Vec::<String>::new(), "{good}");
    }
}

#[test]
fn migrations_leave_the_build_before_at_work() {
    for (number, name, text) in migrations().into_iter().filter(|(number, ..)| *number > FREE) {
        let found = breaks(&text);
        assert!(
            found.is_empty(),
            "{number} {name}: migrations/README.md tells of two releases:\n{}",
            found.join("\n")
        );
    }
}

#[tokio::test]
async fn each_migration_runs_on_a_filled_database_of_the_version_before() {
    let servers = Servers::fresh().await;
    let mut connection = MySqlConnection::connect(&servers.database_url).await.expect("a database");
    let mut kept: BTreeMap<String, Contents> = BTreeMap::new();
    for (number, name, text) in migrations() {
        let run = sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut connection).await;
        run.unwrap_or_else(|error| panic!("{name} does not run on rows of the version before: {error}"));
        let mut after = filler::read(&mut connection).await;
        for (table, before) in &kept {
            let Some(after) = after.get(table) else { panic!("{name} took the table {table} away") };
            assert_eq!(before.rows, after.rows.min(before.rows), "{name} took rows of {table} away");
            for (column, values) in &before.columns {
                if CHANGES.contains(&(number, table.as_str(), column.as_str())) {
                    continue;
                }
                let now = after.columns.get(column);
                let now = now.unwrap_or_else(|| panic!("{name} took {table}.{column} away"));
                // A migration may add rows, which come after those that were there.
                let same = values.iter().all(|value| now.contains(value));
                assert!(same, "{name} changed {table}.{column}: {values:?} became {now:?}");
            }
        }
        filler::fill(&mut connection, &name, &mut after).await;
        kept = after;
    }
    let filled = kept.values().filter(|contents| contents.rows >= 2).count();
    assert!(filled >= 60, "only {filled} of {} tables have rows", kept.len());
    println!(
        "{} tables, {filled} with rows of their own, through {} migrations",
        kept.len(),
        db::newest_migration()
    );
    connection.close().await.expect("a connection");
    servers.remove().await;
}
