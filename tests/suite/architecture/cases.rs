//! Every rule sees an offender, and lets its innocent neighbour pass.

use super::*;

fn check(rule: Rule, guilty: &[(&str, &str)], innocent: &[(&str, &str)]) {
    for (path, text) in guilty {
        assert!(!rule(path, text).is_empty(), "not seen in {path}: {text}");
    }
    for (path, text) in innocent {
        assert_eq!(rule(path, text), Vec::<String>::new(), "wrongly seen in {path}: {text}");
    }
}

#[test]
fn strings_and_comments_are_no_code() {
    let text = r##"
        // crate::a
        let x = "crate::b // \" still"; /* crate::c */ let q = '"'; crate::d::e(r#"crate::"f""#);
        use crate::{g, h::{self, i::J as K}, l::*,};
    "##;
    let source = read(text);
    assert_eq!(source.strings, [r#"crate::b // \" still"#, r#"crate::"f""#]);
    assert_eq!(paths_under("crate::", &source.code), ["d::e", "g", "h::self", "h::i::J", "l::"]);
}

#[test]
fn web_types_stay_behind_the_doors() {
    check(
        web_types,
        &[
            ("src/payment/model.rs", "use poem::web::Data;"),
            ("src/payment/model.rs", "#[derive(poem_openapi::Object)] struct A;"),
            ("src/payment/mod.rs", "#[derive(poem_openapi::Enum)] enum A { B }"),
            ("src/relay.rs", "use poem_openapi::NewType;"),
            ("src/chat/mod.rs", "use socketioxide::SocketIo;"),
        ],
        &[
            ("src/api/me.rs", "use poem::web::Data;"),
            ("src/realtime/mod.rs", "use poem::web::websocket::WebSocket;"),
            ("src/payment/model.rs", "#[derive(Clone, poem_openapi::Enum)] enum A { B }"),
            ("src/id.rs", "#[derive(poem_openapi::NewType)] struct A(Uuid);"),
            ("src/payment/mod.rs", "// poem::web is not here\nlet a = \"poem::web\";"),
        ],
    );
}

#[test]
fn arrows_point_one_way() {
    check(
        arrows,
        &[
            ("src/mentor/mod.rs", "use crate::payment;"),
            ("src/mentor/mod.rs", "use crate::{db::Tx, reservation::{self, State}};"),
            ("src/ledger/mod.rs", "use crate::payment::Payment;"),
            ("src/payment/mod.rs", "crate::transact!(db, cx, Error, tx => {})"),
            ("src/payment/refund.rs", "use crate::client::toss::TossClient;"),
            ("src/settlement/mod.rs", "use crate::notification;"),
            ("src/api/me.rs", "use crate::notification::Notice;"),
            ("src/job/payment.rs", "use crate::outbox;"),
            ("src/job/payment.rs", "use crate::payment::PaymentState;"),
            ("src/outbox/work.rs", "use crate::event;"),
            ("src/outbox/work.rs", "use crate::user::User;"),
            ("src/client/mail/mod.rs", "use crate::user::Email;"),
            ("src/client/mail/mod.rs", "use crate::db::Db;"),
            ("src/event.rs", "use crate::user::User;"),
            ("src/core.rs", "use crate::api::App;"),
        ],
        &[
            ("src/payment/mod.rs", "use crate::{availability, ledger, outbox, payment::Payment};"),
            ("src/notification/mod.rs", "use crate::reservation::{self, Reservation};"),
            ("src/api/notices.rs", "use crate::notification;"),
            ("src/api/notice_preferences.rs", "use crate::notification;"),
            ("src/job/payment.rs", "use crate::id::PaymentId;"),
            ("src/outbox/work.rs", "use crate::db::{Db, Tx};"),
            ("src/relay.rs", "use crate::transact;"),
            ("jobs/src/notify.rs", "use konnect::notification;"),
        ],
    );
}

#[test]
fn domains_are_entered_by_the_front_door() {
    check(
        front_doors,
        &[
            ("src/payment/mod.rs", "crate::mentor::query::find(tx)"),
            ("src/api/me.rs", "use crate::{user::{model::User, self}};"),
            ("jobs/src/start.rs", "use konnect::reservation::flow::start;"),
            ("src/mentor/mod.rs", "pub mod query;"),
        ],
        &[
            ("src/payment/mod.rs", "use crate::mentor::{self, Error, State}; crate::mentor::find(tx)"),
            ("src/mentor/mod.rs", "mod query; pub mod rules { pub use super::engine::judge; }"),
            ("src/reservation/mod.rs", "crate::availability::rules::judge(a)"),
            ("src/mentor/query.rs", "use crate::mentor::model::Mentor;"),
            ("src/client/mod.rs", "pub mod toss;"),
        ],
    );
}

#[test]
fn sql_stays_in_its_rooms() {
    check(
        sql_rooms,
        &[
            ("src/mentor/mod.rs", "sqlx::query(\"SELECT 1\")"),
            ("src/api/me.rs", "sqlx::query_as::<_, A>(\"SELECT 1\")"),
            ("src/relay.rs", "use sqlx::QueryBuilder;"),
            ("src/mentor/model.rs", "use sqlx::query_scalar; query_scalar(a)"),
            ("jobs/src/ping.rs", "sqlx::raw_sql(\"SELECT 1\")"),
            ("src/job/mod.rs", "#[derive(sqlx::Type)] struct A;"),
            ("src/client/http.rs", "fn a() -> sqlx::Result<()> {}"),
        ],
        &[
            ("src/mentor/query.rs", "sqlx::query(\"SELECT 1\")"),
            ("src/outbox/work.rs", "sqlx::query(\"SELECT 1\")"),
            ("src/event.rs", "sqlx::query(\"SELECT 1\")"),
            ("src/mentor/mod.rs", "use sqlx::MySqlExecutor; query::find(db)"),
            ("src/mentor/model.rs", "#[derive(sqlx::FromRow)] struct A;"),
        ],
    );
}

#[test]
fn the_transport_is_known_to_one_file() {
    check(
        transport,
        &[("src/relay.rs", "use apalis::prelude::*;"), ("jobs/src/worker.rs", "apalis_redis::connect(url)")],
        &[("src/queue.rs", "use apalis::prelude::*;"), ("src/signal.rs", "/// The apalis queue.\nfn a() {}")],
    );
}

#[test]
fn the_driver_of_mongodb_stays_in_the_store() {
    check(
        driver,
        &[
            ("src/chat/mod.rs", "use mongodb::bson::doc;"),
            ("src/chat/read.rs", "fn a(e: mongodb::error::Error) {}"),
        ],
        &[
            ("src/chat/store/mod.rs", "use mongodb::Collection;"),
            ("src/chat/store.rs", "use mongodb::Collection;"),
            ("src/core.rs", "use mongodb::Client;"),
        ],
    );
}

#[test]
fn statements_run_on_both_databases() {
    check(
        portable_sql,
        &[
            ("src/mentor/query.rs", "query(\"DELETE FROM a WHERE b = ? RETURNING c\")"),
            (
                "src/mentor/query.rs",
                "query(\"INSERT INTO a VALUES (?) as new ON DUPLICATE KEY UPDATE b = new.b\")",
            ),
            ("src/mentor/query.rs", "query.push(\" for\n    share\")"),
            ("src/outbox/work.rs", "query(\"SELECT a->>'$.b' FROM c\")"),
            ("src/event.rs", "query(r\"SELECT * FROM a, LATERAL (SELECT 1) b\")"),
            ("src/mentor/query.rs", "query(\"UPDATE a SET b = now()\")"),
            ("src/mentor/query.rs", "query(\"SELECT UUID_TO_BIN(?)\")"),
            ("migrations/0009_a.sql", "CREATE TABLE a (b DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6));"),
        ],
        &[
            (
                "src/mentor/query.rs",
                "// NOW() is not used\nquery(\"SELECT known, a AS new_a FROM b FOR UPDATE\")",
            ),
            ("src/mentor/query.rs", "fn a() -> sqlx::Result<()> { Ok(()) }"),
            ("migrations/0009_a.sql", "-- no NOW() here\nCREATE TABLE a (b INT);"),
        ],
    );
}

#[test]
fn long_files_are_seen() {
    check(
        length,
        &[("src/a.rs", &"a\n".repeat(MAX_LINES + 1))],
        &[("src/a.rs", &"a\n".repeat(MAX_LINES)), ("migrations/0001_a.sql", &"a\n".repeat(MAX_LINES + 1))],
    );
}

#[test]
fn every_domain_has_its_rooms() {
    let folder =
        |name: &str, files: &[&str]| vec![(name.to_owned(), files.iter().map(|f| (*f).to_owned()).collect())];
    assert_eq!(rooms(&folder("chat", &["error.rs", "mod.rs", "query.rs"])), ["src/chat has no model.rs"]);
    assert_eq!(rooms(&folder("utils", &["mod.rs"])), ["src/utils is no room that this test knows"]);
    let whole = folder("chat", &["error.rs", "mod.rs", "model.rs", "query.rs", "rooms.rs"]);
    assert_eq!(rooms(&whole), Vec::<String>::new());
    assert_eq!(rooms(&folder("api", &["mod.rs"])), Vec::<String>::new());
}

#[test]
fn migrations_are_counted() {
    let files = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    assert_eq!(numbering(&files(&["0001_a.sql", "0002_b.sql"])), Vec::<String>::new());
    assert_eq!(numbering(&files(&["0001_a.sql", "0003_b.sql"])), ["0003_b.sql stands where 0002 belongs"]);
    assert_eq!(numbering(&files(&["0001_a.sql", "0001_b.sql"])), ["0001_b.sql stands where 0002 belongs"]);
    assert_eq!(numbering(&files(&["0001_a.txt"])).len(), 1);
}
