//! Codes are promises: each that a domain can give has its row.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::*;

/// What stands between quotes and looks like a code, in the `code()` of a domain's error.
fn codes_in(source: &str) -> BTreeSet<String> {
    let Some((_, after)) = source.split_once("pub fn code(&self)") else { return BTreeSet::new() };
    let body = after.split("\n    }\n").next().unwrap_or(after);
    body.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_code_of_a_domain_has_its_row() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut domains = 0;
    for entry in fs::read_dir(source).expect("the sources are here") {
        let file = entry.expect("the folder can be read").path().join("error.rs");
        let Ok(text) = fs::read_to_string(&file) else { continue };
        domains += 1;
        for code in codes_in(&text) {
            assert!(all().any(|row| row.code == code), "{code} of {} has no row", file.display());
        }
    }
    assert!(domains >= 5, "the domains were not found");
}

#[test]
fn no_code_stands_twice_and_every_status_is_an_error() {
    let mut seen = BTreeSet::new();
    for row in all() {
        assert!(seen.insert(row.code), "{} stands twice", row.code);
        assert!(row.status.is_client_error() || row.status.is_server_error(), "{}", row.code);
        assert!(!row.ko.is_empty() && !row.en.is_empty(), "{}", row.code);
    }
}

#[test]
fn codes_are_found_in_source() {
    let source =
        "pub fn code(&self) -> &'static str {\n match self { A => \"a.b\", B => \"c.d\" }\n    }\n\"no\"";
    assert_eq!(codes_in(source), BTreeSet::from(["a.b".to_owned(), "c.d".to_owned()]));
}
