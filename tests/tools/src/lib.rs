//! Programs that look at a running system from outside, and the client they share.

pub mod client;
pub mod picture;
pub mod sbom;
