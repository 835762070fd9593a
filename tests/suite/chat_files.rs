//! Files of chats: what is taken, who may read it, and what becomes of it.

use chrono::TimeDelta;
use futures_util::future::join_all;
use konnect::chat::{self, Draft, Swept, Wish};
use konnect::config::Rules;
use konnect::id::FileId;
use konnect::job::{Job, SweepUploads};
use konnect_tests::{Answer, Booking, Person, TestApp};
use mongodb::bson::{Document, doc};
use serde_json::{Value, json};

/// One pixel.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\
    \0\0\0\x0aIDATx\x9cc\0\x01\0\0\x05\0\x01\x0d\x0a\x2d\xb4\0\0\0\0IEND\xaeB`\x82";

async fn send(person: &Person, booking: &Booking, client_id: &str, file: &str) -> Answer {
    let body = json!({ "clientId": client_id, "fileId": file });
    person.client.post(&format!("{}/chat/messages", booking.path()), body).await
}

fn id(uploaded: &Value) -> String {
    uploaded["id"].as_str().expect("an id").to_owned()
}

fn path(booking: &Booking, file: &str) -> String {
    format!("{}/files/{file}", booking.path())
}

async fn bytes(url: &str, token: Option<&str>) -> (reqwest::header::HeaderMap, Vec<u8>) {
    let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
    let mut request = http.get(url);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.expect("the API answers");
    assert_eq!(response.status(), 200);
    let headers = response.headers().clone();
    (headers, response.bytes().await.expect("a body").to_vec())
}

/// What lies in the folder of files, those on their way among it.
fn on_disk(app: &TestApp) -> usize {
    fn count(folder: &std::path::Path) -> usize {
        let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
        let paths = entries.map(|entry| entry.expect("an entry").path());
        paths.map(|path| if path.is_dir() { count(&path) } else { 1 }).sum()
    }
    count(&app.config.files.files_dir)
}

#[tokio::test(flavor = "multi_thread")]
async fn s54_only_files_that_are_what_they_say_are_taken() {
    let rules = Rules { file_max_bytes: 100_000, ..Rules::default() };
    let app = TestApp::start_with(rules).await;
    let booking = app.chat().await;
    let mentee = &booking.mentee;
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>".as_slice();
    let html = b"<!DOCTYPE html><script>alert(1)</script>".as_slice();
    let polyglot = [PNG, b"<script>alert(1)</script>"].concat();
    let gifar = [b"GIF89a\x01\0\x01\0\0\0\0,".as_slice(), b"PK\x05\x06\0\0;"].concat();
    let refused: [(&str, &str, &[u8]); 16] = [
        ("a.svg", "image/svg+xml", svg),
        ("a.png", "image/png", svg),
        ("a.txt", "text/plain", svg),
        ("a.html", "text/html", html),
        ("a.txt", "text/plain", html),
        ("a.pdf", "application/pdf", html),
        ("a.png", "image/png", &polyglot),
        ("a.gif", "image/gif", &gifar),
        ("a.gif", "image/gif", b"GIF89a=1;alert(1)//;"),
        ("a.jpg", "image/jpeg", PNG),
        ("a.txt", "text/plain", PNG),
        ("a.txt", "text/plain", b"a\0b"),
        ("a.txt", "text/plain", b""),
        ("a.exe", "application/octet-stream", b"MZ\x90\0"),
        ("a.zip", "application/zip", b"PK\x03\x04"),
        ("a.png", "", PNG),
    ];
    for (name, declared, content) in refused {
        let answer = app.upload(mentee, &booking, name, declared, content).await;
        // Without a type there is no declaration at all.
        let codes = ["chat.file_type", "request.invalid"];
        assert!(
            codes.contains(&answer.body["code"].as_str().unwrap_or_default()),
            "{declared}: {}",
            answer.body
        );
        assert!([400, 415].contains(&answer.status.as_u16()), "{name} as {declared}");
    }
    for size in [100_001, 3_000_000] {
        let large = vec![b'x'; size];
        let answer = app.upload(mentee, &booking, "a.txt", "text/plain", &large).await;
        answer.problem(413, "chat.file_too_large");
    }
    assert_eq!(on_disk(&app), 0, "nothing is left of them");
    let files = app.core.mongo.collection::<Document>("chat_files");
    assert_eq!(files.count_documents(doc! {}).await.expect("MongoDB"), 0);

    let exact = vec![b'x'; 100_000];
    let taken = app.upload(mentee, &booking, "../../etc/passwd", "text/plain; charset=utf-8", &exact).await;
    let taken = taken.ok(201);
    assert_eq!(taken["name"], "passwd.txt");
    assert_eq!((&taken["type"], &taken["size"]), (&json!("text/plain"), &json!(100_000)));
    let taken = app.upload(mentee, &booking, "C:\\x\\사진.exe", "image/png", PNG).await.ok(201);
    assert_eq!(taken["name"], "사진.exe.png");
    assert_eq!(on_disk(&app), 2);
    for name in ["\u{0}", "a\r\nx: y", "..\u{2215}..", "\"><script>"] {
        let taken = app.upload(mentee, &booking, name, "image/png", PNG).await.ok(201);
        let name = taken["name"].as_str().expect("a name").to_owned();
        assert!(!name.contains(['/', '\\', '\r', '\n', '\0', '<', '"']), "{name:?}");
    }

    // So many at a time, then one has to send them.
    for _ in 6..20 {
        app.upload(mentee, &booking, "a.png", "image/png", PNG).await.ok(201);
    }
    app.upload(mentee, &booking, "a.png", "image/png", PNG).await.problem(409, "chat.file_limit");
    app.upload(&booking.mentor, &booking, "a.png", "image/png", PNG).await.ok(201);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_sent_once_and_read_by_members_alone() {
    let app = TestApp::start().await;
    let booking = app.chat().await;
    let (mentee, mentor) = (&booking.mentee, &booking.mentor);
    let uploaded = app.upload(mentee, &booking, "견적 1.png", "image/png", PNG).await.ok(201);
    let file = id(&uploaded);
    // Before it is sent it is its uploader's.
    mentee.client.get(&path(&booking, &file)).await.ok(200);
    mentor.client.get(&path(&booking, &file)).await.problem(404, "chat.file_not_found");
    send(mentor, &booking, "theirs", &file).await.problem(404, "chat.file_not_found");
    let second = app.book(mentor, mentee, booking.offering, booking.starts_at + TimeDelta::hours(2)).await;
    app.pay(&second).await;
    send(mentee, &second, "elsewhere", &file).await.problem(404, "chat.file_not_found");
    mentee.client.get(&path(&second, &file)).await.problem(404, "chat.file_not_found");

    let message = send(mentee, &booking, "m-1", &file).await.ok(201);
    assert_eq!(message["file"], uploaded);
    send(mentee, &booking, "m-1", &file).await.ok(200);
    send(mentee, &booking, "m-2", &file).await.problem(404, "chat.file_not_found");
    // A name that stands for another message does not bind the file.
    let spare = id(&app.upload(mentee, &booking, "b.png", "image/png", PNG).await.ok(201));
    send(mentee, &booking, "m-1", &spare).await.problem(422, "chat.client_id_reused");
    send(mentee, &booking, "m-3", &spare).await.ok(201);

    let url = format!("{}{}", app.base, path(&booking, &file));
    let (headers, content) = bytes(&url, mentor.client.token()).await;
    assert_eq!(content, PNG);
    for (name, value) in [
        ("content-type", "image/png"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "sandbox; default-src 'none'"),
        (
            "content-disposition",
            "attachment; filename=\"__ 1.png\"; filename*=UTF-8''%EA%B2%AC%EC%A0%81%201.png",
        ),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }

    // A link, for a picture in a page.
    let link = mentor.client.post(&format!("{}/link", path(&booking, &file)), json!({})).await.ok(200);
    let query = link["url"].as_str().expect("a URL").replace("http://127.0.0.1/", "/");
    let (headers, content) = bytes(&format!("{}{query}", app.base), None).await;
    assert_eq!((content.as_slice(), headers["content-type"].to_str().expect("text")), (PNG, "image/png"));
    let anybody = app.anonymous();
    let other = query.replace(&file, &spare);
    anybody.get(&other).await.problem(404, "chat.file_not_found");
    anybody.get(&query.replace("expires=", "expires=9")).await.problem(404, "chat.file_not_found");
    anybody.get(&format!("/v1/files/{file}")).await.problem(400, "request.invalid");
    app.advance(TimeDelta::minutes(5));
    anybody.get(&query).await.problem(403, "chat.link_expired");

    let stranger = app.mentee("stranger").await;
    stranger.client.get(&path(&booking, &file)).await.problem(404, "reservation.not_found");
    let link = format!("{}/link", path(&booking, &file));
    stranger.client.post(&link, json!({})).await.problem(404, "reservation.not_found");
    let own = app.upload(&stranger, &booking, "a.png", "image/png", PNG).await;
    own.problem(404, "reservation.not_found");
    mentee
        .client
        .get(&path(&booking, &FileId::generate().to_string()))
        .await
        .problem(404, "chat.file_not_found");

    // A deleted message takes its file with it.
    let access = app.access(&booking, mentee).await;
    let target = message["seq"].as_i64().expect("a number");
    let draft = Draft { client_id: "d".into(), wish: Wish::Delete { target } };
    chat::append(&app.core, &access, draft).await.expect("a deletion");
    mentor.client.get(&path(&booking, &file)).await.problem(404, "chat.file_not_found");
    mentee.client.get(&path(&booking, &file)).await.problem(404, "chat.file_not_found");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_that_nobody_sends_go_after_a_day() {
    let app = TestApp::start().await;
    let booking = app.chat().await;
    let mentee = &booking.mentee;
    let mut files = Vec::new();
    for _ in 0..3 {
        files.push(id(&app.upload(mentee, &booking, "a.png", "image/png", PNG).await.ok(201)));
    }
    send(mentee, &booking, "m-1", &files[0]).await.ok(201);
    let rows = app.core.mongo.collection::<Document>("chat_files");
    // One whose process died before its bytes were stored.
    rows.update_one(doc! { "_id": &files[2] }, doc! { "$set": { "isReady": false } }).await.expect("MongoDB");
    send(mentee, &booking, "m-2", &files[2]).await.problem(404, "chat.file_not_found");
    app.advance(TimeDelta::hours(23));
    assert!(chat::sweep_uploads(&app.core).await.expect("a sweep").is_nothing());
    app.advance(TimeDelta::hours(1) + TimeDelta::milliseconds(1));
    // One that is being sent right now stays.
    let claim = doc! { "$set": {
        "claimedBy": "m-now", "claimedAt": mongodb::bson::DateTime::from_millis(app.now().timestamp_millis()),
    } };
    rows.update_one(doc! { "_id": &files[1] }, claim).await.expect("MongoDB");
    app.reconcile_those(|kind| kind == SweepUploads::KIND).await;
    app.run_jobs().await;
    assert_eq!((rows.count_documents(doc! {}).await.expect("MongoDB"), on_disk(&app)), (2, 2));
    app.advance(TimeDelta::hours(1) + TimeDelta::milliseconds(1));
    let swept = chat::sweep_uploads(&app.core).await.expect("a sweep");
    assert_eq!(swept, Swept { removed: 1, sent: 0 });
    assert!(chat::sweep_uploads(&app.core).await.expect("a sweep").is_nothing());
    assert_eq!((rows.count_documents(doc! {}).await.expect("MongoDB"), on_disk(&app)), (1, 1));
    let mentee = app.log_in(mentee).await;
    mentee.client.get(&path(&booking, &files[0])).await.ok(200);
    mentee.client.get(&path(&booking, &files[1])).await.problem(404, "chat.file_not_found");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_files_that_were_sent_is_no_end_of_the_sweep() {
    let app = TestApp::start().await;
    let booking = app.chat().await;
    let file = id(&app.upload(&booking.mentee, &booking, "a.png", "image/png", PNG).await.ok(201));
    send(&booking.mentee, &booking, "m-1", &file).await.ok(201);
    app.advance(TimeDelta::hours(25));
    let swept = chat::sweep_uploads(&app.core).await.expect("a sweep");
    assert_eq!(swept, Swept { removed: 0, sent: 1 });
    assert!(!swept.is_nothing(), "others may wait behind it");
    assert!(chat::sweep_uploads(&app.core).await.expect("a sweep").is_nothing());
    assert_eq!(on_disk(&app), 1);
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_uploads_all_the_time_waits_and_has_no_more_than_twenty_unsent() {
    let app = TestApp::start().await;
    let booking = app.chat().await;
    let at_once = (0..30).map(|_| app.upload(&booking.mentee, &booking, "a.png", "image/png", PNG));
    let taken = join_all(at_once).await.into_iter().filter(|answer| answer.status == 201).count();
    assert!(taken <= 20, "{taken} at once");
    let files = app.core.mongo.collection::<Document>("chat_files");
    assert_eq!(files.count_documents(doc! {}).await.expect("MongoDB"), taken as u64);
    for _ in 30..60 {
        let answer = app.upload(&booking.mentee, &booking, "a.svg", "image/svg+xml", b"<svg/>").await;
        answer.problem(415, "chat.file_type");
    }
    let answer = app.upload(&booking.mentee, &booking, "a.png", "image/png", PNG).await;
    answer.problem(429, "request.too_many");
    app.upload(&booking.mentor, &booking, "a.png", "image/png", PNG).await.ok(201);
    app.finish().await;
}
