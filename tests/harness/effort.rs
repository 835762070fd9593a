//! How hard the tests that draw their cases look for faults.

/// What a test run was told by its environment, such as a seed or how many are tried. What is no number was not told.
#[expect(clippy::disallowed_methods, reason = "a test has no command line of its own")]
pub fn effort(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
