//! What a participant sends, as they say themselves. It is told to the peer, and to whoever joins later.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Media {
    pub mic: bool,
    pub camera: bool,
    /// The streams are there: the peer can show them.
    pub ready: bool,
}
