//! The zone data, which is compiled in: every process built from one source has the same.

use chrono::NaiveDateTime;
use chrono_tz::Tz;

use crate::clock::Instant;

/// The release of the IANA zone data, such as `2025b`; later ones sort after earlier ones.
pub const ZONE_DATA: &str = chrono_tz::IANA_TZDB_VERSION;

/// What the wall clock of an IANA zone shows. `None` for a zone that is not known.
pub fn wall_clock(zone: &str, at: Instant) -> Option<NaiveDateTime> {
    let zone: Tz = zone.parse().ok()?;
    Some(at.with_timezone(&zone).naive_local())
}
