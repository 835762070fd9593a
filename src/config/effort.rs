//! How hard the tests beside the code look for faults: the only settings that no process has.

/// What a test run was told by its environment, such as how many cases are drawn. What is no number was not told.
#[expect(clippy::disallowed_methods, reason = "a test has no command line of its own")]
pub(crate) fn effort(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
