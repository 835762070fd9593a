//! One binary for all tests: a file per subject in `suite/`.

mod suite;
