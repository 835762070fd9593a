//! The house rules that Cargo cannot hold, checked on the text of the sources. Every rule is a function over a
//! file's path (from the root of the repository) and its text, and is shown here to catch an offender.

#[path = "architecture/cases.rs"]
mod cases;
#[path = "architecture/reading.rs"]
pub(super) mod reading;

use std::fs;
use std::path::Path;

use reading::{paths_under, read};

/// A domain may name those before it. `ledger` is a room of its own: payment and settlement post to it.
const DOMAINS: [&str; 17] = [
    "auth",
    "user",
    "mentor",
    "availability",
    "reservation",
    "ledger",
    "payment",
    "settlement",
    "payout",
    "dispute",
    "session",
    "audit",
    "chat",
    "review",
    "office",
    "partner",
    "notification",
];

/// The other folders of src.
const ROOMS: [&str; 7] = ["activity", "api", "client", "config", "job", "outbox", "realtime"];

/// What a domain may name beside the domains before it. It opens no transaction (`transact!` is not here), makes
/// no remote call (no `client`) and knows no door (no `api`, `realtime`) and no transport (no `queue`, `relay`).
/// `seal` is the one way to store a secret; `words` is the macro for the words of a state column.
const FOR_DOMAINS: [&str; 15] = [
    "clock", "config", "context", "core", "db", "event", "id", "job", "money", "outbox", "outside", "seal",
    "signal", "snapshot", "words",
];

/// Files of domains that hold the model of a second subject, and derive schemas like `model.rs`: what a mentor
/// sells, and what a member of a reservation may do.
const SECOND_MODELS: [&str; 2] = ["src/mentor/offering.rs", "src/reservation/actions.rs"];

/// Folders of SQL: the jobs as rows, and the audit's rules, which are queries over every domain's tables.
const SQL_FOLDERS: [&str; 2] = ["src/outbox/", "src/audit/checks/"];

/// Files with SQL beside the `query.rs` of each folder and those folders: the acts of operators, the event rows and what
/// is told of them outside, the connection's own settings, how old a copy of the database is, the keys that are stored
/// beside the work they stand for, what is forgotten (over several tables), and the comparison of clocks.
const SQL_FILES: [&str; 8] = [
    "src/act.rs",
    "src/event.rs",
    "src/snapshot.rs",
    "src/replica.rs",
    "src/db.rs",
    "src/api/idempotency.rs",
    "src/retention.rs",
    SKEW,
];

/// The one file that asks the database for its time: to compare it with ours.
const SKEW: &str = "src/skew.rs";

const MAX_LINES: usize = 400;

/// Words that MySQL 8 or MariaDB 10.11 does not know, or that read the server's clock instead of `tx.now`.
const FORBIDDEN_SQL: [&str; 10] = [
    "RETURNING",
    " AS NEW",
    "FOR SHARE",
    "->",
    "LATERAL",
    "NOW(",
    "CURRENT_TIMESTAMP",
    "UTC_TIMESTAMP",
    "SYSDATE",
    "UUID_TO_BIN",
];

type Rule = fn(&str, &str) -> Vec<String>;

/// The first folder or file under src: `mentor` of `src/mentor/query.rs`, `relay` of `src/relay.rs`.
fn room(path: &str) -> &str {
    let inner = path.strip_prefix("src/").unwrap_or("");
    inner.split('/').next().unwrap_or("").trim_end_matches(".rs")
}

fn head(path: &str) -> &str {
    path.split("::").next().unwrap_or(path)
}

fn rank(domain: &str) -> Option<usize> {
    DOMAINS.iter().position(|d| *d == domain)
}

fn holds_sql(path: &str) -> bool {
    path.ends_with("/query.rs")
        || SQL_FOLDERS.iter().any(|folder| path.starts_with(folder))
        || SQL_FILES.contains(&path)
}

// ---- The rules ---------------------------------------------------------------------------------------------

/// The web framework stays behind the doors. Ids, money and models may derive the two schemas that say how a
/// value is written; nothing else of it.
fn web_types(path: &str, text: &str) -> Vec<String> {
    if !path.starts_with("src/") || ["api", "realtime"].contains(&room(path)) {
        return Vec::new();
    }
    let code = read(text).code;
    let model = rank(room(path)).is_some() && path.ends_with("/model.rs");
    let may_derive = model || ["src/id.rs", "src/money.rs"].contains(&path) || SECOND_MODELS.contains(&path);
    let rest = if may_derive {
        code.replace("poem_openapi::NewType", "").replace("poem_openapi::Enum", "")
    } else {
        code
    };
    ["poem::", "poem_openapi", "socketioxide"]
        .into_iter()
        .filter(|word| rest.contains(word))
        .map(|word| format!("names {word}"))
        .collect()
}

/// A domain names the domains before it and the leaves it needs; other rooms of src name only what their place
/// in the picture allows. The doors (api, realtime) may name everything but what stands behind a queue.
fn arrows(path: &str, text: &str) -> Vec<String> {
    if !path.starts_with("src/") {
        return Vec::new();
    }
    let room = room(path);
    let may = |name: &str| match room {
        "api" => name != "notification" || path.starts_with("src/api/notice"),
        "realtime" => name != "notification",
        "job" => ["clock", "id", "money", "job"].contains(&name),
        "outbox" => ["db", "job", "id", "clock", "context", "outbox", "trace"].contains(&name),
        "client" => ["client", "clock", "id", "money", "outside", "redact", "trace"].contains(&name),
        _ => match (rank(room), rank(name)) {
            (Some(own), Some(other)) => other <= own,
            (Some(_), None) => FOR_DOMAINS.contains(&name),
            (None, Some(_)) => false,
            (None, None) => !["api", "realtime"].contains(&name),
        },
    };
    let named = paths_under("crate::", &read(text).code);
    named.iter().filter(|p| !may(head(p))).map(|p| format!("names crate::{p}")).collect()
}

/// A domain is called through its `mod.rs`: nobody reaches into its rooms, and `mod.rs` opens none of its files.
/// (`availability::rules`, the engine without its database, is a door that stands in the `mod.rs` itself.)
fn front_doors(path: &str, text: &str) -> Vec<String> {
    let code = read(text).code;
    let mut found = Vec::new();
    for name in paths_under("crate::", &code).iter().chain(&paths_under("konnect::", &code)) {
        let parts: Vec<&str> = name.split("::").collect();
        let deep = parts.len() > 2 && parts[1].starts_with(char::is_lowercase);
        if rank(parts[0]).is_some()
            && parts[0] != room(path)
            && deep
            && parts[..2] != ["availability", "rules"]
        {
            found.push(format!("reaches into {name}"));
        }
    }
    if rank(room(path)).is_some() && path.ends_with("/mod.rs") {
        let open = code.lines().map(str::trim).filter(|l| l.starts_with("pub mod ") && l.ends_with(';'));
        found.extend(open.map(|line| format!("opens a room: {line}")));
    }
    found
}

/// SQL stands in `query.rs` and the few files named above; payloads and clients do not know the database at all.
fn sql_rooms(path: &str, text: &str) -> Vec<String> {
    let code = read(text).code;
    let mut found = Vec::new();
    if ["job", "client"].contains(&room(path)) && code.contains("sqlx") {
        found.push("names sqlx".to_owned());
    }
    let words = ["sqlx::query", "sqlx::raw_sql", "query_as(", "query_scalar(", "QueryBuilder"];
    if !holds_sql(path) {
        found.extend(
            words.iter().filter(|word| code.contains(**word)).map(|word| format!("holds SQL: {word}")),
        );
    }
    found
}

fn transport(path: &str, text: &str) -> Vec<String> {
    let outside = path != "src/queue.rs" && read(text).code.contains("apalis");
    outside.then(|| "names apalis".to_owned()).into_iter().collect()
}

/// A domain knows MongoDB's driver in its `store` alone.
fn driver(path: &str, text: &str) -> Vec<String> {
    let in_store = path.ends_with("/store.rs") || path.contains("/store/");
    let outside = rank(room(path)).is_some() && !in_store && read(text).code.contains("mongodb::");
    outside.then(|| "names mongodb".to_owned()).into_iter().collect()
}

/// Both databases run every statement, and none of them tells the time.
fn portable_sql(path: &str, text: &str) -> Vec<String> {
    let statements = if path.ends_with(".sql") {
        vec![text.lines().map(|line| line.split("--").next().unwrap_or("")).collect::<Vec<_>>().join("\n")]
    } else if holds_sql(path) {
        read(text).strings
    } else {
        Vec::new()
    };
    let mut found = Vec::new();
    for statement in statements {
        let statement = statement.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase();
        let reads_clock = |word: &str| path == SKEW && word == "NOW(";
        let words = FORBIDDEN_SQL.iter().filter(|word| has_word(&statement, word) && !reads_clock(word));
        found.extend(words.map(|word| format!("forbidden {word} in: {statement}")));
    }
    found
}

/// Whether the text has the word, and not just a longer one that begins or ends like it.
fn has_word(text: &str, word: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (text[..at].chars().next_back(), text[at + word.len()..].chars().next());
        !(part(before) && part(word.chars().next()) || part(after) && part(word.chars().next_back()))
    })
}

fn length(path: &str, text: &str) -> Vec<String> {
    let lines = text.lines().count();
    let long = path.ends_with(".rs") && lines > MAX_LINES;
    long.then(|| format!("has {lines} lines; {MAX_LINES} are the most")).into_iter().collect()
}

const RULES: [Rule; 8] = [web_types, arrows, front_doors, sql_rooms, transport, driver, portable_sql, length];

/// Every folder of src is a known room, and every domain has the same four files. `folders`: name and files.
fn rooms(folders: &[(String, Vec<String>)]) -> Vec<String> {
    let mut found = Vec::new();
    for (folder, files) in folders {
        if rank(folder).is_none() {
            if !ROOMS.contains(&folder.as_str()) {
                found.push(format!("src/{folder} is no room that this test knows"));
            }
            continue;
        }
        let four = ["mod.rs", "model.rs", "query.rs", "error.rs"];
        let missing = four.into_iter().filter(|room| !files.iter().any(|file| file == room));
        found.extend(missing.map(|file| format!("src/{folder} has no {file}")));
    }
    found
}

/// Migrations are `NNNN_name.sql`, numbered from 1 without gaps, beside a page about them and their sums. `files` are
/// sorted.
fn numbering(files: &[String]) -> Vec<String> {
    let wrong = |(file, number): &(&String, usize)| {
        !file.starts_with(&format!("{number:04}_")) || !file.ends_with(".sql")
    };
    let about = ["README.md", "SUMS"];
    files
        .iter()
        .filter(|file| !about.contains(&file.as_str()))
        .zip(1..)
        .filter(wrong)
        .map(|(file, number)| format!("{file} stands where {number:04} belongs"))
        .collect()
}

// ---- The house ---------------------------------------------------------------------------------------------

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests stand in the repository")
}

/// Names in a folder, sorted; folders end with a slash.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let name = |entry: fs::DirEntry| {
        let slash = if entry.path().is_dir() { "/" } else { "" };
        format!("{}{slash}", entry.file_name().to_string_lossy())
    };
    let mut names: Vec<String> = entries.map(|entry| name(entry.expect("an entry"))).collect();
    names.sort();
    names
}

pub(super) fn files_under(folder: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for name in names(&root().join(folder)) {
        let path = format!("{folder}/{name}");
        if let Some(inner) = path.strip_suffix('/') {
            files.extend(files_under(inner));
        } else if name.ends_with(".rs") || name.ends_with(".sql") {
            let text = fs::read_to_string(root().join(&path)).expect("sources are text");
            files.push((path, text));
        }
    }
    files
}

#[test]
fn the_house_is_in_order() {
    let files: Vec<_> = ["src", "jobs/src", "bin", "migrations"].into_iter().flat_map(files_under).collect();
    assert!(files.len() > 100, "only {} files were found", files.len());
    let mut found: Vec<String> = files
        .iter()
        .flat_map(|(path, text)| {
            RULES.iter().flat_map(move |rule| rule(path, text)).map(move |f| format!("{path} {f}"))
        })
        .collect();
    let folder = |name: String| {
        let name = name.strip_suffix('/')?;
        Some((name.to_owned(), names(&root().join("src").join(name))))
    };
    let folders: Vec<_> = names(&root().join("src")).into_iter().filter_map(folder).collect();
    assert!(
        folders.iter().filter(|(name, _)| rank(name).is_some()).count() >= 8,
        "the domains were not found"
    );
    found.extend(rooms(&folders));
    found.extend(numbering(&names(&root().join("migrations"))));
    assert!(found.is_empty(), "the house is not in order:\n  {}", found.join("\n  "));
}
