//! Who may call what, on whose objects: every operation of the document has a line in [`RULES`] and is tried as
//! nobody, as strangers, as a suspended member, as the wrong side, and as those who may.

#[path = "authorisation/contract.rs"]
mod contract;
#[path = "authorisation/rules.rs"]
mod rules;
#[path = "authorisation/world.rs"]
mod world;

use std::collections::BTreeSet;

use konnect_tests::{Answer, Client, TestApp};
use reqwest::Method;
use serde_json::Value;

use rules::Who::{self, Admin, Anybody, Member, Mentor, OfMentee, OfMentor, User};
use rules::{RULES, Rule};
use world::World;

/// One operation of the document.
struct Operation {
    id: String,
    method: Method,
    path: String,
    needs_token: bool,
}

impl Operation {
    fn all() -> Vec<Self> {
        let document: Value = serde_json::from_str(&konnect::api::openapi()).expect("JSON");
        let mut all = Vec::new();
        for (path, methods) in document["paths"].as_object().expect("paths") {
            for (method, operation) in methods.as_object().expect("methods") {
                all.push(Self {
                    id: operation["operationId"].as_str().expect("an id").to_owned(),
                    method: method.to_uppercase().parse().expect("a method"),
                    path: path.clone(),
                    needs_token: operation["security"].as_array().is_some_and(|s| !s.is_empty()),
                });
            }
        }
        all
    }

    fn rule(&self) -> &'static Rule {
        RULES.iter().find(|rule| rule.0 == self.id).expect("every operation has a rule")
    }

    /// Sends it with a body that is good, about the world's objects or (`id`) another one.
    async fn call(&self, world: &World, client: &Client, id: Option<&str>) -> Answer {
        let path = match id {
            Some(id) => self
                .path
                .replace("{id}", id)
                .replace("{extension_id}", id)
                .replace("{fileId}", world.file())
                .replace("{provider}", "google"),
            None => world.path(&self.id, &self.path),
        };
        let path = path + World::query(&self.id);
        let key = konnect::id::secret();
        let headers = [("idempotency-key", key.as_str())];
        let answer = client.send(self.method.clone(), &path, world.body(&self.id), &headers).await;
        assert!(answer.status.as_u16() < 500, "{} {path}: {:#}", self.id, answer.body);
        answer
    }
}

#[test]
fn every_operation_says_who_may_call_it() {
    let operations = Operation::all();
    let known: BTreeSet<_> = operations.iter().map(|o| o.id.as_str()).collect();
    let ruled: BTreeSet<_> = RULES.iter().map(|r| r.0).collect();
    let missing: Vec<_> = known.symmetric_difference(&ruled).collect();
    assert!(missing.is_empty(), "without a rule, or a rule without an operation: {missing:?}");
    assert_eq!((known.len(), ruled.len()), (operations.len(), RULES.len()), "each once");
    for operation in &operations {
        let open = operation.rule().1 == Anybody;
        assert_eq!(operation.needs_token, !open, "{} in the document", operation.id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reaches_the_objects_of_others() {
    let app = TestApp::start().await;
    let world = World::build(&app).await;
    let operations = Operation::all();
    let before = world.state(&app).await;
    for operation in &operations {
        let who = operation.rule().1;
        if who == Anybody {
            continue;
        }
        let id = &operation.id;
        let anonymous = operation.call(&world, &app.anonymous(), None).await;
        assert_eq!(anonymous.body["code"], "auth.required", "{id}");
        anonymous.problem(401, "auth.required");
        let suspended = operation.call(&world, &world.suspended.client, None).await;
        assert_eq!(suspended.body["code"], "auth.session_revoked", "{id}");

        let outsiders = [&world.stranger, &world.other_mentor, &world.admin];
        let members = [&world.mentee, &world.mentor];
        let (refused, expected): (Vec<_>, &[u16]) = match who {
            Anybody | User => (vec![], &[]),
            Mentor => (vec![&world.stranger, &world.mentee, &world.admin], &[403]),
            Member => (outsiders.to_vec(), &[404]),
            OfMentee => ([&outsiders[..], &members[1..]].concat(), &[404]),
            // Whoever is no mentor at all is told so; another mentor is not told that it exists.
            OfMentor => ([&outsiders[..], &members[..1]].concat(), &[403, 404]),
            Admin => ([&outsiders[..2], &members[..]].concat(), &[403]),
        };
        for person in refused {
            let client = app.log_in(person).await.client;
            let answer = operation.call(&world, &client, None).await;
            let status = answer.status.as_u16();
            assert!(expected.contains(&status), "{id} by {}: {status} {:#}", person.email, answer.body);
            if who == OfMentor && person.id == world.other_mentor.id {
                assert_eq!(status, 404, "{id} by another mentor");
            }
        }
    }
    assert_eq!(world.state(&app).await, before, "nothing was written");

    // What everybody may do shows nobody's things but the caller's.
    for operation in operations.iter().filter(|o| matches!(o.rule().1, User | Mentor)) {
        for person in [&world.stranger, &world.other_mentor, &world.admin] {
            let Rule(id, who, allowed) = operation.rule();
            if *who == Mentor && person.id != world.other_mentor.id {
                continue;
            }
            let client = app.log_in(person).await.client;
            let answer = operation.call(&world, &client, None).await;
            assert!(allowed.contains(&answer.status.as_u16()), "{id} by {}: {:#}", person.email, answer.body);
            let shown = answer.body.to_string();
            for secret in world.secrets() {
                assert!(!shown.contains(&secret), "{id} shows {secret} to {}: {shown}", person.email);
            }
        }
    }
    assert_eq!(world.state(&app).await, before, "nothing of others was written");
    app.run_jobs().await;
    app.finish().await;
}

/// How many acts of operators are written down.
async fn acts(app: &TestApp) -> i64 {
    let count = sqlx::query_scalar("SELECT COUNT(*) FROM acts");
    count.fetch_one(app.core.db.pool()).await.expect("the database")
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_may_are_heard() {
    let app = TestApp::start().await;
    let world = World::build(&app).await;
    for Rule(id, who, allowed) in RULES {
        let operations = Operation::all();
        let operation = operations.iter().find(|o| o.id == *id).expect("the operation of the rule");
        let (mentee, mentor) = (&world.mentee, &world.mentor);
        let callers = match who {
            Anybody => vec![app.anonymous(), world.suspended.client.clone(), world.stranger.client.clone()],
            User => vec![app.log_in(mentee).await.client, app.log_in(mentor).await.client],
            Member => vec![mentee.client.clone(), mentor.client.clone()],
            Mentor | OfMentor => vec![mentor.client.clone()],
            OfMentee => vec![mentee.client.clone()],
            Admin => vec![world.admin.client.clone()],
        };
        for client in callers {
            let before = acts(&app).await;
            let answer = operation.call(&world, &client, None).await;
            assert!(allowed.contains(&answer.status.as_u16()), "{id}: {:#}", answer.body);
            let changes = *who == Admin && operation.method != Method::GET && answer.status.is_success();
            let written = acts(&app).await - before;
            assert!(!changes || written >= 1, "{id} is no act");
            assert!(*who == Admin || written == 0, "{id} is an act");
        }
    }
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_nobody_has_are_not_found() {
    let app = TestApp::start().await;
    let world = World::build(&app).await;
    let unknown = konnect::id::UserId::generate().to_string();
    for operation in Operation::all().iter().filter(|o| o.path.contains("{id}")) {
        let client = match operation.rule().1 {
            Admin => &world.admin.client,
            OfMentor => &world.mentor.client,
            _ => &world.mentee.client,
        };
        let answer = operation.call(&world, client, Some(&unknown)).await;
        assert_eq!(answer.status, 404, "{}: {:#}", operation.id, answer.body);
        for nonsense in ["1", "not-an-id", "%27%20OR%201=1", "%00", "%EC%98%88"] {
            let answer = operation.call(&world, client, Some(nonsense)).await;
            answer.problem(400, "request.invalid");
        }
    }
    app.run_jobs().await;
    app.finish().await;
}
