//! Rows for every table, whatever it is: two each, made from what the database says of its columns, so that a table that
//! comes later is filled too. All ids of a row are the same, so that rows of different tables belong together.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, MySqlConnection, Row};

/// What a table holds: every value as text, by its column.
pub struct Contents {
    pub rows: usize,
    pub columns: BTreeMap<String, Vec<Option<String>>>,
}

/// What rules over several columns, or the code, want: table, column, and an SQL value for each of the two rows.
const VALUES: &[(&str, &str, [&str; 2])] = &[
    ("offerings", "price_krw", ["50000", "60000"]),
    ("offerings", "duration_min", ["60", "30"]),
    ("schedule_windows", "from_minute", ["540", "600"]),
    ("schedule_windows", "to_minute", ["1080", "1200"]),
    ("reservations", "ends_at", ["'2026-03-02 10:00:00'", "'2026-03-02 11:00:00'"]),
    ("reservations", "price_krw", ["50000", "60000"]),
    ("reservations", "duration_min", ["60", "30"]),
    ("reservations", "state", ["'confirmed'", "'completed'"]),
    ("payments", "state", ["'done'", "'ready'"]),
    ("payment_attempts", "state", ["'done'", "'unknown'"]),
    ("refunds", "state", ["'done'", "'queued'"]),
    ("settlement_lines", "gross_krw", ["100", "200"]),
    ("settlement_lines", "fee_krw", ["15", "30"]),
    ("settlement_lines", "net_krw", ["85", "170"]),
    ("settlement_lines", "state", ["'held'", "'ready'"]),
    ("notices", "state", ["'sent'", "'queued'"]),
    ("dispute_evidence", "url", ["NULL", "NULL"]),
    ("dispute_evidence", "kind", ["'statement'", "'statement'"]),
    ("notice_hours", "quiet_start", ["1320", "NULL"]),
    ("notice_hours", "quiet_end", ["480", "NULL"]),
    ("reviews", "state", ["'published'", "'sealed'"]),
    ("review_sums", "reviews", ["5", "10"]),
    ("review_sums", "total", ["15", "30"]),
    ("waitlist_entries", "to_at", ["'2026-03-02 10:00:00'", "'2026-03-02 11:00:00'"]),
    ("reviews", "subject_id", ["x'02020202020202020202020202020202'", "x'01010101010101010101010101010101'"]),
];

/// Tables that may have one row and no other.
const SINGLE: [&str; 1] = ["zone_data"];

struct Column {
    name: String,
    kind: String,
    /// Characters, where they are limited.
    length: Option<u64>,
    is_nullable: bool,
}

/// Columns that can be written.
async fn columns(connection: &mut MySqlConnection, table: &str) -> Vec<Column> {
    let rows = sqlx::query(
        "SELECT CONVERT(column_name USING utf8mb4) AS name, CONVERT(data_type USING utf8mb4) AS kind,
                CAST(character_maximum_length AS UNSIGNED) AS length, is_nullable = 'YES' AS is_nullable
         FROM information_schema.columns
         WHERE table_schema = DATABASE() AND table_name = ? AND extra NOT LIKE '%GENERATED%'
             AND extra NOT LIKE '%auto_increment%'
         ORDER BY ordinal_position",
    )
    .bind(table)
    .fetch_all(connection)
    .await
    .expect("columns");
    let column = |row: sqlx::mysql::MySqlRow| Column {
        name: row.get("name"),
        kind: row.get::<String, _>("kind").to_lowercase(),
        length: row.get("length"),
        is_nullable: row.get("is_nullable"),
    };
    rows.into_iter().map(column).collect()
}

/// The words that a column may hold, by its table's rules: `state in ('open','done')`.
async fn words(connection: &mut MySqlConnection, table: &str) -> BTreeMap<String, String> {
    let rules: Vec<String> = sqlx::query_scalar(
        "SELECT CONVERT(c.check_clause USING utf8mb4) FROM information_schema.check_constraints c
         JOIN information_schema.table_constraints t
             ON t.constraint_schema = c.constraint_schema AND t.constraint_name = c.constraint_name
         WHERE t.table_schema = DATABASE() AND t.table_name = ? AND t.constraint_type = 'CHECK'",
    )
    .bind(table)
    .fetch_all(connection)
    .await
    .expect("rules");
    let mut words = BTreeMap::new();
    for rule in rules {
        let Some((before, after)) = rule.split_once(" in (") else { continue };
        let column = before.rsplit(['`', ' ', '(']).find(|part| !part.is_empty()).unwrap_or_default();
        // MySQL writes _utf8mb4\'word\'.
        let word = after.split('\'').nth(1).unwrap_or_default().trim_end_matches('\\');
        words.insert(column.to_owned(), word.to_owned());
    }
    words
}

/// An SQL value that the column takes. `row`: 1 has a value everywhere, 2 nothing where nothing may stand.
fn value(table: &str, column: &Column, words: &BTreeMap<String, String>, row: usize) -> String {
    if let Some((.., values)) = VALUES.iter().find(|(t, c, _)| *t == table && *c == column.name) {
        return values[row - 1].to_owned();
    }
    if row == 2 && column.is_nullable {
        return "NULL".to_owned();
    }
    if let Some(word) = words.get(&column.name) {
        return format!("'{word}'");
    }
    let name = column.name.as_str();
    match column.kind.as_str() {
        "binary" => format!(
            "x'{}'",
            format!("{row:02x}").repeat(usize::try_from(column.length.unwrap_or(16)).expect("short"))
        ),
        "varbinary" | "blob" | "mediumblob" | "longblob" => format!("x'0{row}'"),
        "datetime" | "timestamp" => format!("'2026-03-02 0{row}:00:00'"),
        "date" => format!("'2026-03-0{row}'"),
        "json" => "'{}'".to_owned(),
        "longtext" | "text" | "mediumtext" => "'{}'".to_owned(),
        "varchar" | "char" if name.contains("zone") => "'Asia/Seoul'".to_owned(),
        "varchar" | "char" => {
            let text = format!("{name}{row}");
            let length = usize::try_from(column.length.unwrap_or(1)).expect("short");
            let text = if text.len() > length { text[text.len() - length..].to_owned() } else { text };
            format!("'{text}'")
        }
        _ => row.to_string(),
    }
}

/// Gives two rows to every table that has none, parents before children, and reads them too. `after`: the migration that
/// ran last; `kept`: what the tables hold.
pub async fn fill(connection: &mut MySqlConnection, after: &str, kept: &mut BTreeMap<String, Contents>) {
    let empty = kept.iter().filter(|(_, contents)| contents.rows == 0);
    let mut open: Vec<String> = empty.map(|(table, _)| table.clone()).collect();
    let filled = open.clone();
    loop {
        let mut refused = Vec::new();
        let before = open.len();
        for table in open {
            if let Err(error) = insert(connection, &table).await {
                refused.push((table, error));
            }
        }
        if refused.len() == before {
            let told: Vec<String> =
                refused.iter().map(|(table, error)| format!("{table}: {error}")).collect();
            assert!(
                refused.is_empty(),
                "after {after} no row fits (VALUES must say what does):\n{}",
                told.join("\n")
            );
            break;
        }
        open = refused.into_iter().map(|(table, _)| table).collect();
    }
    for table in filled {
        let columns = kept[&table].columns.keys().cloned().collect();
        kept.insert(table.clone(), contents(connection, &table, columns).await);
    }
}

async fn insert(connection: &mut MySqlConnection, table: &str) -> sqlx::Result<()> {
    let columns = columns(connection, table).await;
    let words = words(connection, table).await;
    let names: Vec<String> = columns.iter().map(|column| format!("`{}`", column.name)).collect();
    let last = if SINGLE.contains(&table) { 1 } else { 2 };
    let rows: Vec<String> = (1..=last)
        .map(|row| {
            let values: Vec<String> =
                columns.iter().map(|column| value(table, column, &words, row)).collect();
            format!("({})", values.join(", "))
        })
        .collect();
    let sql = format!("INSERT INTO `{table}` ({}) VALUES {}", names.join(", "), rows.join(", "));
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map(drop)
}

/// Every value of every table, as digits, so that a column may get a wider type.
pub async fn read(connection: &mut MySqlConnection) -> BTreeMap<String, Contents> {
    let names: Vec<(String, String)> = sqlx::query_as(
        "SELECT CONVERT(table_name USING utf8mb4), CONVERT(column_name USING utf8mb4)
         FROM information_schema.columns WHERE table_schema = DATABASE()",
    )
    .fetch_all(&mut *connection)
    .await
    .expect("columns");
    let mut columns: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (table, column) in names {
        columns.entry(table).or_default().push(column);
    }
    let mut read = BTreeMap::new();
    for (table, columns) in columns {
        let contents = contents(connection, &table, columns).await;
        read.insert(table, contents);
    }
    read
}

/// Without a prepared statement: each of these is asked once.
async fn contents(connection: &mut MySqlConnection, table: &str, columns: Vec<String>) -> Contents {
    let digits = |column: &String| format!("CONVERT(HEX(`{column}`) USING utf8mb4)");
    let list: Vec<String> = columns.iter().map(digits).collect();
    let sql = format!("SELECT {} FROM `{table}`", list.join(", "));
    let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(connection).await.expect("values");
    let values = |at: usize| rows.iter().map(|row| row.get::<Option<String>, _>(at)).collect();
    let columns = columns.into_iter().enumerate().map(|(at, column)| (column, values(at))).collect();
    Contents { rows: rows.len(), columns }
}
