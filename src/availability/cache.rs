//! The slot cache: listings as finished JSON in Redis. It never decides a booking.
//!
//! A payload's key names everything the listing depends on: the calendar's version (raised by every claim,
//! release and change of schedule), the offering's version, the range and the quarter of an hour in which it was
//! asked (notice and horizon are multiples of a quarter, so their cut-offs stand still within one). So a payload
//! is never wrong, only no longer asked for. What can be old is the version that Redis knows: by the way of a
//! signal, and by `CALENDAR_TTL` when a signal was lost.

use std::future::Future;
use std::sync::LazyLock;
use std::time::Duration;

use chrono::{SecondsFormat, TimeDelta};
use redis::Script;
use serde::{Deserialize, Serialize};

use super::cells::{Cell, CellRange, whole_cells};
use super::error::Error;
use super::{engine, query, rules_of};
use crate::clock::Instant;
use crate::core::Core;
use crate::id::{OfferingId, UserId};
use crate::mentor::Offering;
use crate::signal::CALENDAR_TTL;

pub const MAX_LISTING_DAYS: i64 = 62;
const PAYLOAD_TTL: Duration = Duration::from_secs(15 * 60);
/// Longer than any answer of a Redis that is well: without it a request would wait for the reconnection.
const PATIENCE: Duration = Duration::from_millis(200);

/// KEYS: the calendar's version, the payload without its version. Gives the version and the payload under it.
static GET: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"local version = redis.call('get', KEYS[1])
        if not version then return {false, false} end
        return {version, redis.call('get', KEYS[2] .. ':' .. version)}",
    )
});

/// KEYS: the calendar's version, the payload. ARGV: version, its TTL, payload, its TTL (ms). An older version
/// gives way, so that a lost signal costs one miss; a newer one stays.
static PUT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"local known = tonumber(redis.call('get', KEYS[1]) or '-1')
        if known < tonumber(ARGV[1]) then redis.call('set', KEYS[1], ARGV[1], 'px', ARGV[2]) end
        redis.call('set', KEYS[2], ARGV[3], 'px', ARGV[4])",
    )
});

/// The answer to a listing. Instants are RFC 3339 in UTC, whole seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listing {
    pub offering_id: OfferingId,
    pub mentor_id: UserId,
    /// The mentor's IANA zone.
    pub time_zone: String,
    pub duration_minutes: u32,
    /// Rises whenever the mentor's calendar changes.
    pub calendar_version: i64,
    pub slots: Vec<Slot>,
}

/// One slot, without its buffers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Slot {
    pub starts_at: String,
    pub ends_at: String,
}

/// The free slots of an offering that start in `from..to`, as the JSON of a [`Listing`].
///
/// The caller has made sure that the offering may be seen.
///
/// # Errors
/// `slot.invalid_range`, `schedule.missing`
pub async fn listing(core: &Core, offering: &Offering, from: Instant, to: Instant) -> Result<Vec<u8>, Error> {
    if to <= from || to - from > TimeDelta::days(MAX_LISTING_DAYS) {
        return Err(Error::InvalidRange);
    }
    let now = core.clock.now();
    let range = CellRange { first: Cell::at_or_after(from), end: Cell::at_or_after(to) };
    let entry = Entry::new(core, offering, range, now);
    let (known, payload) = entry.get().await;
    if let Some(payload) = payload {
        count("hit");
        return Ok(payload);
    }
    // The version before everything it covers: a payload may be newer than its version, never older.
    let version = query::calendar_version(core.db.pool(), offering.mentor_id).await?;
    if known == Known::Nothing
        && let Some(payload) = entry.get_at(version).await
    {
        count("revalidated");
        entry.put(version, &payload).await;
        return Ok(payload);
    }
    count("miss");
    let payload = compute(core, offering, version, range, now).await?;
    if known != Known::Unreachable {
        entry.put(version, &payload).await;
    }
    Ok(payload)
}

async fn compute(
    core: &Core,
    offering: &Offering,
    calendar_version: i64,
    range: CellRange,
    now: Instant,
) -> Result<Vec<u8>, Error> {
    let rules = rules_of(core.db.pool(), offering.mentor_id).await?;
    let length = whole_cells(offering.duration_min).ok_or(Error::Misaligned)?;
    let bookable = engine::bookable(&rules, range, now);
    let starts = if bookable.is_empty() {
        Vec::new()
    } else {
        let needed = rules.with_buffers(bookable.widened(0, length));
        let busy = query::claims(core.db.pool(), offering.mentor_id, needed).await?;
        engine::list(&rules, offering.duration_min, &busy, bookable, now)
    };
    let lasts = TimeDelta::minutes(i64::from(offering.duration_min));
    let listing = Listing {
        offering_id: offering.id,
        mentor_id: offering.mentor_id,
        time_zone: rules.zone().name().to_owned(),
        duration_minutes: offering.duration_min,
        calendar_version,
        slots: starts
            .into_iter()
            .map(|start| Slot { starts_at: text(start), ends_at: text(start + lasts) })
            .collect(),
    };
    Ok(serde_json::to_vec(&listing).expect("a listing is plain data"))
}

fn text(at: Instant) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn count(outcome: &'static str) {
    metrics::counter!("konnect_slot_cache_total", "outcome" => outcome).increment(1);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    /// Redis knows a version of the calendar.
    Version,
    /// It knows none.
    Nothing,
    /// It did not answer.
    Unreachable,
}

/// One listing's place in Redis.
struct Entry<'a> {
    core: &'a Core,
    version_key: String,
    payload_key: String,
}

impl<'a> Entry<'a> {
    fn new(core: &'a Core, offering: &Offering, range: CellRange, now: Instant) -> Self {
        // Both roundings of now: notice counts from the next quarter, the horizon from the last one.
        let suffix = format!(
            "{}:{}.{}:{}-{}:{}-{}",
            offering.mentor_id,
            offering.id,
            offering.version,
            range.first.0,
            range.end.0,
            Cell::at_or_before(now).0,
            Cell::at_or_after(now).0,
        );
        Self {
            core,
            version_key: core.keys.calendar_version(offering.mentor_id),
            payload_key: core.keys.slots(&suffix),
        }
    }

    /// One round trip.
    async fn get(&self) -> (Known, Option<Vec<u8>>) {
        let mut redis = self.core.redis.clone();
        let mut script = GET.key(&self.version_key);
        script.key(&self.payload_key);
        let answer: Option<(Option<i64>, Option<Vec<u8>>)> = patiently(script.invoke_async(&mut redis)).await;
        match answer {
            None => (Known::Unreachable, None),
            Some((None, _)) => (Known::Nothing, None),
            Some((Some(_), payload)) => (Known::Version, payload),
        }
    }

    async fn get_at(&self, version: i64) -> Option<Vec<u8>> {
        let mut redis = self.core.redis.clone();
        let command = redis::Cmd::get(format!("{}:{version}", self.payload_key));
        patiently(command.query_async(&mut redis)).await?
    }

    async fn put(&self, version: i64, payload: &[u8]) {
        let mut redis = self.core.redis.clone();
        let mut script = PUT.key(&self.version_key);
        script.key(format!("{}:{version}", self.payload_key)).arg(version);
        script.arg(millis(CALENDAR_TTL)).arg(payload).arg(millis(PAYLOAD_TTL));
        patiently::<()>(script.invoke_async(&mut redis)).await;
    }
}

fn millis(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX)
}

/// What Redis answers, or nothing when it fails or is slow: then MySQL does the work.
async fn patiently<T>(answer: impl Future<Output = redis::RedisResult<T>>) -> Option<T> {
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(Ok(value)) => Some(value),
        Ok(Err(error)) => {
            tracing::debug!(%error, "slot cache not usable");
            None
        }
        Err(_) => {
            tracing::debug!("slot cache too slow");
            None
        }
    }
}
