//! The image and the list of parts, as far as they can be held against the house without a builder of images.

use std::collections::{BTreeMap, BTreeSet};

use konnect_tests::{Stack, TestApp, binary, free_address};
use serde_json::Value;
use tokio::process::Command;

use super::{root, text};

/// The processes of the Procfile.
pub(super) fn processes() -> BTreeSet<String> {
    let procfile = text("Procfile");
    let names =
        procfile.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(':'));
    names.map(|(name, _)| name.to_owned()).collect()
}

/// Instructions of the Containerfile with their lines joined: the stage's name, the word, the rest.
fn instructions() -> Vec<(String, String, String)> {
    let file = text("Containerfile").replace("\\\n", " ");
    let (mut stage, mut found) = (String::new(), Vec::new());
    for line in file.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (word, rest) = line.split_once(' ').expect("an instruction");
        assert!(word.chars().all(|c| c.is_ascii_uppercase()), "{line}");
        if word == "FROM" {
            stage = rest.split(" AS ").nth(1).unwrap_or_default().to_owned();
        }
        found.push((stage.clone(), word.to_owned(), rest.split_whitespace().collect::<Vec<_>>().join(" ")));
    }
    found
}

#[test]
fn the_image_holds_every_process_no_secret_and_no_root() {
    let all = instructions();
    let of = |stage: &str, word: &str| -> Vec<String> {
        all.iter().filter(|(s, w, _)| s == stage && w == word).map(|(.., rest)| rest.clone()).collect()
    };
    let build = of("build", "RUN").join(" ");
    assert!(build.contains("cargo build --release --locked"), "{build}");
    let copied: BTreeSet<String> =
        build.split(" cp ").nth(1).expect("what is copied").split(' ').map(str::to_owned).collect();
    for name in processes().iter().map(String::as_str).chain(["admin"]) {
        assert!(copied.contains(name), "{name} is not in the image");
    }
    let manifest = text("Cargo.toml");
    let wanted = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).expect("a version");
    assert!(of("build", "FROM")[0].contains(&format!("rust:{}", wanted.trim_matches('"'))));
    for stage in ["runtime", "operator"] {
        assert_eq!(of(stage, "USER").last().map(String::as_str), Some("10001:10001"), "{stage}");
    }
    assert_eq!(all.last().expect("instructions").2, "runtime", "what is built when nobody names a stage");
    for (_, word, rest) in &all {
        let secret =
            ["SECRET", "PASSWORD", "DATA_KEY", "_URL=", "TOKEN"].iter().any(|part| rest.contains(part));
        assert!(!(["ENV", "ARG"].contains(&word.as_str()) && secret), "{word} {rest}");
    }
    // What is not named to be taken is not in the image's making.
    let ignored = text(".dockerignore");
    assert!(ignored.lines().any(|line| line == "*"));
    for folder in ["Cargo.toml", "Cargo.lock", "bin", "jobs", "migrations", "src", "templates", "tests"] {
        assert!(ignored.lines().any(|line| line == format!("!{folder}")), "{folder} is not taken");
        assert!(root().join(folder).exists());
    }
}

/// The image's own command, on another port.
#[tokio::test(flavor = "multi_thread")]
async fn the_images_health_check_tells_a_process_that_lives() {
    let all = instructions();
    let check = all.iter().find(|(stage, word, _)| stage == "runtime" && word == "HEALTHCHECK");
    let words: Vec<String> =
        serde_json::from_str(check.expect("a check").2.split("CMD ").nth(1).expect("a command"))
            .expect("JSON");
    let app = TestApp::start_live().await;
    let address = free_address();
    let port = address.rsplit(':').next().expect("a port");
    let is_well = async || {
        let arguments: Vec<String> =
            words[1..].iter().map(|word| word.replace("/9100", &format!("/{port}"))).collect();
        let ended =
            Command::new(&words[0]).args(&arguments).stderr(std::process::Stdio::null()).status().await;
        ended.expect("bash").success()
    };
    assert!(!is_well().await, "nobody is there");
    let relay = Stack::new(&app).with("KONNECT_OPS_BIND", &address).start("relay");
    app.until(&is_well).await;
    assert!(relay.stop().await);
    assert!(!is_well().await, "it is gone");
    app.leave().await;
}

#[test]
fn compose_runs_what_the_procfile_names() {
    let compose: Value = serde_yaml::from_str::<serde_yaml::Value>(&text("compose.yaml"))
        .map(|mut value| {
            value.apply_merge().expect("anchors");
            serde_json::to_value(value).expect("plain values")
        })
        .expect("YAML");
    let services: BTreeMap<String, Value> =
        serde_json::from_value(compose["services"].clone()).expect("services");
    let servers = ["mysql", "redis", "mongo", "admin"];
    let named: BTreeSet<String> =
        services.keys().filter(|name| !servers.contains(&name.as_str())).cloned().collect();
    assert_eq!(named, processes());
    for name in &named {
        let service = &services[name];
        assert_eq!(service["command"][0], name.as_str());
        assert_eq!((&service["read_only"], &service["cap_drop"][0]), (&true.into(), &"ALL".into()), "{name}");
        assert_eq!(service["profiles"][0], "konnect", "the servers alone start without a word");
    }
    for server in &servers[..3] {
        let image = services[*server]["image"].as_str().expect("an image");
        assert!(image.contains(':'), "{image} is of any age");
        assert!(services[*server]["healthcheck"].is_object());
    }
}

#[tokio::test]
async fn the_list_of_parts_is_whole() {
    let ended = Command::new(binary("sbom")).current_dir(root()).output().await.expect("sbom starts");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let bom: Value = serde_json::from_slice(&ended.stdout).expect("JSON");
    assert_eq!((&bom["bomFormat"], &bom["specVersion"]), (&"CycloneDX".into(), &"1.5".into()));
    let parts = bom["components"].as_array().expect("components");
    assert!(parts.len() > 150, "only {} parts", parts.len());
    let mut refs = BTreeSet::from([bom["metadata"]["component"]["bom-ref"].as_str().expect("a name")]);
    let mut names = BTreeSet::new();
    for part in parts {
        assert!(
            refs.insert(part["bom-ref"].as_str().expect("a name")),
            "{} stands there twice",
            part["bom-ref"]
        );
        names.insert(part["name"].as_str().expect("a name"));
        assert!(part["licenses"][0]["expression"].is_string(), "{} has no licence", part["name"]);
        // Everything that is not ours can be compared with what was fetched.
        let is_ours = part["name"].as_str().is_some_and(|name| name.starts_with("konnect"));
        assert!(
            is_ours || part["hashes"][0]["content"].as_str().is_some_and(|sum| sum.len() == 64),
            "{part}"
        );
    }
    for there in ["sqlx", "tokio", "mongodb", "redis", "poem", "rustls", "konnect", "konnect-jobs"] {
        assert!(names.contains(there), "{there} is missing");
    }
    for absent in ["proptest", "insta", "konnect-tests", "openssl", "ring"] {
        assert!(!names.contains(absent), "{absent} is not shipped");
    }
    let graph = bom["dependencies"].as_array().expect("a graph");
    assert_eq!(graph.len(), refs.len());
    for entry in graph {
        for on in entry["dependsOn"].as_array().expect("a list") {
            assert!(refs.contains(on.as_str().expect("a name")), "{on} is not in the list");
        }
    }
}
