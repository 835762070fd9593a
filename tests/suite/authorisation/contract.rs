//! The document as strangers read it: schemathesis makes requests of it, good ones and bad ones, sends them as those
//! who may, and holds every answer against the document.

use std::path::Path;
use std::process::Stdio;

use konnect::job::Queue;
use konnect::{outbox, transact};
use konnect_tests::{Person, TestApp};
use serde_json::{Value, json};
use tokio::process::Command;

use super::{Admin, Anybody, Member, Mentor, OfMentee, OfMentor, Operation, User, Who, World};

/// Requests made up for each operation, beside those that the document's edges give. `./dev fuzz` makes more.
const EXAMPLES: &str = "10";
/// The same requests in every run; `KONNECT_FUZZ_SEED` asks for others.
const SEED: &str = "20261130";

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_what_the_document_says_by_schemathesis() {
    let app = TestApp::start().await;
    let world = World::build(&app).await;
    let document = std::env::temp_dir().join(format!("{}.openapi.json", app.servers.redis_prefix));
    std::fs::write(&document, with_real_things(&world).to_string()).expect("the document is written");
    let sides: [(Option<&Person>, &[Who]); 4] = [
        (None, &[Anybody]),
        (Some(&world.mentee), &[User, Member, OfMentee]),
        (Some(&world.mentor), &[Mentor, OfMentor]),
        (Some(&world.admin), &[Admin]),
    ];
    let mut broken = Vec::new();
    for (person, who) in sides {
        let person = match person {
            Some(person) => Some(app.log_in(person).await),
            None => None,
        };
        let token = person.as_ref().and_then(|p| p.client.token());
        // Its own login would be over.
        let mine = |o: &&Operation| who.contains(&o.rule().1) && o.id != "logout";
        let operations: Vec<_> = Operation::all().iter().filter(mine).map(|o| o.id.clone()).collect();
        broken.extend(run(&document, &app.base, token, &operations).await);
    }
    std::fs::remove_file(&document).expect("the document is there");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    // A queue that was paused on the way is given out again.
    for queue in Queue::ALL {
        transact!(app.core.db, app.context(), sqlx::Error, tx => { outbox::resume(tx, queue).await })
            .expect("the outbox");
    }
    app.run_jobs().await;
    app.finish().await;
}

/// The document with the ids of things that exist, and a body that reads well for each operation.
fn with_real_things(world: &World) -> Value {
    let mut document: Value = serde_json::from_str(&konnect::api::openapi()).expect("JSON");
    for operation in Operation::all() {
        let filled = world.path(&operation.id, &operation.path);
        let found = &mut document["paths"][&operation.path][operation.method.as_str().to_lowercase()];
        for parameter in found.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
            if parameter["in"] == "path" {
                let name = format!("{{{}}}", parameter["name"].as_str().expect("a name"));
                let at =
                    operation.path.split('/').position(|part| part == name).expect("it stands in the path");
                parameter["schema"]["enum"] = json!([filled.split('/').nth(at)]);
            }
        }
        let content = found.pointer_mut("/requestBody/content").and_then(Value::as_object_mut);
        if let (Some(body), Some(content)) = (world.body(&operation.id), content) {
            for media in content.values_mut() {
                media["example"] = body.clone();
            }
        }
    }
    document
}

/// What it says when an answer is not as the document says.
async fn run(document: &Path, base: &str, token: Option<&str>, operations: &[String]) -> Option<String> {
    let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemathesis.toml");
    let mut command = Command::new("schemathesis");
    command.arg("--config-file").arg(settings).arg("run").arg(document).args(["--url", base]);
    command.args(["--seed", &setting("KONNECT_FUZZ_SEED", SEED)]);
    command.args(["--max-examples", &setting("KONNECT_FUZZ_EXAMPLES", EXAMPLES)]);
    for operation in operations {
        command.args(["--include-operation-id", operation]);
    }
    if let Some(token) = token {
        command.args(["--header", &format!("Authorization: Bearer {token}")]);
    }
    // What it remembers of a run goes with the folder it runs in.
    let folder = document.with_extension("run");
    std::fs::create_dir_all(&folder).expect("a folder");
    command.current_dir(&folder);
    let child = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output =
        child.unwrap_or_else(|e| panic!("schemathesis does not start ({e}): ./dev provision installs it"));
    std::fs::remove_dir_all(&folder).expect("the folder is there");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains(" generated"), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    (!output.status.success()).then(|| said.into_owned())
}

#[expect(clippy::disallowed_methods, reason = "whoever looks for a fault says how long it is looked for")]
fn setting(name: &str, otherwise: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| otherwise.into())
}
